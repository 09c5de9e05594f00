"""Who came back: an order or a contract after the loss ends the spell, dated when it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from customers import company
from customers.ground import localtime
from customers.models import Contract, ContractVersion, Order
from retention.losses.recording import end_many
from retention.measures import dialect
from retention.models import CustomerMeasures, Loss, LossKind

CHUNK = 500
RECOVERED = 80  # percent of what was spent before, at which a partial loss is over

_ORDER, _CONTRACT, _LOSS = Order._meta.db_table, Contract._meta.db_table, Loss._meta.db_table
_FACTS = f"""
    SELECT l.id, o.occurred_at, o.recorded_at, 'order' AS how FROM {_LOSS} l JOIN {_ORDER} o
    ON o.customer_id = l.customer_id AND o.is_purchase AND NOT o.void AND o.status <> 'cancelled'
    AND o.recorded_at < %(at)s AND o.occurred_at < %(at)s
    AND CASE WHEN l.last_order_day IS NULL THEN o.occurred_at > l.occurred_at
        ELSE o.occurred_day > l.last_order_day END
    WHERE l.ended_at IS NULL AND l.definition <> 'partial'
    UNION ALL
    SELECT l.id, c.occurred_at, c.recorded_at, 'contract' FROM {_LOSS} l JOIN {_CONTRACT} c
    ON c.customer_id = l.customer_id AND NOT c.void AND c.terminated_day IS NULL
    AND c.recorded_at < %(at)s AND c.occurred_at < %(at)s AND c.occurred_at > l.occurred_at
    WHERE l.ended_at IS NULL AND l.definition <> 'partial'
"""  # noqa: S608 — names of our own tables; every value is bound


def end_returned(*, at: datetime) -> int:
    """End the standing losses of customers that came back before ``at``; return how many.

    A spell ends when the first order (no cancelled one, no pure return) or signed contract after it
    happened, and that is known from when it was recorded. An order that was recorded late and falls
    into the silence before the loss ends it where it began, and so does a contract that was signed before,
    recorded after the loss was found, and runs on its day or later. A partial loss ends when spend is
    back at 80 % of what it was before. Safe to repeat and to stop anywhere: goes by 500 losses.
    """
    found = [*_returned(at), *_recovered(at)]
    done = 0
    for start in range(0, len(found), CHUNK):
        with transaction.atomic():
            done += end_many(found[start : start + CHUNK], at=at)
    return done


def _returned(at: datetime) -> list[Loss]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, occurred_at, recorded_at, how FROM (SELECT f.*, row_number() OVER "  # noqa: S608
            f"(PARTITION BY id ORDER BY occurred_at, recorded_at) AS place FROM ({_FACTS}) f) g "
            "WHERE place = 1 ORDER BY id",
            {"at": dialect.bind_moment(at)},
        )
        rows = cursor.fetchall()
    first = {row[0]: (row[0], moment_of(row[1]), moment_of(row[2]), row[3]) for row in rows}
    for row in _signed_before(at):
        first[row[0]] = min(row, first.get(row[0], row), key=lambda one: one[1:3])
    return list(_ended([first[pk] for pk in sorted(first)]))


def _signed_before(at: datetime) -> Iterator[tuple[int, datetime, datetime, str]]:
    """Yield contracts signed by the loss that nobody knew of when it was found, and that run on its day."""
    zone = company.current().time_zone
    known = ContractVersion._default_manager.filter(
        fact_id=OuterRef("pk"), recorded_at__lte=OuterRef("customer__losses__recorded_at")
    )
    rows = Contract.objects.filter(
        customer__losses__in=Loss.objects.filter(ended_at__isnull=True).exclude(definition=LossKind.PARTIAL),
        void=False,
        terminated_day__isnull=True,
        recorded_at__lt=at,
        recorded_at__gt=F("customer__losses__recorded_at"),
        occurred_at__lte=F("customer__losses__occurred_at"),
    ).exclude(Exists(known))
    columns = ("customer__losses", "customer__losses__occurred_at", "occurred_at", "recorded_at", "ends_day")
    for pk, lost, occurred, recorded, ends in rows.values_list(*columns):
        if ends >= localtime.day_number(lost, zone):
            yield pk, occurred, recorded, "contract"


def _ended(rows: list[tuple[Any, ...]]) -> Iterator[Loss]:
    for start in range(0, len(rows), CHUNK):
        some = {row[0]: row for row in rows[start : start + CHUNK]}
        for loss in Loss.objects.filter(pk__in=list(some)).order_by("pk"):
            _pk, occurred, recorded, how = some[loss.pk]
            loss.ended_at = max(occurred, loss.occurred_at)
            loss.end_recorded_at = max(recorded, loss.recorded_at)
            loss.ended_because = Loss.Ended(how)
            yield loss


def moment_of(value: datetime | str) -> datetime:
    """Return a moment of a plain cursor, which SQLite gives without its zone, or as text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _recovered(at: datetime) -> list[Loss]:
    spent = CustomerMeasures.objects.annotate(now=F("spend_365d") * 100)
    partial = Loss.objects.filter(
        ended_at__isnull=True, definition=LossKind.PARTIAL, spend_before__isnull=False
    )
    found = []
    for start_of in _in_parts(list(partial.order_by("pk"))):
        now = dict(
            spent.filter(customer__in=[loss.customer_id for loss in start_of]).values_list(
                "customer_id", "now"
            )
        )
        for loss in start_of:
            if (now.get(loss.customer_id) or 0) >= (loss.spend_before or 0) * RECOVERED:
                loss.ended_at = loss.end_recorded_at = at
                loss.ended_because = Loss.Ended.RECOVERED
                found.append(loss)
    return found


def _in_parts(rows: list[Loss]) -> Iterator[list[Loss]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
