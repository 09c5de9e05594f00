"""How a change moves: the table of allowed moves, and the only writer of its ``state``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import User
from retention.models import BusinessChange

State = BusinessChange.State

TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.ANNOUNCED, State.CLOSED}),
    State.ANNOUNCED: frozenset({State.FOLLOWED, State.CLOSED}),
    State.FOLLOWED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


class NotAllowed(Refused):
    code = "change_move_not_allowed"
    message = _("This change is “%(state)s”, so that cannot be done any more.")


class ChangeMoved(Refused):
    code = "change_moved_meanwhile"
    message = _("Somebody else changed this meanwhile. Load the page again.")


def move_to(change: BusinessChange, state: State, *, by: User | None, at: datetime, **fields: Any) -> None:
    """Move a change to another state, in the caller's transaction; ``fields`` are written with it.

    Raises :class:`NotAllowed` by the table, :class:`ChangeMoved` when the stored one stands otherwise. Side
    effects: event and audit ``change.<state>``.
    """
    if state not in TRANSITIONS[State(change.state)]:
        raise NotAllowed(state=change.get_state_display())
    rows = BusinessChange.objects.filter(pk=change.pk, state=change.state)
    if not rows.update(state=state, **fields):
        raise ChangeMoved()
    change.refresh_from_db()
    codes = {"kind": change.kind, "crisis": change.is_crisis}
    events.record(f"change.{state}", customer_id=None, subject=change, occurred_at=at, data=codes)
    audit.record(f"change.{state}", obj=change, by=by, at=at, codes=codes)
