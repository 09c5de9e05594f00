"""The movements of points in words for their owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from customers.ground.localtime import day_of
from customers.models import Order
from loyalty import explaining
from loyalty.ledger import statement
from loyalty.models import PointsEntry
from retention.pages.member.points import Account


@dataclass(frozen=True)
class Line:
    """One movement: what it was, how many points it moved, and how many could be used afterwards."""

    text: str
    note: str
    day: str
    points: int
    coming: int  # that can be used later; of a line that moved nothing else
    balance: int


def rows(account: Account) -> QuerySet[PointsEntry]:
    """Return every movement of an account, newest first."""
    return statement.entries_of(account.row)


def lines(account: Account, found: Sequence[PointsEntry]) -> list[Line]:
    """Return movements in words; a bounded number of queries, however many."""
    told = explaining.told_of(found, account.programme)
    numbers = _orders_of(found)
    return [
        Line(
            _text(row, told[row.pk].title, numbers),
            _note(row),
            date_format(day_of(row.occurred_day), "DATE_FORMAT"),
            row.points,
            row.pending if not row.points else 0,
            row.running,  # type: ignore[attr-defined]
        )
        for row in found
    ]


def _orders_of(found: Sequence[PointsEntry]) -> dict[int, str]:
    """Return the numbers of the orders that earned, as they stand on her papers."""
    ids = {row.source_id for row in found if _is_of_order(row)}
    orders = Order.objects.filter(pk__in=ids, void=False).exclude(number="") if ids else Order.objects.none()
    return dict(orders.values_list("pk", "number"))


def _is_of_order(row: PointsEntry) -> bool:
    """Say whether an order earned this, at first or anew after it changed."""
    return row.kind == PointsEntry.Kind.EARN and row.source_type.partition(".")[0] == "order"


def _text(row: PointsEntry, title: str, numbers: dict[int, str]) -> str:
    if _is_of_order(row):
        number = numbers.get(row.source_id or 0)
        if not number:
            return _("Earned by an order")
        return _("Earned by your order %(number)s") % {"number": number}
    return title


def _note(row: PointsEntry) -> str:
    notes = []
    if row.kind != PointsEntry.Kind.RELEASE and row.pending > 0:
        notes.append(_("%(points)s on their way, until goods can no longer be returned"))
    if row.pending < 0 and row.kind == PointsEntry.Kind.TAKE_BACK:
        notes.append(_("%(points)s that were on their way are gone"))
    return " ".join(note % {"points": f"{abs(row.pending):,}"} for note in notes)
