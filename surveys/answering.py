"""Answering a survey: what was filled in is kept, and sent once, whatever is pressed how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from customers import callbacks, company, stubs, touched, writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, User
from customers.recognising import Person, recognise
from customers.text import read_soon
from surveys import asked as asking
from surveys.definition import NO, SCALES, SCORES, Answers, Definition, Given, Kind, Question, shown
from surveys.models import Invitation, OpenLink, Survey, SurveyAnswer, SurveyAsked, SurveyResponse
from surveys.reading import kept, missing
from surveys.stating import NOTHING, Stated

EVENT = "survey.answered"


class LinkClosed(Refused):
    code = "survey_link_closed"
    message = _("This link is not open any more.")


class AnswersMissing(Refused):
    code = "survey_answers_missing"
    message = _("Some questions must be answered before the survey can be sent.")


def asked_of(invitation: Invitation, definition: Definition, answers: Answers) -> list[Question]:
    """Return the questions that are asked now; nobody whom we do not know is asked for a call."""
    found = shown(definition, answers)
    if invitation.contact_id is not None:
        return found
    return [question for question in found if question.kind != Kind.CONTACT]


def keep(
    invitation: Invitation, *, answers: Mapping[str, Given], page: int, language: str = "", now: datetime
) -> None:
    """Keep what was filled in so far, so that the link goes on from there; no answer counts yet.

    Raises :class:`LinkClosed`.
    """
    values: dict[str, Any] = {"answers": kept(answers), "page": page, "saved_at": now}
    if language:
        values["language"] = language
    if not _open(invitation, now=now).update(**values):
        raise LinkClosed()
    for name, value in values.items():
        setattr(invitation, name, value)


@transaction.atomic
def submit(
    invitation: Invitation,
    *,
    answers: Mapping[str, Given],
    stated: Stated = NOTHING,
    by: User | None,
    now: datetime,
    at: datetime,
) -> SurveyResponse:
    """Send the answers of an invitation, once; return the response.

    Answers to questions that are not asked, as the others stand, are left out. Whoever comes second, or
    too late, is refused and nothing is written.

    Args:
        stated: who she says she is, where an open link asks; the answer is the customer's if that is
            exactly one (``customers.recognising``), else anonymous, with what she wrote.
        now: the real time, by which links expire. ``at``: the product's, which dates the facts.

    Raises :class:`LinkClosed`, :class:`AnswersMissing`, ``TimeGone``. Side effects: touches the customer;
    event ``survey.answered`` with the score, whether it is low and by when a call was promised; audit
    ``survey.answer``.
    """
    if invitation.link is None or invitation.link.asks == OpenLink.Asks.NOBODY:
        stated = NOTHING
    customer_id, contact_id = _who(invitation, stated, at=at)
    asked = asked_of(invitation, invitation.version.definition, answers)
    if missing(asked, answers):
        raise AnswersMissing()
    if not _open(invitation, now=now).update(answered_at=now, answers=None):
        raise LinkClosed()
    found = [(one, given) for one in asked if not (given := answers.get(one.code, Given())).is_empty]
    outcome = _outcome(found, at=at)
    asked_then = asking.note_answer(invitation, at=at)
    who = {"customer_id": customer_id, "contact_id": contact_id}
    response = _write(invitation, who, stated, found, outcome, asked=asked_then, at=at)
    data = {
        "survey": invitation.survey_id,
        "version": invitation.version.number,
        "metric": outcome.metric,
        "score": outcome.score,
        "points": outcome.points,
        "low": outcome.is_low,
        "wants_call": outcome.promised_at is not None,
        "promised_at": outcome.promised_at.isoformat() if outcome.promised_at else None,
    }
    events.record(EVENT, customer_id=customer_id, subject=response, occurred_at=at, data=data)
    codes = {"survey": invitation.survey_id, "invitation": invitation.pk}
    audit.record("survey.answer", obj=response, by=by, at=at, customer_id=customer_id, codes=codes)
    invitation.answered_at, invitation.answers = now, None
    return response


# --- What it comes to -------------------------------------------------------------------------
@dataclass(frozen=True)
class Outcome:
    """What follows from the answers: the score that counts, and by when she is to be called."""

    metric: str = ""
    points: int = 0
    score: int | None = None
    is_low: bool = False
    promised_at: datetime | None = None


def _outcome(found: list[tuple[Question, Given]], *, at: datetime) -> Outcome:
    scores = [(one, given.number) for one, given in found if one.kind in SCORES and given.number is not None]
    first = scores[0] if scores else None
    call = next((given.chosen[0] for one, given in found if one.kind == Kind.CONTACT and given.chosen), NO)
    return Outcome(
        metric=str(first[0].kind) if first else "",
        points=first[0].points if first else 0,
        score=first[1] if first else None,
        is_low=any(one.alarm_at is not None and number <= one.alarm_at for one, number in scores),
        promised_at=_promised(call, at=at) if call != NO else None,
    )


def _promised(code: str, *, at: datetime) -> datetime:
    return callbacks.chosen(code, at=at, calendar=company.working_calendar()).ends_at


# --- Writing ----------------------------------------------------------------------------------
def _who(invitation: Invitation, stated: Stated, *, at: datetime) -> tuple[int | None, int | None]:
    """Return customer and contact who answer; the customer is held: an erasure waits or is seen later."""
    if invitation.customer_id is not None:
        return stubs.resolved_one(invitation.customer_id), invitation.contact_id
    person = None if stated.is_empty else recognise(name=stated.name, reach=stated.reach, at=at)
    if person is None:
        return None, None
    customer_id = stubs.resolved_one(person.customer_id)
    if recognise(name=stated.name, reach=stated.reach, at=at) != Person(customer_id, person.contact_id):
        return None, None  # merged or erased just now, before she was held
    return customer_id, person.contact_id


def _open(invitation: Invitation, *, now: datetime) -> Any:
    """Return the invitation's row while it may be answered: the guarded update decides who was first.

    Without a join: PostgreSQL would look at the row only before it waits for who was first.
    """
    erased = Contact.objects.filter(pk=OuterRef("contact_id"), erased_at__isnull=False)
    revoked = OpenLink.objects.filter(pk=OuterRef("link_id"), revoked_at__isnull=False)
    live = Survey.objects.filter(pk=OuterRef("survey_id"), status=Survey.Status.LIVE)
    return Invitation.objects.filter(
        ~Exists(erased),
        ~Exists(revoked),
        Exists(live),
        pk=invitation.pk,
        answered_at=None,
        revoked_at=None,
        expires_at__gt=now,
    )


def _write(
    invitation: Invitation,
    who: Mapping[str, int | None],
    stated: Stated,
    found: list[tuple[Question, Given]],
    outcome: Outcome,
    *,
    asked: SurveyAsked | None,
    at: datetime,
) -> SurveyResponse:
    when = writing.moments(at=at)
    dated: dict[str, Any] = {
        **who,
        "occurred_at": when.occurred_at,
        "occurred_day": company.today(when.occurred_at).number,
        "recorded_at": when.recorded_at,
    }
    response = SurveyResponse.objects.create(
        invitation=invitation,
        asked=asked,
        survey_id=invitation.survey_id,
        version_id=invitation.version_id,
        language=invitation.language,
        metric=outcome.metric,
        points=outcome.points,
        score=outcome.score,
        is_low=outcome.is_low,
        wants_call=outcome.promised_at is not None,
        promised_at=outcome.promised_at,
        stated_name=stated.name,
        stated_reach=stated.reach,
        comment=next((given.text for _question, given in found if given.text), ""),
        **dated,
    )
    said = SurveyAnswer.objects.bulk_create(
        SurveyAnswer(
            response=response,
            question=question.code,
            kind=question.kind,
            points=question.points if question.kind in SCALES else 0,
            number=given.number,
            chosen=list(given.chosen),
            text=given.text,
            **dated,
        )
        for question, given in found
    )
    for one in said:
        read_soon(one, at=when.recorded_at)
    if (customer_id := who["customer_id"]) is not None:
        touched.mark([customer_id], at=when.recorded_at)
    return response
