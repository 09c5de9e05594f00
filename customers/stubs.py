"""Whom a number stands for now: a customer that was merged away is the one that it went into.

Whoever writes rows for a customer asks here first, inside the transaction. The customers are then held
against merging to its end (on PostgreSQL ``FOR KEY SHARE``, which stands in nobody else's way; SQLite has
one writer), so that what is written cannot come to stand with a stub.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from customers.models import Customer

_TABLE = Customer._meta.db_table
_AT_ONCE = 5000


def resolved(customer_ids: Iterable[int]) -> dict[int, int]:
    """Hold the customers and return, for each, the one that it stands for now.

    Locks go in order of customer. A number that nobody has stands for itself.
    """
    found = {pk: pk for pk in customer_ids}
    asked = sorted(found)
    while asked:
        merged = dict(_merged(asked))
        found = {pk: merged.get(now, now) for pk, now in found.items()}
        asked = sorted(set(merged.values()))
    return found


def resolved_one(customer_id: int) -> int:
    """Hold one customer and return the one that it stands for now."""
    return resolved([customer_id])[customer_id]


def held(customer_id: int) -> int:
    """Hold one customer against everybody else who does so, and return the one that it stands for now.

    For what is looked at before it is written: of two at once the second one sees what the first wrote.
    """
    _hold(customer_id)
    now = resolved_one(customer_id)
    if now != customer_id:
        _hold(now)
    return now


def _hold(customer_id: int) -> None:
    list(Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).values_list("pk"))


def survivor_of(customer_id: int) -> int | None:
    """Return whom a stub went into, at the end of the chain; ``None`` for everybody else. Holds nobody."""
    now = Customer.objects.filter(pk=customer_id).values_list("merged_into_id", flat=True).first()
    last = None
    while now is not None:
        last = now
        now = Customer.objects.filter(pk=now).values_list("merged_into_id", flat=True).first()
    return last


def _merged(customer_ids: list[int]) -> list[tuple[int, int]]:
    """Hold customers, and return those that were merged with whom they went into."""
    found: list[tuple[int, int]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(customer_ids), _AT_ONCE):
            some = customer_ids[start : start + _AT_ONCE]
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"SELECT id, merged_into_id FROM {_TABLE} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
                    [some],
                )
            else:
                marks = ", ".join(["%s"] * len(some))
                cursor.execute(
                    f"SELECT id, merged_into_id FROM {_TABLE} "
                    f"WHERE merged_into_id IS NOT NULL AND id IN ({marks})",
                    some,
                )
            found += [(pk, into) for pk, into in cursor.fetchall() if into is not None]
    return found


def among(customer_ids: Iterable[int]) -> set[int]:
    """Return those of the customers, just written, that were merged away before that."""
    return {pk for pk, _into in _merged(sorted(set(customer_ids)))}
