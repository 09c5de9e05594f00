"""Lots: which points go first, and where those that left a lot are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db.models import F, Q, Sum

from loyalty.ledger.errors import LedgerDamaged
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot

_FEW = 20


def take(account: PointsAccount, entry: PointsEntry, points: int) -> list[LotAllocation]:
    """Take points from the usable lots of an account that is held, what expires first before the rest.

    Raises :class:`LedgerDamaged` when the lots do not hold what the balance said.
    """
    open_lots = PointsLot.objects.filter(account=account, left__gt=0, is_pending=False)
    rows = open_lots.order_by(F("expires_day").asc(nulls_last=True), "pk")
    some = list(rows[:_FEW])
    if sum(lot.left for lot in some) < points and len(some) == _FEW:
        some = list(rows)
    taken: list[tuple[PointsLot, int]] = []
    for lot in some:
        if not points:
            break
        part = min(points, lot.left)
        points -= part
        taken.append((lot, part))
    if points:
        raise LedgerDamaged(account=account.pk)
    return move(entry, [(lot, -part) for lot, part in taken])


def move(entry: PointsEntry, parts: Sequence[tuple[PointsLot, int]]) -> list[LotAllocation]:
    """Add to what is left in lots of an account that is held, and note that ``entry`` did it."""
    emptied = {lot.pk for lot, part in parts if lot.left + part == 0}
    if emptied:
        PointsLot.objects.filter(pk__in=emptied).update(left=0)
    for lot, part in parts:
        if lot.pk not in emptied:
            PointsLot.objects.filter(pk=lot.pk).update(left=F("left") + part)
    made = [LotAllocation(entry=entry, lot=lot, points=part) for lot, part in parts]
    return LotAllocation.objects.bulk_create(made, batch_size=1000)


def families(entry_ids: Collection[int]) -> dict[int, list[PointsLot]]:
    """Return by entry the lots that it made, and those into which their points were moved by merges."""
    found: dict[int, list[PointsLot]] = {pk: [] for pk in entry_ids}
    made_by: dict[int, int] = {}
    last = list(PointsLot.objects.filter(entry__in=found).order_by("pk"))
    while last:
        for lot in last:
            made_by[lot.pk] = made_by.get(lot.origin_id or 0, lot.entry_id)
            found[made_by[lot.pk]].append(lot)
        last = list(PointsLot.objects.filter(origin__in=[lot.pk for lot in last]).order_by("pk"))
    return found


def gone(lots: Iterable[PointsLot]) -> dict[int, tuple[int, int]]:
    """Return by lot how many points expired, and how many were taken back of the earning itself."""
    taken_back = Q(entry__kind=PointsEntry.Kind.TAKE_BACK, entry__reverses__isnull=False)
    sums = (
        LotAllocation.objects.filter(lot__in=[lot.pk for lot in lots])
        .values_list("lot")
        .annotate(
            expired=Sum("points", filter=Q(entry__kind=PointsEntry.Kind.EXPIRE)),
            taken=Sum("points", filter=taken_back),
        )
    )
    return {lot: (-(expired or 0), -(taken or 0)) for lot, expired, taken in sums.order_by()}
