"""Who sees to feedback of somebody unknown, and by when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count

from customers import company, complaints
from customers.ground.working_time import add_working_days, add_working_time
from customers.models import UnknownFeedback, User
from customers.models.people import Role

ANSWER_WITHIN = timedelta(hours=8)  # of working time, until she hears from us
RESOLVE_WITHIN_DAYS = 5  # working days


def promised(at: datetime) -> tuple[datetime, datetime]:
    """Return by when she hears from us, and by when it is to be resolved."""
    calendar = company.working_calendar()
    respond_by = add_working_time(at, ANSWER_WITHIN, calendar=calendar)
    due_day = add_working_days(at, RESOLVE_WITHIN_DAYS, calendar=calendar).toordinal()
    return respond_by, complaints.end_of_day(due_day)


def next_owner() -> User | None:
    """Return who sees to the next one: the lead with the fewest open ones, else an admin."""
    people = User.objects.filter(is_active=True, role__in=[Role.TEAM_LEAD, Role.ADMIN])
    load = dict(
        UnknownFeedback.objects.filter(state=UnknownFeedback.State.OPEN, owner__isnull=False)
        .order_by()
        .values_list("owner")
        .annotate(open=Count("pk"))
    )
    found = [(one.role != Role.TEAM_LEAD, load.get(one.pk, 0), one.pk, one) for one in people]
    return min(found, key=lambda one: one[:3])[3] if found else None
