"""Logging a call: what came of it, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from customers import company, consents, interactions
from customers.ground.errors import Refused
from customers.ground.working_time import next_open
from customers.models import Channel, Consent, Contact, Interaction, User
from customers.models.consents import REACHING
from retention.calls.cadence import MOST_ATTEMPTS, next_attempt
from retention.calls.planning import make_call, refuse_unless_near
from retention.cases import holders, moves
from retention.models import FollowUpCall, MoveKind, RetentionCase

Outcome = FollowUpCall.Outcome
Status = FollowUpCall.Status
SAME_PRESS = timedelta(seconds=10)
"""Within this time the same words about the same case are one press of the button, not two calls."""
UNANSWERED = (Outcome.NO_ANSWER, Outcome.LEFT_MESSAGE)
ENDING = (Outcome.WRONG_NUMBER, Outcome.DO_NOT_CALL)
_MOVE_OF = {Outcome.WRONG_NUMBER: MoveKind.NEEDS_DATA, Outcome.DO_NOT_CALL: MoveKind.DO_NOT_CALL}


class AlreadyLogged(Refused):
    code = "call_already_logged"
    message = _("%(name)s has logged this call meanwhile: %(outcome)s. Look at the case before you go on.")


class NoNextMoment(Refused):
    code = "call_later_without_moment"
    message = _("Say when the customer wants to be called.")


class NoCallAfterThat(Refused):
    code = "no_call_after_that"
    message = _(
        "After “wrong number” and “do not call” no next call is planned. Leave its moment empty; plan a "
        "call once there is a number that may be called."
    )


@dataclass(frozen=True)
class Logged:
    """A call that was logged, and the next one, if one is planned."""

    call: FollowUpCall
    next_call: FollowUpCall | None


class Hint(models.TextChoices):
    """What the calls of a case say about reaching the customer."""

    UNREACHABLE = "unreachable", _("unreachable?")
    NEEDS_DATA = "needs_data", _("needs another phone number")
    NO_CALLS = "no_calls", _("wants no calls")


def log_call(
    call: FollowUpCall,
    *,
    outcome: str,
    note: str = "",
    next_at: datetime | None = None,
    contact: Contact | None = None,
    interaction: Interaction | None = None,
    by: User,
    at: datetime,
) -> Logged:
    """Log what came of a planned call and plan the next one.

    Nobody answered: again by the cadence, at most five times. Call later: at ``next_at``, which is
    then needed. Reached: again only if ``next_at`` says when. Wrong number, do not call: no more.
    ``next_at`` moves to working time. Logging the same outcome twice changes nothing. ``interaction``: the
    one that tells of this call already, as an interview does; none is written then.

    Raises :class:`NoNextMoment`, :class:`NoCallAfterThat`, ``DueInThePast``, ``DueTooFar``,
    :class:`AlreadyLogged`, ``CaseClosed``. Side effects: an ``Interaction``; the case is worked on from
    now, by ``by`` if nobody held it; one move with audit and event. Do not call: the contact, else the
    main one, takes calls back for every purpose, until a newer statement (``customers.consents``).
    """
    outcome = Outcome(outcome)
    _check(outcome, next_at, at=at)
    with transaction.atomic():
        case = moves.lock([call.case_id])[0]
        open_call = FollowUpCall.objects.filter(pk=call.pk, status=Status.PLANNED)
        values = {"status": Status.DONE, "outcome": outcome, "note": note.strip(), "done_at": at, "by": by}
        if not open_call.update(**values):
            return _again(call, outcome, by=by)
        call.refresh_from_db()
        _tell_customer_file(call, interaction, contact=contact, by=by, at=at)
        if outcome == Outcome.DO_NOT_CALL:
            _take_calls_back(call, contact=contact, by=by, at=at)
        _begin(case, by=by, at=at)
        next_call = _plan_next(case, call, next_at, by=by, at=at)
        moves.note(
            case,
            kind=_MOVE_OF.get(outcome, MoveKind.CALLED),
            codes={"call": call.pk, "outcome": outcome.value, "attempt": call.attempt},
            by=by,
            at=at,
            due_at=next_call.due_at if next_call else None,
        )
    return Logged(call, next_call)


def log_unplanned(
    case: RetentionCase,
    *,
    outcome: str,
    note: str = "",
    next_at: datetime | None = None,
    contact: Contact | None = None,
    by: User,
    at: datetime,
) -> Logged:
    """Log a call that somebody just made: the planned one if there is one, else one of its own.

    The same words of the same person within ten seconds are the second press of the button and change
    nothing. Raises and writes as :func:`log_call`.
    """
    with transaction.atomic():
        locked = moves.lock_one(case)
        pressed = _newest_done(locked)
        if pressed and _is_same_press(pressed, outcome=outcome, note=note, by=by, at=at):
            return _again(pressed, Outcome(outcome), by=by)
        planned = FollowUpCall.objects.filter(case=locked, status=Status.PLANNED).first()
        call = planned or make_call(locked, due_at=at, attempt=_attempt_number(locked), by=by, at=at)
        return log_call(call, outcome=outcome, note=note, next_at=next_at, contact=contact, by=by, at=at)


def hint(case: RetentionCase) -> Hint | None:
    """Return what the calls of a case say about reaching the customer, or nothing."""
    row = with_hint(RetentionCase.objects.filter(pk=case.pk)).values("last_outcome", "last_attempt").first()
    return hint_of(row["last_outcome"], row["last_attempt"]) if row else None


def with_hint(cases: QuerySet[RetentionCase]) -> QuerySet[RetentionCase]:
    """Add ``last_outcome`` and ``last_attempt`` of the newest logged call, for :func:`hint_of`."""
    newest = FollowUpCall.objects.filter(case=OuterRef("pk"), status=Status.DONE).order_by("-done_at", "-id")
    return cases.annotate(
        last_outcome=Subquery(newest.values("outcome")[:1]),
        last_attempt=Subquery(newest.values("attempt")[:1]),
    )


def hint_of(last_outcome: str | None, last_attempt: int | None) -> Hint | None:
    """Return the hint that the newest logged call gives; five unanswered attempts mean unreachable."""
    if last_outcome == Outcome.WRONG_NUMBER:
        return Hint.NEEDS_DATA
    if last_outcome == Outcome.DO_NOT_CALL:
        return Hint.NO_CALLS
    if last_outcome in UNANSWERED and (last_attempt or 0) >= MOST_ATTEMPTS:
        return Hint.UNREACHABLE
    return None


def _check(outcome: Outcome, next_at: datetime | None, *, at: datetime) -> None:
    if outcome == Outcome.CALL_LATER and next_at is None:
        raise NoNextMoment()
    if next_at is not None and outcome in ENDING:
        raise NoCallAfterThat()
    refuse_unless_near(next_at, at=at)


def _again(call: FollowUpCall, outcome: Outcome, *, by: User) -> Logged:
    """Answer the second press of a button: the same as the first, or a refusal when it was another's."""
    stored = FollowUpCall.objects.select_related("by").get(pk=call.pk)
    if stored.status == Status.CANCELLED:
        raise moves.CaseClosed()
    if stored.by_id != by.pk or stored.outcome != outcome:
        raise AlreadyLogged(name=str(stored.by), outcome=Outcome(stored.outcome).label)
    planned = FollowUpCall.objects.filter(case_id=stored.case_id, status=Status.PLANNED).first()
    return Logged(stored, planned)


def _newest_done(case: RetentionCase) -> FollowUpCall | None:
    return FollowUpCall.objects.filter(case=case, status=Status.DONE).order_by("-done_at", "-id").first()


def _is_same_press(call: FollowUpCall, *, outcome: str, note: str, by: User, at: datetime) -> bool:
    same = (call.by_id, call.outcome, call.note) == (by.pk, outcome, note.strip())
    return same and call.done_at is not None and timedelta(0) <= at - call.done_at <= SAME_PRESS


def _tell_customer_file(
    call: FollowUpCall, told: Interaction | None, *, contact: Contact | None, by: User, at: datetime
) -> None:
    call.interaction = told or interactions.log_interaction(
        call.customer,
        kind=Interaction.Kind.CALL,
        text=call.note,
        contact=contact,
        reached=call.outcome == Outcome.REACHED,
        by=by,
        at=at,
    )
    call.save(update_fields=["interaction"])


def _take_calls_back(call: FollowUpCall, *, contact: Contact | None, by: User, at: datetime) -> None:
    """Record that who was called wants no calls; nothing where the customer has nobody by name."""
    asked = contact or call.customer.contacts.filter(is_main=True, erased_at__isnull=True).first()
    if asked is not None:
        consents.record_consent(
            asked,
            purposes=REACHING,
            channels=[Channel.PHONE],
            is_given=False,
            source=Consent.Source.CALL,
            by=by,
            at=at,
        )


def _begin(case: RetentionCase, *, by: User, at: datetime) -> None:
    """The first call begins the work; a case that nobody holds goes to who made it, if they may hold it."""
    if case.assignee_id is None and by.role in holders.WORKING_ROLES:
        holders.assign(case, to=by, by=by, at=at)
    if case.status == RetentionCase.Status.ASSIGNED:
        moves.move_to(case, RetentionCase.Status.WORKING, kind=MoveKind.WORKING, by=by, at=at)


def _plan_next(
    case: RetentionCase, call: FollowUpCall, next_at: datetime | None, *, by: User, at: datetime
) -> FollowUpCall | None:
    unanswered = call.outcome in UNANSWERED
    calendar = company.working_calendar()
    if next_at is not None:
        due_at: datetime | None = next_open(next_at, calendar=calendar)
    else:
        due_at = next_attempt(at, attempt=call.attempt, calendar=calendar) if unanswered else None
    if due_at is None:
        return None
    return make_call(case, due_at=due_at, attempt=call.attempt + 1 if unanswered else 1, by=by, at=at)


def _attempt_number(case: RetentionCase) -> int:
    """Return the number of an attempt made now: it counts on while nobody answers."""
    last = _newest_done(case)
    return last.attempt + 1 if last and last.outcome in UNANSWERED else 1
