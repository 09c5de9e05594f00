"""The companies below a customer, summed up, and the one that needs somebody most.

Only those that the reader may see count; of the others it is said how many there are
(``customers.groups`` says why).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from customers import groups
from customers.models import Complaint, Customer, FeedbackKind, User
from retention.models import CustomerMeasures, RetentionCase

MOST_CHILDREN = 20


@dataclass(frozen=True)
class Child:
    """One company below: its spend of 12 months, the severity of its open case, its open complaints."""

    pk: int
    name: str
    spend: int
    severity: int
    complaints: int


@dataclass(frozen=True)
class Group:
    """All that lies below a customer."""

    count: int
    hidden: int
    spend: int
    cases: int
    complaints: int
    children: list[Child]

    @property
    def worst(self) -> Child | None:
        """Return the child with the most severe open case; without any, the one that complains."""
        first = self.children[0] if self.children else None
        return first if first and (first.severity or first.complaints) else None


def group_of(customer: Customer, user: User) -> Group | None:
    """Return what lies below a customer, the worst first: severity, then complaints, then money at risk."""
    below = groups.all_below(customer)
    if not below:
        return None
    everybody = Customer.objects.filter(pk__in=below, gone_at__isnull=True)
    seen = Customer.objects.visible_to(user).filter(pk__in=below)  # type: ignore[attr-defined]
    rows = _with_figures(seen)
    totals = rows.aggregate(
        count=Count("pk"),
        money=Sum("spend"),
        cases=Count("pk", filter=Q(severity__gt=0)),
        open=Sum("complaints_open"),
    )
    worst = rows.order_by("-severity", "-complaints_open", "-spend", "pk")[:MOST_CHILDREN]
    return Group(
        count=totals["count"],
        hidden=everybody.count() - totals["count"],
        spend=totals["money"] or 0,
        cases=totals["cases"],
        complaints=totals["open"] or 0,
        children=[Child(r.pk, r.name, r.spend, r.severity, r.complaints_open) for r in worst],
    )


def _with_figures(customers: QuerySet[Customer]) -> QuerySet[Any]:
    spend = CustomerMeasures.objects.filter(customer=OuterRef("pk")).values("spend_365d")[:1]
    case = RetentionCase.objects.open().filter(customer=OuterRef("pk"))  # type: ignore[attr-defined]
    complaints = Complaint.objects.filter(
        customer=OuterRef("pk"), state=Complaint.State.OPEN, kind=FeedbackKind.COMPLAINT, void=False
    )
    counted = complaints.order_by().values("customer").annotate(n=Count("pk")).values("n")
    return customers.annotate(
        spend=Coalesce(Subquery(spend), 0),
        severity=Coalesce(Subquery(case.values("severity")[:1]), 0),
        complaints_open=Coalesce(Subquery(counted), 0),
    )
