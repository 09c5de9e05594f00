"""What merging two customers, and taking that back, does to keys and pairs."""

from __future__ import annotations

from django.db.models import Q

from customers.duplicates.finding import find_for
from customers.models import DuplicateKey, DuplicateProposal, Merge

State = DuplicateProposal.State


def joined(merge: Merge) -> None:
    """Note the pair as merged; forget what else the one that is gone was like; look for the survivor's."""
    pair = _pair_of(merge)
    pair.update(state=State.MERGED, decided_at=merge.at, decided_by=merge.by)
    DuplicateKey.objects.filter(customer_id=merge.merged_id).delete()
    others = Q(low=merge.merged_id) | Q(high=merge.merged_id)
    DuplicateProposal.objects.filter(others, state=State.OPEN).delete()
    find_for([merge.survivor_id], at=merge.at)


def parted(merge: Merge) -> None:
    """Propose the pair again, and whatever else the two are like."""
    _pair_of(merge).filter(state=State.MERGED).update(state=State.OPEN, decided_at=None, decided_by=None)
    find_for([merge.survivor_id, merge.merged_id], at=merge.undone_at or merge.at)


def _pair_of(merge: Merge) -> DuplicateProposal.objects.__class__:  # type: ignore[name-defined]
    low, high = sorted((merge.survivor_id, merge.merged_id))
    return DuplicateProposal.objects.filter(low=low, high=high)
