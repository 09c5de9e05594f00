"""Rows of the loyalty ledger as they are told, one by one, for tests that only read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.models import Customer
from loyalty.models import (
    LotAllocation,
    Membership,
    MembershipPlan,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    TierMove,
)
from tests.factories import day


def account(customer: Customer, *, at: datetime) -> PointsAccount:
    """Return the account of a customer in the one programme, both made when they are needed."""
    programme = Programme.objects.get_or_create(
        code="club", defaults={"name": "Club", "state": "live", "currency": "CNY"}
    )[0]
    made = {"opened_at": at, "moved_day": 1, "referral_code": f"R{customer.pk}"}
    return PointsAccount.objects.get_or_create(programme=programme, customer=customer, defaults=made)[0]


def moments(at: datetime, *, known_at: datetime | None = None) -> dict[str, Any]:
    """Return when something happened, on which local day, and when it was written down."""
    return {
        "occurred_at": at,
        "occurred_day": day(at),
        "recorded_at": at if known_at is None else known_at,
    }


def entry(customer: Customer, kind: str, points: int, at: datetime, **values: Any) -> PointsEntry:
    """Write an entry; ``known_at`` when it became known later."""
    of = account(customer, at=at)
    known_at = values.pop("known_at", None)
    return PointsEntry.objects.create(
        programme_id=of.programme_id,
        account=of,
        customer=customer,
        kind=kind,
        points=points,
        **moments(at, known_at=known_at),
        **values,
    )


def lot(of: PointsEntry, points: int, expires_day: int | None) -> PointsLot:
    """Write the lot of an entry; what it has left is what it came with."""
    return PointsLot.objects.create(
        account_id=of.account_id,
        customer_id=of.customer_id,
        entry=of,
        points=points,
        left=points,
        earned_day=of.occurred_day,
        usable_day=of.occurred_day,
        expires_day=expires_day,
    )


def took(by: PointsEntry, from_lot: PointsLot, points: int) -> LotAllocation:
    """Write what an entry took from a lot, below 0, or put back."""
    return LotAllocation.objects.create(entry=by, lot=from_lot, points=points)


def tier(customer: Customer, old: int, new: int, at: datetime, **values: Any) -> TierMove:
    """Write that a customer moved from one rank to another."""
    known_at = values.pop("known_at", None)
    said = {"reason": "reached", "basis": 0, "account": values.pop("account", None), **values}
    said["account"] = said["account"] or account(customer, at=at)
    return TierMove.objects.create(
        customer=customer,
        from_rank=old,
        to_rank=new,
        **moments(at, known_at=known_at),
        **said,
    )


def member(customer: Customer, ends_day: int, at: datetime, **values: Any) -> Membership:
    """Write a paid period that ends on a day."""
    of = account(customer, at=at)
    plan = MembershipPlan.objects.get_or_create(
        programme_id=of.programme_id, code="plus", defaults={"name": "Plus", "price": 1, "currency": "CNY"}
    )[0]
    known_at = values.pop("known_at", None)
    return Membership.objects.create(
        account=of,
        customer=customer,
        plan=plan,
        price=1,
        currency="CNY",
        starts_day=min(ends_day, day(at)),
        ends_day=ends_day,
        key=f"{ends_day} {Membership.objects.count()}",
        **moments(at, known_at=known_at),
        **values,
    )
