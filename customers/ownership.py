"""Who looks after a customer: every change is a dated fact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import touched
from customers.company import today
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Customer, Ownership, Team, User, UserActivity
from customers.models.people import Role

MAY_OWN = {Role.ACCOUNT_MANAGER, Role.TEAM_LEAD}


class MayNotOwn(Refused):
    code = "may_not_own"
    message = _("%(name)s cannot own customers: choose an active account manager or team lead.")


def assign_owner(
    customer: Customer, *, user: User | None, team: Team | None = None, by: User | None, at: datetime
) -> Ownership | None:
    """Give the customer to ``user`` (or to nobody) from ``at`` on; the team is the user's.

    Returns ``None`` when nothing changes. Raises :class:`MayNotOwn`. Side effects: an ``Ownership``
    fact, event ``customer.owner_changed``, audit ``customer.assign_owner``.
    """
    rows = assign_owner_many([customer], user=user, team=team, by=by, at=at)
    return rows[0] if rows else None


def assign_owner_many(
    customers: Iterable[Customer],
    *,
    user: User | None,
    team: Team | None = None,
    by: User | None,
    at: datetime,
) -> list[Ownership]:
    """Give many customers to ``user`` in one transaction; see :func:`assign_owner`."""
    if user is not None and not (user.is_active and user.role in MAY_OWN):
        raise MayNotOwn(name=str(user))
    return _give(customers, user=user, team=team or (user.team if user else None), by=by, at=at)


def _give(
    customers: Iterable[Customer], *, user: User | None, team: Team | None, by: User | None, at: datetime
) -> list[Ownership]:
    changing = [c for c in customers if (c.owner_id, c.team_id) != (user and user.pk, team and team.pk)]
    if not changing:
        return []
    day = today(at).number
    with transaction.atomic():
        hold([c.pk for c in changing])
        rows = Ownership.objects.bulk_create(
            [
                Ownership(customer=c, user=user, team=team, occurred_at=at, occurred_day=day, recorded_at=at)
                for c in changing
            ]
        )
        Customer.objects.filter(pk__in=[c.pk for c in changing]).update(owner=user, team=team, updated_at=at)
        for row, customer in zip(rows, changing, strict=True):
            customer.owner, customer.team = user, team
            events.record(
                "customer.owner_changed",
                customer_id=customer.pk,
                subject=row,
                occurred_at=at,
                data={"user": user.pk if user else None},
            )
            audit.record(
                "customer.assign_owner",
                obj=row,
                by=by,
                at=at,
                customer_id=customer.pk,
                codes={"user": user.pk if user else None, "team": team.pk if team else None},
            )
        touched.mark([c.pk for c in changing], at=at)
    return rows


def hold(customer_ids: Iterable[int]) -> None:
    """Lock customers in their order, to the end of the transaction; before the owners of several change.

    The team of their cases follows with each statement and waits for the desk (``guards.copied``): no
    customer may be waited for after that.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=list(customer_ids))
    list(rows.order_by("pk").values_list("pk", flat=True))


def move_with_owner(user: User, *, by: User | None, at: datetime) -> list[Ownership]:
    """Let the customers that ``user`` owns follow her to her team; see :func:`assign_owner_many`."""
    return _give(list(user.customers.all()), user=user, team=user.team, by=by, at=at)


def set_active(user: User, *, is_active: bool, by: User | None, at: datetime) -> UserActivity | None:
    """Note that a colleague left (or came back); her customers become visible to the rules.

    Returns ``None`` when nothing changes. Side effects: ``user.is_active``, a dated ``UserActivity``,
    all customers that she ever owned touched, event ``user.activity``, audit ``user.set_active``.
    """
    if user.is_active == is_active:
        return None
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=is_active)
        user.is_active = is_active
        row = UserActivity.objects.create(
            user=user, is_active=is_active, occurred_at=at, occurred_day=today(at).number, recorded_at=at
        )
        owned = Ownership.objects.filter(user=user).values_list("customer_id", flat=True).distinct()
        touched.mark(owned, at=at)
        events.record(
            "user.activity", customer_id=None, subject=user, occurred_at=at, data={"active": is_active}
        )
        audit.record("user.set_active", obj=user, by=by, at=at, codes={"active": is_active})
    return row
