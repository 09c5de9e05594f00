"""What the demo company does about why customers complain: one improvement done, one under way, one planned."""

# ruff: noqa: E501 — sentences in two languages
from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count

from customers import company
from customers.ground import localtime
from customers.models import Cause, Complaint, FeedbackKind, OrderLine, Product, User
from retention.demo.weeks import mornings_before
from retention.improving import attaching, planning
from retention.models import ImprovementAction, LoopClosure

Moves = ImprovementAction.Moves
BEGAN, ENDED = timedelta(days=70), timedelta(days=45)
MOST = 12
BOXES = "易损商品换加厚纸箱 Sturdier boxes"
EARLY_VAN = "华东早班配送 Early van for the east"
LOTS = "外箱印批次 Lots printed on the box"
TOLD_EN = "Fragile goods now come in double-walled boxes with dry padding, and the driver opens one of them with you."
TOLD_ZH = "易损商品已全部改用双层纸箱加防潮垫，送到时司机会和您一起开箱检查。"


@transaction.atomic
def improve(*, at: datetime) -> int:
    """Plan three improvements, carry one out and another half; return how many there are.

    Nobody is told of the one that is done: that is left to whoever looks at the demo.
    """
    lead = User.objects.filter(username="lead").first()
    manager = User.objects.filter(username="manager").first()
    if lead is None or manager is None:
        return 0
    _boxes(lead, at=at)
    _early_van(manager, lead, at=at)
    _lots(lead, at=at)
    return ImprovementAction.objects.count()


def _boxes(lead: User, *, at: datetime) -> None:
    """Improve what came back most, and answer those who complained of damage before."""
    began, ended = at - BEGAN, at - ENDED
    plan = planning.Plan(
        title=BOXES,
        owner=lead,
        due_on=_day(ended),
        moves=Moves.RETURNS,
        product=_comes_back(before=ended),
        cost=1_860_000,
        begins_on=_day(began),
    )
    action = planning.plan_improvement(plan, by=lead, at=began - timedelta(days=4))
    planning.begin(action, by=lead, at=began)
    raised = Complaint.objects.filter(
        kind=FeedbackKind.COMPLAINT,
        category="damaged",
        void=False,
        recorded_at__lt=ended,
        customer__gone_at=None,
    )
    for complaint in raised.order_by("-recorded_at", "-pk")[:MOST]:
        attaching.attach(action, complaint=complaint, by=lead, at=ended)
    planning.finish(action, told_en=TOLD_EN, told_zh=TOLD_ZH, by=lead, at=ended)


def _early_van(manager: User, lead: User, *, at: datetime) -> None:
    mornings = mornings_before(at, calendar=company.working_calendar())
    plan = planning.Plan(
        title=EARLY_VAN,
        owner=manager,
        due_on=_day(at + timedelta(days=20)),
        moves=Moves.COMPLAINTS,
        causes=list(Cause.objects.filter(code="late_delivery")),
        cost=4_200_000,
        begins_on=_day(mornings[5]),
    )
    action = planning.plan_improvement(plan, by=lead, at=mornings[3])
    planning.begin(action, by=manager, at=mornings[5])
    late = LoopClosure.objects.filter(cause__code="late_delivery", complaint__isnull=False)
    for loop in late.order_by("pk")[:MOST]:
        attaching.attach(action, loop=loop, by=manager, at=mornings[9])


def _lots(lead: User, *, at: datetime) -> None:
    mornings = mornings_before(at, calendar=company.working_calendar())
    plan = planning.Plan(
        title=LOTS,
        owner=lead,
        due_on=_day(at + timedelta(days=35)),
        moves=Moves.MEAN,
        measure="complaints_90d",
    )
    action = planning.plan_improvement(plan, by=lead, at=mornings[8])
    asked = LoopClosure.objects.filter(kind=FeedbackKind.SUGGESTION, action=LoopClosure.Action.IMPROVED)
    for loop in asked.order_by("pk")[:MOST]:
        attaching.attach(action, loop=loop, by=lead, at=mornings[9])


def _comes_back(*, before: datetime) -> Product:
    """Return the product of which most lines came back in the quarter before a moment."""
    lines = OrderLine.objects.filter(
        quantity__lt=0, void=False, occurred_at__lt=before, occurred_at__gte=before - timedelta(days=90)
    )
    counted = lines.order_by().values("product").annotate(n=Count("pk")).order_by("-n", "product")
    first = counted.first()
    return Product.objects.get(pk=first["product"]) if first else Product.objects.earliest("pk")


def _day(at: datetime) -> date:
    return localtime.day_of(company.today(at).number)
