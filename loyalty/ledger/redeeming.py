"""Points that are used, and those that come back when what they bought is cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from customers import company, stubs
from customers.models import ImportBatch, User
from loyalty.ledger import accounts, earning, entries, expiring, lots, transferring
from loyalty.ledger.entries import Source
from loyalty.ledger.errors import MoreThanMoved, NoPoints, NotEnoughPoints
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot

Kind = PointsEntry.Kind


class _Written(Exception):
    """The same was written before: what was taken for it meanwhile is put back by the savepoint."""

    def __init__(self, entry: PointsEntry) -> None:
        self.entry = entry
        super().__init__()


def redeem(
    account: PointsAccount,
    *,
    points: int,
    source: Source | None,
    key: str,
    detail: Mapping[str, Any],
    by: User | None,
    at: datetime,
    kind: str = Kind.REDEEM,
    occurred_at: datetime | None = None,
    recorded_at: datetime | None = None,
    recorded_assumed: bool = False,
    batch: ImportBatch | None = None,
    note: str = "",
) -> PointsEntry:
    """Use points of an account and return the entry, whose allocations say which lots they came from.

    What is due expires first. Then lots are used in the order of their last day, those without one
    last. The same key or source again returns the first entry and changes nothing.

    Args:
        occurred_at: for history that is brought later, in the order in which it happened: what was due
            by then expires first. Unset: ``at``.
        recorded_at: when the company knew it; unset: ``at``.

    Raises :class:`NoPoints`, :class:`NotEnoughPoints`, ``KeyOfAnother``, ``LedgerDamaged``. Side
    effects: audit and event ``points.redeem`` (or that of the kind); the customer is touched.
    """
    if points <= 0:
        raise NoPoints()
    when, firm = occurred_at or at, company.current()
    today = company.today(when, firm).number
    with transaction.atomic():
        expiring.settle_due(account, at=when, recorded_at=at, firm=firm)
        entry = entries.make(
            account,
            kind=kind,
            occurred_at=when,
            occurred_day=today,
            at=at,
            points=-points,
            source=source,
            key=key,
            detail=detail,
            by=by,
            recorded_at=recorded_at,
            recorded_assumed=recorded_assumed,
            batch=batch,
        )
        try:
            is_taken = _use(account, entry, points, today)
        except _Written as written:
            return written.entry
        if is_taken:
            entries.told(entry, str(kind), by=by, at=at, note=note)
            return entry
        if (first := entries.known(entry)) is not None:
            return first
        into = stubs.survivor_of(account.customer_id)
        if into is not None:  # merged away meanwhile: its points are there
            target = accounts.account_for(into, at=at, programme=account.programme)
            return redeem(
                target,
                points=points,
                source=source,
                key=key,
                detail=detail,
                by=by,
                at=at,
                kind=kind,
                occurred_at=occurred_at,
                recorded_at=recorded_at,
                recorded_assumed=recorded_assumed,
                batch=batch,
                note=note,
            )
        have = PointsAccount.objects.values_list("balance", flat=True).get(pk=account.pk)
        raise NotEnoughPoints(have=have, wanted=points)


def _use(account: PointsAccount, entry: PointsEntry, points: int, today: int) -> bool:
    """Take points from balance and lots and write the entry; say whether there were enough."""
    try:
        with transaction.atomic():
            if not _take(account, points, today):
                return False
            if (first := entries.of_merged(entry)) is not None:
                raise _Written(first)
            entry.save(force_insert=True)
            lots.take(account, entry, points)
            return True
    except IntegrityError:
        first = entries.known(entry)
        if first is None:
            raise
        raise _Written(first) from None


def _take(account: PointsAccount, points: int, today: int) -> int:
    """Take points from the balance if it has them: in one statement, which also locks the row."""
    enough = PointsAccount.objects.filter(pk=account.pk, balance__gte=points)
    return enough.update(balance=F("balance") - points, moved_day=Greatest("moved_day", today))


def give_back(
    entry: PointsEntry,
    *,
    points: int | None = None,
    source: Source | None,
    key: str = "",
    by: User | None,
    at: datetime,
    detail: Mapping[str, Any] | None = None,
    note: str = "",
) -> PointsEntry:
    """Give points that were used back into their lots, all that are not back yet or ``points`` of them.

    A part goes first to the lot that expires last. Lots keep their last day: what comes back into one
    that is past it expires at once, by an entry of its own; what the account owes is paid from the rest.
    The same key or source again returns the first entry. Raises :class:`MoreThanMoved`, ``KeyOfAnother``.
    Side effects: audit and event ``points.give_back``.
    """
    if points is not None and points <= 0:
        raise NoPoints()
    with transaction.atomic():
        held = accounts.lock_with_survivor(entry.account)
        made = entries.make(
            held,
            kind=Kind.GIVE_BACK,
            occurred_at=at,
            occurred_day=company.today(at).number,
            at=at,
            source=source,
            key=key,
            detail=detail,
            by=by,
            reverses=entry,
        )
        if (first := entries.known(made)) is not None:
            return first
        parts = _parts(entry, points)
        made.points = sum(part for _lot, part in parts)
        if (first := entries.write(made)) is not None:
            return first
        lots.move(made, parts)
        accounts.change(held, points=made.points)
        entries.told(made, "give_back", by=by, at=at, note=note)
        now = transferring.forward(held, because=made, at=at)
        expiring.settle_due(now, at=at)
        earning.pay_debt(accounts.lock(now), at=at, because=made)
    return made


def _parts(entry: PointsEntry, points: int | None) -> list[tuple[PointsLot, int]]:
    """Return what goes back into which lot: what was taken from it and did not come back yet."""
    back = LotAllocation.objects.filter(entry__reverses=entry, entry__kind=Kind.GIVE_BACK)
    came: dict[int, int] = {}
    for lot_id, part in back.values_list("lot", "points"):
        came[lot_id] = came.get(lot_id, 0) + part
    taken = LotAllocation.objects.filter(entry=entry, points__lt=0).select_related("lot")
    open_parts = [(row.lot, -row.points - came.get(row.lot_id, 0)) for row in taken]
    most = sum(part for _lot, part in open_parts)
    wanted = most if points is None else points
    if not 0 < wanted <= most:
        raise MoreThanMoved(most=most)
    parts = []
    for lot, part in sorted(open_parts, key=_last_expiring_first):
        if (some := min(part, wanted)) > 0:
            parts.append((lot, some))
            wanted -= some
    return parts


def _last_expiring_first(pair: tuple[PointsLot, int]) -> tuple[bool, int, int]:
    day = pair[0].expires_day
    return (day is not None, -(day or 0), -pair[0].pk)
