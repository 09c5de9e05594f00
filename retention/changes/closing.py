"""Closing a change: when the last customer was followed, or with the reason why not."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.channels import sending
from customers.ground import outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import Message, User
from retention.changes import withdrawing
from retention.changes.moving import State, move_to
from retention.models import BusinessChange, ConcernedCustomer

DROP = "retention.drop_notices"
AT_ONCE = 500


class StillWaiting(Refused):
    code = "change_still_waiting"
    message = _(
        "%(n)s customers were not followed to the end: nobody told them, or they are being called and said "
        "nothing yet. Follow them, or write why it ends all the same."
    )


class StillEnrolling(Refused):
    code = "change_still_enrolling"
    message = _(
        "Whom this concerns is still being written down. Wait a moment, or write why it ends all the same."
    )


def close_change(
    change: BusinessChange, *, reason: str = "", by: User | None, at: datetime
) -> BusinessChange:
    """Close a change; a draft is given up by it.

    Raises, where no ``reason`` is given, :class:`StillWaiting` while customers wait and
    :class:`StillEnrolling` while it is not yet known who does; ``NotAllowed``, ``ChangeMoved``. Side
    effects: no notice leaves any more, and the worker drops those that wait; before the day of effect the
    products of a withdrawal say again what they said before, and their buyers are marked; event and audit
    ``change.closed``.
    """
    reason = reason.strip()
    was_open = change.state in BusinessChange.OPEN
    if was_open and not reason:
        if change.enrolled_at is None:
            raise StillEnrolling()
        if waiting := change.concerned.waiting().count():  # type: ignore[attr-defined]
            raise StillWaiting(n=waiting)
    with transaction.atomic():
        move_to(change, State.CLOSED, by=by, at=at, closed_at=at, closed_by=by, closed_reason=reason)
        if was_open:
            sending.hold_back(_notices(change.pk), at=at)
            _go_on(change.pk, done=0, at=at)
            if change.kind == BusinessChange.Kind.WITHDRAWN and company.today(at).number < change.effect_day:
                withdrawing.give_back(change, at=at)
    return change


@outbox.handler(DROP)
def drop_notices(row: OutboxRow, at: datetime) -> None:
    """Drop the next notices of a closed change that wait; the rest in a transaction of its own."""
    dropped = sending.take_back(_notices(row.payload["change"]), most=AT_ONCE, at=at)
    if dropped == AT_ONCE:
        _go_on(row.payload["change"], done=row.payload["done"] + dropped, at=at)


def _notices(change: int) -> QuerySet[Message]:
    return Message.objects.filter(pk__in=ConcernedCustomer.objects.filter(change=change).values("message"))


def _go_on(change: int, *, done: int, at: datetime) -> None:
    key = f"change:{change}:drop:{done}"
    outbox.add(DROP, due_at=at, dedupe_key=key, payload={"change": change, "done": done})
