"""A PostgreSQL and a Redis of the tests' own, on free ports, gone when the tests end.

Both can be stopped hard, started again on the same port and data, frozen, wiped and put back as they were.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STARTS_WITHIN_SECONDS = 30


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


class Server:
    """A server in a folder of its own, whose port and data outlive its process."""

    name = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"liuke-{self.name.lower()}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the words that start the server."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server on its port and data, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > until:
                said = (self.folder / "log").read_text(errors="replace")[-600:]
                raise Missing(f"{self.name} did not start: {said}")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Say whether the server answers."""
        return answers(self.port)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server's own process."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop the process where it stands: connections stay open, nobody answers."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.send(signal.SIGCONT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process by a signal and wait for it; by force when it does not come."""
        if self.process is None:
            return
        self.thaw()
        self.send(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None

    def remove(self) -> None:
        """Stop the server and remove what it kept."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start the server; remove it afterwards."""
        try:
            self.start()
            yield
        finally:
            self.remove()


class Postgres(Server):
    """A PostgreSQL, run by somebody who is not root. ``durable``: what was committed outlives a hard stop."""

    name = "PostgreSQL"

    def __init__(self, *, durable: bool = False) -> None:
        initdb = program("initdb", "/usr/lib/postgresql/*/bin/initdb")
        server = program("postgres", "/usr/lib/postgresql/*/bin/postgres")
        if not initdb or not server:
            raise Missing("PostgreSQL: no programs (apt-get install postgresql)")
        super().__init__()
        self.server, self.durable = server, durable
        try:
            self.as_user = unprivileged(self.folder)
            options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            subprocess.run(
                [*self.as_user, initdb, "-D", str(self.folder / "data"), *options],
                check=True,
                cwd=self.folder,
                capture_output=True,
            )
        except BaseException:
            self.remove()
            raise

    def command(self) -> list[str]:
        on = "on" if self.durable else "off"
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200 "
            f"-c fsync={on} -c full_page_writes={on}"
        )
        return [*self.as_user, self.server, "-D", str(self.folder / "data"), *options.split()]

    def ready(self) -> bool:
        """Say whether somebody may sign in; a server that recovers listens before that."""
        isready = program("pg_isready", str(Path(self.server).parent / "pg_isready"))
        if not answers(self.port) or isready is None:
            return answers(self.port)
        asked = [isready, "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: fast, connections are closed (SIGINT), or at once, as a crash does (SIGQUIT)."""
        super().stop(how)

    def crash(self) -> None:
        """Stop it at once without a checkpoint, and start it again on the same port and data."""
        self.stop(signal.SIGQUIT)
        self.start()

    def address(self, database: str = "postgres") -> str:
        """Return the address of a database in it."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"


class Redis(Server):
    """A Redis that keeps nothing on disk unless it is told to."""

    name = "Redis"

    def __init__(self) -> None:
        server = program("redis-server")
        if not server:
            raise Missing("Redis: no server program (apt-get install redis-server)")
        super().__init__()
        self.server = server

    def command(self) -> list[str]:
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self.folder}"
        return [self.server, *options.split(), "--save", ""]

    def address(self, number: int = 0) -> str:
        """Return the address of a database in it."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def ask(self, *words: str) -> str:
        """Send one command without a client library; return the first line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            client.sendall((" ".join(words) + "\r\n").encode())
            return client.recv(4096).decode(errors="replace").partition("\r\n")[0]

    def wipe(self) -> None:
        """Forget every message and everything else."""
        self.ask("FLUSHALL")

    def save(self) -> Path:
        """Write what it holds to a file, and return a copy of it for :meth:`restore`."""
        self.ask("SAVE")
        return Path(shutil.copy(self.folder / "dump.rdb", self.folder / "old.rdb"))

    def restore(self, copy: Path) -> None:
        """Start it again with what stood in an old copy."""
        self.stop(signal.SIGKILL)
        shutil.copy(copy, self.folder / "dump.rdb")
        self.start()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Yield the address of a fresh PostgreSQL; without its programs, of the one on port 5432."""
    try:
        server = Postgres()
    except Missing:
        if not answers(5432):
            raise
        yield "postgres://postgres@127.0.0.1:5432/postgres"
        return
    with server.running():
        yield server.address()


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Yield the address of a fresh Redis; without its program, of the one on port 6379."""
    try:
        server = Redis()
    except Missing:
        if not answers(6379):
            raise
        yield "redis://127.0.0.1:6379/9"
        return
    with server.running():
        yield server.address()


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
