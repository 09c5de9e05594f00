"""Mentions that are somebody else's after all: their loops begin anew, with a link that nobody was told.

What was said to the first customer stands in her own file; whoever works for the next one, and the next one
herself, sees none of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext

from customers import company, tracking
from retention.cases.closing import close_untouched
from retention.cases.taken_back import of_nothing_else
from retention.loop import moves
from retention.models import LoopClosure, LoopStep, MoveKind, RetentionCase

Kind = LoopStep.Kind
State = LoopClosure.State
_SAID = (Kind.ATTEMPTED, Kind.CONTACTED, Kind.ACTED, Kind.ASKED, Kind.CONFIRMED, Kind.NOT_SOLVED)
"""The steps with words between the first customer and us."""


def begin_anew(loop: LoopClosure, *, severity: int, at: datetime) -> None:
    """Take a loop from its customer, with all that was done for her; in the caller's transaction.

    It is assigned again, with the cause, the first deadlines and the severity that it came with. One that has
    ended stays so, without her; only what was taken back forgets its work, because it may go on. Raises
    ``LoopMoved``. Side effects: step, audit; the old link leads nowhere; the first customer's case closes
    with its planned call, unless somebody worked on it or it has another reason.
    """
    left = loop.case_id
    LoopStep.objects.filter(loop=loop, kind__in=_SAID).exclude(text="").update(text="")
    salt = tracking.new_salt()
    fields: dict[str, Any] = {
        "customer": None,
        "contact": None,
        "case": None,
        "action_text": "",
        "message_text": loop.message_text if loop.state == State.ANSWERED else "",  # said in public
        "salt": salt,
        "token_hash": tracking.hash_of(tracking.token_of(salt)),
    }
    if loop.is_open or loop.state == State.WITHDRAWN:
        fields |= {
            "action": "",
            "contacted_at": None,
            "asked_at": None,
            "asked_message": None,
            "severity": severity,
            "due_at": loop.first_due_at or loop.due_at,
            "first_due_at": None,
            "level": 1,
            "reopened": 0,
        }
    if loop.state == State.WITHDRAWN:
        fields["owner"] = None  # should it go on, it is given out anew
    state = State.ASSIGNED if loop.owner_id is not None else State.RECEIVED
    if not loop.is_open or loop.state == state:
        moves.note(loop, kind=Kind.REMATCHED, by=None, at=at, by_news=True, **fields)
    else:
        moves.move_to(loop, state, kind=Kind.REMATCHED, by=None, at=at, by_news=True, **fields)
    if left is not None:
        _close_left(left, loop, at=at)


def turn_of(loop: LoopClosure) -> int:
    """Return how often a loop began anew with somebody else: what was sent before is not for her."""
    return LoopStep.objects.filter(loop=loop, kind=Kind.REMATCHED).count()


def _close_left(case_id: int, loop: LoopClosure, *, at: datetime) -> None:
    """Close the case that a loop left, if it was about nothing else and nobody worked on it."""
    cases = of_nothing_else(LoopClosure.objects.filter(pk=loop.pk)).filter(pk=case_id)
    with translation.override(company.current().language):
        reason = gettext("The post is somebody else's after all.")
    outcome, kind = RetentionCase.Outcome.NOT_PURSUED, MoveKind.CLOSED
    close_untouched(cases.values_list("pk", flat=True), outcome=outcome, kind=kind, reason=reason, at=at)
