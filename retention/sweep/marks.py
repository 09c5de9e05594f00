"""Marks of touched customers: claimed by lease, deleted by the ids that were read (decision 11)."""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Q

from customers.ground import clock
from customers.models import TouchedCustomer
from retention.measures.compute import Customers
from retention.models import CustomerMeasures

LEASE = timedelta(seconds=60)
LEASE_OF_FAILED = timedelta(minutes=5)
AT_ONCE = 1000
MANY = 2500


@dataclass(frozen=True)
class Claim:
    """Marks that one worker looks at: each with its id, its customer and its ``recorded_at``."""

    token: str
    marks: tuple[tuple[int, int, datetime], ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the marks."""
        return tuple(mark for mark, _customer, _recorded in self.marks)

    @property
    def customers(self) -> tuple[int, ...]:
        """The customers in order, each once."""
        return tuple(sorted({customer for _mark, customer, _recorded in self.marks}))

    @property
    def newest(self) -> datetime | None:
        """The newest ``recorded_at``; ``None`` without marks."""
        return max((recorded for _mark, _customer, recorded in self.marks), default=None)

    def halves(self) -> tuple[Claim, Claim]:
        """Return the claim in two, half of the customers in each."""
        customers = self.customers
        first = set(customers[: len(customers) // 2])
        return (
            Claim(self.token, tuple(mark for mark in self.marks if mark[1] in first)),
            Claim(self.token, tuple(mark for mark in self.marks if mark[1] not in first)),
        )


def newest() -> int:
    """Return the id of the newest mark; 0 without any."""
    return TouchedCustomer.objects.aggregate(newest=Max("id"))["newest"] or 0


def claim(*, up_to: int | None = None) -> Claim | None:
    """Lease free marks, the oldest first, on real time; ``None`` when there are none.

    Some thousand at once, fewer on SQLite, where their sweep holds up every other writer. ``up_to``: the
    id of the last mark that is wanted.
    """
    real, token = clock.real_now(), secrets.token_hex(16)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=real)
    if up_to is not None:
        free &= Q(id__lte=up_to)
    if not TouchedCustomer.objects.filter(free).exists():  # on SQLite: no write lock every second
        return None
    with transaction.atomic():
        oldest = TouchedCustomer.objects.filter(free).order_by("id").values("id")
        if connection.features.has_select_for_update_skip_locked:
            oldest = oldest.select_for_update(skip_locked=True)
        ids = [mark["id"] for mark in oldest[: AT_ONCE if connection.vendor == "sqlite" else MANY]]
        chosen = TouchedCustomer.objects.filter(id__in=ids)
        chosen.update(lease_until=real + LEASE, lease_token=token)
        marks = list(chosen.values_list("id", "customer_id", "recorded_at").order_by("id"))
    return Claim(token, tuple(marks)) if marks else None


def release(claimed: Claim) -> None:
    """Give marks back at once, when the sweep that held them failed for a passing reason."""
    _lease(claimed, until=None, token="")


def hold(claimed: Claim, *, span: timedelta = LEASE) -> None:
    """Lease marks anew from now on, on real time."""
    _lease(claimed, until=clock.real_now() + span, token=claimed.token)


def _lease(claimed: Claim, *, until: datetime | None, token: str) -> None:
    held = TouchedCustomer.objects.filter(lease_token=claimed.token)
    for start in range(0, len(claimed.ids), AT_ONCE):
        held.filter(id__in=claimed.ids[start : start + AT_ONCE]).update(lease_until=until, lease_token=token)


def delete(ids: Sequence[int]) -> None:
    """Delete the marks that were read."""
    for start in range(0, len(ids), AT_ONCE):
        TouchedCustomer.objects.filter(id__in=ids[start : start + AT_ONCE]).delete()


@contextmanager
def of_full_pass(customers: Customers, *, as_of: datetime) -> Iterator[None]:
    """Delete, after the pass inside, the marks that it has answered.

    Those are the marks read before it, recorded before its moment, whose customer's row it wrote: a
    row of a later pass, or of another one as of the same moment, keeps its mark, since that pass may not
    have seen the fact.
    """
    read = f"marks_read_{secrets.token_hex(6)}"
    marks, wide = TouchedCustomer._meta.db_table, CustomerMeasures._meta.db_table
    bound = {**customers.parameters(), "as_of": connection.ops.adapt_datetimefield_value(as_of)}
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TEMPORARY TABLE "{read}" AS SELECT id, customer_id FROM {marks} '
            f"WHERE recorded_at < %(as_of)s AND {customers.condition('customer_id')} AND NOT EXISTS "
            f"(SELECT 1 FROM {wide} m WHERE m.customer_id = {marks}.customer_id AND m.as_of >= %(as_of)s)",
            bound,
        )
        yield
        cursor.execute(
            f'DELETE FROM {marks} WHERE id IN (SELECT r.id FROM "{read}" r '
            f"JOIN {wide} m ON m.customer_id = r.customer_id WHERE m.as_of = %(as_of)s)",
            bound,
        )
        cursor.execute(f'DROP TABLE "{read}"')
