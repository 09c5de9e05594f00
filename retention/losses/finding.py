"""Who is lost by a definition tonight: silent for too long, or spending far below the own past.

Reads the wide table, whose rows the night has just brought up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from customers import company
from customers.ground import localtime
from customers.ground.rows import insert_new
from retention.losses.completing import complete, margins_before
from retention.losses.definitions import Definition
from retention.losses.recording import end_partial, write_down_many
from retention.measures.catalogue.orders import LEAST_PURCHASE_DAYS
from retention.models import CustomerMeasures, Loss, LossKind, RetentionCase

CHUNK = 500
LEAST_ORDERS = 4  # of the year before, below which a fall of spend says nothing


@dataclass(frozen=True)
class Silence:
    """A customer that has not ordered since ``last`` and counts as lost from ``lost`` on: local days."""

    customer_id: int
    last: int
    lost: int
    kind: LossKind


def find(definitions: Mapping[LossKind, Definition], *, day: int, at: datetime) -> int:
    """Record the losses that the definitions find on local day ``day``; return how many are new.

    A customer that is lost already stays so, one that is partly lost may be lost altogether. Safe to
    repeat and to stop anywhere: goes by 500 customers, a transaction each.
    """
    found = silent(definitions, day=day)
    done = 0
    for start in range(0, len(found), CHUNK):
        done += _record(found[start : start + CHUNK], at=at)
    return done + _find_partial(definitions[LossKind.PARTIAL], day=day, at=at)


def silent(definitions: Mapping[LossKind, Definition], *, day: int) -> list[Silence]:
    """Return the silent customers that are not lost yet, in order; of two definitions the sooner one."""
    first: dict[int, Silence] = {}
    for found in (
        _by_window(definitions[LossKind.WINDOW], day=day),
        _by_rhythm(definitions[LossKind.PERSONAL], day=day),
    ):
        for one in found:
            known = first.get(one.customer_id)
            if known is None or one.lost < known.lost:
                first[one.customer_id] = one
    return _unless_just_regained([first[pk] for pk in sorted(first)], day=day)


def needed_days(*, days: int, percent: int, span: int, order_days: int) -> int:
    """Return after how many days without an order a customer counts as lost by its own rhythm.

    ``percent`` of the average interval (``span`` over ``order_days`` − 1), rounded up, at least ``days``.
    """
    return max(days, -(-percent * span // (100 * (order_days - 1))))


def _there() -> QuerySet[CustomerMeasures]:
    """Return the rows of customers that may become lost: they are there, without a running contract."""
    lost = Loss.objects.filter(customer=OuterRef("customer"), ended_at__isnull=True)
    rows: QuerySet[CustomerMeasures] = CustomerMeasures.objects.filter(
        ~Exists(lost.exclude(definition=LossKind.PARTIAL)),
        Q(contracts_running__isnull=True) | Q(contracts_running=0),
        customer__gone_at__isnull=True,
        last_order_day__isnull=False,
    )
    return rows


def _by_window(window: Definition, *, day: int) -> list[Silence]:
    if not window.is_on or window.days is None:
        return []
    rows = _there().filter(last_order_day__lte=day - window.days)
    return [
        Silence(pk, last, last + window.days, LossKind.WINDOW)
        for pk, last in rows.values_list("customer_id", "last_order_day")
    ]


def _by_rhythm(personal: Definition, *, day: int) -> list[Silence]:
    if not personal.is_on or personal.days is None or personal.percent is None:
        return []
    passed = (day - F("last_order_day")) * (F("order_days") - 1) * 100
    rows = (
        _there()
        .filter(order_days__gte=LEAST_PURCHASE_DAYS, last_order_day__lte=day - personal.days)
        .annotate(passed=passed)
        .filter(passed__gte=F("order_span_days") * personal.percent)
    )
    columns = ("customer_id", "last_order_day", "order_span_days", "order_days")
    return [
        Silence(
            pk,
            last,
            last + needed_days(days=personal.days, percent=personal.percent, span=span, order_days=n),
            LossKind.PERSONAL,
        )
        for pk, last, span, n in rows.values_list(*columns)
    ]


def _unless_just_regained(found: Sequence[Silence], *, day: int) -> list[Silence]:
    """Leave out whose loss a person ended less than the same time ago: the silence counts from that end.

    What else ends a loss is a fact of its own that the measures know, or the loss lasted no time.
    """
    if not found:
        return []
    zone = company.current().time_zone
    ended: dict[int, int] = {}
    over = Loss.objects.filter(
        ended_at__gt=F("occurred_at"), ended_because__in=[Loss.Ended.HAND, ""]
    ).exclude(definition=LossKind.PARTIAL)
    for start in range(0, len(found), CHUNK):
        ids = [one.customer_id for one in found[start : start + CHUNK]]
        last = over.filter(customer__in=ids).order_by().values_list("customer_id").annotate(Max("ended_at"))
        ended |= {pk: localtime.day_number(moment, zone) for pk, moment in last}
    kept = []
    for one in found:
        lost = max(one.last, ended.get(one.customer_id, one.last)) + one.lost - one.last
        if lost <= day:
            kept.append(Silence(one.customer_id, one.last, lost, one.kind))
    return kept


def _record(found: Sequence[Silence], *, at: datetime) -> int:
    zone = company.current().time_zone
    margins = margins_before({one.customer_id: one.last for one in found})
    new = [
        Loss(
            customer_id=one.customer_id,
            occurred_at=min(at, localtime.start_of_day(one.lost, zone)),
            recorded_at=at,
            churn_type=RetentionCase.ChurnType.PASSIVE,
            margin_365d=margins.get(one.customer_id, 0),
            definition=one.kind,
            last_order_day=one.last,
        )
        for one in found
    ]
    complete(new)
    with transaction.atomic():
        end_partial([loss.customer_id for loss in new], at=at)
        written = insert_new(new, known_by="customer")
        write_down_many(written, at=at)
    return len(written)


def _find_partial(partial: Definition, *, day: int, at: datetime) -> int:
    if not partial.is_on or partial.percent is None:
        return 0
    lost = Loss.objects.filter(customer=OuterRef("customer"), ended_at__isnull=True)
    rows = (
        CustomerMeasures.objects.filter(
            ~Exists(lost),
            customer__gone_at__isnull=True,
            orders_365d__gte=1,
            orders_prev_365d__gte=LEAST_ORDERS,
            spend_prev_365d__gt=0,
        )
        .annotate(now=F("spend_365d") * 100, least=F("spend_prev_365d") * partial.percent)
        .filter(now__lte=F("least"))
        .order_by("customer_id")
        .values_list("customer_id", "spend_prev_365d", "margin_prev_365d", "margin_365d")
    )
    found, done = list(rows), 0
    start_of_day = min(at, localtime.start_of_day(day, company.current().time_zone))
    for start in range(0, len(found), CHUNK):
        new = [
            Loss(
                customer_id=pk,
                occurred_at=start_of_day,
                recorded_at=at,
                churn_type=RetentionCase.ChurnType.HIDDEN,
                margin_365d=max(0, (before or 0) - (now or 0)),
                definition=LossKind.PARTIAL,
                spend_before=spend,
            )
            for pk, spend, before, now in found[start : start + CHUNK]
        ]
        complete(new)
        with transaction.atomic():
            written = insert_new(new, known_by="customer")
            write_down_many(written, at=at)
        done += len(written)
    return done
