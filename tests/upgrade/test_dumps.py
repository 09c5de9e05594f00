"""Every earlier version's database, taken to today's tables and swept."""

from __future__ import annotations

import json
import lzma
import os
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
    name = f"upgrade_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        address = f"{server.rpartition('/')[0]}/{name}"
        try:
            with psycopg.connect(address, autocommit=True) as fresh:
                fresh.execute(sql.encode())
            yield address
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
    dump: Path, postgres_url: str, tmp_path: Path
) -> None:
    with restored(dump, server=postgres_url, folder=tmp_path) as address:
        before = counts(address)
        assert before["customers_order"] > 500 and before["retention_retentioncase"] > 0
        money = rows(address, "SELECT sum(sold_base), sum(margin_base) FROM customers_order WHERE NOT void")

        manage("migrate", "--noinput", "--verbosity", "0", address=address, folder=tmp_path)
        manage("migrate", "--check", address=address, folder=tmp_path)

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
