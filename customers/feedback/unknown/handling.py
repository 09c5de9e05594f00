"""Who sees to feedback of somebody unknown, and how it ends: each row once, whoever presses first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import UnknownFeedback, User
from customers.models.people import Role

State, Answer = UnknownFeedback.State, UnknownFeedback.Answer


class FeedbackEnded(Refused):
    code = "feedback_ended"
    message = _("Somebody else has seen to this meanwhile. Load the page again.")


class NotAnswered(Refused):
    code = "feedback_not_answered"
    message = _("Write what was answered, and where.")


class NoReach(Refused):
    code = "feedback_without_reach"
    message = _("No address and no number was left: choose an answer in public or in general.")


class HasReach(Refused):
    code = "feedback_with_reach"
    message = _("An e-mail address or a phone number was left: answer there, and choose “answered directly”.")


class CannotOwn(Refused):
    code = "feedback_owner"
    message = _("Choose somebody who works here and looks after customers.")


def handle_without_customer(
    row: UnknownFeedback, *, answered: str, words: str, by: User | None, at: datetime
) -> UnknownFeedback:
    """End feedback that is nobody's: it was answered directly, in public or in general, or needs no answer.

    Args:
        answered: an ``UnknownFeedback.Answer``.
        words: what was answered, and where; needed unless there is nothing to answer.

    Raises :class:`FeedbackEnded`, :class:`NotAnswered`, :class:`NoReach`, :class:`HasReach`. Side effects:
    event ``feedback.handled``; audit ``feedback.handle``.
    """
    answered = Answer(answered)
    if answered != Answer.NONE and not words.strip():
        raise NotAnswered()
    if answered == Answer.DIRECT and not row.stated_reach:
        raise NoReach()
    if answered in (Answer.PUBLIC, Answer.GENERAL) and row.stated_reach:
        raise HasReach()
    with transaction.atomic():
        end(row, State.HANDLED, answered=answered, answer_text=words.strip(), by=by, at=at)
        tell("feedback.handled", row, at=at, answer=str(answered))
        audit.record("feedback.handle", obj=row, by=by, at=at, codes={"answer": str(answered)})
    return row


def assign_feedback(row: UnknownFeedback, *, to: User, by: User | None, at: datetime) -> UnknownFeedback:
    """Say who sees to it; raise :class:`CannotOwn`, :class:`FeedbackEnded`. Event
    ``feedback.assigned``, audit ``feedback.assign``.
    """
    if not to.is_active or to.role in (Role.INTEGRATION, Role.ANALYST):
        raise CannotOwn()
    with transaction.atomic():
        hold(row)
        if row.owner_id != to.pk:
            UnknownFeedback.objects.filter(pk=row.pk).update(owner=to)
            row.owner = to
            tell("feedback.assigned", row, at=at)
            audit.record("feedback.assign", obj=row, by=by, at=at, codes={"to": to.pk})
    return row


def hold(row: UnknownFeedback) -> None:
    """Hold a row against everybody else; raise :class:`FeedbackEnded` unless it is open."""
    rows = UnknownFeedback.objects.select_for_update().filter(pk=row.pk)
    state = rows.values_list("state", flat=True).first()
    if state != State.OPEN:
        raise FeedbackEnded()


def end(row: UnknownFeedback, state: str, *, by: User | None, at: datetime, **values: Any) -> None:
    """End a row; the guarded update decides between two."""
    values |= {"state": state, "ended_at": at, "ended_by": by}
    if not UnknownFeedback.objects.filter(pk=row.pk, state=State.OPEN).update(**values):
        raise FeedbackEnded()
    for name, value in values.items():
        setattr(row, name, value)


def tell(
    kind: str, row: UnknownFeedback, *, at: datetime, customer_id: int | None = None, **codes: Any
) -> None:
    """Write the news of a row for whoever listens."""
    data = {"kind": row.kind, "severity": row.severity, **codes}
    events.record(kind, customer_id=customer_id, subject=row, occurred_at=at, data=data)
