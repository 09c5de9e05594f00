"""A backup of a real PostgreSQL is restored after an erasure: the person goes again, and stays away."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.upgrade.test_dumps import manage, rows

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
CUSTOMERS = "external_id,name,kind\nC1,Liu Yan,person\nC2,Blue Lake Trading,company\n"
CONTACTS = "external_id,customer,name,phone\nK1,C1,Liu Yan,13800001111\nK2,C2,Wang Jing,13900002222\n"


class Server:
    """One database of a server: made empty, dumped, and made again from the dump."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server, self.folder, self.name = server, folder, f"restore_{secrets.token_hex(4)}"
        self.address = f"{server.rpartition('/')[0]}/{self.name}"

    def make(self) -> None:
        self._admin(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
        self._admin(f'CREATE DATABASE "{self.name}"')

    def make_with_tables(self) -> None:
        """Make it with today's tables: those of the tests where they are on PostgreSQL, else migrated."""
        if connection.vendor == "postgresql":
            connection.close()  # nobody may look at what is copied
            self._admin(f'CREATE DATABASE "{self.name}" TEMPLATE "{connection.settings_dict["NAME"]}"')
        else:
            self.make()
            self.manage("migrate", "--noinput", "--verbosity", "0")

    def drop(self) -> None:
        self._admin(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def dump(self) -> Path:
        backup = self.folder / "backup.sql"
        command = ["pg_dump", "--no-owner", f"--file={backup}", self.address]
        subprocess.run(command, check=True, capture_output=True)
        return backup

    def restore(self, backup: Path) -> None:
        self.make()
        command = ["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={backup}", self.address]
        subprocess.run(command, check=True, capture_output=True)

    def manage(self, *command: str, may_end: tuple[int, ...] = (0,)) -> str:
        return manage(*command, address=self.address, folder=self.folder / "var", may_end=may_end)

    def names(self) -> set[str]:
        """Return what customers and contacts are called."""
        query = "SELECT name FROM customers_customer UNION SELECT name FROM customers_contact"
        return {name for (name,) in rows(self.address, query)}

    def says(self, word: str) -> list[str]:
        """Return the tables that hold a word anywhere."""
        tables = rows(
            self.address,
            "SELECT format('%I', table_name) FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
        )
        query = "SELECT count(*) FROM {0} t WHERE t::text LIKE '%{1}%'"
        return [table for (table,) in tables if rows(self.address, query.format(table, word))[0][0]]

    def _admin(self, command: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(command.encode())


@pytest.fixture
def server(postgres_url: str, transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    """A database of two customers that came by file."""
    made = Server(postgres_url, tmp_path)
    try:
        made.make_with_tables()
        company = ("--currency", "CNY", "--time-zone", "Asia/Shanghai", "--margin", "0.3")
        made.manage("company", *company, "--admin", "admin@example.com")
        (tmp_path / "customers.csv").write_text(CUSTOMERS)
        (tmp_path / "contacts.csv").write_text(CONTACTS)
        yield made
    finally:
        made.drop()


def bring(server: Server, kind: str) -> str:
    errors = server.folder / f"{kind}.errors.csv"
    file = str(server.folder / f"{kind}.csv")
    errors.unlink(missing_ok=True)
    server.manage("import_data", kind, file, "--source", "shop", "--errors", str(errors), may_end=(0, 1))
    return errors.read_text(encoding="utf-8-sig") if errors.exists() else ""


def test_replay_takes_a_person_out_of_a_restored_dump_for_good(server: Server) -> None:
    assert not bring(server, "customers") and not bring(server, "contacts")
    assert {"Liu Yan", "Blue Lake Trading", "Wang Jing"} <= server.names()
    backup = server.dump()

    server.manage("erase_customer", "shop:C1")
    assert "Liu Yan" not in server.names()

    server.restore(backup)
    assert "Liu Yan" in server.names()  # the backup brought her back
    server.manage("replay_erasures")
    assert "Liu Yan" not in server.names()
    assert server.says("Liu Yan") == [] and server.says("13800001111") == []
    assert {"Blue Lake Trading", "Wang Jing"} <= server.names()

    assert "was erased" in bring(server, "customers")
    assert "was erased" in bring(server, "contacts")
    assert "Liu Yan" not in server.names()
    assert rows(server.address, "SELECT count(*) FROM customers_erasurereceipt WHERE is_replay") == [(1,)]
    assert '"replayed": 0' in server.manage("replay_erasures", "--json")  # again: nothing left to do
