"""Marks on customers whose facts changed, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from customers.ground import drain
from customers.models import TouchedCustomer


def mark(customer_ids: Iterable[int], *, at: datetime) -> int:
    """Mark the customers as touched; ``at`` is the greatest ``recorded_at`` written. Return how many."""
    ids = sorted(set(customer_ids))
    TouchedCustomer.objects.bulk_create(
        [TouchedCustomer(customer_id=pk, recorded_at=at) for pk in ids], batch_size=1000
    )
    if ids:
        transaction.on_commit(drain.wake)
    return len(ids)


def mark_selected(select: str, bound: Sequence[Any], *, at: datetime) -> int:
    """Mark, by one statement, the customers whose ``customer_id`` a select gives; return how many.

    ``select`` is SQL of our own names, ``bound`` its parameters.
    """
    moment = "%s"
    if connection.vendor == "postgresql":
        moment = f"CAST({moment} AS timestamp with time zone)"
    marked_at = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TouchedCustomer._meta.db_table} (customer_id, recorded_at, lease_token) "  # noqa: S608
            f"SELECT DISTINCT s.customer_id, {moment}, '' FROM ({select}) s",
            [marked_at, *bound],
        )
        number = cursor.rowcount
    if number:
        transaction.on_commit(drain.wake)
    return number
