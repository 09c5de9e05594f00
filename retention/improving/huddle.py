"""What the team looks at together once a week: new causes, loops overdue, rises, improvements due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce

from customers import company
from customers.ground import localtime
from customers.models import Cause, Complaint, Customer, FeedbackKind, User
from retention.models import ImprovementAction, LoopClosure, RiseAlarm

WEEK, BEFORE = 7, 28
MOST = 20
"""So many lines of each kind fit the sheet; how many more there are stands below."""


@dataclass(frozen=True)
class NamedCause:
    """A cause that customers named this week: how often, and how often in the four weeks before."""

    cause: Cause
    now: int
    before: int

    @property
    def is_new(self) -> bool:
        """Say whether nobody named it in the four weeks before."""
        return self.before == 0


@dataclass(frozen=True)
class Huddle:
    """One sheet; ``more``: by the name of a list, how many more lines it would have."""

    first: date
    last: date
    causes: list[NamedCause]
    loops: list[LoopClosure]
    alarms: list[RiseAlarm]
    actions: list[ImprovementAction]
    more: dict[str, int]


def huddle(user: User, *, at: datetime) -> Huddle:
    """Return what there is to talk about, of the customers that ``user`` may see; nine queries at most."""
    today = company.today(at).number
    day = localtime.day_of(today)
    loops: QuerySet[LoopClosure] = LoopClosure.objects.visible_to(user)  # type: ignore[attr-defined]
    late = loops.filter(state__in=LoopClosure.OPEN_STATES).filter(
        Q(due_at__lt=at) | Q(contacted_at=None, respond_by__lt=at)
    )
    actions = ImprovementAction.objects.visible_to(user).open()  # type: ignore[attr-defined]
    lists: dict[str, QuerySet[Any]] = {
        "loops": late.select_related("customer", "owner", "cause").order_by("due_at", "pk"),
        "alarms": RiseAlarm.objects.filter(state=RiseAlarm.State.OPEN)
        .select_related("product")
        .order_by("q", "pk"),
        "actions": actions.filter(due_on__lte=day + timedelta(days=WEEK))
        .select_related("owner")
        .order_by("due_on", "pk"),
    }
    found = {name: list(rows[:MOST]) for name, rows in lists.items()}
    more = {
        name: lists[name].order_by().count() - MOST if len(rows) == MOST else 0
        for name, rows in found.items()
    }
    named = _causes(user, today=today)
    return Huddle(
        first=day - timedelta(days=WEEK - 1),
        last=day,
        causes=named[:MOST],
        more={**more, "causes": max(len(named) - MOST, 0)},
        **found,
    )


def _causes(user: User, *, today: int) -> list[NamedCause]:
    """Return the causes of this week's complaints, new ones first, then the most frequent."""
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    week, first = today - WEEK, today - WEEK - BEFORE
    rows = Complaint.objects.filter(
        void=False,
        kind__in=[FeedbackKind.COMPLAINT, FeedbackKind.SUGGESTION],
        occurred_day__gt=first,
        occurred_day__lte=today,
        customer__in=visible.order_by().values("pk"),
    ).annotate(named=Coalesce("cause", "loop__cause"))
    counted = rows.exclude(named=None).order_by().values("named")
    counts = {
        row["named"]: (row["now"], row["before"])
        for row in counted.annotate(
            now=Count("pk", filter=Q(occurred_day__gt=week)),
            before=Count("pk", filter=Q(occurred_day__lte=week)),
        )
        if row["now"]
    }
    causes = Cause.objects.in_bulk(list(counts))
    found = [NamedCause(causes[pk], *both) for pk, both in counts.items()]
    return sorted(found, key=lambda one: (not one.is_new, -one.now, one.cause.pk))
