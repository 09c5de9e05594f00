"""Imports of points that are taken back: what somebody used stands in the way, the rest is reversed.

Nothing is deleted: what is left of the import's lots goes by entries against its own, and what it took from
lots of others goes back into them. A debt that its points paid stands again. So each account comes to hold
what it would without the import; where the customer was merged meanwhile, that of the one it went into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from customers import company, touched
from customers.ground import rows
from customers.models import Customer, ExternalRef, ImportBatch, ImportChange
from customers.movers import Blocker
from loyalty.ledger import accounts, earning, entries, expiring, transferring
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot

REFERENCE = "pointsentry"  # the kind of the names that other systems give to entries
Kind = PointsEntry.Kind
_USING = (Kind.REDEEM, Kind.ADJUST)
Parts = dict[int, list[tuple[PointsLot, int]]]


def made_by(batch: ImportBatch) -> QuerySet[PointsEntry]:
    """Return the entries that an import brought."""
    found: QuerySet[PointsEntry] = PointsEntry.objects.filter(batch=batch)
    return found


def in_the_way(batch_id: int) -> Iterator[Blocker]:
    """Yield the accounts whose points of an import were used since, and its new customers who used any.

    What was given back since, expired, or was reversed by hand is in nobody's way.
    """
    since = LotAllocation.objects.filter(lot__entry__batch=batch_id).exclude(entry__batch=batch_id)
    since = since.exclude(entry__kind=Kind.EXPIRE)
    since = since.exclude(entry__kind=Kind.TAKE_BACK, entry__reverses__isnull=False)
    lots = since.order_by("lot").values("lot", "lot__customer").annotate(net=Sum("points"))
    used = {row["lot__customer"] for row in lots.filter(net__lt=0)}
    new = ImportChange.objects.filter(batch=batch_id, model=Customer._meta.label_lower, is_new=True)
    theirs = PointsEntry.objects.filter(
        customer__in=new.values("object_id"), kind__in=_USING, points__lt=0
    ).exclude(batch=batch_id)
    used |= set(theirs.exclude(reversed_by__kind=Kind.GIVE_BACK).values_list("customer", flat=True))
    for customer in sorted(used):
        text = _("points were used since by customer no. %(number)s") % {"number": customer}
        yield Blocker(text, customer_id=customer)


def reverse(batch: ImportBatch, after: int, most: int, at: datetime) -> tuple[list[int], int]:
    """Reverse the next entries of an import, in the caller's transaction; return their ids and the last.

    What comes back to an account of a stub goes on to the survivor's, debts as well. With the last entry of
    an account what it owes is paid from what it can use. Their names in other systems become free, so that a
    mended file can land under the same ones.
    """
    found = list(made_by(batch).filter(pk__gt=after).order_by("pk")[:most])
    if not found:
        return [], 0
    ids = [entry.pk for entry in found]
    held = accounts.hold_all({entry.account_id for entry in found})
    account_of = accounts.lock_rows(held)
    kept, lent = _left(ids), _lent(batch, ids)
    changed: dict[int, PointsLot] = {}
    against: list[PointsEntry] = []
    moved: list[tuple[PointsEntry, PointsLot, int]] = []
    day = company.today(at).number
    for entry in found:
        parts = [*((lot, -lot.left) for lot in kept.get(entry.pk, [])), *lent.get(entry.pk, [])]
        points, paid = sum(part for _lot, part in parts), -entry.debt
        if not points and not paid:
            continue
        account = account_of[entry.account_id]
        made = entries.make(
            account,
            kind=Kind.GIVE_BACK if entry.points + paid < 0 else Kind.TAKE_BACK,
            occurred_at=at,
            occurred_day=day,
            at=at,
            points=points,
            debt=paid,
            source=("undone", entry.pk),
            by=batch.undone_by,
            reverses=entry,
        )
        against.append(made)
        account.balance += points
        account.debt += paid
        for lot, part in parts:
            lot = changed.setdefault(lot.pk, lot)
            lot.left += part
            moved.append((made, lot, part))
    PointsEntry.objects.bulk_create(against)
    rows.update_rows(list(changed.values()), ["left"])
    LotAllocation.objects.bulk_create(
        [LotAllocation(entry=entry, lot=lot, points=part) for entry, lot, part in moved]
    )
    rows.update_rows(list(account_of.values()), ["balance", "debt"])
    _settle_up(batch, {made.account_id: made for made in against}, account_of, held, last=ids[-1], at=at)
    ExternalRef.objects.filter(kind=REFERENCE, object_id__in=ids).delete()
    touched.mark({entry.customer_id for entry in found}, at=at)
    return ids, ids[-1]


def _settle_up(
    batch: ImportBatch,
    newest: dict[int, PointsEntry],
    account_of: dict[int, PointsAccount],
    survivors: dict[int, PointsAccount],
    *,
    last: int,
    at: datetime,
) -> None:
    """Let what came back to stubs go on, and accounts pay what they owe once all of an import is reversed.

    ``newest``: the last entry against those of the import, by account; ``last``: the one reversed last. Until
    the last one of an account it still has points of the import, which pay nothing.
    """
    for pk, made in newest.items():
        if survivors[pk].pk != pk:
            transferring.forward(account_of[pk], because=made, at=at)
    ends = {pk: account.pk for pk, account in survivors.items()}
    rest = made_by(batch).filter(pk__gt=last, account__in={*ends, *ends.values()})
    waiting = set(rest.order_by().values_list("account", flat=True).distinct())
    owing = PointsAccount.objects.filter(pk__in=ends.values(), debt__gt=0, balance__gt=0)
    able = set(owing.values_list("pk", flat=True))
    for pk in sorted(ends):
        if ends[pk] in able and not {pk, ends[pk]} & waiting:
            because = PointsEntry.objects.filter(account=pk, reverses__batch=batch).order_by("pk").last()
            if because is not None:
                expiring.settle_due(survivors[pk], at=at)  # what came back into lots past their day goes
                earning.pay_debt(accounts.lock(survivors[pk]), at=at, because=because)


def _left(ids: Sequence[int]) -> dict[int, list[PointsLot]]:
    """Return the lots that entries made and of which something is left, by entry."""
    found: dict[int, list[PointsLot]] = {}
    for lot in PointsLot.objects.filter(entry__in=ids, left__gt=0).order_by("pk"):
        found.setdefault(lot.entry_id, []).append(lot)
    return found


def _lent(batch: ImportBatch, ids: Sequence[int]) -> Parts:
    """Return what entries of an import took from lots of others and what is not back yet, by entry."""
    others = LotAllocation.objects.exclude(lot__entry__batch=batch)
    back: dict[tuple[int | None, int], int] = {}
    given = others.filter(entry__reverses__in=ids, entry__kind=Kind.GIVE_BACK)
    for entry_id, lot_id, points in given.values_list("entry__reverses", "lot", "points"):
        back[entry_id, lot_id] = back.get((entry_id, lot_id), 0) + points
    found: Parts = {}
    for taken in others.filter(entry__in=ids, points__lt=0).select_related("lot").order_by("pk"):
        if (part := -taken.points - back.get((taken.entry_id, taken.lot_id), 0)) > 0:
            found.setdefault(taken.entry_id, []).append((taken.lot, part))
    return found
