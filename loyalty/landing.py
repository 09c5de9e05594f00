"""Points of another system, many at once, by the ids of their source: imports and programs come through here.

An opening balance, and what was earned, redeemed, adjusted and expired, as it happened. Entries are never
changed: what a source tells again is left alone, what it tells otherwise is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers import company, touched
from customers.batch import people
from customers.batch.landing import add_refs, find_refs, in_chunks
from customers.batch.records import FactRecord, Landed, Refusal
from customers.ground import localtime, rows
from customers.ground.errors import Refused
from customers.imports.errors import Future
from customers.models import ExternalRef, ImportBatch, User
from loyalty.ledger import accounts, earning
from loyalty.ledger.errors import Counted, NoProgramme
from loyalty.ledger.expiring import expiry_day_of
from loyalty.ledger.taken_back import REFERENCE
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme

Kind = PointsEntry.Kind
NEVER = date(2200, 12, 31)
"""The last day, in a file, of points that never expire; a line without one follows the programme's rule."""
COMES_IN = (Kind.OPENING, Kind.EARN, Kind.ADJUST)
GOES_OUT = (Kind.REDEEM, Kind.EXPIRE, Kind.ADJUST)
RANKS = {Kind.OPENING: 0, Kind.EARN: 1, Kind.ADJUST: 2, Kind.REDEEM: 3, Kind.EXPIRE: 4}
"""Of what happened at one moment: what comes in first."""


class NotCovered(Counted):
    code = "points_not_covered"
    message = _(
        "On this day the account has %(have)s points by what was imported, and %(wanted)s leave it. Give an "
        "opening balance (kind “opening”) of at least %(short)s points, dated %(day)s or before, or the "
        "lines that are missing; then import again."
    )


class EntryFixed(Refused):
    code = "points_entry_fixed"
    message = _(
        "Entry no. %(entry)s was made under this id with other values, and entries are never changed. "
        "Reverse it and give the right one its own id."
    )


class ReferenceTaken(Refused):
    code = "points_reference_taken"
    message = _(
        "“%(name)s” of the source “%(source)s” stands for other points already. Give these their own id."
    )


@dataclass(slots=True, kw_only=True)
class PointsRecord(FactRecord):
    """One movement: ``points`` above zero come in, below zero go out; ``expires_day`` of what comes in.

    Without ``expires_day`` the programme's rule counts from the day on which it happened; :data:`NEVER`
    says that they do not expire.
    """

    kind: str
    points: int
    expires_day: int | None = None


@dataclass
class _Work:
    """What one chunk writes, by account, in order."""

    programme: Programme
    zone: str
    batch: ImportBatch | None
    held: dict[int, PointsAccount]
    lots: dict[int, list[PointsLot]]
    entries: list[PointsEntry] = field(default_factory=list)
    new_lots: list[PointsLot] = field(default_factory=list)
    taken: list[tuple[PointsEntry, PointsLot, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def upsert_points(
    records: Iterable[PointsRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Write entries of the past; those of one customer in the order in which they happened.

    A redemption takes what had not expired by then, an expiry what expires first. An adjustment takes what
    expires first of what could be used, and only then what had expired by then. A line that takes more than
    came in before is refused (:class:`NotCovered`): an opening balance covers it. Also refused:
    :class:`EntryFixed`, ``NoProgramme``. Side effects: accounts that are missing; marks on the customers
    touched. Nobody is called or written to because of the past.
    """

    def land(chunk: list[PointsRecord]) -> Landed:
        landed = Landed()
        try:
            programme = accounts.running()
        except NoProgramme as refusal:
            landed.refused += [Refusal(record, "", refusal) for record in chunk]
            return landed
        ids, kept = people.customers_for(
            chunk, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        fresh = _new_ones(kept, ids, landed, source=source)
        found = accounts.accounts_for({ids[r.customer] for r in fresh}, at=at, programme=programme)
        work = _work(programme, [account.pk for account in found.values()], batch=batch)
        for record in sorted(fresh, key=lambda r: (r.occurred_at, RANKS[Kind(r.kind)])):
            account = work.held[found[ids[record.customer]].pk]
            try:
                _put(work, account, record, at=at)
            except NotCovered as refusal:
                landed.refused.append(Refusal(record, "points", refusal))
        _write(work, source=source)
        landed.created += len(work.entries)
        touched.mark({entry.customer_id for entry in work.entries}, at=at)
        return landed

    return in_chunks(records, land)


def earn_once(
    account: PointsAccount,
    *,
    points: int,
    source: str,
    external_id: str,
    occurred_at: datetime,
    expires_on: int | None = None,
    by: User | None,
    at: datetime,
) -> PointsEntry:
    """Give points for what happened elsewhere and return the entry; what its source named before is that one.

    Args:
        expires_on: the last local day; the programme's rule unless given.

    Raises :class:`ReferenceTaken`, ``Future``, and what the ledger's ``earn`` raises. Side effects: those of
    ``earn``, and the name of the entry in the source.
    """
    if occurred_at > at:
        raise Future()
    with transaction.atomic():
        account = accounts.hold(account)
        ref = ExternalRef.objects.filter(source=source, kind=REFERENCE, external_id=external_id).first()
        if ref is not None:
            known = PointsEntry.objects.get(pk=ref.object_id)
            total = known.points + known.pending - known.debt
            if (known.customer_id, known.kind, total) != (account.customer_id, Kind.EARN, points):
                raise ReferenceTaken(name=external_id, source=source)
            return known
        said: dict[str, Any] = {} if expires_on is None else {"expires_day": expires_on}
        entry = earning.earn(
            account,
            points=points,
            source=None,
            occurred_at=occurred_at,
            detail={"way": "api"},
            by=by,
            at=at,
            **said,
        )
        try:
            with transaction.atomic():
                add_refs(REFERENCE, [(external_id, entry.pk)], source=source)
        except IntegrityError as error:  # for another account, at the same moment
            raise ReferenceTaken(name=external_id, source=source) from error
    return entry


# --- Landing -----------------------------------------------------------------------------------
def _new_ones(
    records: Sequence[PointsRecord], ids: Any, landed: Landed, *, source: str
) -> list[PointsRecord]:
    """Return the records that are new; count those that stand, refuse those that stand otherwise."""
    refs = find_refs(REFERENCE, (record.external_id for record in records), source=source)
    stand = PointsEntry.objects.in_bulk(list(refs.values()))
    lots = PointsLot.objects.filter(entry__in=stand, origin__isnull=True).values_list(
        "entry_id", "expires_day"
    )
    expiry = dict(lots)
    fresh = []
    for record in records:
        entry = stand.get(refs.get(record.external_id, 0))
        if entry is None:
            fresh.append(record)
            continue
        same = (
            entry.customer_id == ids[record.customer]
            and entry.kind == record.kind
            and entry.points + entry.pending - entry.debt == record.points
            and entry.occurred_at == record.occurred_at
            and (record.expires_day is None or _last_day(record.expires_day) == expiry.get(entry.pk))
        )
        if same:
            landed.unchanged += 1
        else:
            landed.refused.append(Refusal(record, "external_id", EntryFixed(entry=entry.pk)))
    return fresh


def _work(programme: Programme, ids: Sequence[int], *, batch: ImportBatch | None) -> _Work:
    """Return the accounts, held in the order of their numbers, with the lots that can be taken from."""
    held = PointsAccount.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").in_bulk()
    lots: dict[int, list[PointsLot]] = {pk: [] for pk in held}
    for lot in PointsLot.objects.filter(account__in=held, left__gt=0, is_pending=False).order_by("pk"):
        lots[lot.account_id].append(lot)
    return _Work(programme, company.current().time_zone, batch, held, lots)


def _put(work: _Work, account: PointsAccount, record: PointsRecord, *, at: datetime) -> None:
    """Add one movement to the work. Raises :class:`NotCovered`."""
    day = localtime.day_number(record.occurred_at, work.zone)
    parts = _parts(work.lots[account.pk], record, day) if record.points < 0 else []
    paid = min(account.debt, record.points) if record.points > 0 else 0
    entry = PointsEntry(
        programme=work.programme,
        account=account,
        customer_id=account.customer_id,
        kind=record.kind,
        points=record.points - paid,
        debt=-paid,
        occurred_at=record.occurred_at,
        occurred_day=day,
        recorded_at=record.recorded_at,
        recorded_assumed=record.recorded_assumed,
        detail={"way": "import"},
        by=work.batch.by if work.batch is not None else None,
        batch=work.batch,
    )
    work.entries.append(entry)
    work.names.append(record.external_id)
    if record.points > 0:
        if record.expires_day is None:
            expires = expiry_day_of(work.programme, day)
        else:
            expires = _last_day(record.expires_day)
        lot = PointsLot(
            account=account,
            customer_id=account.customer_id,
            entry=entry,
            points=record.points,
            left=record.points,
            earned_day=day,
            usable_day=day,
            expires_day=expires,
        )
        work.lots[account.pk].append(lot)
        work.new_lots.append(lot)
        parts = [(lot, paid)] if paid else []
    for lot, part in parts:
        lot.left -= part
        work.taken.append((entry, lot, part))
    account.balance += entry.points
    account.debt -= paid
    if record.kind in (Kind.EARN, Kind.REDEEM):
        account.moved_day = max(account.moved_day, day)


def _last_day(stated: int) -> int | None:
    """Return the last day of a lot of which a line states one."""
    return None if stated == NEVER.toordinal() else stated


def _parts(lots: Sequence[PointsLot], record: PointsRecord, day: int) -> list[tuple[PointsLot, int]]:
    """Return what a movement takes from which lot: of those that were there, what expires first.

    What had expired by then is only taken by an expiry or, after all others, by an adjustment. Raises
    :class:`NotCovered`.
    """

    def is_over(lot: PointsLot) -> bool:
        return lot.expires_day is not None and lot.expires_day < day

    is_use, is_adjusted = record.kind == Kind.REDEEM, record.kind == Kind.ADJUST
    there = [lot for lot in lots if lot.left > 0 and lot.usable_day <= day and not (is_use and is_over(lot))]
    there.sort(
        key=lambda lot: (
            is_adjusted and is_over(lot),
            lot.expires_day is None,
            lot.expires_day or 0,
            lot.earned_day,
        )
    )
    have, wanted = sum(lot.left for lot in there), -record.points
    if have < wanted:
        said = localtime.day_of(day).isoformat()
        raise NotCovered(have=have, wanted=wanted, short=wanted - have, day=said)
    parts = []
    for lot in there:
        part = min(lot.left, wanted)
        if part:
            parts.append((lot, part))
            wanted -= part
    return parts


def _write(work: _Work, *, source: str) -> None:
    """Write entries, lots, what was taken, the sums and the names: a bounded number of statements."""
    if not work.entries:
        return
    PointsEntry.objects.bulk_create(work.entries, batch_size=1000)
    old = {lot.pk: lot for _entry, lot, _part in work.taken if lot.pk is not None}
    PointsLot.objects.bulk_create(work.new_lots, batch_size=1000)
    rows.update_rows(list(old.values()), ["left"])
    LotAllocation.objects.bulk_create(
        [LotAllocation(entry=entry, lot=lot, points=-part) for entry, lot, part in work.taken],
        batch_size=1000,
    )
    moved = {entry.account_id for entry in work.entries}
    rows.update_rows([work.held[pk] for pk in sorted(moved)], ["balance", "debt", "moved_day"])
    named = zip(work.names, (entry.pk for entry in work.entries), strict=True)
    add_refs(REFERENCE, named, source=source)
