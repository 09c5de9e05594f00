"""Every earlier version's database, taken to today's tables and swept."""

from __future__ import annotations

import json
import lzma
import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
DUMPS = sorted(Path(__file__).parent.glob("*.sql.xz"))
LARGEST = 300_000  # bytes
FACTS = (
    "customers_customer",
    "customers_contact",
    "customers_order",
    "customers_orderline",
    "customers_interaction",
    "customers_complaint",
    "customers_complaintevent",
    "customers_contract",
    "customers_ownership",
    "customers_externalref",
    "retention_earlywarning",
    "retention_retentioncase",
    "retention_followupcall",
    "retention_loss",
)

pytestmark = pytest.mark.services


@contextmanager
def restored(dump: Path, *, server: str, folder: Path) -> Iterator[str]:
    """Yield the address of a fresh database that holds the dump."""
    sql = lzma.decompress(dump.read_bytes()).decode()
    if ".sqlite." in dump.name:
        file = folder / "restored.sqlite3"
        with closing(sqlite3.connect(file)) as fresh:
            fresh.executescript(sql)
        yield f"sqlite:///{file}"
        return
    with made(server=server) as address:
        with psycopg.connect(address, autocommit=True) as fresh:
            fresh.execute(sql.encode())
        yield address


@contextmanager
def made(*, server: str) -> Iterator[str]:
    """Yield the address of an empty database on the server."""
    name = f"upgrade_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def manage(*command: str, address: str, folder: Path, may_end: tuple[int, ...] = (0,)) -> str:
    """Run a command of today's code on the database; return what it printed; fail when it ends otherwise."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": address,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DEBUG": "1",
        "LIUKE_VAR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in may_end, done.stdout + done.stderr
    return done.stdout


def rows(address: str, query: str) -> list[tuple[Any, ...]]:
    """Return what the database answers."""
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as there:
            return there.execute(query).fetchall()
    with psycopg.connect(address) as there:
        return there.execute(query.encode()).fetchall()


def counts(address: str) -> dict[str, int]:
    """Return how many rows each table of facts and work has."""
    return {table: rows(address, f"SELECT count(*) FROM {table}")[0][0] for table in FACTS}


# What says of a table in PostgreSQL: its columns, indexes, constraints, triggers and settings.
PARTS = (
    "SELECT table_name, column_name, udt_name, is_nullable, column_default, collation_name,"
    " generation_expression FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT relname, reloptions::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "SELECT attrelid::regclass::text, attname, attstattarget FROM pg_attribute WHERE attstattarget > 0",
)


def schema(address: str) -> set[tuple[Any, ...]]:
    """Return each part of the tables of models, whatever the order in which they were made.

    Casts and brackets are left out: PostgreSQL writes them anew each time it restores an expression.
    """
    if address.startswith("postgres"):
        parts = {tuple(map(str, row)) for query in PARTS for row in rows(address, query)}
        return {
            tuple(re.sub(r"::[a-z ]+(\[\])?|[()\s]", "", part) for part in row)
            for row in parts
            if not row[0].startswith("cache_entry")
        }
    named = rows(
        address,
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'cache_entry'",
    )
    parts = {(kind, name, " ".join(sql.split())) for kind, name, sql in named if kind != "table"}
    for kind, name, sql in named:
        if kind == "table":
            parts |= {(name, *column[1:]) for column in rows(address, f"PRAGMA table_xinfo('{name}')")}
            parts |= {(name, *key[2:]) for key in rows(address, f"PRAGMA foreign_key_list('{name}')")}
            parts |= {(name, check) for check in re.findall(r'CONSTRAINT "\w+" [A-Z]+', sql)}
    return parts


@pytest.fixture(scope="session")
def new(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[Any, ...]]]:
    """The parts of the tables of a new database, by engine."""
    found = {}
    folder = tmp_path_factory.mktemp("new")
    with made(server=postgres_url) as server:
        for address in (f"sqlite:///{folder / 'new.sqlite3'}", server):
            manage("migrate", "--noinput", "--verbosity", "0", address=address, folder=folder)
            found[address.partition(":")[0]] = schema(address)
    return found


def sweep(address: str, folder: Path) -> dict[str, Any]:
    """Sweep everybody; return what ``--json`` says."""
    told: dict[str, Any] = json.loads(
        manage("sweep", "--json", address=address, folder=folder).splitlines()[-1]
    )
    return told


def test_there_is_a_dump_of_an_earlier_version_for_both_engines() -> None:
    assert {dump.name.split(".", 3)[3].split(".")[0] for dump in DUMPS} == {"sqlite", "postgresql"}
    assert all(dump.stat().st_size < LARGEST for dump in DUMPS)


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.name.removesuffix(".sql.xz"))
def test_dump_migrates_forward_keeps_its_rows_and_sweeps(
    dump: Path, postgres_url: str, tmp_path: Path, new: dict[str, set[tuple[Any, ...]]]
) -> None:
    with restored(dump, server=postgres_url, folder=tmp_path) as address:
        before = counts(address)
        assert before["customers_order"] > 500 and before["retention_retentioncase"] > 0
        money = rows(address, "SELECT sum(sold_base), sum(margin_base) FROM customers_order WHERE NOT void")

        manage("migrate", "--noinput", "--verbosity", "0", address=address, folder=tmp_path)
        manage("migrate", "--check", address=address, folder=tmp_path)

        assert schema(address) == new[address.partition(":")[0]]
        assert counts(address) == before
        assert (
            rows(address, "SELECT sum(sold_base), sum(margin_base) FROM customers_order WHERE NOT void")
            == money
        )
        first, again = sweep(address, tmp_path), sweep(address, tmp_path)
        assert first["customers"] == before["customers_customer"] and not first["failed_rules"]
        assert sum(again["warnings"].values()) == 0 and again["cases_opened"] == 0
        assert_versions_are_still_kept(address)


def assert_versions_are_still_kept(address: str) -> None:
    """The triggers came along: changing an order leaves its earlier version."""
    change = (
        "UPDATE customers_order SET number = number, sold_base = sold_base + 1 "
        "WHERE id = (SELECT min(id) FROM customers_order)"
    )
    before = rows(address, "SELECT count(*) FROM customers_order_version")[0][0]
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as there, there:
            there.execute(change)
    else:
        with psycopg.connect(address) as there:
            there.execute(change.encode())
    assert rows(address, "SELECT count(*) FROM customers_order_version")[0][0] == before + 1


def test_tables_that_were_made_at_once_are_taken_back_and_made_again(
    tmp_path: Path, new: dict[str, set[tuple[Any, ...]]]
) -> None:
    address = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    for wanted in ((), ("retention", "zero")):
        manage("migrate", *wanted, "--noinput", "--verbosity", "0", address=address, folder=tmp_path)
    assert not [row for row in schema(address) if str(row[0]).startswith("retention_")]
    manage("migrate", "--noinput", "--verbosity", "0", address=address, folder=tmp_path)
    assert schema(address) == new["sqlite"]
