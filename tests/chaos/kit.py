"""The bench of the chaos tests: servers that may be broken, databases from a template, real processes."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]
SECRET = "chaos-only-" + "0" * 40
BASE = "chaos_base"
_OUT = os.dup(1)  # where we began, before pytest captures
MORNING = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai: the day of every test


CURRENT: Kit | None = None  # set by `python -m tests.chaos`


class Broken(AssertionError):
    """A promise does not hold; the text says which and what was seen."""


def must(true: object, what: str) -> None:
    """Raise :class:`Broken` unless something is true."""
    if not true:
        raise Broken(what)


def _services() -> Any:
    """Return the stage runner's module of servers, which lies in a folder that is no package."""
    spec = importlib.util.spec_from_file_location("chaos_services", ROOT / ".ci" / "services.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


services = _services()


def say(text: str) -> None:
    """Tell what is going on, with the time, past pytest's capture."""
    os.write(_OUT, f"[chaos {time.strftime('%H:%M:%S')}] {text}\n".encode())


def wait_for(true: Callable[[], Any], *, within: float, what: str, every: float = 0.02) -> Any:
    """Look again and again until something is true and return it; :class:`Broken` when time is up."""
    until = time.monotonic() + within
    while not (seen := true()):
        if time.monotonic() > until:
            raise Broken(f"not within {within:.0f} s: {what}")
        time.sleep(every)
    return seen


class Kit:
    """A PostgreSQL that keeps what it committed, a Redis, a folder, and templates of databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pg = services.Postgres(durable=True)
        self.redis = services.Redis()
        self._templates: dict[str, dict[str, Any]] = {}
        self._processes: list[Process] = []
        self._bells: dict[str, int] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[Kit]:
        """Start the servers; end everything afterwards, also when told to stop."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # pytest would go on after SystemExit
        with self.pg.running(), self.redis.running():
            try:
                yield self
            finally:
                for process in self._processes:
                    process.kill()

    # --- Databases ---------------------------------------------------------------------------

    def sql(self, statement: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own and return its rows."""
        with psycopg.connect(self.pg.address(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def template(self, customers: int) -> tuple[str, dict[str, Any]]:
        """Return a database with so many customers that nobody may change, and what is in it."""
        if BASE not in self._templates:
            self.sql(f"CREATE DATABASE {BASE}")
            self.run("manage", "migrate", "-v", "0", database=BASE)
            self.run("manage", "createcachetable", "-v", "0", database=BASE)
            self._templates[BASE] = {}
        name = f"chaos_{customers}"
        if name not in self._templates:
            self.sql(f"CREATE DATABASE {name} TEMPLATE {BASE}")
            told = json.loads(self.run("build", str(customers), database=name).splitlines()[-1])
            self.sql("VACUUM ANALYZE", database=name)
            self._templates[name] = told
        return name, self._templates[name]

    def copy(self, template: str) -> str:
        """Return the name of a fresh copy of a template."""
        name = f"{template}_{secrets.token_hex(4)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Drop a copy, whoever is still connected to it."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def bell(self, database: str) -> str:
        """Return the address of Redis for a database: each has bells of its own."""
        return str(self.redis.address(self._bells.setdefault(database, len(self._bells) % 16)))

    # --- Processes ---------------------------------------------------------------------------

    def environment(self, database: str, **more: str) -> dict[str, str]:
        """Return the environment of a process of the product on a database."""
        names = (
            "DEBUG",
            "CHAOS_WITHOUT",
            "CHAOS_LEASE",
            "CHAOS_SCHEDULE",
            "LIUKE_NOW",
            "DJANGO_SETTINGS_MODULE",
        )
        kept = {key: value for key, value in os.environ.items() if key not in names}
        return {
            **kept,
            "DATABASE_URL": self.pg.address(database),
            "REDIS_URL": self.bell(database),
            "SECRET_KEY": SECRET,
            "EMAIL_URL": "memorymail://",
            "PUBLIC_BASE_URL": "http://127.0.0.1",
            "ALLOWED_HOSTS": "127.0.0.1",
            "LIUKE_VAR": str(self.folder / "var"),
            "LOG_LEVEL": "WARNING",
            **more,
        }

    def run(self, *words: str, database: str) -> str:
        """Run a program of the product to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.program", *words],
            cwd=ROOT, env=self.environment(database), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def dress(self) -> None:
        """Collect styles and icons once, without which the web process shows no page."""
        if not (self.folder / "var" / "static").exists():
            self.run("manage", "collectstatic", "-v", "0", "--noinput", database="postgres")

    def start(self, *words: str, database: str, name: str = "", **environment: str) -> Process:
        """Start a program of the product in a process group of its own."""
        process = Process(
            words, self.environment(database, **environment),
            log=self.folder / f"{name or words[0]}-{secrets.token_hex(3)}.log",
        )  # fmt: skip
        self._processes.append(process)
        return process

    def worker(self, database: str, *, pool: str = "prefork", processes: int = 2, **more: str) -> Process:
        """Start a Celery worker that drains, as production does."""
        options = ["-P", pool, "-c", str(processes), "--without-gossip", "--without-mingle"]
        unique = f"{pool}-{secrets.token_hex(3)}@%h"
        return self.start("celery", "worker", *options, "-n", unique, database=database, name=pool, **more)

    def beat(self, database: str, *, seconds: float = 2, **more: str) -> Process:
        """Start a scheduler that rings every few seconds."""
        kept = self.folder / f"beat-{secrets.token_hex(3)}"
        return self.start(
            "celery", "beat", "-s", str(kept), database=database, name="beat",
            CHAOS_SCHEDULE=str(seconds), **more,
        )  # fmt: skip


class Process:
    """A program of the product, the leader of its own process group."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str], *, log: Path) -> None:
        self.words, self.environment, self.log = words, environment, log
        with log.open("ab") as file:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.program", *words],
                cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Say whether the leader lives."""
        return self.running.poll() is None

    def must_live(self) -> None:
        """Raise, and not as a broken promise, when the leader has ended by itself."""
        if not self.alive:
            raise RuntimeError(f"{self.words} ended by itself:\n{self.said()}")

    def children(self) -> list[int]:
        """Return the process ids of the leader's children (a prefork pool)."""
        listed = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        try:
            return [int(word) for word in listed.read_text().split()]
        except OSError:
            return []

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the whole group at once (``-9``), as a machine does that loses its power."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running.pid, number)
        if number == signal.SIGKILL:
            self.running.wait(10)

    def kill_a_child(self, random: Random) -> bool:
        """Kill one process of the pool, as the kernel does when memory runs out; return whether there was."""
        children = self.children()
        with contextlib.suppress(ProcessLookupError):
            if children:
                os.kill(random.choice(children), signal.SIGKILL)
                return True
        return False

    def freeze(self) -> None:
        """Stop every process of the group where it stands."""
        self.kill(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the group go on."""
        self.kill(signal.SIGCONT)

    def again(self) -> Process:
        """Start the same program anew, with the same log."""
        return Process(self.words, self.environment, log=self.log)

    def said(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-4000:]
