"""The generated databases: made once, kept, and copied for each run so that nothing of it stays."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from benchmarks import server
from benchmarks.book import SIZES

RUN = "liuke_bench"  # the database that runs work on; Django's default connection
AUTOVACUUM_SECONDS = 600  # waited for at most, once, when the worn database is made


def fingerprint() -> str:
    """Return what the databases depend on: migrations, guards, the generator, PostgreSQL's settings."""
    digest = hashlib.sha256(" ".join(server.shipped_settings()).encode())
    patterns = ("*/migrations/*.py", "customers/*/migrations/*.py", "benchmarks/generate/*.py")
    files = {file for pattern in patterns for file in server.ROOT.glob(pattern)}
    for file in sorted({*files, server.ROOT / "customers/ground/guards.py"}):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


class Store:
    """Where the databases of one engine stand."""

    address: str

    def has(self, name: str) -> bool:
        raise NotImplementedError

    def fresh_run(self) -> None:
        """Make the run's database empty."""
        raise NotImplementedError

    def keep(self, name: str) -> None:
        """Keep the run's database under a name."""
        raise NotImplementedError

    def copy(self, name: str) -> None:
        """Make the run's database a copy of a kept one."""
        raise NotImplementedError

    def forget_others(self, *, size: str, but: str) -> None:
        """Remove what was kept of a size for other schemas."""
        raise NotImplementedError


class Postgresql(Store):
    def __init__(self, kept: server.Kept) -> None:
        self.kept = kept
        self.address = kept.address(RUN)

    def has(self, name: str) -> bool:
        return name in self._names()

    def fresh_run(self) -> None:
        self._say(f'DROP DATABASE IF EXISTS "{RUN}" WITH (FORCE)', f'CREATE DATABASE "{RUN}"')

    def keep(self, name: str) -> None:
        self._copy(RUN, name)

    def copy(self, name: str) -> None:
        self._say(f'DROP DATABASE IF EXISTS "{RUN}" WITH (FORCE)')
        self._copy(name, RUN)

    def forget_others(self, *, size: str, but: str) -> None:
        for name in self._names():
            if name.startswith(f"{size}_") and not name.startswith(f"{size}_{but}_"):
                self._say(f'DROP DATABASE "{name}"')

    def _copy(self, source: str, target: str) -> None:
        # whole files: quicker than row by row through the log, and visibility maps come along
        for _attempt in range(50):
            try:
                self._say(f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY FILE_COPY')
                return
            except psycopg.errors.ObjectInUse:  # an autovacuum worker is just leaving
                time.sleep(0.2)
        raise server.Busy(f"{source} is in use")

    def _names(self) -> list[str]:
        with self._connect() as connection:
            return [row[0] for row in connection.execute("SELECT datname FROM pg_database")]

    def _say(self, *statements: str) -> None:
        with self._connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.kept.address("postgres"), autocommit=True)


class Sqlite(Store):
    def __init__(self) -> None:
        self.where = server.folder() / "sqlite"
        self.where.mkdir(parents=True, exist_ok=True)
        self.address = f"sqlite:///{self._file(RUN)}"

    def has(self, name: str) -> bool:
        return self._file(name).exists()

    def fresh_run(self) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._file(RUN)}{ending}").unlink(missing_ok=True)

    def keep(self, name: str) -> None:
        shutil.copyfile(self._file(RUN), self._file(f"{name}.part"))
        self._file(f"{name}.part").rename(self._file(name))

    def copy(self, name: str) -> None:
        self.fresh_run()
        shutil.copyfile(self._file(name), self._file(RUN))

    def forget_others(self, *, size: str, but: str) -> None:
        for file in self.where.glob(f"{size}_*"):
            if not file.name.startswith(f"{size}_{but}_"):
                file.unlink()

    def _file(self, name: str) -> Path:
        return self.where / f"{name}.sqlite3"


@contextlib.contextmanager
def store(engine: str) -> Iterator[Store]:
    """Yield the store of an engine; Django must be set up with its ``address`` afterwards."""
    with server.alone():
        if engine == "sqlite":
            yield Sqlite()
        else:
            with server.postgresql() as kept:
                yield Postgresql(kept)


def set_up_django(address: str, *, scratch: Path) -> None:
    """Set Django up as in production, on one database."""
    os.environ.update(
        DATABASE_URL=address,
        SECRET_KEY="benchmarks-only-" + "0" * 40,
        EMAIL_URL="memorymail://",
        LOG_LEVEL="ERROR",
        LIUKE_VAR=str(scratch),
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    os.environ.pop("DEBUG", None)
    (scratch / "static").mkdir(parents=True, exist_ok=True)
    import django

    django.setup()


def make(where: Store, size: str, *, say: Callable[[str], None]) -> str:
    """Make the fresh and the worn database of a size unless they stand; return their common name."""
    from django.db import connection

    from benchmarks import generate, vacuum

    print_of = fingerprint()
    name = f"{size}_{print_of}"
    if where.has(f"{name}_fresh") and where.has(f"{name}_worn"):
        return name
    where.forget_others(size=size, but=print_of)
    began = time.monotonic()

    def tell(what: str) -> None:
        say(f"  {time.monotonic() - began:6.1f} s  {what}")

    connection.close()
    where.fresh_run()
    generate.build(SIZES[size], say=tell)
    tell("vacuum")
    vacuum.everything()
    connection.close()
    if not where.has(f"{name}_fresh"):
        where.keep(f"{name}_fresh")
    tell("1 % corrected, 1 % added")
    generate.wear(SIZES[size])
    due = vacuum.wait_for_autovacuum(AUTOVACUUM_SECONDS)
    tell("autovacuum " + (f"still has to do: {', '.join(due)}" if due else "has done what it does"))
    connection.close()
    where.keep(f"{name}_worn")
    return name
