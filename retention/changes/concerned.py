"""Whom a change concerns: counted before anything is announced, written down when it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from customers import company
from customers.ground import localtime
from customers.models import Contract, Customer, OrderLine, User
from customers.models.orders import Order
from retention import segments
from retention.calls.planning import wanting_no_calls
from retention.models import (
    BusinessChange,
    ConcernedCustomer,
    CustomerMeasures,
    FollowUpCall,
    RetentionCase,
)
from retention.models.standing import Tier

Scope = BusinessChange.Scope
AT_ONCE = 1_000
"""So many customers are written down in one transaction."""
TIERS = (*Tier.values, "")
"""The tiers as they are counted; the last one is "unknown"."""


@dataclass(frozen=True)
class Line:
    """Customers of one tier and what they bring."""

    tier: str
    customers: int
    margin: int  # base minor units of 365 days
    called: int  # of them, those who are to be called


@dataclass(frozen=True)
class Impact:
    """Whom a change concerns, as far as one person may see: see :func:`impact`."""

    lines: list[Line] = field(default_factory=list)
    contracts: int = 0
    contract_value: int = 0  # base minor units over their terms
    open_cases: int = 0

    @property
    def customers(self) -> int:
        """Return how many customers it concerns."""
        return sum(line.customers for line in self.lines)

    @property
    def margin(self) -> int:
        """Return their margin of 365 days, in base minor units."""
        return sum(line.margin for line in self.lines)

    @property
    def called(self) -> int:
        """Return how many of them are to be called."""
        return sum(line.called for line in self.lines)


def concerned(change: BusinessChange, *, at: datetime) -> QuerySet[Customer]:
    """Return the customers whom a change concerns now, by what it says: a set to narrow, count and page.

    Buyers are counted from ``bought_days`` before the announcement (before today, while it is a draft) to
    now, so that whoever still orders comes in. Raises ``ConditionRefused`` for a broken segment.
    """
    present: QuerySet[Customer] = Customer.objects.present()  # type: ignore[attr-defined]
    today = company.today(at).number
    if change.scope == Scope.SEGMENT and change.segment is not None:
        return segments.matching(segments.condition_of(change.segment), at=at)
    if change.scope == Scope.LISTED:
        return present.filter(pk__in=change.listed.values("customer_id"))
    if change.scope == Scope.CONTRACTS:
        return present.filter(pk__in=running(today).values("customer_id"))
    since = today
    if change.announced_at is not None:
        since = localtime.day_number(change.announced_at, company.current().time_zone)
    lines = OrderLine.objects.filter(
        product__in=change.about.values("product_id"),
        void=False,
        quantity__gt=0,
        occurred_day__gt=since - change.bought_days,
        occurred_day__lte=today,
        order__void=False,
    ).exclude(order__status=Order.Status.CANCELLED)
    return present.filter(pk__in=lines.order_by().values("customer_id"))


def running(day: int) -> QuerySet[Contract]:
    """Return the contracts that run on a local day."""
    return Contract.objects.filter(
        void=False,
        starts_day__lte=day,
        ends_day__gte=day,
        terminated_day__isnull=True,
        renewed_day__isnull=True,
    )


def valuable(change: BusinessChange, *, tier: str, margin: str) -> Q:
    """Return the condition that a customer is to be called: tier A, or a margin from the limit on."""
    wanted = Q(pk__in=[])
    if change.calls_top_tier:
        wanted |= Q(**{tier: Tier.A})
    if change.calls_margin is not None:
        wanted |= Q(**{f"{margin}__gte": change.calls_margin})
    return wanted


def impact(change: BusinessChange, *, user: User, at: datetime) -> Impact:
    """Return whom a change would concern, of the customers that ``user`` may see; six queries at most.

    Who wants no calls does not count as called. Raises ``ConditionRefused`` for a broken segment.
    """
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    who = concerned(change, at=at).filter(pk__in=visible.values("pk"))
    wanted = valuable(change, tier="measures__value_tier", margin="measures__margin_365d")
    called = Sum(Case(When(wanted, then=1), default=0, output_field=IntegerField()))
    rows = (
        who.order_by()
        .values(tier=Coalesce("measures__value_tier", Value("")))
        .annotate(customers=Count("pk"), margin=Coalesce(Sum("measures__margin_365d"), 0), called=called)
    )
    silent = _wanting_no_calls(who.filter(wanted))
    found = {row["tier"]: Line(**row | {"called": row["called"] - silent[row["tier"]]}) for row in rows}
    theirs = {"customer__in": who.order_by().values("pk")}
    contracts = (
        running(company.today(at).number)
        .filter(**theirs)
        .aggregate(n=Count("pk"), value=Coalesce(Sum("value_base"), 0))
    )
    return Impact(
        lines=[found[tier] for tier in TIERS if tier in found],
        contracts=contracts["n"],
        contract_value=contracts["value"],
        open_cases=RetentionCase.objects.open().filter(**theirs).count(),  # type: ignore[attr-defined]
    )


def _wanting_no_calls(who: QuerySet[Customer]) -> Counter[str]:
    """Return how many customers of each tier want no calls; two queries."""
    said = FollowUpCall.objects.filter(
        customer=OuterRef("pk"), status=FollowUpCall.Status.DONE, outcome=FollowUpCall.Outcome.DO_NOT_CALL
    )
    tiers = dict(who.filter(Exists(said)).order_by().values_list("pk", "measures__value_tier"))
    return Counter(tiers[pk] or "" for pk in wanting_no_calls(tiers))


def enrol(
    change: BusinessChange, *, is_late: bool, after: int = 0, most: int = AT_ONCE, at: datetime
) -> list[int]:
    """Write down the next customers whom a change concerns and who are not there yet; return them.

    Those with a number above ``after``, at most ``most``, with the tier and the margin of the moment. In
    the caller's transaction; safe to repeat.
    """
    there = ConcernedCustomer.objects.filter(change=change, customer=OuterRef("pk"))
    missing = concerned(change, at=at).filter(~Exists(there), pk__gt=after).order_by("pk")
    ids = list(missing.values_list("pk", flat=True)[:most])
    _write(change, ids, is_late=is_late, at=at)
    return ids


def _write(change: BusinessChange, ids: Sequence[int], *, is_late: bool, at: datetime) -> None:
    figures = {
        pk: (tier or "", margin or 0)
        for pk, tier, margin in CustomerMeasures.objects.filter(customer__in=ids).values_list(
            "customer_id", F("value_tier"), F("margin_365d")
        )
    }
    rows = []
    for pk in ids:
        tier, margin = figures.get(pk, ("", 0))
        rows.append(
            ConcernedCustomer(
                change=change,
                customer_id=pk,
                tier=tier,
                margin_365d=margin,
                is_late=is_late,
                added_at=at,
                changed_at=at,
            )
        )
    ConcernedCustomer.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
