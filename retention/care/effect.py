"""What a plan does: how many order again of those greeted, beside those left out on purpose.

Compared is what was drawn: everybody who could be reached when found belongs to one of the two groups by lot,
also if the greeting was put off too long or did not arrive. Counted is each customer once, from its first
occasion since the hold-out began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Sum, When

from customers import company
from customers.models import User
from retention.care.occasions import purchases
from retention.improving.rates import difference_interval
from retention.models import CarePlan, CareTouch
from surveys import figures

DAYS = 90


@dataclass(frozen=True)
class Group:
    """Customers of one group whose 90 days are over, and how many of them ordered in that time."""

    customers: int = 0
    ordered: int = 0

    @property
    def share(self) -> float | None:
        """Return the share that ordered, nothing of nobody."""
        return self.ordered / self.customers if self.customers else None

    @property
    def interval(self) -> figures.Interval | None:
        """Return the 95 % interval of the share by Wilson's score; none of nobody."""
        return figures.wilson(self.ordered, self.customers)


@dataclass(frozen=True)
class Effect:
    """Those drawn to be greeted and those withheld; ``running``: customers whose 90 days are not over."""

    greeted: Group
    withheld: Group
    running: int

    @property
    def difference(self) -> float | None:
        """Return how much larger the share of those greeted is."""
        if self.greeted.share is None or self.withheld.share is None:
            return None
        return self.greeted.share - self.withheld.share

    @property
    def interval(self) -> figures.Interval | None:
        """Return its 95 % interval, made of those of both shares (Newcombe's hybrid score)."""
        one, other = self.greeted, self.withheld
        if one.share is None or other.share is None or one.interval is None or other.interval is None:
            return None
        return difference_interval(one.share, other.share, one.interval, other.interval)


@dataclass(frozen=True)
class Counts:
    """How many greetings of a plan stand where, those withheld aside."""

    waiting: int = 0
    sent: int = 0
    closed: int = 0
    points: int = 0


def effect_of(plan: CarePlan, *, at: datetime) -> Effect:
    """Return the effect of a plan over all customers, in sums only. Two queries."""
    over = company.today(at).number - DAYS
    drawn = CareTouch.objects.filter(plan=plan, is_drawn=True)
    before = drawn.filter(customer=OuterRef("customer")).filter(
        Q(due_day__lt=OuterRef("due_day")) | Q(due_day=OuterRef("due_day"), pk__lt=OuterRef("pk"))
    )
    first = drawn.filter(~Exists(before))
    after = purchases().filter(
        customer=OuterRef("customer"),
        occurred_day__gt=OuterRef("due_day"),
        occurred_day__lte=OuterRef("due_day") + DAYS,
    )
    is_withheld = Case(When(state=CareTouch.State.WITHHELD, then=1), default=0, output_field=IntegerField())
    ordered = Sum(Case(When(Exists(after), then=1), default=0, output_field=IntegerField()))
    rows = (
        first.filter(due_day__lt=over)
        .order_by()
        .annotate(withheld=is_withheld)
        .values("withheld")
        .annotate(n=Count("pk"), ordered=ordered)
    )
    groups = {row["withheld"]: Group(row["n"], row["ordered"]) for row in rows}
    running = first.filter(due_day__gte=over).count()
    return Effect(groups.get(0, Group()), groups.get(1, Group()), running)


def counts_of(plans: list[int], *, user: User) -> dict[int, Counts]:
    """Return where the greetings of plans stand, of the customers that ``user`` may see.

    Those withheld are not counted.
    """
    State = CareTouch.State
    rows = (
        CareTouch.objects.visible_to(user)  # type: ignore[attr-defined]
        .filter(plan__in=plans)
        .order_by()
        .values("plan")
        .annotate(
            waiting=Count("pk", filter=Q(state__in=[State.WAITING, State.DEFERRED])),
            sent=Count("pk", filter=Q(state=State.SENT)),
            closed=Count("pk", filter=Q(state=State.CLOSED)),
            given=Sum(F("points")),
        )
    )
    return {row["plan"]: Counts(row["waiting"], row["sent"], row["closed"], row["given"]) for row in rows}
