"""The rest of a return: points that were spent when their goods came back, taken later from the others."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from customers import company
from customers.models import User
from loyalty.ledger import accounts, entries, expiring, lots
from loyalty.ledger.errors import NoPoints, NotEnoughPoints
from loyalty.models import PointsAccount, PointsEntry


def take_rest(
    account: PointsAccount,
    *,
    points: int,
    order: int,
    key: str,
    by: User | None,
    at: datetime,
    note: str = "",
) -> PointsEntry:
    """Take points that an order should not have brought from whatever the account holds; return the entry.

    What is due expires first; then they leave the usable lots, oldest expiry first. It is no activity of the
    customer, and no earning is reversed by it. The same key again returns the first entry. Raises
    ``NoPoints``, ``NotEnoughPoints``, ``KeyOfAnother``, ``LedgerDamaged``. Side effects: audit and event
    ``points.take_back``.
    """
    if points <= 0:
        raise NoPoints()
    with transaction.atomic():
        now = accounts.hold(account)
        expiring.settle_due(now, at=at)
        held = accounts.lock(now)
        if held.balance < points:
            raise NotEnoughPoints(have=held.balance, wanted=points)
        entry = entries.make(
            held,
            kind=PointsEntry.Kind.TAKE_BACK,
            occurred_at=at,
            occurred_day=company.today(at).number,
            at=at,
            points=-points,
            key=key,
            detail={"order": order, "rest": points},
            by=by,
        )
        if (first := entries.write(entry)) is not None:
            return first
        lots.take(held, entry, points)
        accounts.change(held, points=-points)
        entries.told(entry, "take_back", by=by, at=at, note=note)
    return entry
