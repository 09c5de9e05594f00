"""Announcing a change: the worker writes down whom it concerns, some at a time, and then tells them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import User
from retention.changes import withdrawing
from retention.changes.concerned import AT_ONCE, concerned, enrol
from retention.changes.moving import move_to
from retention.models import BusinessChange

ENROL = "retention.enrol_concerned"
Kind, State = BusinessChange.Kind, BusinessChange.State


class NobodyConcerned(Refused):
    code = "change_concerns_nobody"
    message = _("This concerns no customer, so there is nobody to tell. Change whom it concerns first.")


class ToldTooLate(Refused):
    code = "change_told_too_late"
    message = _(
        "The day on which it takes effect has passed: notices would come too late. Put the effect on today "
        "or later."
    )


def announce(change: BusinessChange, *, by: User | None, at: datetime) -> BusinessChange:
    """Announce a draft: the worker gives each customer concerned a row, and tells her from the notice day on.

    Raises ``NotAllowed``, ``ChangeMoved``; :class:`ToldTooLate` unless it is an incident, an outage or bad
    press; :class:`NobodyConcerned`; ``ConditionRefused`` for a broken segment. Side effects:
    products that are withdrawn say so from the effect day on, and their buyers are marked; event and audit
    ``change.announced``; an outbox row.
    """
    if change.kind not in BusinessChange.HAPPENED and company.today(at).number > change.effect_day:
        raise ToldTooLate()
    with transaction.atomic():
        move_to(change, State.ANNOUNCED, by=by, at=at, announced_at=at, announced_by=by)
        if not concerned(change, at=at).exists():
            raise NobodyConcerned()
        if change.kind == Kind.WITHDRAWN:
            withdrawing.withdraw(change, at=at)
        _go_on(change.pk, after=0, at=at)
    return change


@outbox.handler(ENROL)
def enrol_concerned(row: OutboxRow, at: datetime) -> None:
    """Write down the next customers whom an announced change concerns; after the last one it tells them."""
    change = BusinessChange.objects.select_for_update().get(pk=row.payload["change"])
    if change.state not in BusinessChange.OPEN or change.enrolled_at is not None:
        return
    ids = enrol(change, is_late=False, after=row.payload["after"], most=AT_ONCE, at=at)
    if len(ids) == AT_ONCE:
        _go_on(change.pk, after=ids[-1], at=at)
        return
    change.enrolled_at = at
    change.save(update_fields=["enrolled_at"])


def _go_on(change: int, *, after: int, at: datetime) -> None:
    key = f"change:{change}:enrol:{after}"
    outbox.add(ENROL, due_at=at, dedupe_key=key, payload={"change": change, "after": after})
