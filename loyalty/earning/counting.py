"""What came back of orders: counted again from the beginning, or counted off from how things stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Window
from django.db.models.functions import RowNumber

from customers.models import Order, OrderLine
from loyalty.earning import baskets
from loyalty.earning.baskets import Head
from loyalty.earning.evaluate import Line
from loyalty.earning.judging import Judging
from loyalty.earning.returning import Back, Bought, Purchase, assign, assign_from
from loyalty.models import OrderEarning

_READ_AT_ONCE = 50


class Counting(Judging):
    """Orders that are judged, and what came back of them."""

    def _counted_again(self, customers: set[int]) -> list[tuple[OrderEarning, Purchase]]:
        """Return all orders of customers with what came back of them, counted from the beginning."""
        theirs = self._rows().filter(customer__in=customers)
        mine = list(theirs.select_related("account"))
        naming = self._rows().filter(is_return=True, order__returns_of__in=theirs.values("order"))
        backs = self._backs([*(row for row in mine if is_back(row)), *naming.exclude(customer__in=customers)])
        found: dict[int, list[tuple[OrderEarning, Purchase]]] = {}
        for row in mine:
            if not row.is_return or row.points:  # it may have been a purchase before
                found.setdefault(row.customer_id, []).append((row, purchase_of(row)))
        for customer_id, pairs in found.items():
            assign([purchase for _row, purchase in pairs], backs.get(customer_id, []))
        return [pair for pairs in found.values() for pair in pairs]

    def _counted_off(self, rows: Sequence[OrderEarning]) -> list[tuple[OrderEarning, Purchase]]:
        """Return the orders from which new returns took, which are later than all others of the customer."""
        found: list[tuple[OrderEarning, Purchase]] = []
        backs = self._backs(rows)
        bought = self._rows().filter(customer__in=backs, is_return=False).select_related("account")
        named = _named(bought, backs)
        newest = _newest(bought, backs)
        for customer_id, mine in backs.items():
            rows_of = bought.filter(customer=customer_id)
            shelf = _Shelf(rows_of, named, newest.get(customer_id, []), customer_id=customer_id)
            assign_from(shelf, mine)
            found += shelf.read.values()
        return found

    def _backs(self, rows: Sequence[OrderEarning]) -> dict[int, list[Back]]:
        """Return what came back: records of returns, and what went beyond what was sold.

        By customer: a return that names an order is one of whom that order belongs to.
        """
        rows = [row for row in rows if not row.is_void]
        whose = {row.order_id: row.customer_id for row in rows}
        ids = [row.order_id for row in rows if row.is_return]
        heads = [one for one in baskets.heads(Order.objects.filter(pk__in=ids)) if one.counts]
        whose |= self._owners(heads)
        lines = baskets.lines_of(heads, currency=self.programme.currency)
        backs = [
            Back(
                one.pk,
                one.occurred_at,
                one.returns_of_id,
                [_goods(line) for line in lines[one.pk] if line.product and line.quantity < 0],
                amount=-sum(line.amount for line in lines[one.pk] if not line.product),
            )
            for one in heads
        ]
        backs += [
            Back(row.order_id, row.occurred_at, None, (), amount=row.beyond) for row in rows if row.beyond
        ]
        found: dict[int, list[Back]] = {}
        for back in backs:
            found.setdefault(whose[back.order_id], []).append(back)
        return found

    def _owners(self, heads: Iterable[Head]) -> dict[int, int]:
        """Return by return whose customer's the order is that it names, where that is one of ours."""
        named = {one.pk: one.returns_of_id for one in heads if one.returns_of_id is not None}
        if not named:
            return {}
        rows = self._rows().filter(order__in=set(named.values()))
        owners = dict(rows.values_list("order_id", "customer_id"))
        return {pk: owners[order_id] for pk, order_id in named.items() if order_id in owners}


def is_back(row: OrderEarning) -> bool:
    return row.is_return or row.beyond > 0


def purchase_of(row: OrderEarning, came_back: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Purchase:
    lines = {
        int(no): Bought(product, Fraction(quantity), amount, *map(Fraction, came_back.get(no, ())))
        for no, (product, quantity, amount, _share) in row.lines.items()
    }
    return Purchase(row.order_id, row.occurred_at, lines)


def _named(bought: Any, backs: Mapping[int, Sequence[Back]]) -> dict[int, OrderEarning]:
    """Return, of what was ``bought``, the orders that returns name, by order."""
    ids = {back.returns_of for mine in backs.values() for back in mine if back.returns_of is not None}
    return {row.order_id: row for row in bought.filter(order__in=ids)} if ids else {}


def _newest(bought: Any, backs: Mapping[int, Sequence[Back]]) -> dict[int, list[OrderEarning]]:
    """Return, of what was ``bought``, the newest orders of customers whose returns name none."""
    asking = [pk for pk, mine in backs.items() if any(back.returns_of is None for back in mine)]
    latest = ("-occurred_at", "-order_id")
    found: dict[int, list[OrderEarning]] = {}
    if len(asking) == 1:  # reads no further
        found[asking[0]] = list(bought.filter(customer=asking[0]).order_by(*latest)[:_READ_AT_ONCE])
    elif asking:
        place = Window(RowNumber(), partition_by=F("customer"), order_by=latest)
        mine = bought.select_related(None).filter(customer__in=asking).annotate(place=place)
        rows = bought.filter(pk__in=mine.filter(place__lte=_READ_AT_ONCE).values("pk"))
        for row in rows.order_by(*latest):
            found.setdefault(row.customer_id, []).append(row)
    return found


class _Shelf:
    """The orders of a customer as they stand, read as far as they are asked for."""

    def __init__(
        self,
        rows: Any,
        named: Mapping[int, OrderEarning],
        newest: Sequence[OrderEarning],
        *,
        customer_id: int,
    ) -> None:
        """``named`` and ``newest`` are read already: orders that returns name, and the first page."""
        self._rows = rows.order_by("-occurred_at", "-order_id")
        self._named = named
        self._newest = newest
        self._customer_id = customer_id
        self.read: dict[int, tuple[OrderEarning, Purchase]] = {}

    def named(self, order_id: int) -> Purchase | None:
        row = self._named.get(order_id)
        return self._take(row) if row is not None and row.customer_id == self._customer_id else None

    def before(self, back: Back, product: str = "") -> Iterator[Purchase]:
        until = (back.occurred_at, back.order_id)
        for row in self._newest:
            if (row.occurred_at, row.order_id) >= until:
                continue
            until = (row.occurred_at, row.order_id)
            if not product or any(line[0] == product for line in row.lines.values()):
                yield self._take(row)
        if len(self._newest) == _READ_AT_ONCE:
            yield from self._older(until, product)

    def _older(self, until: tuple[datetime, int], product: str) -> Iterator[Purchase]:
        rows = self._rows
        if product:
            lines = OrderLine.objects.filter(order=OuterRef("order"), product__code=product)
            rows = rows.filter(Exists(lines))
        while True:
            moment, order_id = until
            earlier = Q(occurred_at__lt=moment) | Q(order__lt=order_id)
            found = list(rows.filter(earlier, occurred_at__lte=moment)[:_READ_AT_ONCE])
            for row in found:
                until = (row.occurred_at, row.order_id)
                yield self._take(row)
            if len(found) < _READ_AT_ONCE:
                return

    def _take(self, row: OrderEarning) -> Purchase:
        if row.order_id not in self.read:
            self.read[row.order_id] = (row, purchase_of(row, row.came_back))
        return self.read[row.order_id][1]


def _goods(line: Line) -> tuple[str, Fraction, int]:
    return line.product, Fraction(-line.quantity), -line.amount
