"""How feedback ends: the customer says whether it is solved, or nothing; or there is no address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers import company, complaints
from customers.feedback.unknown import Answer, NoReach, handle_without_customer
from customers.ground.errors import Refused
from customers.ground.working_time import add_working_time
from customers.models import Complaint, FeedbackKind, UnknownFeedback, User
from customers.models.people import Role
from retention.cases.holders import hold_desk
from retention.loop import asking, moves, opening, owners, policy
from retention.models import LoopClosure, LoopStep
from retention.models.rules import Severity

SOONER = timedelta(hours=16)
"""Working time, at most, until what was not solved shall be: two days instead of five."""
CALL_WITHIN = timedelta(hours=4)
AT_ONCE = 200
MOST_WORDS = 2000
AGAIN: dict[str, Any] = {"action": "", "action_text": "", "message_text": "", "confirmed_by_us": False}
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


class ConfirmedWithoutWords(Refused):
    code = "loop_confirmed_without_words"
    message = _("Write how and when the customer told you that it is solved.")


class WithdrawnByLead(Refused):
    code = "loop_withdrawn_by_lead"
    message = _("Only a team lead or an admin takes back what a known customer complained about.")


class WithdrawnWithoutReason(Refused):
    code = "loop_withdrawn_without_reason"
    message = _("Say why nobody needs to answer this: for example that it was filed twice.")


def confirm(loop: LoopClosure, *, words: str = "", by: User | None, at: datetime) -> LoopClosure:
    """Note that the customer says it is solved; a second press changes nothing.

    Args:
        words: how and when she said so, where somebody was told; such words are counted apart.
        by: who was told so; nobody when the customer pressed herself.

    Raises :class:`ConfirmedWithoutWords`, ``LoopEnded``, ``LoopMoveNotAllowed`` before she was asked,
    ``LoopMoved``. Side effects: feedback from somebody unknown is handled; step, audit, events
    ``loop.confirmed`` and ``loop.ended``.
    """
    if loop.state == State.CONFIRMED:
        return loop
    words, by_us = words.strip(), by is not None
    if by_us and not words:
        raise ConfirmedWithoutWords()
    with transaction.atomic():
        _hold_unknown(loop)
        moves.move_to(
            loop, State.CONFIRMED, kind=Kind.CONFIRMED, text=words, by=by, at=at, confirmed_by_us=by_us
        )
        _handled(loop, by=by, at=at)
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
    return _go_up(loop, words=words.strip()[:MOST_WORDS], by=by, at=at)


def _go_up(
    loop: LoopClosure, *, words: str, by: User | None, at: datetime, by_news: bool = False
) -> LoopClosure:
    with transaction.atomic():
        if _needs_case(loop):
            hold_desk()  # before the loop and its case, as whoever opens a case does
        return _not_solved(loop, words=words, by=by, at=at, by_news=by_news)


def _needs_case(loop: LoopClosure) -> bool:
    """Say whether what is not solved belongs into a case: a complaint, and what had one, as a wished call."""
    return loop.customer is not None and (loop.kind == FeedbackKind.COMPLAINT or loop.case_id is not None)


def _not_solved(
    loop: LoopClosure, *, words: str, by: User | None, at: datetime, by_news: bool
) -> LoopClosure:
    lead = owners.lead_for(loop.team_id) or loop.owner
    severity = min(loop.severity + 1, Severity.HIGH)
    calendar = company.working_calendar()
    fields: dict[str, Any] = {
        "owner": lead,
        "level": 2,
        "severity": severity,
        "reopened": loop.reopened + 1,
        "due_at": add_working_time(at, SOONER, calendar=calendar),
        "first_due_at": loop.first_due_at or loop.due_at,
        **AGAIN,
    }
    if lead is not None and lead.team_id:
        fields["team_id"] = lead.team_id
    state = State.ASSIGNED if lead is not None else State.RECEIVED
    moves.move_to(loop, state, kind=Kind.NOT_SOLVED, text=words, by=by, at=at, by_news=by_news, **fields)
    if _needs_case(loop):
        case = opening.attach_case(loop, severity=severity, at=at)
        if case is not None:
            opening.move_call_forward(case, to=add_working_time(at, CALL_WITHIN, calendar=calendar), at=at)
    complaint = Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.RESOLVED, void=False)
    for one in complaint:
        complaints.reopen(one, by=by, at=at)
    moves.tell("loop.not_solved", loop, at=at)
    return loop


def reopened_by_us(loop: LoopClosure, *, at: datetime) -> None:
    """Go on with what somebody opened again on the complaint's page, as if the customer had said so.

    What was answered in public or taken back comes back too, though no button of the loop brings it back.
    """
    if loop.state == State.ASKED or not loop.is_open:
        _go_up(loop, words="", by=None, at=at, by_news=True)


def linked_late(loop: LoopClosure, *, at: datetime) -> None:
    """Bring a loop in step with the open complaint that its feedback became after it was asked or ended.

    What was asked is resolved as all that is asked; what had ended is worked on again, by who has it.
    """
    if loop.state == State.ASKED:
        asking.resolve(loop, by=None, at=at)
    if loop.is_open:
        return
    _work_again(loop, kind=Kind.LINKED, at=at)


def was_removed(loop: LoopClosure, *, at: datetime) -> None:
    """Take back the loop of a post that was removed as entered wrongly, unless it has ended."""
    if loop.is_open:
        moves.move_to(loop, State.WITHDRAWN, kind=Kind.WITHDRAWN, by=None, at=at)


def entered_again(loop: LoopClosure, *, at: datetime) -> None:
    """Go on with the loop of a post that was removed and entered again; what a person took back stays so."""
    last = LoopStep.objects.filter(loop=loop).order_by("-pk").first()
    if loop.state == State.WITHDRAWN and last is not None and last.by_id is None:
        _work_again(loop, kind=Kind.RECEIVED, at=at)


def _work_again(loop: LoopClosure, *, kind: str, at: datetime) -> None:
    state = State.ASSIGNED if loop.owner_id else State.RECEIVED
    with transaction.atomic():
        if _needs_case(loop):
            hold_desk()
        moves.move_to(loop, state, kind=kind, by=None, at=at, by_news=True, **AGAIN)
        if _needs_case(loop):
            opening.attach_case(loop, severity=loop.severity, at=at)


def may_answer(loop: LoopClosure, *, at: datetime) -> bool:
    """Say whether an answer ends a loop: directly to somebody unknown, or in public without an address."""
    return answers_directly(loop) or not asking.is_reachable(loop, at=at)


def answers_directly(loop: LoopClosure) -> bool:
    """Say whether who wrote is unknown and left an address: she is answered there, not in public."""
    return loop.customer_id is None and loop.unknown is not None and bool(loop.unknown.stated_reach)


def answer_publicly(
    loop: LoopClosure, *, words: str, directly: bool = False, by: User | None, at: datetime
) -> LoopClosure:
    """Record the answer given in general or in public to somebody who left no address.

    Args:
        directly: it was given to somebody unknown at the address that she left.

    It is counted apart, never as confirmed. Raises :class:`AnswerWithoutWords`, :class:`CanBeTold` where
    there is an address, ``NoReach`` where there is none to answer directly, ``LoopEnded``,
    ``LoopMoveNotAllowed``, ``LoopMoved``. Side effects: the complaint is resolved; feedback from somebody
    unknown is handled; step, audit, event ``loop.ended``.
    """
    if not words.strip():
        raise AnswerWithoutWords()
    if directly and not answers_directly(loop):
        raise NoReach()
    if not directly and asking.is_reachable(loop, at=at):
        raise CanBeTold()
    with transaction.atomic():
        words = words.strip()
        _hold_unknown(loop)
        moves.move_to(loop, State.ANSWERED, kind=Kind.ANSWERED, text=words, by=by, at=at, message_text=words)
        answered = Answer.DIRECT if directly else Answer.GENERAL
        _settle(loop, answered=answered, words=words, by=by, at=at)
    return loop


def was_handled(loop: LoopClosure, unknown: UnknownFeedback, *, at: datetime) -> None:
    """Let a loop end whose feedback was handled without a customer in the inbox.

    What there was nothing to answer about is taken back, and not counted as answered. What she called not
    solved since goes on.
    """
    said_since = Q(kind=Kind.NOT_SOLVED, at__gte=unknown.ended_at or at)
    if LoopStep.objects.filter(said_since, loop=loop).exists():
        return
    is_answered = unknown.answered != Answer.NONE
    state, kind = (State.ANSWERED, Kind.ANSWERED) if is_answered else (State.WITHDRAWN, Kind.WITHDRAWN)
    fields: dict[str, Any] = {"message_text": unknown.answer_text} if is_answered else {}
    fields |= {"text": unknown.answer_text, "by": unknown.ended_by}
    moves.move_to(loop, state, kind=kind, at=at, by_news=True, **fields)


def withdraw(loop: LoopClosure, *, reason: str, by: User | None, at: datetime) -> LoopClosure:
    """Take back what needs no answer, with the reason: filed twice, spam, a test.

    Raises :class:`WithdrawnWithoutReason`, :class:`WithdrawnByLead`, ``LoopEnded``, ``LoopMoved``. Side
    effects: as :func:`answer_publicly`.
    """
    if not reason.strip():
        raise WithdrawnWithoutReason()
    if by is not None and not may_withdraw(by, loop):
        raise WithdrawnByLead()
    with transaction.atomic():
        _hold_unknown(loop)
        moves.move_to(loop, State.WITHDRAWN, kind=Kind.WITHDRAWN, text=reason.strip(), by=by, at=at)
        _settle(loop, answered=Answer.NONE, words=reason, by=by, at=at)
    return loop


def may_withdraw(user: User, loop: LoopClosure) -> bool:
    """Say whether ``user`` may take a loop back: what a known customer complained about is for leads."""
    is_open_to_all = loop.customer_id is None or loop.kind != FeedbackKind.COMPLAINT
    return is_open_to_all or user.role in {Role.TEAM_LEAD, Role.ADMIN}


def not_delivered(loop: LoopClosure, *, at: datetime) -> None:
    """Go back to work, because the message that asked did not reach her; the complaint is open again.

    Where that message was the contact there was none.
    """
    reached = LoopStep.objects.filter(loop=loop, kind=Kind.CONTACTED).exists()
    is_contact = reached or loop.contacted_at != loop.asked_at
    fields: dict[str, Any] = {} if is_contact else {"contacted_at": None}
    moves.move_to(loop, State.WORKING, kind=Kind.ATTEMPTED, by=None, at=at, by_news=True, **fields)
    for one in Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.RESOLVED, void=False):
        complaints.reopen(one, by=None, at=at)


def expire(*, at: datetime) -> int:
    """End what was asked and not answered for the days that the company allows; return how many.

    They count as *unconfirmed*, never as confirmed; a later word of the customer still counts. The days run
    from when the message left: what still waits for its way out was not asked yet.
    """
    before = at - timedelta(days=policy.silent_days())
    left = Q(asked_message=None) | Q(asked_message__ended_at__lte=before)
    waiting = LoopClosure.objects.filter(left, state=State.ASKED, asked_at__lte=before)
    ended = 0
    # each may be confirmed at the same moment, so each alone
    for loop in waiting.order_by("asked_at", "pk")[:AT_ONCE]:
        try:
            with transaction.atomic():
                _hold_unknown(loop)
                moves.move_to(loop, State.UNCONFIRMED, kind=Kind.UNCONFIRMED, by=None, at=at)
                _handled(loop, by=None, at=at)
        except (moves.LoopMoved, moves.LoopEnded):
            continue
        ended += 1
    return ended


def _hold_unknown(loop: LoopClosure) -> None:
    """Hold what nobody known wrote before its loop, as whoever links it does."""
    if loop.unknown_id is not None:
        UnknownFeedback.objects.select_for_update().filter(pk=loop.unknown_id).first()


def _handled(loop: LoopClosure, *, by: User | None, at: datetime) -> None:
    """Let feedback from somebody unknown leave the inbox: she was told and asked with these words."""
    for row in UnknownFeedback.objects.filter(pk=loop.unknown_id, state=UnknownFeedback.State.OPEN):
        answered = Answer.DIRECT if row.stated_reach else Answer.GENERAL
        handle_without_customer(row, answered=answered, words=loop.message_text, by=by, at=at)


def _settle(loop: LoopClosure, *, answered: str, words: str, by: User | None, at: datetime) -> None:
    """Let what was told be settled with its loop."""
    asking.resolve(loop, by=by, at=at)
    for row in UnknownFeedback.objects.filter(pk=loop.unknown_id, state=UnknownFeedback.State.OPEN):
        handle_without_customer(row, answered=answered, words=words, by=by, at=at)
