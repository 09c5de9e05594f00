"""The compose file and the Dockerfile, read as far as a test needs them, and run without containers.

A service becomes a process with exactly its command, its environment and its user; where this machine
allows it (mount namespaces), also with a root that is really read-only and a ``/tmp`` of its own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = "/mnt"  # where the volume stands for the processes: a folder that every machine has
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


# --- Reading ----------------------------------------------------------------------------------
def compose(values: dict[str, str]) -> dict[str, Any]:
    """Return the compose file with ``values`` filled in as compose does it."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return _filled(read, values)


def _filled(node: Any, values: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _filled(value, values) for name, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, values) for value in node]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        name, how, other = match.groups()
        if not values.get(name) and how == "?":
            raise KeyError(f"{name}: {other}")
        return values.get(name) or other or ""

    return _VARIABLE.sub(value, node)


@dataclass
class Stage:
    """One stage of the Dockerfile."""

    name: str
    env: dict[str, str] = field(default_factory=dict)
    copied: list[tuple[str, list[str]]] = field(default_factory=list)  # from which stage, what
    run: list[str] = field(default_factory=list)
    user: str = ""
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)


def stages() -> list[Stage]:
    """Return the stages of the Dockerfile, the last one being the image."""
    found: list[Stage] = []
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    for line in re.sub(r"\\\n", " ", text).splitlines():
        word, _blank, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append(Stage(rest.split(" AS ")[-1] if " AS " in rest else ""))
        elif word == "ENV":
            found[-1].env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word in ("COPY", "ADD"):
            parts = rest.split()
            origin = parts.pop(0).removeprefix("--from=") if parts[0].startswith("--from=") else ""
            found[-1].copied.append((origin, parts[:-1]))
        elif word == "RUN":
            found[-1].run.append(rest)
        elif word == "USER":
            found[-1].user = rest
        elif word == "CMD":
            found[-1].command = json.loads(rest)
        elif word == "HEALTHCHECK":
            found[-1].healthcheck = json.loads(rest.partition(" CMD ")[2])
    return found


# --- Running ----------------------------------------------------------------------------------
def as_user(user: str) -> list[str]:
    """Return the words that make a program run as ``user``; nothing when we are nobody special ourselves.

    Without any privilege, unless our Python stands where only root reads: then with the one to read.
    """
    return list(_as_user(user)) if os.geteuid() == 0 else []


@cache
def _as_user(user: str) -> tuple[str, ...]:
    uid, _sign, gid = user.partition(":")
    plain = ("setpriv", f"--reuid={uid}", f"--regid={gid or uid}", "--clear-groups", "--no-new-privs")
    reading = (*plain, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    asked = [sys.executable, "-c", "import sys; print(sys.version)"]
    for words in (plain, reading):
        told = subprocess.run([*words, *asked], capture_output=True, text=True, check=False)
        if told.stdout.strip() == sys.version.strip():
            return words
    return plain


@cache
def namespaces() -> bool:
    """Say whether this machine lets us mount: then the root is read-only for the processes."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    asked = subprocess.run(
        ["unshare", "-m", "mount", "-o", "remount,ro,bind", "/"], capture_output=True, check=False
    )
    return asked.returncode == 0


def confined(command: list[str], *, user: str, volume: Path | None, writable: bool) -> list[str]:
    """Return ``command`` as a container would run it: its user, a read-only root, ``/tmp``, the volume."""
    words = [*as_user(user), *command]
    if not namespaces():
        return words
    steps = ["mount -t tmpfs -o mode=1777 tmpfs /tmp"]
    if ROOT.is_relative_to("/tmp"):  # a clone there stays in sight
        here = shlex.quote(str(ROOT))
        steps = [f"mount --bind {here} /mnt", *steps, f"mkdir -p {here}", f"mount --bind /mnt {here}"]
    if volume is not None:
        steps.insert(0, f"mount --bind {shlex.quote(str(volume))} {FILES}")
    if not writable:
        steps.append("mount -o remount,ro,bind /")
    return ["unshare", "-m", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", *words]


@dataclass
class Running:
    """One service as a process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """As ``kill -9`` of the container: all of its processes at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        """Return what it wrote."""
        return self.log.read_text(errors="replace")


def environment(
    service: dict[str, Any], image: Stage, *, hosts: dict[str, str], volume: Path
) -> dict[str, str]:
    """Return the environment of a service: the image's, then its own, with addresses of this machine."""
    given = {**image.env, **{name: str(value) for name, value in service.get("environment", {}).items()}}
    here = FILES if namespaces() else str(volume)
    for name, value in given.items():
        for there, mine in hosts.items():
            value = value.replace(there, mine)
        given[name] = value.replace("/var/lib/liuke", here)
    return {**given, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": here}
