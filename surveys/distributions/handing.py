"""Planned asks are handed to the sending when they are due: once each, and no more a day than was said."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef

from customers import company, stubs
from customers import contact as contacting
from customers.ground import clock, drain, localtime
from customers.models import Contact
from surveys import sending
from surveys.distributions import triggers
from surveys.distributions.choosing import is_in_sample
from surveys.models import Distribution, Invitation, PlannedAsk, Survey, SurveyDispatch

log = logging.getLogger(__name__)

Status, State, Reason = Distribution.Status, PlannedAsk.State, PlannedAsk.Reason
AT_ONCE = 50
PUT_OFF = timedelta(hours=1)  # after a fault of ours


@drain.poller("surveys.distributions")
def hand_over_due(at: datetime) -> int:
    """Hand over some of what is due; return how many asks were decided."""
    return hand_over_some(at=at, limit=AT_ONCE)


def hand_over_some(*, at: datetime, limit: int) -> int:
    """Hand over about ``limit`` of what is due, some of each distribution; return how many were decided.

    A distribution that has reached its number of the day rests until the next local day. Of one that
    fails the ask that failed is put off, so that it does not keep the others.
    """
    due = PlannedAsk.objects.filter(distribution=OuterRef("pk"), state=State.PLANNED, due_at__lte=at)
    rested = models.Q(full_until=None) | models.Q(full_until__lte=at)
    running = Distribution.objects.filter(rested, Exists(due), status=Status.LIVE).order_by("id")
    waiting = list(running.values_list("pk", flat=True))
    done = 0
    for pk in waiting:
        asks = PlannedAsk.objects.filter(distribution=pk, state=State.PLANNED, due_at__lte=at)
        for ask in list(
            asks.order_by("due_at", "id").values_list("pk", flat=True)[: 1 + limit // len(waiting)]
        ):
            try:
                outcome = hand_over(ask, at=at)
            except Exception:
                log.exception("planned ask failed", extra={"planned_ask": ask})
                PlannedAsk.objects.filter(pk=ask, state=State.PLANNED).update(due_at=at + PUT_OFF)
                continue
            if outcome is None:
                break
            done += outcome
    return done


def hand_over(pk: int, *, at: datetime) -> bool | None:
    """Ask the person of one planned ask, or note why not; return whether it was ours to decide.

    ``None``: the distribution asks nobody more today, or not any more. The distribution is locked, so that
    of two workers one counts the day's asks after the other; what was decided, the sending's reservation,
    message and invitation and the count stand in one transaction.
    """
    with transaction.atomic():
        stubs.resolved_one(PlannedAsk.objects.values_list("customer_id", flat=True).get(pk=pk))
        ask = PlannedAsk.objects.select_related("contact__customer").get(pk=pk)
        rows = Distribution.objects.select_for_update(of=("self",), no_key=True)
        one = rows.select_related("survey").get(pk=ask.distribution_id)
        if one.status != Status.LIVE:
            return None
        _begin_day(one, at=at)
        occasion = _occasion(ask)
        reason = _why_not(ask, one, occasion, at=at)
        if not reason and _is_full(one, at=at):
            return None
        mine = PlannedAsk.objects.filter(pk=pk, state=State.PLANNED)
        if reason:
            return bool(mine.update(state=State.SKIPPED, reason=reason, ended_at=at))
        if not mine.update(state=State.ASKED, ended_at=at):
            return False
        dispatch = _send(ask, one, occasion.subject if occasion is not None else None, at=at)
        PlannedAsk.objects.filter(pk=pk).update(dispatch=dispatch)
        if dispatch.state != SurveyDispatch.State.CLOSED:  # who cannot be asked takes nobody's place
            _count(one)
        return True


@dataclass(frozen=True)
class _Occasion:
    """What an ask is about: ``subject`` is nothing when it does not hold any more."""

    subject: models.Model | None


def _occasion(ask: PlannedAsk) -> _Occasion | None:
    """Return what the ask is about; ``None``: about nothing that happened."""
    if not ask.occasion_type or ask.occasion_id is None:
        return None
    model = apps.get_model(ask.occasion_type)
    trigger = next((one for one in triggers.offered() if one.model is model), None)
    if trigger is None or ask.occasion_id not in trigger.find([ask.occasion_id]):
        return _Occasion(None)
    return _Occasion(model._default_manager.filter(pk=ask.occasion_id).first())


def _why_not(ask: PlannedAsk, one: Distribution, occasion: _Occasion | None, *, at: datetime) -> str:
    """Return why this person is not asked, or nothing. Consent and address are the sending's to judge."""
    if one.survey.status != Survey.Status.LIVE:
        return Reason.SURVEY_CLOSED
    if ask.latest_at is not None and ask.latest_at < at:
        return Reason.TOO_LATE
    if one.kind == Distribution.Kind.LIST and not is_in_sample(one.pk, ask.key, share=one.share):
        return Reason.NOT_SAMPLED
    if ask.contact.erased_at is not None or ask.contact.customer.gone_at is not None:
        return Reason.GONE
    if occasion is not None and occasion.subject is None:
        return Reason.UNDONE
    if was_asked_lately(one.survey, ask.contact, days=one.not_asked_days, at=at):
        return Reason.ASKED_LATELY
    return ""


def was_asked_lately(survey: Survey, contact: Contact, *, days: int, at: datetime) -> bool:
    """Say whether a contact was asked by this survey within ``days``, or waits to be; 0: it never counts."""
    if not days:
        return False
    sent = SurveyDispatch.objects.filter(
        survey=survey, contact=contact, asked_at__gt=at - timedelta(days=days)
    )
    if sent.exclude(state=SurveyDispatch.State.CLOSED).exists():
        return True
    since = clock.real_now() - timedelta(days=days)  # invitations live in real time
    links = Invitation.objects.filter(survey=survey, contact=contact, made_at__gt=since)
    return links.exclude(dispatch__state=SurveyDispatch.State.CLOSED).exists()  # one that reached nobody


def way_to(contact: Contact, one: Distribution, *, at: datetime) -> str:
    """Return the first way of a distribution by which a contact can be asked; the first when none will do."""
    ways = [one.channel, *([one.fallback] if one.fallback else [])]
    purpose = sending.purpose_of(one.survey)
    for way in ways:
        if not contacting.obstacle_to(contact, purpose=purpose, channel=way, at=at):
            return way
    return ways[0]


def _send(
    ask: PlannedAsk, one: Distribution, subject: models.Model | None, *, at: datetime
) -> SurveyDispatch:
    useful = at + timedelta(days=one.useful_days)
    return sending.send_invitation(
        ask.contact,
        one.survey,
        channel=way_to(ask.contact, one, at=at),
        occasion=subject,
        key=ask.key,
        latest_at=ask.latest_at or useful,
        remind_after=one.remind_after,
        by=None,
        now=clock.real_now(),
        at=at,
    )


def _begin_day(one: Distribution, *, at: datetime) -> None:
    """Begin the count of a local day with those who were chosen before and are let through on it."""
    today = company.today(at)
    if one.asked_day == today.number:
        return
    tomorrow = localtime.start_of_day(today.number + 1, today.zone)
    waiting = SurveyDispatch.objects.filter(
        survey=one.survey_id,
        state=SurveyDispatch.State.WAITING,
        planned__distribution=one,
        reservation__due_at__lt=tomorrow,
    )
    one.asked_day, one.asked_today, one.full_until = today.number, waiting.count(), None
    one.save(update_fields=["asked_day", "asked_today", "full_until"])


def _is_full(one: Distribution, *, at: datetime) -> bool:
    """Say whether the day's number is reached; then the distribution rests until the next local day."""
    if one.per_day is None or one.asked_today < one.per_day:
        return False
    today = company.today(at)
    tomorrow = localtime.start_of_day(today.number + 1, today.zone)
    Distribution.objects.filter(pk=one.pk).update(full_until=tomorrow)
    return True


def _count(one: Distribution) -> None:
    Distribution.objects.filter(pk=one.pk).update(asked_today=F("asked_today") + 1)
