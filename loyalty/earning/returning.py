"""Which orders goods came back from: pure.

A return that names its order counts off that order: off lines of the same product, else off all its lines
by amount. One that names none counts off the newest earlier order lines of the same product; without a
product off the newest earlier orders by amount. Goods that were bought before the programme take nothing.
Of a line comes back the share of its quantity; where less was paid back than that, the share of the money.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Protocol

_NOTHING = Fraction(0)


@dataclass(slots=True)
class Bought:
    """A line of an order: of its worth the share ``back`` came back, of ``quantity`` so much as ``gone``."""

    product: str
    quantity: Fraction
    amount: int
    back: Fraction = _NOTHING
    gone: Fraction = _NOTHING


@dataclass(slots=True)
class Purchase:
    """An order that may come back, and the returns that took from it."""

    order_id: int
    occurred_at: datetime
    lines: dict[int, Bought]
    returns: list[int] = field(default_factory=list)
    returned_at: datetime | None = None

    @property
    def left(self) -> Fraction:
        """Return what of the money paid did not come back."""
        return sum((line.amount * (1 - line.back) for line in self.lines.values()), _NOTHING)

    @property
    def came_back(self) -> dict[str, list[str]]:
        """Return, by number of the line, what of its worth and quantity came back, as it is kept."""
        lines = self.lines.items()
        return {str(no): [str(line.back), str(line.gone)] for no, line in lines if line.back or line.gone}


@dataclass(frozen=True, slots=True)
class Back:
    """What came back in one record: products with quantity and amount, and an amount without a product."""

    order_id: int
    occurred_at: datetime
    returns_of: int | None
    goods: Sequence[tuple[str, Fraction, int]]
    amount: int = 0


class Shelf(Protocol):
    """Where the orders of one customer are found."""

    def named(self, order_id: int) -> Purchase | None:
        """Return an order, if it is there."""
        ...

    def before(self, back: Back, product: str = "") -> Iterator[Purchase]:
        """Give the orders before a return, the newest first; with ``product`` at least those that have it."""
        ...


class Known:
    """Orders that are all known."""

    def __init__(self, purchases: Iterable[Purchase]) -> None:
        newest_first = sorted(purchases, key=lambda one: (one.occurred_at, one.order_id), reverse=True)
        self._by_id = {one.order_id: one for one in newest_first}

    def named(self, order_id: int) -> Purchase | None:
        """Return an order, if it is there."""
        return self._by_id.get(order_id)

    def before(self, back: Back, product: str = "") -> Iterator[Purchase]:
        """Give the orders before a return, the newest first."""
        when = (back.occurred_at, back.order_id)
        return (one for one in self._by_id.values() if (one.occurred_at, one.order_id) < when)


def assign(purchases: Sequence[Purchase], backs: Sequence[Back]) -> None:
    """Let what came back count off what one customer bought.

    Sets ``back`` and ``gone`` of lines, ``returns`` and ``returned_at`` of orders.
    """
    assign_from(Known(purchases), backs)


def assign_from(shelf: Shelf, backs: Sequence[Back]) -> None:
    """Do what :func:`assign` does with orders that are found in ``shelf``, of which not all may be read."""
    for back in sorted(backs, key=lambda one: (one.occurred_at, one.order_id)):
        if back.returns_of is not None:
            named = shelf.named(back.returns_of)
            if named is not None:
                _off_one(named, back)
            continue
        for product, quantity, amount in back.goods:
            price = amount / quantity
            for one in shelf.before(back, product):
                quantity -= _off_product(one, product, quantity, price, back)
                if quantity <= 0:
                    break
        if back.amount:
            _off_amount(shelf.before(back), back.amount, back)


def _off_one(purchase: Purchase, back: Back) -> None:
    amount = Fraction(back.amount)
    for product, quantity, worth in back.goods:
        found = _off_product(purchase, product, quantity, worth / quantity, back)
        amount += worth * (quantity - found) / quantity
    if amount:
        _off_amount([purchase], amount, back)


def _off_product(
    purchase: Purchase, product: str, quantity: Fraction, price: Fraction, back: Back
) -> Fraction:
    """Count a quantity, paid back at ``price`` each, off lines of a product; return how much there was."""
    wanted = quantity
    for number in sorted(purchase.lines, reverse=True):
        line = purchase.lines[number]
        left = line.quantity - line.gone
        if line.product != product or left <= 0 or wanted <= 0:
            continue
        taken = min(left, wanted)
        line.gone += taken
        share = taken / line.quantity
        if line.amount:
            share = min(share, taken * price / line.amount)
        line.back = min(Fraction(1), line.back + share)
        wanted -= taken
    if wanted < quantity:
        _note(purchase, back)
    return quantity - wanted


def _off_amount(purchases: Iterable[Purchase], amount: Fraction | int, back: Back) -> None:
    """Count an amount off orders, one after the other, of each off all its lines by what is left of them."""
    wanted = Fraction(amount)
    for purchase in purchases:
        left = purchase.left
        if left <= 0:
            continue
        share = min(wanted, left) / left
        for line in purchase.lines.values():
            line.back += (1 - line.back) * share
        wanted -= min(wanted, left)
        _note(purchase, back)
        if wanted <= 0:
            return


def _note(purchase: Purchase, back: Back) -> None:
    if back.order_id not in purchase.returns:
        purchase.returns.append(back.order_id)
    purchase.returned_at = max(purchase.returned_at or back.occurred_at, back.occurred_at)
