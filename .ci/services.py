"""A PostgreSQL and a Redis of the tests' own, on free ports, gone when the tests end."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


class Missing(Exception):
    """A service cannot be had; the text says which and how to get it."""


def free_port() -> int:
    """Return a TCP port that nobody holds just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str, *more: str) -> str | None:
    """Return the newest program of that name in PATH or at one of the patterns ``more``."""
    found = sorted((path for pattern in more for path in glob.glob(pattern)), reverse=True)
    return shutil.which(name) or next(iter(found), None)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Yield the address of a fresh PostgreSQL; without its programs, of the one on port 5432."""
    initdb = program("initdb", "/usr/lib/postgresql/*/bin/initdb")
    server = program("postgres", "/usr/lib/postgresql/*/bin/postgres")
    if not initdb or not server:
        if not answers(5432):
            raise Missing("PostgreSQL: no programs, nothing answers on 5432 (apt-get install postgresql)")
        yield "postgres://postgres@127.0.0.1:5432/postgres"
        return
    folder = Path(tempfile.mkdtemp(prefix="liuke-pg-"))
    data, port = folder / "data", free_port()
    as_user = unprivileged(folder)
    try:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(
            [*as_user, initdb, "-D", str(data), *options], check=True, cwd=folder, capture_output=True
        )
        with (folder / "log").open("wb") as log:
            options = (
                f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200 "
                "-c fsync=off -c full_page_writes=off"
            ).split()
            running = subprocess.Popen(
                [*as_user, server, "-D", str(data), *options], cwd=folder, stdout=log, stderr=log
            )
        with ending(running, name="PostgreSQL", port=port, log=folder / "log"):
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Yield the address of a fresh Redis; without its program, of the one on port 6379."""
    server = program("redis-server")
    if not server:
        if not answers(6379):
            raise Missing(
                "Redis: no server program and nothing answers on 6379 (apt-get install redis-server)"
            )
        yield "redis://127.0.0.1:6379/9"
        return
    folder, port = Path(tempfile.mkdtemp(prefix="liuke-redis-")), free_port()
    try:
        with (folder / "log").open("wb") as log:
            options = [
                *f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}".split(),
                "--save",
                "",
            ]
            running = subprocess.Popen([server, *options], stdout=log, stderr=log)
        with ending(running, name="Redis", port=port, log=folder / "log"):
            yield f"redis://127.0.0.1:{port}/0"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes], *, name: str, port: int, log: Path) -> Iterator[None]:
    """Wait until ``process`` answers on ``port``; end it afterwards."""
    try:
        until = time.monotonic() + 30
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise Missing(f"{name} did not start: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def answers(port: int) -> bool:
    """Say whether somebody listens on this machine's ``port``."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def unprivileged(folder: Path) -> list[str]:
    """Return how to run a program as somebody who is not root, and give that person ``folder``."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            person = pwd.getpwnam(name)
            os.chown(folder, person.pw_uid, person.pw_gid)
            return ["setpriv", f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}", "--clear-groups"]
    raise Missing("PostgreSQL: it does not run as root, and there is no other user to run it")
