"""What time does to points: the return window ends, lots pass their last day, accounts stand idle.

The same statements serve one account, before it redeems, and everybody at night: for each day that has
something due and each chunk of accounts, entries, allocations and sums are written as sets. What is done
is no longer due, so a second run changes nothing.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

import calendar
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from customers import company, touched
from customers.ground import audit, localtime
from customers.ground.models import Company
from loyalty.ledger import accounts, entries, lots
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme

Kind = PointsEntry.Kind
CHUNK = 5_000  # accounts written in one transaction
_ACCOUNT, _ENTRY, _LOT, _ALLOCATION = (
    model._meta.db_table for model in (PointsAccount, PointsEntry, PointsLot, LotAllocation)
)
_COLUMNS = (
    "programme_id, account_id, customer_id, kind, points, pending, debt, occurred_at, occurred_day, "
    "recorded_at, recorded_assumed, ingested_at, source_type, source_id, key, detail, reverses_id, by_id, "
    "batch_id"
)


@dataclass(frozen=True)
class Moved:
    """How many entries a run wrote, and how many points they moved."""

    entries: int = 0
    points: int = 0

    def __add__(self, other: Moved) -> Moved:
        return Moved(self.entries + other.entries, self.points + other.points)


# --- Days ------------------------------------------------------------------------------------------
def months_later(day: int, months: int) -> int:
    """Return the day number so many months later: the same day of the month, or the last one it has."""
    start = localtime.day_of(day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last)).toordinal()


def expiry_day_of(programme: Programme, earned_day: int) -> int | None:
    """Return the last local day on which points earned on a day can be used; ``None``: no day is known.

    Of a programme whose points expire by inactivity no lot has a day; see :func:`idle_until`.
    """
    if programme.expiry in (Programme.Expiry.NEVER, Programme.Expiry.INACTIVITY):
        return None
    until = months_later(earned_day, programme.expiry_months)
    if programme.expiry == Programme.Expiry.YEAR_END:
        return date(localtime.day_of(until).year, 12, 31).toordinal()
    return until


def idle_until(programme: Programme, moved_day: int) -> int | None:
    """Return the last day on which an account that stands still can use its points, where they expire so."""
    if programme.expiry != Programme.Expiry.INACTIVITY:
        return None
    return months_later(moved_day, programme.expiry_months)


# --- One account -----------------------------------------------------------------------------------
def settle_due(
    account: PointsAccount, *, at: datetime, recorded_at: datetime | None = None, firm: Company | None = None
) -> None:
    """Release and expire what is due of an account; one question when nothing is and ``firm`` is given."""
    if is_due(account, at=at, firm=firm):
        release_due(account, at=at, recorded_at=recorded_at)
        expire_due(account, at=at, recorded_at=recorded_at)


def is_due(account: PointsAccount, *, at: datetime, firm: Company | None = None) -> bool:
    """Say whether anything of an account is to be released or expires; reads only."""
    today = company.today(at, firm).number
    idle = idle_until(account.programme, account.moved_day)
    if idle is not None and idle < today:
        return True
    due = Q(is_pending=False, expires_day__lt=today) | Q(is_pending=True, usable_day__lte=today)
    return PointsLot.objects.filter(due, account=account, left__gt=0).exists()


def expire_due(account: PointsAccount, *, at: datetime, recorded_at: datetime | None = None) -> int:
    """Expire the lots of an account whose last day is over, all of them when it stood idle too long.

    ``at`` says what is due, ``recorded_at`` (unset: the same) when we know it. Returns how many points
    expired. Side effects: one entry for each last day, allocations.
    """
    with transaction.atomic():
        return _expire_held(accounts.hold(account), at=at, recorded_at=recorded_at or at)


def release_due(account: PointsAccount, *, at: datetime, recorded_at: datetime | None = None) -> int:
    """Make usable what an account earned and whose return window is over; a debt is paid of it first.

    Returns how many points left the window. Side effects: one entry a lot, allocations where a debt is paid.
    """
    with transaction.atomic():
        return _release_held(accounts.hold(account), at=at, recorded_at=recorded_at or at)


def settle_held(account: PointsAccount, *, at: datetime) -> None:
    """Do what :func:`settle_due` does to this very account, also a stub's; it is held."""
    _release_held(account, at=at, recorded_at=at)
    _expire_held(accounts.lock(account), at=at, recorded_at=at)


def _expire_held(held: PointsAccount, *, at: datetime, recorded_at: datetime) -> int:
    firm = company.current()
    today = company.today(at, firm).number
    moved = Moved()
    for day in _days("expires_day", _passed(today).filter(account=held)):
        moved += _expire([held.pk], _ON_DAY, [day], day, {"day": day}, at=recorded_at, firm=firm)
    idle = idle_until(held.programme, held.moved_day)
    if idle is not None and idle < today:
        moved += _expire([held.pk], "", [], idle, {"idle_since": held.moved_day}, at=recorded_at, firm=firm)
    return -moved.points


def _release_held(held: PointsAccount, *, at: datetime, recorded_at: datetime) -> int:
    firm = company.current()
    today = company.today(at, firm).number
    moved = Moved()
    if held.debt:
        moved += _release_in_debt(held, today, at=recorded_at, firm=firm)
    for day in _days("usable_day", _pending_until(today).filter(account=held)):
        moved += _release([held.pk], day, at=recorded_at, firm=firm)
    return moved.points


# --- Everybody -------------------------------------------------------------------------------------
def expire_all(at: datetime) -> Moved:
    """Expire what is due of everybody; return how much. A second run at the same moment changes nothing.

    Side effects: as :func:`expire_due`; one audit event ``points.expire_all`` when anything expired.
    """
    firm = company.current()
    today = company.today(at, firm).number
    moved = Moved()
    for day in _days("expires_day", _passed(today)):
        for some in _chunks(PointsLot.objects.filter(left__gt=0, is_pending=False, expires_day=day)):
            with transaction.atomic():
                held = _lock(some)
                moved += _expire(held, _ON_DAY, [day], day, {"day": day}, at=at, firm=firm)
    for programme in Programme.objects.filter(expiry=Programme.Expiry.INACTIVITY):
        moved += _expire_idle(programme, today, at=at, firm=firm)
    _told("points.expire_all", moved, at=at)
    return moved


def release_all(at: datetime) -> Moved:
    """Make usable what left its return window, of everybody; return how much. A second run changes nothing.

    Side effects: as :func:`release_due`; one audit event ``points.release_all`` when anything was released.
    """
    firm = company.current()
    today = company.today(at, firm).number
    moved = Moved()
    for some in _chunks(_pending_until(today).filter(account__debt__gt=0)):
        for pk in some:
            with transaction.atomic():
                held = accounts.lock_rows([pk])[pk]
                moved += _release_in_debt(held, today, at=at, firm=firm)
    for day in _days("usable_day", _pending_until(today)):
        for some in _chunks(PointsLot.objects.filter(left__gt=0, is_pending=True, usable_day=day)):
            with transaction.atomic():
                moved += _release(_lock(some), day, at=at, firm=firm)
    _told("points.release_all", moved, at=at)
    return moved


def _expire_idle(programme: Programme, today: int, *, at: datetime, firm: Company) -> Moved:
    """Expire all of the accounts of a programme that stood idle longer than it says."""
    moved = Moved()
    standing = PointsAccount.objects.filter(programme=programme, balance__gt=0, moved_day__lt=today)
    days = standing.order_by("moved_day").values_list("moved_day", flat=True).distinct()
    for since in list(days):
        idle = months_later(since, programme.expiry_months)
        if idle >= today:
            break
        last = 0
        while some := list(
            standing.filter(moved_day=since, pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
        ):
            last = some[-1]
            with transaction.atomic():
                held = _lock(some, moved_day=since)
                moved += _expire(held, "", [], idle, {"idle_since": since}, at=at, firm=firm)
    return moved


def _passed(today: int) -> QuerySet[PointsLot]:
    return PointsLot.objects.filter(left__gt=0, is_pending=False, expires_day__lt=today)


def _pending_until(today: int) -> QuerySet[PointsLot]:
    return PointsLot.objects.filter(left__gt=0, is_pending=True, usable_day__lte=today)


def _days(column: str, due: QuerySet[PointsLot]) -> list[int]:
    return list(due.order_by(column).values_list(column, flat=True).distinct())


def _chunks(due: QuerySet[PointsLot]) -> Iterator[list[int]]:
    """Yield the accounts of due lots in chunks, in order; each is asked for when the one before is done."""
    last = 0
    while True:
        rows = due.filter(account__gt=last).order_by("account").values_list("account", flat=True).distinct()
        some = list(rows[:CHUNK])
        if not some:
            return
        yield some
        last = some[-1]


def _lock(ids: Sequence[int], **only: int) -> list[int]:
    """Lock accounts in order; return those that still are as ``only`` says."""
    rows = PointsAccount.objects.select_for_update(no_key=True).filter(pk__in=ids, **only).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _told(act: str, moved: Moved, *, at: datetime) -> None:
    if moved.entries:
        codes = {"entries": moved.entries, "points": abs(moved.points)}
        audit.record(act, obj=None, by=None, at=at, codes=codes)


# --- The statements --------------------------------------------------------------------------------
_ON_DAY = "AND l.expires_day = %s"


def _expire(
    ids: Sequence[int],
    which: str,
    bound: list[Any],
    day: int,
    detail: dict[str, int],
    *,
    at: datetime,
    firm: Company,
) -> Moved:
    """Expire usable lots of accounts that are held: those of ``which``, whose last day was ``day``."""
    mine, whose = _in("l.account_id", ids)
    open_lots = f'{mine} AND l."left" > 0 AND NOT l.is_pending {which}'
    new = "e.id > %s AND e.kind = 'expire'"
    with connection.cursor() as cursor:
        before = _last_entry(cursor)
        cursor.execute(
            f"INSERT INTO {_ENTRY} ({_COLUMNS}) "
            f"SELECT a.programme_id, a.id, a.customer_id, 'expire', -t.points, 0, 0, %s, %s, %s, %s, %s, '', "
            f"NULL, '', {_json()}, NULL, NULL, NULL "
            f'FROM (SELECT l.account_id, SUM(l."left") AS points FROM {_LOT} l WHERE {open_lots} '
            f"GROUP BY l.account_id) t JOIN {_ACCOUNT} a ON a.id = t.account_id ORDER BY a.id",
            [*_moments(day + 1, at, firm), json.dumps(detail), whose, *bound],
        )
        if not cursor.rowcount:
            return Moved()
        cursor.execute(
            f"INSERT INTO {_ALLOCATION} (entry_id, lot_id, points) "
            f'SELECT e.id, l.id, -l."left" FROM {_LOT} l JOIN {_ENTRY} e ON e.account_id = l.account_id '
            f"WHERE {new} AND {open_lots}",
            [before, whose, *bound],
        )
        cursor.execute(
            f'UPDATE {_LOT} AS l SET "left" = 0 WHERE {open_lots}',
            [whose, *bound],
        )
        _mark(new, before, ids, at=at)
        return _into_sums(cursor, new, before, ids, "balance", "points")


def _release(ids: Sequence[int], day: int, *, at: datetime, firm: Company) -> Moved:
    """Release pending lots of accounts that are held and owe nothing, whose first usable day is ``day``."""
    mine, whose = _in("l.account_id", ids)
    free = f"l.account_id IN (SELECT id FROM {_ACCOUNT} WHERE debt = 0)"
    ended = f'{mine} AND {free} AND l."left" > 0 AND l.is_pending AND l.usable_day = %s'
    new = "e.id > %s AND e.kind = 'release'"
    with connection.cursor() as cursor:
        before = _last_entry(cursor)
        cursor.execute(
            f"INSERT INTO {_ENTRY} ({_COLUMNS}) "
            f'SELECT a.programme_id, a.id, a.customer_id, \'release\', l."left", -l."left", 0, %s, %s, %s, '
            f"%s, %s, 'lot', l.id, '', {_json()}, NULL, NULL, NULL "
            f"FROM {_LOT} l JOIN {_ACCOUNT} a ON a.id = l.account_id WHERE {ended} ORDER BY a.id, l.id",
            [*_moments(day, at, firm), json.dumps({}), whose, day],
        )
        if not cursor.rowcount:
            return Moved()
        cursor.execute(f"UPDATE {_LOT} AS l SET is_pending = %s WHERE {ended}", [False, whose, day])
        _mark(new, before, ids, at=at)
        moved = _into_sums(cursor, new, before, ids, "balance", "points")
        _into_sums(cursor, new, before, ids, "pending", "pending")
        mine, whose = _in("e.account_id", ids)
        cursor.execute(
            f"UPDATE {_ACCOUNT} SET moved_day = %s WHERE moved_day < %s AND id IN "
            f"(SELECT e.account_id FROM {_ENTRY} e WHERE {new} AND {mine})",
            [day, day, before, whose],
        )
        return moved


def _mark(new: str, before: int, ids: Sequence[int], *, at: datetime) -> None:
    """Mark the customers of new entries: the night's sweep began before the books were kept."""
    mine, whose = _in("e.account_id", ids)
    select = f"SELECT e.customer_id FROM {_ENTRY} e WHERE {new} AND {mine}"
    touched.mark_selected(select, [before, whose], at=at)


def _into_sums(cursor: Any, new: str, before: int, ids: Sequence[int], column: str, of_entry: str) -> Moved:
    """Add what the new entries of accounts moved to one of their sums; return how much that was."""
    mine, whose = _in("e.account_id", ids)
    cursor.execute(
        f"UPDATE {_ACCOUNT} SET {column} = {_ACCOUNT}.{column} + t.moved FROM "
        f"(SELECT e.account_id, SUM(e.{of_entry}) AS moved FROM {_ENTRY} e WHERE {new} AND {mine} "
        f"GROUP BY e.account_id) t WHERE t.account_id = {_ACCOUNT}.id",
        [before, whose],
    )
    cursor.execute(
        f"SELECT COUNT(*), COALESCE(SUM(e.{of_entry}), 0) FROM {_ENTRY} e WHERE {new} AND {mine}",
        [before, whose],
    )
    count, moved = cursor.fetchone()
    return Moved(int(count), int(moved))


def _release_in_debt(held: PointsAccount, today: int, *, at: datetime, firm: Company) -> Moved:
    """Release the due lots of an account that owes points, one by one: they pay what is owed first."""
    moved = Moved()
    for lot in _pending_until(today).filter(account=held).order_by("usable_day", "pk"):
        paid = min(held.debt, lot.left)
        entry = entries.make(
            held,
            kind=Kind.RELEASE,
            occurred_at=localtime.start_of_day(lot.usable_day, firm.time_zone),
            occurred_day=lot.usable_day,
            at=at,
            points=lot.left - paid,
            pending=-lot.left,
            debt=-paid,
            source=("lot", lot.pk),
            detail={"debt_paid": paid},
        )
        if entries.write(entry) is not None:
            continue
        accounts.change(held, points=entry.points, pending=entry.pending, debt=entry.debt, day=lot.usable_day)
        PointsLot.objects.filter(pk=lot.pk).update(is_pending=False)
        if paid:
            lots.move(entry, [(lot, -paid)])
        moved += Moved(1, -entry.pending)
    return moved


def _moments(day: int, at: datetime, firm: Company) -> list[Any]:
    """Return what stands in the columns occurred_at to ingested_at of what happens as ``day`` begins."""
    begins = localtime.start_of_day(day, firm.time_zone)
    moments = [connection.ops.adapt_datetimefield_value(moment) for moment in (begins, at, at)]
    return [moments[0], day, moments[1], False, moments[2]]


def _last_entry(cursor: Any) -> int:
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {_ENTRY}")
    return int(cursor.fetchone()[0])


def _in(column: str, ids: Sequence[int]) -> tuple[str, Any]:
    """Return the condition that a column is one of many ids, and the one value to bind."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", list(ids)
    return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(list(ids))


def _json() -> str:
    return "%s::jsonb" if connection.vendor == "postgresql" else "%s"
