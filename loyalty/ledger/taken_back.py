"""Imports of points that are taken back: what somebody used stands in the way, the rest is reversed.

Nothing is deleted: each entry of the import is followed by one that reverses it, the last ones first, so
that what was used comes back into the lots that are then taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from customers.models import Customer, ImportBatch, ImportChange
from customers.movers import Blocker
from loyalty.ledger import earning, redeeming
from loyalty.ledger.errors import MoreThanMoved
from loyalty.models import LotAllocation, PointsEntry

Kind = PointsEntry.Kind
_BY_ITSELF = (Kind.EXPIRE, Kind.RELEASE, Kind.TRANSFER_OUT, Kind.TRANSFER_IN)
_USING = (Kind.REDEEM, Kind.ADJUST)


def in_the_way(batch_id: int) -> Iterator[Blocker]:
    """Yield the accounts whose points of an import were used since, and its new customers who used any."""
    brought = LotAllocation.objects.filter(points__lt=0).filter(
        Q(lot__entry__batch=batch_id) | Q(lot__origin__entry__batch=batch_id)
    )
    by_others = brought.exclude(entry__kind__in=_BY_ITSELF).exclude(entry__batch=batch_id)
    used = {row["entry__customer"] for row in by_others.values("entry__customer").distinct()}
    new = ImportChange.objects.filter(batch=batch_id, model=Customer._meta.label_lower, is_new=True)
    theirs = PointsEntry.objects.filter(
        customer__in=new.values("object_id"), kind__in=_USING, points__lt=0
    ).exclude(batch=batch_id)
    used |= set(theirs.values_list("customer", flat=True))
    for customer in sorted(used):
        text = _("points were used since by customer no. %(number)s") % {"number": customer}
        yield Blocker(text, customer_id=customer)


def reverse(batch: ImportBatch, after: int, most: int, at: datetime) -> tuple[list[int], int]:
    """Reverse the next entries that an import brought, the last ones first; return their ids and the last."""
    rows = PointsEntry.objects.filter(batch=batch).select_related("account")
    if after:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[:most])
    with transaction.atomic():
        for entry in found:
            _reverse(entry, at=at)
    return [entry.pk for entry in found], found[-1].pk if found else 0


def _reverse(entry: PointsEntry, *, at: datetime) -> None:
    source = ("undone", entry.pk)
    try:
        if entry.points < 0:
            redeeming.give_back(entry, source=source, by=None, at=at)
        else:
            earning.take_back(
                entry,
                points=earning.not_taken_back(entry),
                source=source,
                occurred_at=at,
                detail={},
                by=None,
                at=at,
                is_partial=True,
            )
    except MoreThanMoved:  # it was reversed before
        return
