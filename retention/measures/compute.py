"""Computing measures: for everybody, a shard, the touched or the changed; now or as of the past."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from customers.company import today
from customers.models import Customer
from retention.measures import aggregated, dialect, fingerprint, stored
from retention.measures.changes import changed_customers
from retention.measures.display import format_value
from retention.measures.filling import fill, needed
from retention.measures.history import history
from retention.measures.passes import (
    EVERYONE,
    Customers,
    between,
    changes_select,
    only,
    parameters,
    wide_select,
)
from retention.models.measures import CustomerMeasures, MeasureState

__all__ = [
    "EVERYONE",
    "Customers",
    "at",
    "between",
    "changed_of",
    "format_value",
    "history",
    "known_as_of",
    "note_full_pass",
    "only",
    "refresh",
    "refresh_changed",
    "refresh_vectors",
    "shards",
    "values_of",
]

LARGEST_SHARD = 50_000
LARGEST_SHARD_ON_SQLITE = 2_000  # a writer holds up all others, who wait for 20 seconds at most
LAST_ID = 2**63 - 1


def refresh(*, as_of: datetime, customers: Customers = EVERYONE, only_changes: bool = False) -> int:
    """Compute the current measures as of ``as_of`` and write them into the wide table.

    Reads current versions only (a live pass). A row is written only when its ``as_of`` is newer than
    the one that stands (decision 11), in order of customer. Returns the number of rows written. A
    pass over everyone is noted, so that :func:`refresh_changed` can start from it.

    With ``only_changes`` a row whose values are the same stays as it is, ``as_of`` included, unless its
    customer is marked: rewriting all rows costs more than computing them. Only for who sees to it that
    no pass over everybody as of an earlier day still runs, which could then overwrite them.
    """
    if customers.ids is not None and not customers.ids:
        return 0
    day = today(as_of).number
    with transaction.atomic():
        written = _write(as_of, day, customers, only_changes=only_changes)
        fill(CustomerMeasures._meta.db_table, as_of=as_of, day=day, customers=customers)
        if customers == EVERYONE:
            note_full_pass(as_of=as_of)
    return written


def refresh_vectors(*, as_of: datetime, customers: Customers) -> int:
    """Compute the vector measures of rows whose other columns still stand; return how many changed.

    They move with the clock where the others need not. Does nothing when a pass as of a later moment was
    noted.
    """
    if MeasureState.objects.filter(id=1, as_of__gte=as_of).exists():
        return 0
    day = today(as_of).number
    with transaction.atomic():
        return fill(CustomerMeasures._meta.db_table, as_of=as_of, day=day, customers=customers)


def note_full_pass(*, as_of: datetime, measures: str = "") -> None:
    """Note that every customer was refreshed as of ``as_of`` or later (after the last shard).

    ``measures``: the fingerprint of those that were computed, when it may not be this process's.
    """
    state = MeasureState.objects.filter(id=1).first()
    if state is None or state.as_of < as_of:
        noted = {"day": today(as_of).number, "as_of": as_of, "fingerprint": measures or fingerprint()}
        MeasureState.objects.update_or_create(id=1, defaults=noted)


def refresh_changed(*, as_of: datetime) -> Sequence[int]:
    """Refresh the customers whose measures may differ from the last pass; return their ids in order.

    These are the touched (their marks stay for the sweep), those without a row, and those for whom a
    fact entered or left a window, fell due, began or ended with the days that have passed since. The
    result equals a full pass. Without a pass to start from, or after a change of the registry,
    everybody is refreshed. Does nothing when a pass as of a later moment was noted. Goes by ranges, a
    transaction each.
    """
    refreshed: list[int] = []
    for customers in shards(1, writing=True):
        changed = changed_of(customers, as_of=as_of)
        refresh(as_of=as_of, customers=changed)
        refresh_vectors(as_of=as_of, customers=customers)
        refreshed += changed.ids if changed.ids is not None else _ids_of(changed)
    note_full_pass(as_of=as_of)
    return refreshed


def changed_of(customers: Customers, *, as_of: datetime) -> Customers:
    """Return those of a range whose measures may differ from the last pass; the range when there is none."""
    state = MeasureState.objects.filter(id=1).first()
    if state is not None and state.as_of >= as_of:
        return only([])
    if state is None or state.fingerprint != fingerprint():
        return customers
    return only(changed_customers(since=state, day=today(as_of).number, customers=customers))


def _ids_of(customers: Customers) -> list[int]:
    within = Customer.objects.filter(pk__gte=customers.low, pk__lte=customers.high)
    return list(within.order_by("pk").values_list("pk", flat=True))


@contextmanager
def at(
    *, as_of: datetime, customers: Customers = EVERYONE, columns: Collection[str] | None = None
) -> Iterator[str]:
    """Fill a temporary table of the wide table's shape as of any moment, and yield its name.

    Reads what was known then (a past pass); nothing is written that outlives the block. With
    ``columns`` only these are computed; the others stay NULL.
    """
    table = f"measures_at_{secrets.token_hex(6)}"
    with connection.cursor() as cursor:
        cursor.execute(dialect.create_temporary(table, stored()))
        try:
            day = today(as_of).number
            _fill(table, as_of, day, customers, columns=needed(columns))
            fill(table, as_of=as_of, day=day, customers=customers, columns=columns)
            for statement in dialect.after_filling(table):
                cursor.execute(statement)
            yield table
        finally:
            if not connection.needs_rollback:  # a broken transaction takes the table with it
                cursor.execute(f'DROP TABLE IF EXISTS "{table}"')


def values_of(
    customer_ids: Iterable[int], *, table: str | None = None
) -> dict[int, dict[str, int | str | None]]:
    """Return the stored measures of some customers by customer and code; see ``Measure.read``.

    ``table`` is a name that :func:`at` gave; the wide table when not given. A customer without a row
    is left out.
    """
    customers = only(list(customer_ids))
    if not customers.ids:
        return {}
    codes = [measure.code for measure in stored()]
    columns = ", ".join(f'"{code}"' for code in codes)
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT customer_id, {columns} FROM "{table or CustomerMeasures._meta.db_table}" '
            f"WHERE {customers.condition('customer_id')}",
            customers.parameters(),
        )
        return {row[0]: dict(zip(codes, row[1:], strict=True)) for row in cursor.fetchall()}


def known_as_of(customer_id: int) -> datetime | None:
    """Return the moment as of which a customer's row is true; ``None`` without one.

    A row that a pass would not have changed stays as it was, so the last pass over everybody counts too.
    """
    rows = [CustomerMeasures.objects.filter(customer=customer_id), MeasureState.objects.filter(id=1)]
    own, whole = (found.values_list("as_of", flat=True).first() for found in rows)
    return max(own, whole) if own is not None and whole is not None else own


def shards(n: int, *, writing: bool = False) -> list[Customers]:
    """Cut the customers into at least ``n`` ranges of about equal numbers, 50,000 at most each.

    Ranges for ``writing``, a transaction each, hold 2,000 at most on SQLite. The first range begins at 1
    and the last one never ends, so that customers made meanwhile belong to one.
    """
    count = Customer.objects.count()
    largest = LARGEST_SHARD
    if writing and connection.vendor == "sqlite":
        largest = LARGEST_SHARD_ON_SQLITE
    n = max(1, min(n, count), -(-count // largest))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(id) FROM (SELECT id, ntile(%s) OVER (ORDER BY id) AS tile "
            f"FROM {Customer._meta.db_table}) t GROUP BY tile ORDER BY tile",
            [n],
        )
        ends = [row[0] for row in cursor.fetchall()]
    ends = [*ends[:-1], LAST_ID]
    starts = [1, *(end + 1 for end in ends[:-1])]
    return [between(low, high) for low, high in zip(starts, ends, strict=True)]


def _write(as_of: datetime, day: int, customers: Customers, *, only_changes: bool) -> int:
    """Write a live pass into the wide table; return the number of rows written."""
    table = CustomerMeasures._meta.db_table
    codes = [measure.code for measure in aggregated()]
    newer = ", ".join(f'"{code}" = excluded."{code}"' for code in ["as_of", *codes])
    rows = wide_select(customers, mode="live")
    if only_changes:
        rows = changes_select(rows, customers)
    columns = ", ".join(f'"{code}"' for code in codes)
    statement = (
        f'INSERT INTO "{table}" (customer_id, as_of, {columns}) {rows} '
        f'ON CONFLICT (customer_id) DO UPDATE SET {newer} WHERE excluded.as_of > "{table}".as_of'
    )
    return _run(statement, as_of, day, customers)


def _fill(
    table: str, as_of: datetime, day: int, customers: Customers, *, columns: Collection[str] | None = None
) -> int:
    """Write a pass as of the past into an empty table of the wide table's shape."""
    names = "".join(f', "{m.code}"' for m in aggregated() if columns is None or m.code in columns)
    rows = wide_select(customers, mode="past", columns=columns)
    return _run(f'INSERT INTO "{table}" (customer_id, as_of{names}) {rows}', as_of, day, customers)


def _run(statement: str, as_of: datetime, day: int, customers: Customers) -> int:
    bound: dict[str, Any] = parameters(as_of=dialect.bind_moment(as_of), today=day, customers=customers)
    with transaction.atomic(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(statement, bound)
        return max(cursor.rowcount, 0)
