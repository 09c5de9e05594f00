"""Many earnings at once: files of history, opening balances and backfills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from customers import company, touched
from customers.ground import audit, localtime
from customers.ground.rows import update_rows
from customers.models import ImportBatch, User
from loyalty.ledger import accounts, earning, entries, expiring
from loyalty.ledger.earning import UNSET, Day
from loyalty.ledger.entries import Source
from loyalty.ledger.errors import KeyOfAnother, NoPoints
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot

Kind = PointsEntry.Kind
CHUNK = 500


@dataclass(frozen=True)
class Earning:
    """One earning, with the arguments of :func:`loyalty.ledger.earning.earn`; no gift."""

    account: PointsAccount
    points: int
    occurred_at: datetime
    source: Source | None = None
    key: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    usable_day: int | None = None
    expires_day: Day = UNSET
    kind: str = Kind.EARN
    recorded_at: datetime | None = None
    recorded_assumed: bool = False


def earn_many(
    rows: Sequence[Earning], *, by: User | None, at: datetime, batch: ImportBatch | None = None
) -> list[PointsEntry | None]:
    """Let points come in as :func:`loyalty.ledger.earning.earn` does, in sets; return the new entries.

    Lots, days, debts and what stood idle too long are treated as there, row by row in their order. Other than
    there, ``None`` stands for a row whose key or source was there already, before or earlier in ``rows``: it
    changes nothing. There are no gifts, no notes, and no events, as nothing follows from history, but one
    audit event ``points.earn_many`` a chunk. A chunk of which somebody else earned a row at the same moment
    is earned one by one, with all that follows. Each chunk is a transaction of its own unless the caller has
    one. Raises ``NoPoints``, and ``ValueError`` for a gift or a key that is too long, before anything is
    written; ``KeyOfAnother`` before anything of the chunk is. Side effects: lots; customers are touched.
    """
    if any(row.points <= 0 for row in rows):
        raise NoPoints()
    if any(row.kind == Kind.GIFT or len(row.key) > entries.MOST_KEY for row in rows):
        raise ValueError(f"gifts come in one by one, and a key has at most {entries.MOST_KEY} characters")
    made: list[PointsEntry | None] = []
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        try:
            with transaction.atomic():
                made += _earn(some, by=by, at=at, batch=batch)
        except IntegrityError:  # somebody earned from one of the sources at the same moment
            made += [_one(row, by=by, at=at, batch=batch) for row in some]
    return made


def _one(row: Earning, *, by: User | None, at: datetime, batch: ImportBatch | None) -> PointsEntry | None:
    last = PointsEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    entry = earning.earn(
        row.account,
        points=row.points,
        source=row.source,
        occurred_at=row.occurred_at,
        detail=row.detail,
        key=row.key,
        by=by,
        at=at,
        usable_day=row.usable_day,
        expires_day=row.expires_day,
        kind=row.kind,
        recorded_at=row.recorded_at,
        recorded_assumed=row.recorded_assumed,
        batch=batch,
    )
    return entry if entry.pk > last else None


def _earn(
    rows: Sequence[Earning], *, by: User | None, at: datetime, batch: ImportBatch | None
) -> list[PointsEntry | None]:
    held = accounts.hold_all({row.account.pk for row in rows})
    new = _unknown(rows, held)
    made: list[PointsEntry | None] = [None] * len(rows)
    for places in _between_idle(rows, new, held, at=at):
        _write(rows, places, held, made, by=by, at=at, batch=batch)
    fresh = [entry for entry in made if entry is not None]
    if fresh:
        touched.mark({entry.customer_id for entry in fresh}, at=at)
        codes = {"entries": len(fresh), "points": sum(rows[place].points for place in new)}
        audit.record("points.earn_many", obj=batch, by=by, at=at, codes=codes)
    return made


def _between_idle(
    rows: Sequence[Earning], new: Sequence[int], held: dict[int, PointsAccount], *, at: datetime
) -> Iterator[list[int]]:
    """Yield the places of new rows in stretches to be written at once.

    Where an account stood idle too long before a row, what it has by then expires: before the stretch, which
    for that begins anew when the account is among those of the stretch already.
    """
    zone = company.current().time_zone
    some: list[int] = []
    moved: dict[int, int] = {}  # by account, since when it stands still, as this stretch leaves it
    for place in new:
        row = rows[place]
        account = held[row.account.pk]
        day = localtime.day_number(row.occurred_at, zone)
        idle = expiring.idle_until(account.programme, moved.get(account.pk, account.moved_day))
        if idle is not None and idle < day:
            if account.pk in moved:
                yield some
                some, moved = [], {}
            if account.balance or account.pending:
                expiring.settle_due(account, at=row.occurred_at, recorded_at=at)
                now = accounts.lock(account)
                held |= {pk: now for pk, one in held.items() if one.pk == now.pk}
        some.append(place)
        moved[account.pk] = max(moved.get(account.pk, account.moved_day), day)
    if some:
        yield some


def _write(
    rows: Sequence[Earning],
    places: Sequence[int],
    held: Mapping[int, PointsAccount],
    made: list[PointsEntry | None],
    *,
    by: User | None,
    at: datetime,
    batch: ImportBatch | None,
) -> None:
    firm = company.current()
    today = company.today(at, firm).number
    lots: list[PointsLot] = []
    paid: list[tuple[PointsLot, int]] = []
    for place in places:
        row, account = rows[place], held[rows[place].account.pk]
        day = localtime.day_number(row.occurred_at, firm.time_zone)
        usable, expires = earning.days_of(account.programme, row.kind, day, row.usable_day, row.expires_day)
        is_pending = usable > today
        pays = min(row.points, account.debt) if earning.is_usable(usable, expires, today) else 0
        entry = entries.make(
            account,
            kind=row.kind,
            occurred_at=row.occurred_at,
            occurred_day=day,
            at=at,
            points=0 if is_pending else row.points - pays,
            pending=row.points if is_pending else 0,
            debt=-pays,
            source=row.source,
            key=row.key,
            detail=row.detail,
            by=by,
            recorded_at=row.recorded_at,
            recorded_assumed=row.recorded_assumed,
            batch=batch,
        )
        lot = PointsLot(
            account=account,
            customer_id=account.customer_id,
            entry=entry,
            points=row.points,
            left=row.points - pays,
            is_pending=is_pending,
            earned_day=day,
            usable_day=usable,
            expires_day=expires,
        )
        if pays:
            paid.append((lot, -pays))
        account.balance += entry.points
        account.pending += entry.pending
        account.debt += entry.debt
        account.moved_day = max(account.moved_day, day)
        made[place] = entry
        lots.append(lot)
    PointsEntry.objects.bulk_create([lot.entry for lot in lots])
    PointsLot.objects.bulk_create(lots)
    LotAllocation.objects.bulk_create(
        [LotAllocation(entry=lot.entry, lot=lot, points=points) for lot, points in paid]
    )
    moved = {lot.account_id: lot.account for lot in lots}
    update_rows(list(moved.values()), ["balance", "pending", "debt", "moved_day"])


def _unknown(rows: Sequence[Earning], held: Mapping[int, PointsAccount]) -> list[int]:
    """Return the places of the rows whose key and source nobody had, neither before nor among them.

    Raises ``KeyOfAnother`` for a key that stands for an entry of another kind.
    """
    keys = {row.key for row in rows if row.key}
    sources = {row.source for row in rows if row.source}
    seen: set[object] = set()
    kind_of: dict[tuple[int, str], str] = {}
    if keys:
        own = {account.pk: account.pk for account in held.values()} | accounts.merged_into(held.values())
        there = PointsEntry.objects.filter(account__in=own, key__in=keys)
        for pk, key, kind in there.values_list("account", "key", "kind"):
            if own[pk] == pk or (own[pk], key) not in kind_of:  # its own counts before a stub's
                kind_of[own[pk], key] = kind
        seen |= kind_of.keys()
    for kind_of_source in {source[0] for source in sources}:
        numbers = [source[1] for source in sources if source[0] == kind_of_source]
        mine = Q(source_type=kind_of_source, source_id__in=numbers)
        programmes = {account.programme_id for account in held.values()}
        there = PointsEntry.objects.filter(mine, programme__in=programmes)
        seen |= set(there.values_list("programme", "source_type", "source_id", "kind"))
    places = []
    for place, row in enumerate(rows):
        account = held[row.account.pk]
        names: set[object] = set()
        if row.key:
            if kind_of.setdefault((account.pk, row.key), row.kind) != row.kind:
                raise KeyOfAnother()
            names.add((account.pk, row.key))
        if row.source:
            names.add((account.programme_id, *row.source, str(row.kind)))
        if names.isdisjoint(seen):
            places.append(place)
        seen |= names
    return places
