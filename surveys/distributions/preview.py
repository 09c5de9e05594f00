"""What a distribution would do: whom it would ask now, how many a day, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from customers import company
from customers import contact as contacting
from customers.ground.counting import counted
from customers.models import Channel, Contact, ContactReason, Customer, Sender, User
from surveys import sending
from surveys.distributions import asks, audiences, handing, planning, triggers
from surveys.distributions.choosing import is_in_sample, turn_of
from surveys.models import Distribution, PlannedAsk, Survey

Kind = Distribution.Kind
SHOWN = 10
LOOKED_AT = 2_000  # contacts among whom those are sought who would be asked now
COUNT_UP_TO = 1_000_001
PAST = 30  # days whose events say how many a day there are


@dataclass(frozen=True)
class Person:
    """Somebody who would be asked now: by which way, or why she cannot be."""

    contact: Contact
    way: str
    obstacle: str | Promise


@dataclass
class Preview:
    """What would happen.

    Attributes:
        people: how many contacts the distribution is for; of events: how many there were in 30 days.
        now: how many of them would be asked as soon as it starts, at most as many as a day allows.
        a_day: how many would be asked on each of the following days, on average.
        days: how many days it takes to ask everybody once; ``None``: it goes on.
        warnings: what is likely to go otherwise than one expects.
        first: some of those who would be asked now, as far as the one who looks may see them.
    """

    people: int = 0
    now: int = 0
    a_day: float = 0.0
    days: int | None = None
    warnings: list[str] = field(default_factory=list)
    first: list[Person] = field(default_factory=list)

    @property
    def a_day_written(self) -> str:
        """Return how many a day, without figures that nobody knows."""
        return f"{self.a_day:,.0f}" if self.a_day >= 10 or self.a_day == 0 else f"{self.a_day:.1f}"


def preview(distribution: Distribution, *, user: User, at: datetime) -> Preview:
    """Return what would happen if the distribution were started at ``at``; nothing is written.

    Numbers are of all whom it would ask; people are shown only as far as ``user`` may see them. A group or a
    period counts a share of all contacts; so many events as in the last 30 days are taken to come.
    """
    told = Preview()
    try:
        with audiences.customers_of(distribution, at=at) as customers:
            _count(told, distribution, customers, at=at)
            told.first = _first(distribution, customers, user=user, at=at)
    except audiences.AudienceGone as refusal:
        told.warnings.append(str(refusal))
        return told
    told.warnings += list(_warnings(distribution, told))
    return told


def _count(told: Preview, one: Distribution, customers: QuerySet[Customer], *, at: datetime) -> None:
    cap = float("inf") if one.per_day is None else one.per_day
    if one.kind == Kind.EVENT:
        trigger = triggers.get(one.trigger)
        told.people = trigger.count(customers, at - timedelta(days=PAST)) if trigger else 0
        told.a_day = min(told.people * one.share / 100 / PAST, cap)
        return
    if one.kind == Kind.LIST:
        told.people = PlannedAsk.objects.filter(distribution=one, state=PlannedAsk.State.PLANNED).count()
    else:
        told.people = counted(COUNT_UP_TO, people=_contacts(one, customers, at=at))["people"]
    chosen = told.people * one.share / 100
    if one.kind == Kind.PERIODIC:
        told.a_day = min(chosen / (one.period_days or 1), cap)
        told.now = round(told.a_day)
        return
    told.now = int(min(round(chosen), cap))
    told.a_day = float(told.now)
    told.days = -(-round(chosen) // told.now) if told.now else 0


def _contacts(one: Distribution, customers: QuerySet[Customer], *, at: datetime) -> QuerySet[Contact]:
    found = planning.present_contacts(at).filter(customer__in=customers.order_by().values("pk"))
    return found.filter(is_main=True) if one.whom == Distribution.Whom.MAIN else found


def _first(one: Distribution, customers: QuerySet[Customer], *, user: User, at: datetime) -> list[Person]:
    """Return some of those who would be asked now; whom an event will concern nobody knows."""
    if one.kind == Kind.EVENT:
        return []
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    if one.kind == Kind.LIST:
        chosen = PlannedAsk.objects.filter(distribution=one, state=PlannedAsk.State.PLANNED)
        found = planning.present_contacts(at).filter(pk__in=chosen.order_by().values("contact"))
    else:
        found = _contacts(one, customers, at=at)
    mine = (
        found.filter(customer__in=visible.order_by().values("pk")).select_related("customer").order_by("pk")
    )
    due = _due(one, mine[:LOOKED_AT], at=at)
    return [_person(contact, one, at=at) for contact, _number in zip(due, range(SHOWN), strict=False)]


def _due(one: Distribution, contacts: QuerySet[Contact], *, at: datetime) -> Iterator[Contact]:
    today = company.today(at).number
    for contact in contacts:
        day = today if one.kind == Kind.PERIODIC else None
        if day is not None:
            period = one.period_days or 1
            if turn_of(one.pk, contact.pk, period=period) != today % period:
                continue
        if is_in_sample(one.pk, asks.key_of(one, contact.pk, day), share=one.share):
            yield contact


def _person(contact: Contact, one: Distribution, *, at: datetime) -> Person:
    way = handing.way_to(contact, one, at=at)
    purpose = sending.purpose_of(one.survey)
    obstacle = contacting.obstacle_to(contact, purpose=purpose, channel=way, at=at)
    if not obstacle and handing.was_asked_lately(one.survey, contact, days=one.not_asked_days, at=at):
        return Person(contact, str(Channel(way).label), PlannedAsk.Reason.ASKED_LATELY.label)
    return Person(contact, str(Channel(way).label), ContactReason(obstacle).label if obstacle else "")


def _warnings(one: Distribution, told: Preview) -> Iterator[str]:
    if one.survey.status != Survey.Status.LIVE:
        yield _("The survey is not live yet: publish it before you start.")
    ways = [way for way in (one.channel, one.fallback) if way]
    ready = set(Sender.objects.filter(is_active=True, channel__in=ways).values_list("channel", flat=True))
    for way in ways:
        if way not in ready:
            yield _("Nothing can be sent by %(channel)s yet: no sender is in use.") % {
                "channel": Channel(way).label
            }
    if one.kind == Kind.PERIODIC and one.per_day is not None:
        turns = told.people * one.share / 100 / (one.period_days or 1)
        if turns > one.per_day:
            yield _(
                "%(turns)s people have their turn on a day, but only %(most)s are asked. Who is not asked "
                "within %(days)s days is not asked until her next turn."
            ) % {"turns": round(turns), "most": one.per_day, "days": one.useful_days}
    if one.kind != Kind.EVENT and not told.people:
        yield _("There is nobody to ask yet.")
