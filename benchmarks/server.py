"""A PostgreSQL of the benchmarks' own: durable, on a free port, with the settings that we ship."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))
import services  # noqa: E402 — the tests' servers are started by the same code


class Busy(Exception):
    """Another benchmark runs in the same folder: two at once would measure each other."""


def folder() -> Path:
    """Return where databases are kept between runs (``LIUKE_BENCH``)."""
    return Path(os.environ.get("LIUKE_BENCH", ROOT / "var" / "bench")).resolve()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the folder; raise :class:`Busy` when somebody else holds it."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"Another benchmark runs in {folder()}. Wait, or set LIUKE_BENCH.") from error
        yield


def shipped_settings() -> list[str]:
    """Return PostgreSQL's settings as ``docker-compose.yml`` gives them, ``-cname=value`` each."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    words = compose["services"]["postgres"].get("command", ["postgres"])[1:]
    if any(not word.startswith("-c") or "=" not in word for word in words):
        raise ValueError("docker-compose.yml: write PostgreSQL's settings as -cname=value")
    return [str(word) for word in words]


class Kept(services.Server):
    """A PostgreSQL whose data stay in a folder of ours."""

    name = "PostgreSQL"

    def __init__(self, where: Path) -> None:  # not the parent's: that one makes a passing folder
        initdb = services.program("initdb", "/usr/lib/postgresql/*/bin/initdb")
        server = services.program("postgres", "/usr/lib/postgresql/*/bin/postgres")
        if not initdb or not server:
            raise services.Missing("PostgreSQL: no programs (apt-get install postgresql)")
        self.folder, self.server, self.process = where, server, None
        self.port = services.free_port()
        where.mkdir(parents=True, exist_ok=True)
        self.as_user = services.unprivileged(where)
        if not (where / "data" / "PG_VERSION").exists():
            options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            words = [*self.as_user, initdb, "-D", str(where / "data"), *options]
            subprocess.run(words, check=True, cwd=where, capture_output=True)

    def command(self) -> list[str]:
        """Return the words that start the server: ours, and nothing else that changes its speed."""
        own = [f"-p{self.port}", f"-k{self.folder}", "-clisten_addresses=127.0.0.1"]
        return [*self.as_user, self.server, "-D", str(self.folder / "data"), *own, *shipped_settings()]

    def ready(self) -> bool:
        """Say whether the server takes connections (it may have to recover first)."""
        try:
            psycopg.connect(self.address("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server, connections or not; a large one may have much to write before it ends."""
        if self.process is not None:
            self.send(how)
            self.process.wait(300)
            self.process = None

    def address(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"


@contextlib.contextmanager
def postgresql() -> Iterator[Kept]:
    """Yield the running server; it is stopped afterwards and its data stay."""
    server = Kept(folder() / "postgresql")
    server.start()
    try:
        yield server
    finally:
        server.stop()
