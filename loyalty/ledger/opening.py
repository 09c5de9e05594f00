"""What a customer had before the ledger began."""

from __future__ import annotations

from datetime import datetime

from customers.models import ImportBatch, User
from loyalty.ledger import earning
from loyalty.ledger.earning import UNSET, Day
from loyalty.models import PointsAccount, PointsEntry


def open_balance(
    account: PointsAccount,
    *,
    points: int,
    expires_day: Day = UNSET,
    occurred_at: datetime,
    key: str,
    by: User | None,
    at: datetime,
    batch: ImportBatch | None = None,
    recorded_at: datetime | None = None,
    recorded_assumed: bool = False,
) -> PointsEntry:
    """Let an account begin with points, usable at once, in a lot of their own; return the entry.

    ``expires_day``: the last day, ``None`` for never; unset: as if they were earned on the day of
    ``occurred_at``. The same key again changes nothing. Raises ``NoPoints``. Side effects: audit and event
    ``points.opening``.
    """
    return earning.earn(
        account,
        points=points,
        source=None,
        occurred_at=occurred_at,
        detail={},
        key=key,
        by=by,
        at=at,
        expires_day=expires_day,
        kind=PointsEntry.Kind.OPENING,
        batch=batch,
        recorded_at=recorded_at,
        recorded_assumed=recorded_assumed,
    )
