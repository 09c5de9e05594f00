"""Loops follow what happened elsewhere: to their complaint, in the inbox, to the message that asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from customers import company, complaints
from customers.feedback.unknown import Answer
from customers.ground.localtime import day_number
from customers.models import Complaint, UnknownFeedback
from retention.cases.holders import hold_desk
from retention.loop import answering, asking, moves, opening
from retention.models import LoopClosure, LoopStep, RetentionCase

Kind = LoopStep.Kind
State = LoopClosure.State


def follow_due(complaint_id: int, *, at: datetime) -> bool:
    """Let the loop of a complaint have its deadlines; say whether anything changed.

    The first contact that is still to come is due when the complaint says. What was not solved, or was asked,
    stays as soon as it became by that, or becomes sooner. Raises ``LoopMoved``. Side effects: step, audit.
    """
    loop = _open_loop_of(complaint_id)
    if loop is None or loop.complaint is None:
        return False
    complaint, respond_by = loop.complaint, loop.respond_by
    if loop.contacted_at is None and complaint.respond_by is not None:
        is_first = loop.level == 1 and loop.asked_at is None
        respond_by = complaint.respond_by if is_first else min(respond_by, complaint.respond_by)
    due_at = max(complaint.due_at or loop.due_at, respond_by)
    if loop.level > 1:
        due_at = min(due_at, loop.due_at)
    return _revise(loop, at=at, due_at=due_at, respond_by=respond_by)


def follow_severity(complaint_id: int, *, at: datetime) -> bool:
    """Let the loop of a complaint have its severity; say whether anything changed.

    What was not solved stays as grave as it became by that, or becomes more so. Raises and side effects as
    :func:`follow_due`.
    """
    loop = _open_loop_of(complaint_id)
    if loop is None or loop.complaint is None:
        return False
    severity = loop.complaint.severity
    return _revise(loop, at=at, severity=severity if loop.level == 1 else max(severity, loop.severity))


def reopened_by_us(loop: LoopClosure, *, at: datetime) -> None:
    """Go on with what somebody opened again on the complaint's page, as if the customer had said so.

    What was answered in public or taken back comes back too, though no button of the loop brings it back.
    """
    if loop.state == State.ASKED or not loop.is_open:
        answering.go_up(loop, words="", by=None, at=at, by_news=True)


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
    last = LoopStep.objects.filter(loop=loop, kind=Kind.WITHDRAWN).order_by("-pk").first()
    if loop.state == State.WITHDRAWN and last is not None and last.by_id is None:
        _work_again(loop, kind=Kind.RECEIVED, at=at)


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


def not_delivered(loop: LoopClosure, *, at: datetime) -> None:
    """Go back to work, because the message that asked did not reach her; the complaint is open again.

    Where that message was the contact there was none. The deadline stays; where its case was closed
    meanwhile, another one is opened or joined.
    """
    reached = LoopStep.objects.filter(loop=loop, kind=Kind.CONTACTED).exists()
    is_contact = reached or loop.contacted_at != loop.asked_at
    fields: dict[str, Any] = {} if is_contact else {"contacted_at": None}
    with transaction.atomic():
        if answering.needs_case(loop):
            hold_desk()
        moves.move_to(loop, State.WORKING, kind=Kind.ATTEMPTED, by=None, at=at, by_news=True, **fields)
        if answering.needs_case(loop) and not _has_open_case(loop):
            opening.attach_case(loop, severity=loop.severity, at=at)
        for one in Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.RESOLVED, void=False):
            complaints.reopen(one, due_day=_due_day(loop), by=None, at=at)


def _work_again(loop: LoopClosure, *, kind: str, at: datetime) -> None:
    state = State.ASSIGNED if loop.owner_id else State.RECEIVED
    with transaction.atomic():
        if answering.needs_case(loop):
            hold_desk()
        moves.move_to(loop, state, kind=kind, by=None, at=at, by_news=True, **answering.AGAIN)
        if answering.needs_case(loop):
            opening.attach_case(loop, severity=loop.severity, at=at)


def _has_open_case(loop: LoopClosure) -> bool:
    return RetentionCase.objects.open().filter(pk=loop.case_id).exists()  # type: ignore[attr-defined]


def _open_loop_of(complaint_id: int) -> LoopClosure | None:
    loop = LoopClosure.objects.select_related("complaint").filter(complaint=complaint_id).first()
    return loop if loop is not None and loop.is_open else None


def _revise(loop: LoopClosure, *, at: datetime, **wanted: Any) -> bool:
    changed = {name: value for name, value in wanted.items() if getattr(loop, name) != value}
    if changed:
        moves.note(loop, kind=Kind.REVISED, by=None, at=at, **changed)
    return bool(changed)


def _due_day(loop: LoopClosure) -> int:
    """Return the local day by whose end a loop is due."""
    return day_number(loop.due_at - timedelta(microseconds=1), company.current().time_zone)
