"""Writing one entry: once for its key, and once for its source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from customers import touched
from customers.ground import audit, events
from customers.models import ImportBatch, User
from loyalty.ledger import accounts
from loyalty.ledger.errors import KeyOfAnother
from loyalty.models import EntryNote, PointsAccount, PointsEntry

Source = tuple[str, int]
Kind = PointsEntry.Kind
MOST_KEY = 120


def make(
    account: PointsAccount,
    *,
    kind: str,
    occurred_at: datetime,
    occurred_day: int,
    at: datetime,
    points: int = 0,
    pending: int = 0,
    debt: int = 0,
    source: Source | None = None,
    key: str = "",
    detail: Mapping[str, Any] | None = None,
    by: User | None = None,
    reverses: PointsEntry | None = None,
    recorded_at: datetime | None = None,
    recorded_assumed: bool = False,
    batch: ImportBatch | None = None,
) -> PointsEntry:
    """Return an entry that is not yet written; ``at`` is when it is recorded unless that is given.

    A key of more than :data:`MOST_KEY` characters is a ``ValueError``: cut, it would be that of another act.
    """
    if len(key) > MOST_KEY:
        raise ValueError(f"a key has at most {MOST_KEY} characters")
    return PointsEntry(
        programme_id=account.programme_id,
        account=account,
        customer_id=account.customer_id,
        kind=kind,
        points=points,
        pending=pending,
        debt=debt,
        occurred_at=occurred_at,
        occurred_day=occurred_day,
        recorded_at=recorded_at or at,
        recorded_assumed=recorded_assumed,
        source_type=source[0] if source else "",
        source_id=source[1] if source else None,
        key=key,
        reverses=reverses,
        detail=dict(detail or {}),
        by=by,
        batch=batch,
    )


def write(entry: PointsEntry) -> PointsEntry | None:
    """Insert an entry of an account that is held and return ``None``; else the first of its key or source."""
    if (first := of_merged(entry)) is not None:
        return first
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError:
        first = known(entry)
        if first is None:
            raise
        return first
    return None


def of_merged(entry: PointsEntry) -> PointsEntry | None:
    """Return the entry of the same key or source where a merge lets no constraint see that it was written."""
    return known(entry) if entry.key and accounts.merged_into([entry.account]) else None


def known(entry: PointsEntry) -> PointsEntry | None:
    """Return the entry that was written with the same key, or from the same source as the same kind.

    A key of an account is also one of the account that its customer went into by a merge. Raises
    :class:`KeyOfAnother` when the key was used for an entry of another kind, or against another entry.
    """
    same = Q()
    if entry.source_id is not None:
        same |= Q(
            programme=entry.programme_id,
            source_type=entry.source_type,
            source_id=entry.source_id,
            kind=entry.kind,
        )
    if entry.key:
        same |= Q(account__in=accounts.with_merged(entry.account), key=entry.key)
    found = list(PointsEntry.objects.filter(same).order_by("pk")) if same else []
    own = (one for one in found if one.account_id == entry.account_id)
    first = next(own, found[0] if found else None)
    if first is not None and entry.key and first.key == entry.key:
        if (first.kind, first.reverses_id) != (entry.kind, entry.reverses_id):
            raise KeyOfAnother()
    return first


def told(entry: PointsEntry, what: str, *, by: User | None, at: datetime, note: str = "") -> None:
    """Write what goes with a new entry: the words, audit and event ``points.<what>``, the customer's mark."""
    if note.strip():
        EntryNote.objects.create(entry=entry, customer_id=entry.customer_id, text=note.strip())
    codes = {"account": entry.account_id, "points": entry.points, "pending": entry.pending}
    if entry.debt:
        codes["debt"] = entry.debt
    audit.record(f"points.{what}", obj=entry, by=by, at=at, customer_id=entry.customer_id, codes=codes)
    events.record(
        f"points.{what}", customer_id=entry.customer_id, subject=entry, occurred_at=at, data={**codes}
    )
    touched.mark([entry.customer_id], at=at)
