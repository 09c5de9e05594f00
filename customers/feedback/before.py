"""What the same customer told us before: the same once more, or a first failure that makes this worse."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from customers.models import Complaint, Contact, Customer, FeedbackKind, Order

FAILED_AGAIN_WITHIN = timedelta(days=60)
"""Recovery after one failure lasts no second one: Knox and van Oest 2014, J. of Marketing 78(5)."""

SAME_WITHIN = timedelta(days=14)
"""Within it, feedback of the same kind in the same words is the same feedback."""

SAME_ORDER_WITHIN = timedelta(days=30)
MOST_ALIKE = 5
_MOST_READ = 200
_BETWEEN = re.compile(r"[\W_]+")


def failed_lately(customer: Customer | int, *, at: datetime, but: int | None = None) -> bool:
    """Say whether the customer complained within the 60 days before ``at``; of complaints alone."""
    found = Complaint.objects.filter(
        customer=customer,
        kind=FeedbackKind.COMPLAINT,
        void=False,
        occurred_at__gt=at - FAILED_AGAIN_WITHIN,
        occurred_at__lte=at,
    )
    return found.exclude(pk=but).exists()


def failures(customers: Iterable[int], *, since: datetime, until: datetime) -> dict[int, list[datetime]]:
    """Return when each customer complained after ``since`` until ``until``, in order of time. One query."""
    found: dict[int, list[datetime]] = {}
    rows = Complaint.objects.filter(
        customer__in=customers,
        kind=FeedbackKind.COMPLAINT,
        void=False,
        occurred_at__gt=since,
        occurred_at__lte=until,
    )
    for customer_id, moment in rows.order_by("occurred_at").values_list("customer_id", "occurred_at"):
        found.setdefault(customer_id, []).append(moment)
    return found


def alike(
    customer: Customer,
    *,
    kind: str,
    text: str,
    contact: Contact | None = None,
    order: Order | None = None,
    at: datetime,
) -> list[Complaint]:
    """Return what may be the same feedback, the newest first, at most five.

    The same is what the same person (or a person not named) said of the same kind about the same order
    within 30 days, and what is of the same kind in the same words within 14 days, by when it was said or
    filed; letter case, spaces and punctuation do not count. What came after ``at`` counts, too: who waited
    for another one may bring the earlier moment.
    """
    since = Complaint.objects.filter(customer=customer, kind=kind, void=False)
    found: dict[int, Complaint] = {}
    if order is not None:
        whose = Q() if contact is None else Q(contact=contact) | Q(contact=None)
        for row in _newest(since.filter(whose, order=order, occurred_at__gte=at - SAME_ORDER_WITHIN)):
            found[row.pk] = row
    words = bare(text)
    if words:
        lately = Q(occurred_at__gte=at - SAME_WITHIN) | Q(recorded_at__gte=at - SAME_WITHIN)
        for row in _newest(since.filter(lately)):
            if bare(row.text) == words:
                found[row.pk] = row
    return sorted(found.values(), key=lambda row: (row.occurred_at, row.pk), reverse=True)[:MOST_ALIKE]


def bare(text: str) -> str:
    """Return the letters and digits of a text, without case, spaces and punctuation; all of one without."""
    return _BETWEEN.sub("", text.casefold()) or "".join(text.split())


def _newest(rows: QuerySet[Complaint]) -> QuerySet[Complaint]:
    return rows.select_related("order", "contact").order_by("-occurred_at", "-pk")[:_MOST_READ]
