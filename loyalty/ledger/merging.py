"""What merging two customers does to their points, and how that is taken back.

The points of the one that is merged away, with what it owes, go to the survivor's account in lots of the
same days; its own account stays with the stub and keeps its history. So long as nobody used what came
over, it can be told apart and goes back.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext

from customers import company, movers
from customers.merges import keeping
from customers.models import Merge
from loyalty.ledger import accounts, transferring
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Tier, TierMove

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
    """Move points and the higher tier to the survivor's account, which is made if it is missing."""
    others = PointsAccount.objects.filter(customer_id=merge.merged_id).select_related("programme", "tier")
    for other in others.order_by("pk"):
        own = accounts.account_for(merge.survivor_id, at=merge.at, programme=other.programme)
        accounts.lock_all([own.pk, other.pk])
        target = accounts.lock(own)
        _raise_tier(merge, target, other)
        transferring.carry(accounts.lock(other), target, because=("merge", merge.pk), at=merge.at)


def settle(merge: Merge) -> None:
    """Nothing is left to do when the rows have moved."""


def blockers(merge: Merge) -> list[str]:
    """Say that points which came over were used since: whose they were cannot be told apart."""
    for into in _came(merge):
        theirs = _family(into.account_id, into.detail["from"])
        kept = Q(entry__kind__in=[Kind.EXPIRE, Kind.TRANSFER_OUT, Kind.TRANSFER_IN]) | Q(
            entry__kind=Kind.TAKE_BACK, entry__reverses__isnull=False
        )
        used: dict[int, int] = {}
        rows = LotAllocation.objects.filter(lot__in=theirs).exclude(kept)
        for lot, points in rows.values_list("lot", "points"):
            used[lot] = used.get(lot, 0) - points
        paid = into.debt > PointsAccount.objects.values_list("debt", flat=True).get(pk=into.account_id)
        if any(used.values()) or paid:
            return [gettext("Points that came with the merge were used since, or pay what was owed.")]
    return []


def part(merge: Merge) -> None:
    """Put what is left of the points that came over back into the lots that they came from."""
    at = merge.undone_at
    if at is None:
        raise ValueError("the merge stands")
    for account in PointsAccount.objects.filter(customer=merge.survivor_id).select_related("tier"):
        last = account.tier_moves.select_related("to_tier").order_by("-occurred_at", "-pk").first()
        if last is not None and last.to_tier_id != account.tier_id:
            _note_tier(account, last.to_tier, account.tier, at=at)
    for into in _came(merge):
        other = into.detail["from"]
        accounts.lock_all([into.account_id, other])
        transferring.carry_back(
            accounts.lock(into.account),
            accounts.lock(PointsAccount.objects.get(pk=other)),
            debt=into.debt,
            because=("unmerge", merge.pk),
            at=at,
        )


def _came(merge: Merge) -> list[PointsEntry]:
    rows = PointsEntry.objects.filter(source_type="merge", source_id=merge.pk, kind=Kind.TRANSFER_IN)
    return list(rows.select_related("account").order_by("pk"))


def _family(account_id: int, other_id: int) -> list[int]:
    """Return the lots of an account that came from another one."""
    rows = PointsLot.objects.filter(account=account_id, origin__account=other_id)
    return list(rows.values_list("pk", flat=True))


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
