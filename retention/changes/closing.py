"""Closing a change: when the last customer was followed, or with the reason why not."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.models import User
from retention.changes.moving import State, move_to
from retention.models import BusinessChange


class StillWaiting(Refused):
    code = "change_still_waiting"
    message = _(
        "%(n)s customers were not followed to the end: nobody told them, or they are being called and said "
        "nothing yet. Follow them, or write why it ends all the same."
    )


def close_change(
    change: BusinessChange, *, reason: str = "", by: User | None, at: datetime
) -> BusinessChange:
    """Close a change; a draft is given up by it.

    Raises :class:`StillWaiting` while customers wait and no ``reason`` is given, ``NotAllowed``,
    ``ChangeMoved``. Side effects: no notice leaves any more; event and audit ``change.closed``.
    """
    reason = reason.strip()
    waiting = change.concerned.waiting().count() if change.state in BusinessChange.OPEN else 0  # type: ignore[attr-defined]
    if waiting and not reason:
        raise StillWaiting(n=waiting)
    with transaction.atomic():
        move_to(change, State.CLOSED, by=by, at=at, closed_at=at, closed_by=by, closed_reason=reason)
    return change
