"""Importing orders beside what it costs at least: the file's lines in a bare table of the same database."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import connection

from benchmarks.book import FACTS, Ratio, Stage, Trial, Unequal, bench
from customers.imports import batches, kinds, mapping
from customers.models import Contact, Customer, ExternalRef, Order, OrderLine, Product, TouchedCustomer

LINES = {"xs": 2_000, "s": 100_000, "m": 1_000_000, "l": 10_000_000}
LINES_OF_AN_ORDER = 10  # on average, one to nineteen
CHANGED = 10  # one order in so many is corrected
DEPENDS = (
    "customers/imports",
    "customers/batch",
    *FACTS,
    "customers/orders.py",
    "benchmarks/imports.py",
)
HEADER = "id,customer,date,product,description,quantity,unit price\n"
PAIRS = {"m": 3, "l": 1}


@bench(
    "import-first",
    title="First import of orders, ten lines each",
    ratios=(Ratio("ours", "floor", at_most=6),),
    depends=DEPENDS,
    row="line",
    states=("worn",),
    pairs=PAIRS,
)
def import_first(stage: Stage) -> Trial:
    """Every run brings the same orders as those of another source, of customers that are known."""
    path = write_file(stage, "orders.csv")
    sources = iter(f"first{number}" for number in range(1000))
    current = [""]

    def make_ready() -> None:
        current[0] = next(sources)
        know_customers(current[0])
        stage.settle()

    return trial(stage, path, lambda: bring(stage, path, current[0]), make_ready, lambda: landed(current[0]))


@bench(
    "import-rerun",
    title="The same import again, nothing differs",
    ratios=(Ratio("ours", "floor", at_most=5),),
    depends=DEPENDS,
    row="line",
    states=("worn",),
    pairs=PAIRS,
)
def import_rerun(stage: Stage) -> Trial:
    """The orders stand; nothing may be written."""
    path = write_file(stage, "orders.csv")
    count_on()
    know_customers("again")
    bring(stage, path, "again")
    return trial(stage, path, lambda: bring(stage, path, "again"), stage.settle, lambda: landed("again"))


@bench(
    "import-upsert",
    title="An import of which one order in ten differs",
    ratios=(Ratio("ours", "floor", at_most=12),),
    depends=DEPENDS,
    row="line",
    states=("worn",),
    pairs=PAIRS,
)
def import_upsert(stage: Stage) -> Trial:
    """Two files in turn; between them one line of every tenth order has another quantity."""
    files = [write_file(stage, "orders.csv"), write_file(stage, "changed.csv", changed=True)]
    count_on()
    know_customers("changing")
    bring(stage, files[0], "changing")
    turn = [0]

    def ours() -> int:
        turn[0] += 1
        return bring(stage, files[turn[0] % 2], "changing")

    # the outputs are compared after the first run, which brings the changed file
    return trial(stage, files[1], ours, stage.settle, lambda: landed("changing"))


def trial(
    stage: Stage, path: Path, ours: Callable[[], int], before: Callable[[], Any], output: Callable[[], Any]
) -> Trial:
    """Return a trial of ours beside the bare table."""
    make_bare_table()
    count_on()

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["floor"] != outputs["ours"]:
            raise Unequal(f"orders, lines, amount: {outputs}")
        orders, lines, amount = outputs["ours"]
        return f"{orders} orders, {lines} lines, {amount} minor units"

    return Trial(
        ways={"floor": lambda: copy(path), "ours": ours},
        before={"floor": empty_bare_table, "ours": before},
        outputs={"floor": copied, "ours": output},
        same=same,
        rows=LINES[stage.size],
    )


# --- The file ------------------------------------------------------------------------------------
def write_file(stage: Stage, name: str, *, changed: bool = False) -> Path:
    """Write orders of the last two years, the lines of each side by side."""
    chance = random.Random(stage.size)
    path, lines, order = stage.scratch / name, 0, 0
    first = stage.now - timedelta(days=730)
    with path.open("w") as stream:
        stream.write(HEADER)
        while lines < LINES[stage.size]:
            order += 1
            day = first + timedelta(minutes=chance.randrange(725 * 1440))
            start = f"O{order},C{chance.randint(1, stage.customers):07d},{day:%Y-%m-%d %H:%M},"
            count = min(LINES[stage.size] - lines, chance.randint(1, 2 * LINES_OF_AN_ORDER - 1))
            for line in range(count):
                product, quantity = chance.randrange(2_000), chance.randint(1, 20)
                if changed and line == 0 and not order % CHANGED:
                    quantity += 1
                price = f"{product % 500 / 4 + 0.25:.2f}"
                stream.write(f"{start}P{product},Product number {product},{quantity},{price}\n")
            lines += count
    return path


# --- Ours ----------------------------------------------------------------------------------------
def bring(stage: Stage, path: Path, source: str) -> int:
    """Import the file and return its lines."""
    wanted = mapping.from_data({"source": source, "history": True})
    report = batches.import_file(path, kinds.named("orders"), wanted, by=None, at=stage.now)
    if report.refused:
        raise Unequal(f"{report.refused} lines refused")
    return report.lines


def count_on() -> None:
    """Let new rows follow those of the generator, which gave them their keys itself."""
    models = (Customer, Contact, ExternalRef, Order, OrderLine, Product, TouchedCustomer)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def know_customers(source: str) -> None:
    """Let a source call the generated customers as the generator does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_externalref (source, kind, external_id, object_id) "
            "SELECT %s, kind, external_id, object_id FROM customers_externalref "
            "WHERE source = 'bench' AND kind = 'customer'",
            [source],
        )


def landed(source: str) -> tuple[int, int, int]:
    """Return orders, lines and amount of a source."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(DISTINCT l.order_id), COUNT(*), SUM(l.amount) FROM customers_externalref r "
            "JOIN customers_orderline l ON l.order_id = r.object_id AND NOT l.void "
            "WHERE r.source = %s AND r.kind = 'order'",
            [source],
        )
        orders, lines, amount = cursor.fetchone()
    return orders, lines, int(amount)


# --- The floor -----------------------------------------------------------------------------------
def make_bare_table() -> None:
    """Make a logged table without index that holds the file's columns by their types."""
    moment = "timestamptz" if connection.vendor == "postgresql" else "datetime"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_lines")
        cursor.execute(
            f"CREATE TABLE bench_lines (id text, customer text, at {moment}, product text, "
            "description text, quantity numeric, price numeric)"
        )


def empty_bare_table() -> None:
    """Empty it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE bench_lines" if connection.vendor == "postgresql" else "DELETE FROM bench_lines"
        )


def copy(path: Path) -> None:
    """Bring the file into the bare table as fast as the engine can."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with (
                path.open("rb") as stream,
                cursor.copy("COPY bench_lines FROM STDIN (FORMAT csv, HEADER)") as into,
            ):  # type: ignore[attr-defined]
                while piece := stream.read(1 << 18):
                    into.write(piece)
            return
        with path.open(newline="") as lines:
            rows = csv.reader(lines)
            next(rows)
            cursor.execute("BEGIN")
            cursor.executemany("INSERT INTO bench_lines VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)
            cursor.execute("COMMIT")


def copied() -> tuple[int, int, int]:
    """Return orders, lines and amount of the bare table, in minor units of two decimals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(DISTINCT id), COUNT(*), SUM(ROUND(quantity * price * 100)) FROM bench_lines"
        )
        orders, lines, amount = cursor.fetchone()
    return orders, lines, int(amount)
