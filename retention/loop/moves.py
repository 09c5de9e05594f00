"""How a loop moves: the table of allowed moves, and the only writer of ``state``.

Each step is one guarded UPDATE, one ``LoopStep``, one audit event and, where others listen, one ``Event``,
in one transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import User
from retention.models import LoopClosure, LoopStep

State = LoopClosure.State
Kind = LoopStep.Kind
_ENDED = (State.CONFIRMED, State.UNCONFIRMED, State.ANSWERED, State.WITHDRAWN)

TRANSITIONS: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.ASSIGNED, State.WORKING, State.ASKED, State.ANSWERED, State.WITHDRAWN}),
    State.ASSIGNED: frozenset({State.WORKING, State.ASKED, State.ANSWERED, State.WITHDRAWN}),
    State.WORKING: frozenset({State.ASKED, State.ANSWERED, State.WITHDRAWN}),
    State.ASKED: frozenset(
        {
            State.CONFIRMED,
            State.UNCONFIRMED,
            State.RECEIVED,  # not solved, and there is no lead to take it
            State.ASSIGNED,  # not solved
            State.WITHDRAWN,
        }
    ),
    State.UNCONFIRMED: frozenset({State.CONFIRMED, State.RECEIVED, State.ASSIGNED}),  # a late word counts
    State.CONFIRMED: frozenset({State.RECEIVED, State.ASSIGNED}),  # she tells us that it came back
    State.ANSWERED: frozenset(),
    State.WITHDRAWN: frozenset(),
}
BY_NEWS: dict[State, frozenset[State]] = {
    State.WORKING: frozenset({State.RECEIVED, State.ASSIGNED}),  # it is somebody else's after all
    State.ASKED: frozenset({State.WORKING, State.ANSWERED}),  # it did not arrive; handled in the inbox
    State.UNCONFIRMED: frozenset({State.WORKING}),  # it did not arrive, as was heard afterwards
    State.ANSWERED: frozenset({State.RECEIVED, State.ASSIGNED}),  # the complaint is open (again)
    State.WITHDRAWN: frozenset({State.RECEIVED, State.ASSIGNED}),
}
"""Moves that no button makes: they follow what happened elsewhere."""


class LoopEnded(Refused):
    code = "loop_ended"
    message = _("This feedback has come to its end: %(state)s.")


class LoopMoved(Refused):
    code = "loop_moved_meanwhile"
    message = _(
        "Nothing was changed, because this feedback moved on meanwhile: it is now %(state)s. Look at it "
        "again before you go on."
    )


class LoopMoveNotAllowed(Refused):
    code = "loop_move_not_allowed"
    message = _("Feedback that is %(from_state)s cannot become %(to_state)s.")


def move_to(
    loop: LoopClosure,
    state: str,
    *,
    kind: str,
    text: str = "",
    by: User | None,
    at: datetime,
    by_news: bool = False,
    **fields: Any,
) -> LoopStep:
    """Move a loop to another state; the only writer of ``state``.

    Args:
        kind: what the step was, a ``LoopStep.Kind``; ``text``: in words.
        by_news: whether it follows what happened elsewhere (:data:`BY_NEWS`).
        fields: columns that change with it.

    Raises :class:`LoopEnded`, :class:`LoopMoveNotAllowed`, :class:`LoopMoved`. Side effects: one
    ``LoopStep``; audit ``loop.<kind>``; event ``loop.ended`` with an end; ``loop`` shows the new values.
    """
    before, wanted = State(loop.state), State(state)
    allowed = TRANSITIONS[before] | (BY_NEWS.get(before, frozenset()) if by_news else frozenset())
    if not allowed:
        raise LoopEnded(state=before.label)
    if wanted not in allowed:
        raise LoopMoveNotAllowed(from_state=before.label, to_state=wanted.label)
    ends = {"ended_at": at if wanted in _ENDED else None}
    with transaction.atomic():
        step = _write(loop, kind=kind, text=text, by=by, at=at, fields={"state": wanted, **ends, **fields})
        if wanted in _ENDED:
            tell("loop.ended", loop, at=at, state=wanted.value)
    return step


def note(
    loop: LoopClosure,
    *,
    kind: str,
    text: str = "",
    by: User | None,
    at: datetime,
    by_news: bool = False,
    **fields: Any,
) -> LoopStep:
    """Write a step that leaves the state alone; raise :class:`LoopEnded`, :class:`LoopMoved`.

    Args:
        by_news: whether it follows what happened elsewhere, which comes to what has ended, too.
    """
    if not by_news:
        refuse_ended(loop)
    with transaction.atomic():
        return _write(loop, kind=kind, text=text, by=by, at=at, fields=fields)


def work(
    loop: LoopClosure, *, kind: str, text: str = "", by: User | None, at: datetime, **fields: Any
) -> LoopStep:
    """Write a step of work: a loop that nobody worked on is in progress from now.

    Raises :class:`LoopMoveNotAllowed` while the customer is asked, :class:`LoopEnded`, :class:`LoopMoved`.
    """
    if loop.state == State.WORKING:
        return note(loop, kind=kind, text=text, by=by, at=at, **fields)
    return move_to(loop, State.WORKING, kind=kind, text=text, by=by, at=at, **fields)


def refuse_ended(loop: LoopClosure) -> None:
    """Raise :class:`LoopEnded` unless somebody still has a word to say."""
    if not loop.is_open:
        raise LoopEnded(state=State(loop.state).label)


def tell(kind: str, loop: LoopClosure, *, at: datetime, **codes: Any) -> None:
    """Write the news of a step for whoever listens."""
    said = {"source": str(loop.source), "kind": str(loop.kind), "level": loop.level, **codes}
    events.record(kind, customer_id=loop.customer_id, subject=loop, occurred_at=at, data=said)


def diagram() -> str:
    """Return the state diagram of all moves in Mermaid's language, as docs/loop.md shows it."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RECEIVED.value}"]
    for old in State:
        lines += [f"    {old.value} --> {new.value}" for new in State if new in TRANSITIONS[old]]
        lines += [f"    {old.value} --> {new.value}: by news" for new in State if new in BY_NEWS.get(old, ())]
        if not TRANSITIONS[old]:
            lines.append(f"    {old.value} --> [*]")
    return "\n".join(lines)


def _write(
    loop: LoopClosure, *, kind: str, text: str, by: User | None, at: datetime, fields: dict[str, Any]
) -> LoopStep:
    standing = LoopClosure.objects.filter(
        pk=loop.pk, state=loop.state, reopened=loop.reopened, customer_id=loop.customer_id
    )
    if not standing.update(**(fields or {"state": loop.state})):
        now = LoopClosure.objects.values_list("state", flat=True).get(pk=loop.pk)
        raise LoopMoved(state=State(now).label)
    for name, value in fields.items():
        setattr(loop, name, value)
    step = LoopStep.objects.create(
        loop=loop, kind=Kind(kind), at=at, by=by, owner_id=loop.owner_id, text=text
    )
    codes = {"state": str(loop.state), "owner": loop.owner_id}
    audit.record(f"loop.{kind}", obj=loop, by=by, at=at, customer_id=loop.customer_id, codes=codes)
    return step
