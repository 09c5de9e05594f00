"""Working on feedback: its cause is named, something is done."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.causes import may_be_chosen
from customers.ground.errors import Refused
from customers.models import Cause, User
from retention.cases.diagnosis import CauseRetired
from retention.loop import moves
from retention.loop.missing import ACTIONS
from retention.models import LoopClosure, LoopStep

Action = LoopClosure.Action
Kind = LoopStep.Kind


class ActionNotForKind(Refused):
    code = "loop_action_not_for_kind"
    message = _("For this kind of feedback choose one of: %(actions)s.")


class ActionWithoutWords(Refused):
    code = "loop_action_without_words"
    message = _("Say in a sentence what was done.")


def diagnose_loop(loop: LoopClosure, *, cause: Cause, by: User | None, at: datetime) -> LoopClosure:
    """Name the cause, as the company sees it; the complaint carries it too.

    Raises ``CauseRetired``, ``LoopEnded``, ``LoopMoveNotAllowed``, ``LoopMoved``. Side effects: step, audit;
    a version of the complaint.
    """
    if cause.pk != loop.cause_id and not may_be_chosen(cause):
        raise CauseRetired(cause=cause)
    with transaction.atomic():
        moves.work(loop, kind=Kind.DIAGNOSED, by=by, at=at, cause=cause)
        complaint = loop.complaint
        if complaint is not None and complaint.cause_id != cause.pk:
            writing.revise(complaint, cause=cause, at=at)
    return loop


def act(loop: LoopClosure, *, action: str, text: str = "", by: User | None, at: datetime) -> LoopClosure:
    """Record what was done about it.

    Args:
        action: a ``LoopClosure.Action`` that fits the kind; ``text``: in words, needed but for thanks.

    Raises :class:`ActionNotForKind`, :class:`ActionWithoutWords`, ``LoopEnded``, ``LoopMoveNotAllowed``,
    ``LoopMoved``. Side effects: step, audit.
    """
    chosen, text = Action(action), text.strip()
    allowed = ACTIONS[loop.kind]
    if chosen not in allowed:
        raise ActionNotForKind(actions=_joined(allowed))
    if not text and chosen != Action.THANKED:
        raise ActionWithoutWords()
    moves.work(loop, kind=Kind.ACTED, text=text, by=by, at=at, action=chosen, action_text=text)
    return loop


def _joined(actions: tuple[Action, ...]) -> str:
    return ", ".join(str(one.label) for one in actions)
