"""Which cases have their next call due when."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from customers import company
from customers.ground import localtime
from retention.models import RetentionCase

SPANS = ("overdue", "today", "week", "none")


def due_in(cases: QuerySet[RetentionCase], span: str, *, at: datetime) -> QuerySet[RetentionCase]:
    """Keep cases whose next call is overdue at ``at``, due today, due in seven days, or not planned.

    ``span`` is one of :data:`SPANS`; today and the week end at midnight of the company's zone.
    """
    if span == "overdue":
        return cases.filter(due_at__lt=at)
    if span == "none":
        return cases.filter(due_at__isnull=True)
    zone = company.current().time_zone
    days = 1 if span == "today" else 7
    ends = localtime.start_of_day(localtime.day_number(at, zone) + days, zone)
    return cases.filter(due_at__gte=at, due_at__lt=ends)
