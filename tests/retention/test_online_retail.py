"""Real orders: the tutorial's commands find exactly whom the raw file says, with the same evidence.

Both files of the UCI data set "Online Retail", each in a database of its own, as of 2011-12-10. What is
expected is computed here from the raw file with nothing but the standard library.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import secrets
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_SHARED = Path(os.environ.get("LIUKE_DATA") or "/nowhere")
DATA = Path(os.environ.get("ONLINE_RETAIL") or _SHARED / "online_retail")
TODAY = date(2011, 12, 10).toordinal()
NOW = "2011-12-10T08:00:00+00:00"
PENNY = Decimal("0.01")


@dataclass(frozen=True)
class File:
    """One file of the data set, how it is imported, and the counts that are known of it."""

    name: str
    mapping: str
    group_by: tuple[str, ...]
    date_format: str
    lines: int
    accepted: int
    orders: int
    customers: int
    overdue: int
    halved: int


FULL = File(
    name="online_retail_full.csv.gz",
    mapping="online_retail_orders.json",
    group_by=("CustomerID", "InvoiceDate"),
    date_format="%Y-%m-%d %H:%M:%S",
    lines=541_909,
    accepted=406_829,
    orders=22_034,
    customers=4_372,
    overdue=117,
    halved=98,
)
HALF = File(
    name="online_retail_invoices_2010-12_2011-06.csv.gz",
    mapping="online_retail_invoices.json",
    group_by=("InvoiceNo",),
    date_format="%m/%d/%y %H:%M",
    lines=240_007,
    accepted=172_782,
    orders=10_436,
    customers=2_974,
    overdue=572,
    halved=7,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs LIUKE_DATA or ONLINE_RETAIL: the data set's folder"),
]


# --- What the raw file says: standard library only --------------------------------------------


@dataclass
class Order:
    """One order of the raw file, in pence."""

    day: int = 0
    sold: int = 0
    returned: int = 0
    is_purchase: bool = False

    @property
    def net(self) -> int:
        return self.sold - self.returned


@dataclass
class Raw:
    """The orders by customer, and the lines that name none."""

    lines: int = 0
    refused: int = 0
    orders: dict[str, dict[tuple[str, ...], Order]] = field(default_factory=lambda: defaultdict(dict))


def read(file: File) -> Raw:
    """Read the raw file."""
    raw = Raw()
    with gzip.open(DATA / file.name, "rt", encoding="utf-8", newline="") as text:
        for line in csv.DictReader(text):
            raw.lines += 1
            customer = line["CustomerID"].strip().removesuffix(".0")
            if not customer:
                raw.refused += 1
                continue
            day = datetime.strptime(line["InvoiceDate"], file.date_format).toordinal()  # noqa: DTZ007
            order = raw.orders[customer].setdefault(
                tuple(line[column] for column in file.group_by), Order(day=day)
            )
            order.day = min(order.day, day)
            quantity = Decimal(line["Quantity"])
            amount = (quantity * Decimal(line["UnitPrice"])).quantize(PENNY, ROUND_HALF_UP)
            pence = int(amount * 100)
            order.sold += max(pence, 0)
            order.returned += max(-pence, 0)
            order.is_purchase |= quantity > 0
    return raw


def expected(raw: Raw) -> dict[tuple[str, str], dict[str, int]]:
    """Return the evidence of every customer and ready rule that must match."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for customer, orders in raw.orders.items():
        about = list(orders.values())
        spend = {back: net(about, back) for back in (90, 365)}
        before = net(about, 180) - spend[90]
        days = sorted({order.day for order in about if order.is_purchase})
        if len(days) >= 4 and (TODAY - days[-1]) * (len(days) - 1) >= 2 * (days[-1] - days[0]):
            found[customer, "overdue"] = {
                "as_of_day": TODAY,
                "last_order_day": days[-1],
                "order_days": len(days),
                "order_span_days": days[-1] - days[0],
                "spend_365d": spend[365],
            }
        bought = {back: purchases(about, back) for back in (90, 180)}
        if before > 0 and 2 * spend[90] <= before and bought[180] >= 4:
            found[customer, "spend-halved"] = {
                "as_of_day": TODAY,
                "orders_90d": bought[90],
                "orders_prev_90d": bought[180] - bought[90],
                "spend_365d": spend[365],
                "spend_90d": spend[90],
                "spend_prev_90d": before,
            }
    return found


def net(orders: list[Order], back: int) -> int:
    """Return what was sold minus what came back in the last days, in pence."""
    return sum(order.net for order in orders if order.day > TODAY - back)


def purchases(orders: list[Order], back: int) -> int:
    """Return the number of purchases in the last days."""
    return sum(order.is_purchase for order in orders if order.day > TODAY - back)


# --- What the commands do ---------------------------------------------------------------------


class Installation:
    """A fresh database that is driven by the documented commands alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = os.environ.get("DATABASE_URL", "")
        self.server = server if server.startswith("postgres") else ""
        self.database = f"liuke_retail_{secrets.token_hex(4)}"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LIUKE_VAR": str(folder),
            "LIUKE_NOW": NOW,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "EMAIL_URL": "memorymail://",
            "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
            "DATABASE_URL": "",
            "LOG_LEVEL": "ERROR",
        }
        if self.server:
            self._on_server(f'CREATE DATABASE "{self.database}"')
            self.environment["DATABASE_URL"] = f"{self.server.rpartition('/')[0]}/{self.database}"

    def run(self, *command: str, expect: int = 0) -> str:
        """Run a command of manage.py and return the last line that it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout.rstrip("\n").rpartition("\n")[2]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the database itself."""
        if not self.server:
            with closing(sqlite3.connect(self.folder / "liuke.sqlite3")) as file:
                return file.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            return connection.execute(query).fetchall()

    def remove(self) -> None:
        """Drop what was made outside the folder."""
        if self.server:
            self._on_server(f'DROP DATABASE IF EXISTS "{self.database}"')

    def _on_server(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation of this test alone."""
    fresh = Installation(tmp_path)
    try:
        yield fresh
    finally:
        fresh.remove()


READY = (
    "overdue",
    "spend-halved",
    "no-contact",
    "complaint-overdue",
    "complaint-reopened",
    "complaints-rising",
    "contract-ending",
    "owner-gone",
)


@pytest.mark.parametrize("file", [FULL, HALF], ids=["full", "invoices"])
def test_sweep_finds_exactly_whom_the_raw_file_says_with_the_same_evidence(
    file: File, installation: Installation, tmp_path: Path
) -> None:
    installation.run("migrate", "--verbosity", "0")
    installation.run(
        *("company", "--currency", "GBP", "--time-zone", "Europe/London"),
        *("--margin", "0.3", "--admin", "admin@example.com"),
    )
    imported = json.loads(
        installation.run(
            *("import_data", "orders", str(DATA / file.name), "--json"),
            *("--mapping", f"docs/tutorial/{file.mapping}", "--errors", str(tmp_path / "errors.csv")),
            expect=1,
        )
    )
    raw = read(file)
    assert (imported["lines"], imported["accepted"]) == (file.lines, file.accepted)
    assert imported["refused"] == file.lines - file.accepted == raw.refused
    ((orders, customers),) = installation.rows(
        "SELECT (SELECT count(*) FROM customers_order), (SELECT count(*) FROM customers_customer)"
    )
    assert (orders, customers) == (file.orders, file.customers)
    assert (orders, customers) == (sum(map(len, raw.orders.values())), len(raw.orders))

    installation.run("rules", "enable", *READY, "--open-existing")
    out = tmp_path / "found.tsv"
    swept = json.loads(installation.run("sweep", "--shards", "3", "--out", str(out), "--json"))

    due = expected(raw)
    found = {
        (customer, rule): json.loads(evidence)
        for customer, rule, evidence in (line.split("\t") for line in out.read_text().splitlines())
    }
    assert found == due
    counts = {**dict.fromkeys(READY, 0), **Counter(rule for _customer, rule in due)}
    assert swept["warnings"] == counts
    assert (counts["overdue"], counts["spend-halved"]) == (file.overdue, file.halved)
    assert (swept["customers"], swept["failed_rules"]) == (customers, {})
    assert swept["cases_opened"] == len({customer for customer, _rule in due})

    frozen = installation.rows(
        "SELECT x.external_id, r.code, w.evidence FROM retention_earlywarning w "
        "JOIN retention_warningrule r ON r.id = w.rule_id "
        "JOIN customers_externalref x ON x.kind = 'customer' AND x.object_id = w.customer_id "
        "WHERE w.state = 'open'"
    )
    canonical = {key: json.dumps(value, sort_keys=True, separators=(",", ":")) for key, value in due.items()}
    assert {(customer, rule): evidence for customer, rule, evidence in frozen} == canonical
    again = json.loads(installation.run("sweep", "--json"))
    assert (sum(again["warnings"].values()), again["warnings_closed"], again["cases_opened"]) == (0, 0, 0)
