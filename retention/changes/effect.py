"""What a change did to those whom it concerned: how many were lost since, beside what is comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from customers import company
from customers.ground import localtime
from customers.models import Customer, Order
from retention.models import BusinessChange, ConcernedCustomer, Loss, LossKind, Standing
from surveys import figures


@dataclass(frozen=True)
class Share:
    """``lost`` of ``customers`` who were there when the time began."""

    customers: int
    lost: int

    @property
    def share(self) -> float | None:
        """Return the share, nothing of nobody."""
        return self.lost / self.customers if self.customers else None

    @property
    def interval(self) -> figures.Interval | None:
        """Return the 95 % interval of the share; none of nobody."""
        return figures.wilson(self.lost, self.customers)

    @property
    def variance(self) -> float:
        """Return the variance of the share; one customer lost and one kept more keep it above nothing."""
        p = (self.lost + 1) / (self.customers + 2)
        return p * (1 - p) / (self.customers + 2)


@dataclass(frozen=True)
class Difference:
    """How many more of a hundred were lost (a share), with its 95 % interval."""

    more: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """Losses of those concerned since the announcement, their own before, and those of the others.

    ``others`` has, of each tier, as much weight as that tier has among those concerned.
    """

    days: int
    concerned: Share
    before: Share
    others: Share
    expected: float | None  # the share lost of the others, weighted
    against_before: Difference | None
    against_others: Difference | None


def effect_of(change: BusinessChange, *, at: datetime) -> Effect | None:
    """Return what is known of the effect of a change; nothing before a whole day has passed.

    Compared are, each over as many days as have passed: the customers who were concerned at the
    announcement, the same customers before it, and the customers of the same tier who were not concerned;
    each only as far as they were customers when the time began. Partial losses do not count.
    The comparison is no proof: see docs/changes.md. Three queries.
    """
    begun, ended = change.announced_at, change.closed_at or at
    if begun is None:
        return None
    days = (ended - begun).days
    if days < 1:
        return None
    span = timedelta(days=days)
    rows = ConcernedCustomer.objects.filter(change=change, is_late=False).annotate(group=F("tier"))
    now = _by_group(rows, "customer", begun, begun + span)
    before = _total(_by_group(rows, "customer", begun - span, begun))
    tier = Standing.objects.filter(customer=OuterRef("pk"), void=False, occurred_at__lte=begun)
    newest = tier.order_by("-occurred_at", "-pk").values("value_tier")[:1]
    there = ConcernedCustomer.objects.filter(change=change, customer=OuterRef("pk"))
    present = Customer.objects.present().filter(~Exists(there))  # type: ignore[attr-defined]
    others = _by_group(
        present.annotate(group=Coalesce(Subquery(newest), Value(""))), "pk", begun, begun + span
    )
    total = _total(now)
    expected, variance = _weighted(now, others)
    return Effect(
        days=days,
        concerned=total,
        before=before,
        others=_total({group: others[group] for group in now if group in others}),
        expected=expected,
        against_before=_difference(total, before.share, before.variance),
        against_others=_difference(total, expected, variance),
    )


def _by_group(rows: QuerySet, customer: str, start: datetime, end: datetime) -> dict[str, Share]:
    """Return, by group, who was a customer when a time began and how many of them were lost in it."""
    known = Customer.objects.filter(_known_before(start), pk=OuterRef(customer))
    losses = Loss.objects.filter(customer=OuterRef(customer)).exclude(definition=LossKind.PARTIAL)
    gone = losses.filter(Q(ended_at=None) | Q(ended_at__gt=start), occurred_at__lt=start)
    lost = losses.filter(occurred_at__gte=start, occurred_at__lt=end)
    counted = Sum(Case(When(Exists(lost), then=1), default=0, output_field=IntegerField()))
    found = (
        rows.filter(Exists(known), ~Exists(gone))
        .order_by()
        .values("group")
        .annotate(n=Count("pk"), lost=counted)
    )
    return {row["group"]: Share(row["n"], row["lost"]) for row in found}


def _known_before(moment: datetime) -> Q:
    """Return the condition that somebody was a customer: here already, said to be, or having ordered."""
    ordered = Order.objects.filter(customer=OuterRef("pk"), void=False, occurred_at__lt=moment)
    day = localtime.to_local(moment, company.current().time_zone).date()
    return Q(created_at__lt=moment) | Q(since__lt=day) | Q(Exists(ordered))


def _total(groups: Mapping[str, Share]) -> Share:
    return Share(sum(one.customers for one in groups.values()), sum(one.lost for one in groups.values()))


def _weighted(now: Mapping[str, Share], others: Mapping[str, Share]) -> tuple[float | None, float]:
    """Return the share lost of the others in the tiers of those concerned, and its variance.

    Direct standardisation; tiers that only those concerned have are left out of the weights.
    """
    shared = [group for group in now if now[group].customers and others.get(group, Share(0, 0)).customers]
    weight = sum(now[group].customers for group in shared)
    if not weight:
        return None, 0.0
    parts = [(now[group].customers / weight, others[group]) for group in shared]
    share = sum(part * (one.share or 0.0) for part, one in parts)
    return share, sum(part * part * one.variance for part, one in parts)


def _difference(one: Share, share: float | None, variance: float) -> Difference | None:
    if one.share is None or share is None:
        return None
    more, half = one.share - share, figures.Z * sqrt(one.variance + variance)
    return Difference(more, max(-1.0, more - half), min(1.0, more + half))
