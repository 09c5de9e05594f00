"""Who sees to feedback of somebody unknown, and by when."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count

from customers import complaints
from customers.feedback import deadlines
from customers.models import UnknownFeedback, User
from customers.models.people import Role


def promised(kind: str, *, at: datetime) -> tuple[datetime, datetime]:
    """Return by when she hears from us, and by when it is to be resolved."""
    counting = deadlines.read()
    due_day = counting.due_day(kind, at=at)
    return counting.respond_by(kind, at=at, due_day=due_day), complaints.end_of_day(due_day)


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
