"""Everything that is checked, in stages, with the seconds of each.

    python .ci/stages.py            all of them (`make test`)
    python .ci/stages.py lint       one or more of: lint sqlite postgres slow services chaos browser

With CI=true a missing service or program fails; elsewhere it is said in one line and passed over.
Standard library only: the first stage installs the rest.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import environment
import services

ROOT = environment.ROOT
BIN = environment.BIN
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
# Hundreds of processes are started: each would compile every module anew (4 of 6 seconds of a start).
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What must be there, and the Debian package that brings it.
PROGRAMS = {
    "chromium": ("chromium", []),
    "redis-server": ("redis-server", []),
    "initdb": ("postgresql", ["/usr/lib/postgresql/*/bin/initdb"]),
    "soffice": ("libreoffice-calc-nogui", []),
}
CJK_FONT = "fonts-noto-cjk"
PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DATABASE_URL": "postgres://liuke@127.0.0.1/liuke",
    "REDIS_URL": "redis://127.0.0.1/0",
    "PUBLIC_BASE_URL": "https://liuke.example.com",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.com:587",
    "TRUSTED_PROXY_COUNT": "1",
}


class Failed(Exception):
    """A stage did not pass."""


def run(*command: str, **env: str) -> None:
    """Run a program of the environment; raise :class:`Failed` when it does not end with 0."""
    print("$ " + " ".join(command), flush=True)
    first = BIN / command[0]
    words = [str(first) if first.exists() else command[0], *command[1:]]
    if subprocess.run(words, cwd=ROOT, check=False, env={**os.environ, **env}).returncode:
        raise Failed(command[0])


def install() -> None:
    """The virtual environment with the tools, and the programs that tests drive."""
    environment.main("requirements-dev.txt")
    missing = [package for name, (package, more) in PROGRAMS.items() if not services.program(name, *more)]
    if not has_cjk_font():
        missing.append(CJK_FONT)
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"Not installed, and only root can: {', '.join(missing)} (apt-get install …)", flush=True)
        return
    print(f"Installing {', '.join(missing)} …", flush=True)
    apt = {
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        "stdout": subprocess.DEVNULL,
        "check": False,
    }
    subprocess.run(["apt-get", "update", "-qq"], **apt)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **apt)


def has_cjk_font() -> bool:
    """Say whether Chinese would be drawn as more than boxes."""
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, check=False).stdout.strip())


def lint() -> None:
    """Style, layers, templates, migrations, types, and the settings of a production."""
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as var:
        for command, env in [
            (("ruff", "check", "."), {}),
            (("ruff", "format", "--check", "--quiet", "."), {}),
            (("lint-imports", "--no-cache"), {}),
            (("python", "manage.py", "makemigrations", "--check", "--dry-run"), {"LIUKE_VAR": var}),
            (
                ("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
                {**PRODUCTION, "LIUKE_VAR": var},
            ),
            (("mypy", "config", "customers", "surveys", "loyalty", "retention"), {"LIUKE_VAR": var}),
        ]:
            try:
                run(*command, **env)
            except Failed as failure:
                failed.append(str(failure))
    if failed:
        raise Failed(", ".join(failed))


def pytest(where: str, *more: str, **env: str) -> None:
    """Run the tests that the marker expression ``where`` selects."""
    run("python", "-m", "pytest", "-m", where, "-p", "no:cacheprovider", "--durations=8", *more, **env)


QUICK = "not browser and not services and not slow and not chaos"


def sqlite() -> None:
    """The tests on SQLite."""
    pytest(QUICK, "-n", "2")


def postgres() -> None:
    """The same tests on PostgreSQL."""
    with services.postgres() as address:
        pytest(QUICK, "-n", "2", DATABASE_URL=address, TEST_DB_NAME="liuke_test")


def slow() -> None:
    """The long ones, once, on SQLite: whole data sets, whole companies."""
    if not os.environ.get("LIUKE_DATA"):
        print("LIUKE_DATA is not set: the tests on public data sets are passed over.", flush=True)
    pytest("slow and not browser and not services", "-n", "2", "--dist", "loadfile")


def real_services() -> None:
    """The tests that need real PostgreSQL, Redis, workers and processes."""
    with services.postgres() as address, services.redis() as bell:
        pytest(
            "services and not browser",
            *("-n", "2", "--dist", "loadfile"),
            DATABASE_URL=address,
            TEST_DB_NAME="liuke_services",
            TEST_POSTGRES_URL=address,
            TEST_REDIS_URL=bell,
        )


def chaos() -> None:
    """Workers killed, servers broken, races and guards taken out: the short form."""
    for name in ("initdb", "redis-server"):
        if not services.program(name, *PROGRAMS[name][1]):
            raise services.Missing(f"{name} (apt-get install {PROGRAMS[name][0]})")
    run("python", "-m", "tests.chaos")


def browser() -> None:
    """The tests in a real browser."""
    if not services.program("chromium"):
        raise services.Missing("Chromium is not installed (apt-get install chromium fonts-noto-cjk)")
    with services.redis() as bell:
        pytest("browser", "-n", "2", DJANGO_ALLOW_ASYNC_UNSAFE="true", TEST_REDIS_URL=bell)


def shots() -> None:
    """Every page in every language, width and state, with pictures (only when it is asked for)."""
    if not services.program("chromium"):
        raise services.Missing("Chromium is not installed (apt-get install chromium fonts-noto-cjk)")
    pytest("browser", "tests/browser/test_every_page.py", "-n", "2", DJANGO_ALLOW_ASYNC_UNSAFE="true")


STAGES: dict[str, Callable[[], None]] = {
    "install": install,
    "lint": lint,
    "sqlite": sqlite,
    "postgres": postgres,
    "slow": slow,
    "services": real_services,
    "chaos": chaos,
    "browser": browser,
    "shots": shots,
}
ONLY_WHEN_ASKED = {"shots"}


def main(wanted: list[str]) -> int:
    """Run the stages; print what each took; return the exit code."""
    unknown = set(wanted) - set(STAGES)
    if unknown:
        sys.exit(f"No such stage: {', '.join(sorted(unknown))}. There are: {', '.join(STAGES)}")
    lines, bad = [], False
    began = time.monotonic()
    for name, stage in STAGES.items():
        if name not in wanted and name != "install" and (wanted or name in ONLY_WHEN_ASKED):
            continue
        print(f"\n=== {name}: {stage.__doc__}", flush=True)
        started, verdict = time.monotonic(), "passed"
        try:
            stage()
        except Failed as failure:
            verdict, bad = f"FAILED ({failure})", True
        except services.Missing as missing:
            verdict = f"FAILED, missing {missing}" if IN_CI else f"SKIPPED, missing {missing}"
            bad = bad or IN_CI
        lines.append(f"{name:<10}{time.monotonic() - started:7.0f} s   {verdict}")
    lines.append(f"{'in all':<10}{time.monotonic() - began:7.0f} s   {'FAILED' if bad else 'passed'}")
    print("\n=== Seconds per stage\n" + "\n".join(lines), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    # A runner that is told to stop takes its servers with it.
    signal.signal(signal.SIGTERM, lambda *_told: sys.exit(143))
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
