"""Points that move from one account to another, and keep their lots' days."""

from __future__ import annotations

from datetime import datetime

from customers import company
from loyalty.ledger import accounts, entries, lots
from loyalty.ledger.entries import Source
from loyalty.models import PointsAccount, PointsEntry, PointsLot

Kind = PointsEntry.Kind


def carry(
    source: PointsAccount, target: PointsAccount, *, because: Source, at: datetime
) -> tuple[PointsEntry, PointsEntry] | None:
    """Move all that an account has, and owes, to another one; both are held. ``None`` when it has nothing.

    Each lot becomes one of the target's, with the same days, which says where it came from.
    """
    found = list(PointsLot.objects.filter(account=source, left__gt=0).order_by("pk"))
    out, into = _pair(source, target, found, debt=source.debt, because=because, at=at)
    if not _moves(into):
        return None
    _write(out, into)
    lots.move(out, [(lot, -lot.left) for lot in found])
    PointsLot.objects.bulk_create(
        [
            PointsLot(
                account=target,
                customer_id=target.customer_id,
                entry=into,
                origin=lot,
                points=lot.left,
                left=lot.left,
                is_pending=lot.is_pending,
                earned_day=lot.earned_day,
                usable_day=lot.usable_day,
                expires_day=lot.expires_day,
            )
            for lot in found
        ],
        batch_size=1000,
    )
    _sum_up(source, out, target, into)
    return out, into


def carry_back(
    source: PointsAccount, target: PointsAccount, *, debt: int, because: Source, at: datetime
) -> tuple[PointsEntry, PointsEntry] | None:
    """Put what is left in the lots that came from another account back into those that they came from.

    Both are held; ``debt`` is what goes back with it. ``None`` when nothing is left.
    """
    rows = PointsLot.objects.filter(account=source, origin__account=target, left__gt=0)
    found = list(rows.select_related("origin").order_by("pk"))
    out, into = _pair(source, target, found, debt=debt, because=because, at=at)
    if not _moves(into):
        return None
    _write(out, into)
    back: dict[int, tuple[PointsLot, int]] = {}
    for lot in found:
        assert lot.origin is not None  # noqa: S101 — asked for above
        first, part = back.get(lot.origin.pk, (lot.origin, 0))
        back[first.pk] = (first, part + lot.left)
        PointsLot.objects.filter(pk=first.pk).update(is_pending=lot.is_pending)
    lots.move(out, [(lot, -lot.left) for lot in found])
    lots.move(into, list(back.values()))
    _sum_up(source, out, target, into)
    return out, into


def forward(account: PointsAccount, *, because: PointsEntry, at: datetime) -> PointsAccount:
    """Move what came to the account of a customer who was merged away on to the one that it went into.

    All are held. It goes merge by merge, as each may be taken back. Returns the account in which the points
    are now.
    """
    way = accounts.way_of(account)[1:]
    held = accounts.lock_rows(way)
    for target in (held[pk] for pk in way):
        moved = carry(account, target, because=("entry", because.pk), at=at)
        account, because = target, because if moved is None else moved[1]
    return account


def _pair(
    source: PointsAccount,
    target: PointsAccount,
    found: list[PointsLot],
    *,
    debt: int,
    because: Source,
    at: datetime,
) -> tuple[PointsEntry, PointsEntry]:
    points = sum(lot.left for lot in found if not lot.is_pending)
    pending = sum(lot.left for lot in found if lot.is_pending)
    today = company.today(at).number
    out = entries.make(
        source,
        kind=Kind.TRANSFER_OUT,
        occurred_at=at,
        occurred_day=today,
        at=at,
        points=-points,
        pending=-pending,
        debt=-debt,
        source=because,
        detail={"to": target.pk},
    )
    into = entries.make(
        target,
        kind=Kind.TRANSFER_IN,
        occurred_at=at,
        occurred_day=today,
        at=at,
        points=points,
        pending=pending,
        debt=debt,
        source=because,
        detail={"from": source.pk},
    )
    return out, into


def _moves(entry: PointsEntry) -> bool:
    return bool(entry.points or entry.pending or entry.debt)


def _write(*made: PointsEntry) -> None:
    for entry in made:
        if entries.write(entry) is not None:
            raise RuntimeError(f"{entry.source_type} {entry.source_id} moved points before")


def _sum_up(source: PointsAccount, out: PointsEntry, target: PointsAccount, into: PointsEntry) -> None:
    accounts.change(source, points=out.points, pending=out.pending, debt=out.debt)
    accounts.change(target, points=into.points, pending=into.pending, debt=into.debt, day=source.moved_day)
