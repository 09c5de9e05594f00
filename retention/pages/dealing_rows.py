"""What the page of dealings lists, each list cut to a page and read in a bounded number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet, Sum
from django.utils.translation import get_language

from customers.company import today
from customers.ground.localtime import day_of
from customers.ground.money import format_money
from customers.models import (
    CommunityMembership,
    CompetitorSighting,
    Customer,
    IndicatorValue,
    Invoice,
    InvoiceEvent,
    Order,
    Usage,
    UsageKind,
    UsageMetric,
)
from customers.models.usage import THOUSANDTHS
from retention.measures.history import months_of

PAGE = 15
MOST_PAGES = 1000
NEWEST = 5
MOST_BALANCES = 1000


@dataclass(frozen=True)
class Listed:
    """One page of a list; ``older`` and ``newer`` are numbers of pages, 0 when there is none."""

    rows: list[Any]
    older: int = 0
    newer: int = 0


@dataclass(frozen=True)
class Line:
    """A row with what is shown of it."""

    row: Any
    amount: str
    state: str = ""  # open, late, done, cancelled …
    parts: list[Any] = field(default_factory=list)
    owed: str = ""
    promised: str = ""


@dataclass(frozen=True)
class Counted:
    """One metric: its months, oldest first, and the newest quantity."""

    metric: UsageMetric
    total: str
    bars: list[int]
    newest: list[Any] = field(default_factory=list)


def page_number(text: str | None) -> int:
    """Return the page that an address names; the first for whatever is none."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 6
    return min(max(1, int(text)), MOST_PAGES) if is_number and text else 1


def orders_of(customer: Customer, *, page: int, at: datetime) -> Listed:
    """Return a page of orders, newest first."""
    found = Order.objects.filter(customer=customer, void=False).order_by("-occurred_at", "-pk")
    day = today(at).number
    return _listed(
        found,
        page,
        lambda order: Line(
            order,
            _money(order.sold - order.returned, order.currency),
            order_state(order, day),
            promised=day_of(order.promised_day).isoformat() if order.promised_day is not None else "",
        ),
    )


def order_state(order: Order, day: int) -> str:
    """Return how the delivery of an order stands on a day."""
    if order.status == Order.Status.CANCELLED:
        return "cancelled"
    delivered = order.delivered_day
    if delivered is not None:
        return "late" if order.promised_day is not None and delivered > order.promised_day else "delivered"
    if order.status == Order.Status.DELIVERED:
        return "delivered"
    if order.promised_day is None:
        return ""
    return "overdue" if order.promised_day < day else "open"


def invoices_of(customer: Customer, *, page: int, at: datetime) -> Listed:
    """Return a page of invoices with their payments, newest first."""
    steps = InvoiceEvent.objects.filter(void=False).exclude(kind=InvoiceEvent.Kind.ISSUED)
    found = (
        Invoice.objects.filter(customer=customer, void=False)
        .order_by("-occurred_at", "-pk")
        .prefetch_related(Prefetch("events", queryset=steps.order_by("occurred_at", "pk"), to_attr="paid"))
    )
    day = today(at).number

    def line(invoice: Any) -> Line:
        state = "paid" if not invoice.owed else "overdue" if invoice.due_day < day else "open"
        parts = [(step, _money(step.amount, invoice.currency)) for step in invoice.paid]
        owed = _money(invoice.owed, invoice.currency) if invoice.owed else ""
        return Line(invoice, _money(invoice.amount, invoice.currency), state, parts, owed)

    return _listed(found, page, line)


def sightings_of(customer: Customer, *, page: int) -> Listed:
    """Return a page of what competitors were seen to offer, newest first.

    ``state`` says how our price stands: dearer, cheaper or even; ``owed`` is ours.
    """
    found = (
        CompetitorSighting.objects.filter(customer=customer, void=False)
        .order_by("-occurred_at", "-pk")
        .select_related("competitor__merged_into", "product")
    )

    def line(sighting: CompetitorSighting) -> Line:
        seen, ours = sighting.price_seen, sighting.price_ours
        state = ""
        if seen is not None and ours is not None:
            state = "dearer" if ours > seen else "cheaper" if ours < seen else "even"
        return Line(
            sighting,
            "" if seen is None else _money(seen, sighting.currency),
            state,
            owed="" if ours is None else _money(ours, sighting.currency),
        )

    return _listed(found, page, line)


def memberships_of(customer: Customer, *, page: int) -> Listed:
    """Return the memberships of communities, the newest first."""
    found = CommunityMembership.objects.filter(customer=customer, void=False)
    listed = found.select_related("community", "contact").order_by("-occurred_at", "-pk")
    return _listed(listed, page, lambda row: row)


def indicators_of(customer: Customer, *, page: int) -> Listed:
    """Return the values of indicators, the newest first."""
    found = IndicatorValue.objects.filter(customer=customer, void=False)
    listed = found.select_related("indicator").order_by("-occurred_at", "-pk")
    return _listed(listed, page, lambda row: (row, _plain(row.milli)))


def usage_of(customer: Customer, *, at: datetime) -> list[Counted]:
    """Return each metric that was counted in the last twelve months, with its course by month."""
    starts = months_of(at)
    recent = Usage.objects.filter(customer=customer, void=False, occurred_day__gte=starts[0])
    used = recent.filter(kind=UsageKind.USE)
    per_day = used.values_list("metric_id", "occurred_day").annotate(Sum("milli"))
    held = recent.filter(kind=UsageKind.BALANCE).order_by("-occurred_at", "-pk")
    balances = list(held.values_list("metric_id", "product_id", "occurred_day", "milli")[:MOST_BALANCES])[
        ::-1
    ]
    bars: dict[int, list[int]] = {}
    for metric_id, day, milli in per_day:
        bars.setdefault(metric_id, [0] * len(starts))[_month(starts, day)] += milli
    for metric_id in {row[0] for row in balances}:
        bars[metric_id] = _standing(starts, [row[1:] for row in balances if row[0] == metric_id])
    newest: dict[int, list[Any]] = {}
    for rows in (used.order_by("-occurred_at", "-pk"), held):
        for row in rows.select_related("product")[:NEWEST]:
            newest.setdefault(row.metric_id, []).append((row, _plain(row.milli)))
    metrics = UsageMetric.objects.filter(pk__in=bars)
    return [
        Counted(
            metric,
            _plain(bars[metric.pk][-1] if metric.kind == UsageKind.BALANCE else sum(bars[metric.pk])),
            [max(0, milli) // THOUSANDTHS for milli in bars[metric.pk]],
            newest.get(metric.pk, []),
        )
        for metric in metrics
    ]


def _month(starts: list[int], day: int) -> int:
    return sum(1 for start in starts if start <= day) - 1


def _standing(starts: list[int], rows: Iterable[tuple[int | None, int, int]]) -> list[int]:
    """Return what stood at the end of each month: the newest of each product, added up."""
    months: list[dict[int | None, int]] = [{} for _start in starts]
    for product, day, milli in rows:
        months[_month(starts, day)][product] = milli
    standing: dict[int | None, int] = {}
    sums = []
    for month in months:
        standing.update(month)
        sums.append(sum(standing.values()))
    return sums


def _listed(found: QuerySet[Any, Any], page: int, line: Any) -> Listed:
    start = (page - 1) * PAGE
    rows = list(found[start : start + PAGE + 1])
    return Listed(
        [line(row) for row in rows[:PAGE]], page + 1 if len(rows) > PAGE else 0, page - 1 if page > 1 else 0
    )


def _money(minor: int, currency: str) -> str:
    return format_money(minor, currency, get_language() or "en")


def _plain(milli: int) -> str:
    return f"{(Decimal(milli) / THOUSANDTHS).normalize():,f}"
