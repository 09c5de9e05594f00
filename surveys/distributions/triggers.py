"""What happens and is asked about afterwards: apps that know such events enter theirs here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import CharField, Exists, Model, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import events, localtime
from customers.models import Complaint, ComplaintEvent, Customer, FeedbackKind, Order
from surveys.distributions import asks
from surveys.models import Distribution, PlannedAsk

HANDLER = "surveys.event_is_asked_about"


@dataclass(frozen=True)
class Occasion:
    """One thing that happened at ``moment``; ``contact_id``: whom it concerned, if that is known."""

    subject_id: int
    customer_id: int
    contact_id: int | None
    moment: datetime


Found = dict[int, Occasion]


@dataclass(frozen=True)
class Trigger:
    """One kind of event.

    Attributes:
        model: what the event is about.
        kinds: the events that tell of it (``customers.ground.events``).
        find: of ids of the model, those that hold now: asked when it is planned, and again before anybody
            is asked.
        search: for what comes without an event, in files say: of the ids those that happened on the local
            days ``first`` … ``last``. ``None``: every one has its event.
        count: how many there were since a moment, for the forecast.
    """

    code: str
    label: str | Promise
    model: type[Model]
    kinds: tuple[str, ...]
    find: Callable[[Sequence[int]], Found]
    count: Callable[[QuerySet[Customer], datetime], int]
    search: Callable[[int, int], QuerySet[Model]] | None = None


_triggers: dict[str, Trigger] = {}


def register(trigger: Trigger) -> None:
    """Enter a kind of event (in ``AppConfig.ready()``, after this app's)."""
    _triggers[trigger.code] = trigger
    for kind in trigger.kinds:
        events.subscribe(kind, HANDLER)


def offered() -> list[Trigger]:
    """Return all kinds of events."""
    return list(_triggers.values())


def get(code: str) -> Trigger | None:
    """Return one kind of event."""
    return _triggers.get(code)


def told_by(kind: str) -> list[Trigger]:
    """Return the kinds of events that an event tells of."""
    return [one for one in _triggers.values() if kind in one.kinds]


def not_planned(distribution: Distribution, rows: QuerySet[Model], model: type[Model]) -> QuerySet[Model]:
    """Return those of ``rows`` about which nothing is planned yet."""
    stem = Value(asks.key_about(distribution, model, ""))
    known = PlannedAsk.objects.filter(key=Concat(stem, Cast(OuterRef("pk"), CharField())))
    return rows.exclude(Exists(known))


# --- What happens on the floor of customers ---------------------------------------------------
def _resolved(kind: str, ids: Sequence[int]) -> Found:
    """Return the feedback of a kind that is resolved, each with the moment of its last resolution."""
    rows = Complaint.objects.filter(pk__in=ids, kind=kind, state=Complaint.State.RESOLVED, void=False)
    steps = ComplaintEvent.objects.filter(
        complaint__in=ids, kind=ComplaintEvent.Kind.RESOLVED, void=False
    ).order_by("occurred_at")
    moments = dict(steps.values_list("complaint_id", "occurred_at"))
    return {
        pk: Occasion(pk, customer, contact, moments[pk])
        for pk, customer, contact in rows.values_list("pk", "customer_id", "contact_id")
        if pk in moments
    }


def _count_resolved(kind: str, among: QuerySet[Customer], since: datetime) -> int:
    steps = ComplaintEvent.objects.filter(
        kind=ComplaintEvent.Kind.RESOLVED, void=False, occurred_at__gte=since, customer__in=among.values("pk")
    )
    return steps.filter(complaint__kind=kind).values("complaint").distinct().count()


def _deliveries(rows: QuerySet[Order]) -> QuerySet[Order]:
    kept = rows.filter(void=False, is_purchase=True, delivered_day__isnull=False)
    return kept.exclude(status=Order.Status.CANCELLED)


def _delivered(ids: Sequence[int]) -> Found:
    zone = company.current().time_zone
    rows = _deliveries(Order.objects.filter(pk__in=ids)).values_list("pk", "customer_id", "delivered_day")
    return {
        pk: Occasion(pk, customer, None, localtime.start_of_day(day, zone))
        for pk, customer, day in rows
        if day is not None
    }


def _search_deliveries(first: int, last: int) -> QuerySet[Model]:
    rows = Order.objects.filter(delivered_day__gte=first, delivered_day__lte=last)
    return _deliveries(rows)  # type: ignore[return-value]


def _count_deliveries(among: QuerySet[Customer], since: datetime) -> int:
    first = localtime.day_number(since, company.current().time_zone)
    found = _deliveries(Order.objects.filter(delivered_day__gte=first, customer__in=among.values("pk")))
    return found.count()


OWN: Iterable[Trigger] = (
    Trigger(
        code="complaint_resolved",
        label=_("a complaint was resolved"),
        model=Complaint,
        kinds=("complaint.resolved",),
        find=partial(_resolved, FeedbackKind.COMPLAINT),
        count=partial(_count_resolved, FeedbackKind.COMPLAINT),
    ),
    Trigger(
        code="question_answered",
        label=_("a question was answered"),
        model=Complaint,
        kinds=("feedback.resolved",),
        find=partial(_resolved, FeedbackKind.QUESTION),
        count=partial(_count_resolved, FeedbackKind.QUESTION),
    ),
    Trigger(
        code="order_delivered",
        label=_("an order was delivered"),
        model=Order,
        kinds=(),
        find=_delivered,
        count=_count_deliveries,
        search=_search_deliveries,
    ),
)


def register_own() -> None:
    """Enter the events of the floor below (in ``ready()``)."""
    for trigger in OWN:
        register(trigger)
