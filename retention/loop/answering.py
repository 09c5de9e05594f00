"""How feedback ends: the customer says whether it is solved, or nothing; or there is no address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, complaints
from customers.feedback.unknown import Answer, handle_without_customer
from customers.ground.errors import Refused
from customers.ground.working_time import add_working_time
from customers.models import Complaint, FeedbackKind, UnknownFeedback, User
from retention.cases.holders import hold_desk
from retention.loop import asking, moves, opening, owners, policy
from retention.models import LoopClosure, LoopStep
from retention.models.rules import Severity

SOONER = timedelta(hours=16)
"""Working time, at most, until what was not solved shall be: two days instead of five."""
CALL_WITHIN = timedelta(hours=4)
AT_ONCE = 200
MOST_WORDS = 2000
Kind = LoopStep.Kind
State = LoopClosure.State


class AnswerWithoutWords(Refused):
    code = "loop_answer_without_words"
    message = _("Write what was answered, and where.")


class CanBeTold(Refused):
    code = "loop_can_be_told"
    message = _(
        "This customer can be reached: tell what was done and ask whether it is solved. An answer in general "
        "or in public is for those who left no address."
    )


class WithdrawnWithoutReason(Refused):
    code = "loop_withdrawn_without_reason"
    message = _("Say why nobody needs to answer this: for example that it was filed twice.")


def confirm(loop: LoopClosure, *, by: User | None, at: datetime) -> LoopClosure:
    """Note that the customer says it is solved; a second press changes nothing.

    Args:
        by: who was told so; nobody when the customer pressed herself.

    Raises ``LoopEnded``, ``LoopMoveNotAllowed`` before she was asked, ``LoopMoved``. Side effects: step,
    audit, events ``loop.confirmed`` and ``loop.ended``.
    """
    if loop.state == State.CONFIRMED:
        return loop
    with transaction.atomic():
        moves.move_to(loop, State.CONFIRMED, kind=Kind.CONFIRMED, by=by, at=at)
        moves.tell("loop.confirmed", loop, at=at)
    return loop


def not_solved(loop: LoopClosure, *, words: str = "", by: User | None, at: datetime) -> LoopClosure:
    """Note that it is not solved: it goes one level up, to the lead, with a shorter deadline.

    Args:
        words: what is still wrong, as she says it.

    Raises as :func:`confirm`; what was confirmed may come back. Side effects: the complaint is open again;
    its case is opened or joined with the higher severity and a call within four working hours; step, audit,
    event ``loop.not_solved``.
    """
    words = words.strip()[:MOST_WORDS]
    if loop.customer is not None and loop.kind == FeedbackKind.COMPLAINT:
        with transaction.atomic():
            hold_desk()  # before the loop and its case, as whoever opens a case does
            return _not_solved(loop, words=words, by=by, at=at)
    with transaction.atomic():
        return _not_solved(loop, words=words, by=by, at=at)


def _not_solved(loop: LoopClosure, *, words: str, by: User | None, at: datetime) -> LoopClosure:
    lead = owners.lead_for(loop.team_id) or loop.owner
    severity = min(loop.severity + 1, Severity.HIGH)
    calendar = company.working_calendar()
    fields: dict[str, Any] = {
        "owner": lead,
        "level": 2,
        "severity": severity,
        "reopened": loop.reopened + 1,
        "due_at": add_working_time(at, SOONER, calendar=calendar),
        "action": "",
        "action_text": "",
        "message_text": "",
    }
    if lead is not None and lead.team_id:
        fields["team_id"] = lead.team_id
    state = State.ASSIGNED if lead is not None else State.RECEIVED
    moves.move_to(loop, state, kind=Kind.NOT_SOLVED, text=words, by=by, at=at, **fields)
    if loop.customer is not None and loop.kind == FeedbackKind.COMPLAINT:
        case = opening.attach_case(loop, severity=severity, at=at)
        if case is not None:
            opening.move_call_forward(case, to=add_working_time(at, CALL_WITHIN, calendar=calendar), at=at)
    complaint = Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.RESOLVED, void=False)
    for one in complaint:
        complaints.reopen(one, by=by, at=at)
    moves.tell("loop.not_solved", loop, at=at)
    return loop


def reopened_by_us(loop: LoopClosure, *, at: datetime) -> None:
    """Go on with what somebody opened again on the complaint's page, as if the customer had said so."""
    if loop.state in (State.ASKED, State.UNCONFIRMED, State.CONFIRMED):
        not_solved(loop, by=None, at=at)


def answer_publicly(loop: LoopClosure, *, words: str, by: User | None, at: datetime) -> LoopClosure:
    """Record the answer given in general or in public to somebody who left no address.

    It is counted apart, never as confirmed. Raises :class:`AnswerWithoutWords`, :class:`CanBeTold` where
    a message can be sent, ``LoopEnded``, ``LoopMoveNotAllowed``, ``LoopMoved``. Side effects: the complaint
    is resolved; feedback from somebody unknown is handled; step, audit, event ``loop.ended``.
    """
    if not words.strip():
        raise AnswerWithoutWords()
    if asking.reply_way(loop, at=at) is not None:
        raise CanBeTold()
    with transaction.atomic():
        words = words.strip()
        moves.move_to(loop, State.ANSWERED, kind=Kind.ANSWERED, text=words, by=by, at=at, message_text=words)
        _settle(loop, answered=Answer.GENERAL, words=words, by=by, at=at)
    return loop


def was_handled(loop: LoopClosure, unknown: UnknownFeedback, *, at: datetime) -> None:
    """Let a loop end whose feedback was handled without a customer in the inbox.

    What there was nothing to answer about is taken back, and not counted as answered.
    """
    is_answered = unknown.answered != Answer.NONE
    state, kind = (State.ANSWERED, Kind.ANSWERED) if is_answered else (State.WITHDRAWN, Kind.WITHDRAWN)
    fields = {"message_text": unknown.answer_text} if is_answered else {}
    moves.move_to(loop, state, kind=kind, text=unknown.answer_text, by=unknown.ended_by, at=at, **fields)


def withdraw(loop: LoopClosure, *, reason: str, by: User | None, at: datetime) -> LoopClosure:
    """Take back what needs no answer, with the reason: filed twice, spam, a test.

    Raises :class:`WithdrawnWithoutReason`, ``LoopEnded``, ``LoopMoved``. Side effects: as
    :func:`answer_publicly`.
    """
    if not reason.strip():
        raise WithdrawnWithoutReason()
    with transaction.atomic():
        moves.move_to(loop, State.WITHDRAWN, kind=Kind.WITHDRAWN, text=reason.strip(), by=by, at=at)
        _settle(loop, answered=Answer.NONE, words=reason, by=by, at=at)
    return loop


def not_delivered(loop: LoopClosure, *, at: datetime) -> None:
    """Go back to work, because the message that asked did not reach her; the complaint is open again."""
    moves.move_to(loop, State.WORKING, kind=Kind.ATTEMPTED, by=None, at=at)
    for one in Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.RESOLVED, void=False):
        complaints.reopen(one, by=None, at=at)


def expire(*, at: datetime) -> int:
    """End what was asked and not answered for the days that the company allows; return how many.

    They count as *unconfirmed*, never as confirmed; a later word of the customer still counts.
    """
    before = at - timedelta(days=policy.silent_days())
    waiting = LoopClosure.objects.filter(state=State.ASKED, asked_at__lte=before).order_by("asked_at", "pk")
    ended = 0
    for loop in waiting[:AT_ONCE]:  # each may be confirmed at the same moment, so each alone
        try:
            moves.move_to(loop, State.UNCONFIRMED, kind=Kind.UNCONFIRMED, by=None, at=at)
        except (moves.LoopMoved, moves.LoopEnded):
            continue
        ended += 1
    return ended


def _settle(loop: LoopClosure, *, answered: str, words: str, by: User | None, at: datetime) -> None:
    """Let what was told be settled with its loop."""
    for one in Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.OPEN, void=False):
        complaints.resolve(one, by=by, at=at)
    for row in UnknownFeedback.objects.filter(pk=loop.unknown_id, state=UnknownFeedback.State.OPEN):
        handle_without_customer(row, answered=answered, words=words, by=by, at=at)
