"""What merging two customers does to their points, and how that is taken back.

The points of the one that is merged away, with what it owes, go to the survivor's account in lots of the
same days; its own account stays with the stub and keeps its history. So long as nobody used what came
over, it can be told apart and goes back.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext

from customers import company, movers
from customers.merges import keeping
from customers.models import Merge, Order
from loyalty.ledger import accounts, expiring, transferring
from loyalty.models import (
    LotAllocation,
    OrderEarning,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Tier,
    TierMove,
)

Kind = PointsEntry.Kind
_OF_TIER = (
    *("tier_id", "tier_since_day", "is_tier_paid", "tier_basis", "tier_basis_day"),
    "grace_until_day",
)


def register() -> None:
    """Enter what is done here beside the moving of rows."""
    movers.register_joining("loyalty", movers.Joining(lock, join, settle, blockers, part))


def lock(first: int, second: int) -> None:
    """Take the accounts of two customers, in order."""
    mine = PointsAccount.objects.filter(customer_id__in=[first, second])
    accounts.lock_all(mine.values_list("pk", flat=True))


def join(merge: Merge) -> None:
    """Move points and the higher tier to the survivor's account, which is made if it is missing.

    What is due in either of the two is released or expires first.
    """
    others = PointsAccount.objects.filter(customer_id=merge.merged_id).select_related("programme", "tier")
    for other in others.order_by("pk"):
        own = accounts.account_for(merge.survivor_id, at=merge.at, programme=other.programme)
        accounts.lock_all([own.pk, other.pk])
        for account in (own, other):  # what is due by now is not carried, nor saved by what the other did
            expiring.settle_held(accounts.lock(account), at=merge.at)
        target = accounts.lock(own)
        _raise_tier(merge, target, other)
        transferring.carry(accounts.lock(other), target, because=("merge", merge.pk), at=merge.at)


def settle(merge: Merge) -> None:
    """Nothing is left to do when the rows have moved."""


def blockers(merge: Merge) -> list[str]:
    """Say that points which came over were used since: whose they were cannot be told apart."""
    for own, other in _pairs(merge):
        theirs = PointsLot.objects.filter(account=own, origin__account=other)
        kept = Q(entry__kind__in=[Kind.EXPIRE, Kind.TRANSFER_OUT, Kind.TRANSFER_IN]) | Q(
            entry__kind=Kind.TAKE_BACK, entry__reverses__isnull=False
        )
        used: dict[int, int] = {}
        rows = LotAllocation.objects.filter(lot__in=theirs).exclude(kept)
        for lot, points in rows.values_list("lot", "points"):
            used[lot] = used.get(lot, 0) - points
        if any(used.values()) or _owed(own, other) > own.debt:
            return [gettext("Points that came with the merge were used since, or pay what was owed.")]
    return []


def part(merge: Merge) -> None:
    """Put what is left of the points that came over, then or since, back into the lots they came from."""
    at = merge.undone_at
    if at is None:
        raise ValueError("the merge stands")
    for account in PointsAccount.objects.filter(customer=merge.survivor_id).select_related("tier"):
        last = account.tier_moves.select_related("to_tier").order_by("-occurred_at", "-pk").first()
        if last is not None and last.to_tier_id != account.tier_id:
            _note_tier(account, last.to_tier, account.tier, at=at)
    _part_orders(merge)
    for own, other in _pairs(merge):
        held = accounts.lock_rows([own.pk, other.pk])
        transferring.carry_back(
            held[own.pk], held[other.pk], debt=_owed(own, other), because=("unmerge", merge.pk), at=at
        )


def _part_orders(merge: Merge) -> None:
    """Say again of which of the two the rows are that tell what orders brought: by whose points they tell of.

    Those of orders that moved between the two went with entries, or accounts, of before. A row that tells how
    its order stands now is of whose the order is. Where the order changed since it was judged, the row waits
    with whom it was before; so does a row that is past, or with whose account it tells of when it is newer.
    """
    both = [merge.survivor_id, merge.merged_id]
    rows = OrderEarning.objects.filter(customer__in=both)
    is_seen = Q(is_past=False, order__customer__in=both, order__recorded_at=F("seen_at"))
    whose = Order.objects.filter(pk=OuterRef("order")).values("customer")
    rows.filter(is_seen).update(customer=Subquery(whose))
    accounts_of = [pk for _own, other in _pairs(merge) for pk in accounts.with_merged(other)]
    theirs = Q(pk__in=keeping.pointed_there(merge, OrderEarning, "customer_id"))
    theirs |= Q(is_past=True, account__in=accounts_of)
    for now, of_one in ((merge.survivor_id, ~theirs), (merge.merged_id, theirs)):
        rows.filter(~is_seen, of_one).exclude(customer=now).update(customer=now)


def _pairs(merge: Merge) -> list[tuple[PointsAccount, PointsAccount]]:
    """Return the accounts of the survivor, each with that of the stub in the same programme."""
    own = {one.programme_id: one for one in PointsAccount.objects.filter(customer=merge.survivor_id)}
    others = PointsAccount.objects.filter(customer=merge.merged_id, programme__in=own).order_by("pk")
    return [(own[other.programme_id], other) for other in others]


def _owed(own: PointsAccount, other: PointsAccount) -> int:
    """Return what an account owes for another: what came over, and what was taken back of its earnings."""
    came = Q(kind=Kind.TRANSFER_IN, detail__from=other.pk) | Q(kind=Kind.TRANSFER_OUT, detail__to=other.pk)
    taken = Q(kind=Kind.TAKE_BACK, reverses__account__in=accounts.with_merged(other))
    rows = PointsEntry.objects.filter(came | taken, account=own)
    return rows.aggregate(sum=Sum("debt"))["sum"] or 0


def _raise_tier(merge: Merge, target: PointsAccount, other: PointsAccount) -> None:
    """Let the survivor stand in the higher of two tiers until the night counts for the one that both are."""
    if other.tier is None:
        return
    if target.tier is not None and target.tier.threshold >= other.tier.threshold:
        return
    keeping.keep(merge, [target], *_OF_TIER)
    was = target.tier
    values = {name: getattr(other, name) for name in _OF_TIER}
    PointsAccount.objects.filter(pk=target.pk).update(**values)
    for name, value in values.items():
        setattr(target, name, value)
    _note_tier(target, was, other.tier, at=merge.at)


def _note_tier(account: PointsAccount, was: Tier | None, now: Tier | None, *, at: datetime) -> None:
    """Write down that an account stands in another tier by a merge, or no longer."""
    TierMove.objects.create(
        account=account,
        customer_id=account.customer_id,
        from_tier=was,
        to_tier=now,
        from_rank=_rank(was),
        to_rank=_rank(now),
        reason=TierMove.Reason.MERGED,
        basis=account.tier_basis,
        grace_until_day=account.grace_until_day,
        is_paid=account.is_tier_paid,
        occurred_at=at,
        occurred_day=company.today(at).number,
        recorded_at=at,
    )


def _rank(tier: Tier | None) -> int:
    """Return the place of a tier among those of its programme, the lowest being 1; 0 for none."""
    if tier is None:
        return 0
    lower = Tier.objects.filter(programme=tier.programme_id, is_retired=False, threshold__lt=tier.threshold)
    return 1 + lower.count()
