"""The floor of a pass: what the database needs at least, in one process, to read and write as much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from customers.models import ComplaintEvent, Contract, Interaction, Order, Ownership
from retention.models import CustomerMeasures

WIDE = CustomerMeasures._meta.db_table
BARE = "bench_bare_wide"

SOURCES = {
    Order: "sold_base",
    Interaction: "occurred_day",
    ComplaintEvent: "due_day",
    Contract: "ends_day",
    Ownership: "occurred_day",
}
"""Each source of measures with a column that its covering index holds."""


def make_bare_table() -> None:
    """Make the table that the floor writes to: the wide table's columns, logged, without index or key."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {BARE}")
        if connection.vendor == "postgresql":
            cursor.execute(f"CREATE TABLE {BARE} (LIKE {WIDE})")
        else:
            cursor.execute(f"CREATE TABLE {BARE} AS SELECT * FROM {WIDE} LIMIT 0")


def empty_bare_table() -> None:
    """Empty it again before the floor runs."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {BARE}" if connection.vendor == "postgresql" else f"DELETE FROM {BARE}")


def of_a_pass() -> dict[str, int]:
    """Group each source by customer on its covering index, then insert as many wide rows.

    Returns the number of facts by table, and of the rows written.
    """
    found: dict[str, int] = {}
    with connection.cursor() as cursor, on_the_index(cursor):
        for model, column in SOURCES.items():
            table = model._meta.db_table
            cursor.execute(grouped(table, column))
            found[table] = int(cursor.fetchone()[0])
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {BARE} SELECT * FROM {WIDE}")
        found[WIDE] = cursor.rowcount
    return found


@contextmanager
def on_the_index(cursor: Any) -> Iterator[None]:
    """Let PostgreSQL read the covering index even where it would rather sort or hash a small table."""
    settings = ("enable_bitmapscan", "enable_hashagg", "enable_seqscan")
    if connection.vendor != "postgresql":
        yield
        return
    for name in settings:
        cursor.execute(f"SET {name} = off")
    yield
    for name in settings:
        cursor.execute(f"RESET {name}")


def grouped(table: str, column: str) -> str:
    """Return the covering query of one source; its groups are added up so that no row travels."""
    return (
        f"SELECT sum(n), sum(s) FROM (SELECT customer_id, count(*) AS n, sum({column}) AS s "
        f"FROM {table} GROUP BY customer_id) g"
    )


def plans() -> dict[str, str]:
    """Return how PostgreSQL reads each source, by table."""
    found = {}
    with connection.cursor() as cursor, on_the_index(cursor):
        for model, column in SOURCES.items():
            cursor.execute("EXPLAIN " + grouped(model._meta.db_table, column))
            found[model._meta.db_table] = "\n".join(row[0] for row in cursor.fetchall())
    return found
