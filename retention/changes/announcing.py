"""Announcing a change: whom it concerns is written down, and the drain begins to tell them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, touched
from customers.ground import drain
from customers.ground.errors import Refused
from customers.models import Product, User
from customers.products import buyers_of, withdrawal
from retention.changes.concerned import enrol
from retention.changes.moving import move_to
from retention.models import BusinessChange

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
    """Announce a draft: each customer concerned gets a row; notices go out from the notice day on.

    Raises ``NotAllowed``, ``ChangeMoved``; :class:`ToldTooLate` unless it is an incident, an outage or bad
    press; :class:`NobodyConcerned`; ``ConditionRefused`` for a broken segment. Side effects: a row a
    customer; products that are withdrawn say so from the effect day on, and their buyers are marked; event
    and audit ``change.announced``; the drain wakes after the commit.
    """
    if change.kind not in BusinessChange.HAPPENED and company.today(at).number > change.effect_day:
        raise ToldTooLate()
    with transaction.atomic():
        move_to(change, State.ANNOUNCED, by=by, at=at, announced_at=at, announced_by=by)
        if not enrol(change, is_late=False, at=at):
            raise NobodyConcerned()
        if change.kind == Kind.WITHDRAWN:
            _withdraw(change, at=at)
        transaction.on_commit(drain.wake)
    return change


def _withdraw(change: BusinessChange, *, at: datetime) -> None:
    """Let the products say that they are withdrawn, unless they say so of an earlier day already."""
    moved = []
    rows = Product.objects.select_for_update().filter(pk__in=change.about.values("product_id"))
    for product in rows.order_by("pk"):
        if product.withdrawn_day is not None and product.withdrawn_day <= change.effect_day:
            continue
        values = withdrawal(product, {"withdrawn_day": change.effect_day}, at=at)
        Product.objects.filter(pk=product.pk).update(**values)
        moved.append(product.pk)
    touched.mark(buyers_of(moved), at=at)
