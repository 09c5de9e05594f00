"""Tiers, accounts and orders for the tests of tiers: Bronze from 0, Silver from 10,000, Gold from 20,000."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.models import PointsAccount, Programme, Tier, TierMove
from tests.factories import NOW, CustomerFactory, OrderFactory
from tests.loyalty.factories import ProgrammeFactory, make_account

THRESHOLDS = {"Bronze": 0, "Silver": 10_000, "Gold": 20_000}


def programme(**values: Any) -> Programme:
    """Return a live programme: tiers by spend of the last 365 days, 30 days of grace, one step down."""
    return ProgrammeFactory(**{"tier_basis": "spend", "tier_window": "rolling", **values})


def tiers(of: Programme, thresholds: dict[str, int] | None = None) -> dict[str, Tier]:
    """Make the three tiers of the outside cases, or others."""
    wanted = thresholds if thresholds is not None else THRESHOLDS
    return {
        name: Tier.objects.create(programme=of, code=name.lower(), name=name, threshold=threshold)
        for name, threshold in wanted.items()
    }


def account(*, at: datetime = NOW, **customer: Any) -> PointsAccount:
    """Return the account of a new customer."""
    return make_account(CustomerFactory(**customer), at=at)


def spend(who: PointsAccount, amount: int, *, at: datetime = NOW, **values: Any) -> Any:
    """Let the customer of an account buy for ``amount``, or return for it where that is below zero."""
    sold, returned = max(amount, 0), max(-amount, 0)
    return OrderFactory(customer=who.customer, sold=sold, returned=returned, occurred_at=at, **values)


def standing(who: PointsAccount) -> tuple[str | None, int | None]:
    """Return the name of the tier of an account, and the last day of its grace."""
    found = PointsAccount.objects.select_related("tier").get(pk=who.pk)
    return (found.tier.name if found.tier else None, found.grace_until_day)


def moves(who: PointsAccount) -> list[tuple[str, str | None, str | None]]:
    """Return the history of an account: reason, from, to."""
    rows = TierMove.objects.filter(account=who).order_by("pk")
    return list(rows.values_list("reason", "from_tier__name", "to_tier__name"))
