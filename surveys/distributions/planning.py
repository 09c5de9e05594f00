"""Who is to be asked: written down as planned asks, once each, whoever plans and however often.

Groups and periods are gone through by chunks of customers, each its own transaction that also moves the
cursor: whoever is killed in between goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from customers import company
from customers.ground import drain, localtime, outbox
from customers.ground.models import OutboxRow
from customers.models import Contact
from surveys.distributions import asks, audiences, making, triggers
from surveys.distributions.choosing import is_in_sample, last_turn
from surveys.distributions.triggers import Occasion, Trigger
from surveys.models import Distribution, PlannedAsk, Survey

log = logging.getLogger(__name__)

Kind, Status = Distribution.Kind, Distribution.Status
State, Reason = PlannedAsk.State, PlannedAsk.Reason
CHUNK = 1_000
A_ROUND = 5  # chunks that the drain plans before it looks at other work


def run(*, at: datetime) -> int:
    """Plan all that is to be planned now, and close what comes too late; return how many chunks were planned.

    Side effects: distributions of a closed survey end; what came without an event (files) is found.
    """
    end_those_of_closed_surveys(at=at)
    _look_again(at=at)
    done = plan_due(at)
    while more := plan_due(at):
        done += more
    _search(at=at)
    close_late(at=at)
    return done


@drain.poller("surveys.planning")
def plan_due(at: datetime) -> int:
    """Plan a few chunks of the distributions that are not through with today; return how many."""
    today = company.find() and company.today(at).number
    if not today:
        return 0
    unfinished = Q(kind=Kind.SEGMENT, is_planned=False) | Q(kind=Kind.PERIODIC, planned_through__lt=today)
    due = Distribution.objects.filter(unfinished, status=Status.LIVE, fault="").order_by("id")
    done = 0
    for pk in list(due.values_list("pk", flat=True)):
        try:
            done += sum(_plan_chunk(pk, at=at) for _round in range(A_ROUND))
        except audiences.AudienceGone:
            Distribution.objects.filter(pk=pk).update(fault=Distribution.Fault.AUDIENCE)
            log.error("the group of a distribution is gone", extra={"distribution": pk})
    return done


def present_contacts(at: datetime) -> QuerySet[Contact]:
    """Return the contacts who are there: neither left nor erased, of customers that count."""
    today = localtime.day_of(company.today(at).number)
    there = Q(left_on=None) | Q(left_on__gt=today)
    return Contact.objects.filter(there, erased_at=None, customer__gone_at=None)


def close_late(*, at: datetime) -> int:
    """Close what nobody asked by its latest useful moment, as "not sent: too late"; return how many."""
    late = PlannedAsk.objects.filter(
        state=State.PLANNED, latest_at__lt=at, distribution__status__in=[Status.LIVE, Status.PAUSED]
    )
    return late.update(state=State.SKIPPED, reason=Reason.TOO_LATE, ended_at=at)


def end_those_of_closed_surveys(*, at: datetime) -> int:
    """End the distributions whose survey was closed; return how many."""
    standing = Distribution.objects.filter(
        status__in=[Status.LIVE, Status.PAUSED], survey__status=Survey.Status.CLOSED
    )
    found = list(standing.order_by("id"))
    for one in found:
        making.end(one, reason=Reason.SURVEY_CLOSED, by=None, at=at)
    return len(found)


def _look_again(*, at: datetime) -> None:
    """Let those go on whose group can be read again."""
    for one in Distribution.objects.exclude(fault="").exclude(status=Status.ENDED):
        try:
            with audiences.customers_of(one, at=at):
                Distribution.objects.filter(pk=one.pk).update(fault="")
        except audiences.AudienceGone:
            continue


# --- Groups and periods -----------------------------------------------------------------------
@transaction.atomic
def _plan_chunk(pk: int, *, at: datetime) -> bool:
    """Plan the next chunk of customers of a distribution; return whether there was one to plan."""
    rows = Distribution.objects.select_for_update(no_key=True).filter(pk=pk, status=Status.LIVE)
    one = rows.first()
    if one is None:
        return False
    today = company.today(at).number
    if one.kind == Kind.PERIODIC:
        if (one.planned_through or 0) >= today:
            return False
        # a pass over all customers that was begun yesterday ends with the day that it was begun for
        one.planning_day = one.planning_day or today
    elif one.is_planned:
        return False
    with audiences.customers_of(one, at=at) as customers:
        ahead = customers.filter(pk__gt=one.cursor).order_by("pk")
        ids = list(ahead.values_list("pk", flat=True)[:CHUNK])
    asks.write(_asks(one, ids, at=at))
    if len(ids) == CHUNK:
        one.cursor = ids[-1]
    elif one.kind == Kind.PERIODIC:
        one.cursor, one.planned_through, one.planning_day = 0, one.planning_day, None
    else:
        one.is_planned = True
    one.save(update_fields=["cursor", "planned_through", "planning_day", "is_planned"])
    return True


def _asks(one: Distribution, customer_ids: Sequence[int], *, at: datetime) -> Iterable[PlannedAsk]:
    contacts = present_contacts(at).filter(customer__in=customer_ids).order_by("id")
    if one.whom == Distribution.Whom.MAIN:
        contacts = contacts.filter(is_main=True)
    for contact, customer in contacts.values_list("pk", "customer_id"):
        day = None
        if one.kind == Kind.PERIODIC:
            day = _turn(one, contact)
            if day is None:
                continue
        key = asks.key_of(one, contact, day)
        if is_in_sample(one.pk, key, share=one.share):
            latest = at + timedelta(days=one.useful_days) if one.kind == Kind.PERIODIC else None
            yield _planned(one, customer, contact, key, due_at=at, latest_at=latest, at=at)


def _turn(one: Distribution, contact: int) -> int | None:
    """Return the day of a contact's turn that this pass is for; after a standstill the last one."""
    through, period = one.planning_day or 0, one.period_days or 1
    after = max(one.planned_through or 0, through - period)
    return last_turn(one.pk, contact, period=period, after=after, through=through)


def _planned(
    one: Distribution, customer: int, contact: int, key: str, *, at: datetime, **values: Any
) -> PlannedAsk:
    return PlannedAsk(
        distribution=one, customer_id=customer, contact_id=contact, key=key, planned_at=at, **values
    )


# --- Events -----------------------------------------------------------------------------------
@outbox.handler(triggers.HANDLER)
def event_is_asked_about(row: OutboxRow, at: datetime) -> None:
    """Plan what is asked about the thing that an event tells of; history is not asked about."""
    event = row.event
    if event is None or event.subject_id is None or event.data.get("history"):
        return
    for trigger in triggers.told_by(event.kind):
        if event.subject_type == trigger.model._meta.label_lower:
            for one in _running(trigger):
                plan_occasions(one, trigger, [event.subject_id], at=at)


def plan_occasions(one: Distribution, trigger: Trigger, ids: Sequence[int], *, at: datetime) -> None:
    """Plan the asks about things that happened since the distribution was started, and hold still.

    Whoever is not in the sample stands in the log, too: nobody looks at the thing again.
    """
    first = company.today(one.started_at or at).number
    zone = company.current().time_zone
    found = [
        occasion
        for occasion in trigger.find(ids).values()
        if localtime.day_number(occasion.moment, zone) >= first
    ]
    try:
        with audiences.customers_of(one, at=at) as customers:
            theirs = customers.filter(pk__in={occasion.customer_id for occasion in found})
            meant = set(theirs.values_list("pk", flat=True))
    except audiences.AudienceGone:
        Distribution.objects.filter(pk=one.pk).update(fault=Distribution.Fault.AUDIENCE)
        return
    found = [occasion for occasion in found if occasion.customer_id in meant]
    asked = _whom(found, at=at)
    made = [
        _ask_about(one, trigger, occasion, asked[occasion.subject_id], at=at)
        for occasion in found
        if occasion.subject_id in asked
    ]
    asks.plan_again(made)
    asks.write(made)


def _running(trigger: Trigger) -> list[Distribution]:
    """Return the distributions that ask about such events; those that pause, too: nothing is forgotten."""
    rows = Distribution.objects.filter(trigger=trigger.code, status__in=[Status.LIVE, Status.PAUSED])
    return list(rows.order_by("id"))


def _whom(found: Sequence[Occasion], *, at: datetime) -> dict[int, int]:
    """Return the contact to ask about each thing: whom it concerned, or the customer's main contact."""
    customers = {occasion.customer_id for occasion in found}
    there = list(
        present_contacts(at).filter(customer__in=customers).values_list("pk", "customer_id", "is_main")
    )
    known = {pk: customer for pk, customer, _is_main in there}
    main = {customer: pk for pk, customer, is_main in there if is_main}
    asked: dict[int, int] = {}
    for occasion in found:
        concerned = occasion.contact_id
        if concerned is not None and known.get(concerned) == occasion.customer_id:
            asked[occasion.subject_id] = concerned
        elif occasion.customer_id in main:
            asked[occasion.subject_id] = main[occasion.customer_id]
    return asked


def _ask_about(
    one: Distribution, trigger: Trigger, occasion: Occasion, contact: int, *, at: datetime
) -> PlannedAsk:
    due_at = occasion.moment + timedelta(days=one.delay_days)
    key = asks.key_about(one, trigger.model, occasion.subject_id)
    ask = _planned(
        one,
        occasion.customer_id,
        contact,
        key,
        due_at=due_at,
        latest_at=due_at + timedelta(days=one.useful_days),
        occasion_type=trigger.model._meta.label_lower,
        occasion_id=occasion.subject_id,
        at=at,
    )
    if not is_in_sample(one.pk, key, share=one.share):
        ask.state, ask.reason, ask.ended_at = State.SKIPPED, Reason.NOT_SAMPLED, at
    return ask


def _search(*, at: datetime) -> None:
    """Plan what happened without an event, in files say, as long as it is of use; by chunks."""
    today = company.today(at).number
    for trigger in triggers.offered():
        if trigger.search is None:
            continue
        for one in _running(trigger):
            first = max(company.today(one.started_at or at).number, today - one.delay_days - one.useful_days)
            found = trigger.search(first, today).order_by("pk")
            new = triggers.not_planned(one, found, trigger.model)
            after = 0
            while ids := list(new.filter(pk__gt=after).values_list("pk", flat=True)[:CHUNK]):
                plan_occasions(one, trigger, ids, at=at)
                after = ids[-1]
