"""Recording one order by hand or by program; files go through ``batch``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Protocol

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.models import Customer, Order, OrderLine, Product, User


class DeliveredBefore(Refused):
    code = "delivered_before"
    message = _("An order cannot be delivered before it was placed, nor on a day that has not begun.")


class NothingToDeliver(Refused):
    code = "nothing_to_deliver"
    message = _("This order is cancelled or a return: there is nothing to deliver.")


class EmptyOrder(Refused):
    code = "empty_order"
    message = _("An order needs at least one line with a quantity.")


@dataclass(slots=True)
class Line:
    """One line: ``quantity`` negative for a return, ``unit_price`` in major units."""

    quantity: Decimal
    unit_price: Decimal
    product: Product | None = None
    description: str = ""
    unit_cost: Decimal | None = None  # major units of the order's currency


@dataclass(frozen=True)
class Amounts:
    """The amounts of an order, in minor units; see ``Order``."""

    lines: tuple[int, ...]
    sold: int
    returned: int
    sold_base: int
    returned_base: int
    margin_base: int
    margin_assumed: bool
    is_purchase: bool


class Goods(Protocol):
    """What a line brings to the amounts; ``product`` may be a name here, then it is handed in beside."""

    quantity: Decimal
    unit_price: Decimal
    product: Any
    unit_cost: Decimal | None


def amounts_of(
    lines: Sequence[Goods],
    *,
    products: Mapping[str, Product] | None = None,
    currency: str,
    rate: Decimal,
    firm: Company,
) -> Amounts:
    """Return the amounts of an order; ``products``: by the names that its lines give, if they do.

    A line's amount is quantity × unit price, rounded half up to the minor unit. Its margin is net
    minus cost: the line's own cost, else the product's, else the margin rate of product or company
    (then the margin counts as assumed). ``rate``: base units per unit of ``currency``.
    """

    def based(minor: int) -> int:
        if currency == firm.base_currency:
            return minor
        return money.convert(minor, rate=rate, from_currency=currency, to_currency=firm.base_currency)

    amounts, margin, assumed, is_purchase = [], 0, False, False
    for line in lines:
        quantity, cost = line.quantity, line.unit_cost
        product = line.product if products is None else products.get(line.product)
        amount = _amount(quantity, line.unit_price, currency)
        if cost is not None:
            margin += based(amount - _amount(quantity, cost, currency))
        elif product is not None and product.unit_cost is not None:
            margin += based(amount) - _half_up(quantity * product.unit_cost)
        else:
            share = product.margin_bp if product is not None and product.margin_bp is not None else None
            margin += _share_of(based(amount), firm.default_margin_bp if share is None else share)
            assumed = True
        is_purchase = is_purchase or quantity > 0
        amounts.append(amount)
    sold = sum([amount for amount in amounts if amount > 0])
    returned = -sum([amount for amount in amounts if amount < 0])
    return Amounts(tuple(amounts), sold, returned, based(sold), based(returned), margin, assumed, is_purchase)


@lru_cache(maxsize=16384)
def _amount(quantity: Decimal, unit_price: Decimal, currency: str) -> int:
    return money.to_minor(quantity * unit_price, currency)


def _share_of(minor: int, share_bp: int) -> int:
    """Return the share, in basis points, of an amount, rounded half up away from zero."""
    whole = (abs(minor) * share_bp + 5000) // 10000
    return whole if minor >= 0 else -whole


def _half_up(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_HALF_UP))


def record_order(
    customer: Customer,
    *,
    lines: Sequence[Line],
    currency: str = "",
    number: str = "",
    promised_on: date | None = None,
    delivered_on: date | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Order:
    """Record one order with its lines.

    ``currency`` is the company's when empty. Raises :class:`EmptyOrder`, :class:`DeliveredBefore`,
    ``InTheFuture`` and ``MissingRate``. Side effects: touches the customer, event ``order.recorded``,
    audit ``order.record``.
    """
    if not any(line.quantity for line in lines):
        raise EmptyOrder()
    firm = company.current()
    currency = currency or firm.base_currency
    when = writing.moments(at=at, occurred_at=occurred_at)
    day = localtime.day_of(localtime.day_number(when.occurred_at, firm.time_zone))
    delivery = _delivery(promised_on, delivered_on, placed=day, at=at, firm=firm)
    rate = company.rate_of(currency, day=day, company=firm)
    amounts = amounts_of(lines, currency=currency, rate=rate, firm=firm)
    with transaction.atomic():
        order = writing.write(
            Order,
            customer_id=customer.pk,
            when=when,
            number=number,
            currency=currency,
            is_purchase=amounts.is_purchase,
            sold=amounts.sold,
            returned=amounts.returned,
            sold_base=amounts.sold_base,
            returned_base=amounts.returned_base,
            margin_base=amounts.margin_base,
            margin_assumed=amounts.margin_assumed,
            **delivery,
        )
        OrderLine.objects.bulk_create(
            OrderLine(
                customer=customer,
                order=order,
                line_no=number_of,
                product=line.product,
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                unit_cost=line.unit_cost,
                amount=amount,
                occurred_at=order.occurred_at,
                occurred_day=order.occurred_day,
                recorded_at=order.recorded_at,
            )
            for number_of, (line, amount) in enumerate(zip(lines, amounts.lines, strict=True), start=1)
        )
        events.record("order.recorded", customer_id=customer.pk, subject=order, occurred_at=order.occurred_at)
        audit.record("order.record", obj=order, by=by, at=at, customer_id=customer.pk)
    return order


def set_delivery(
    order: Order, *, promised_on: date | None, delivered_on: date | None, by: User | None, at: datetime
) -> Order:
    """Say by when an order was promised and when it came; ``None`` empties.

    Raises :class:`NothingToDeliver`, :class:`DeliveredBefore`, ``OlderThanKnown``. Side effects: a new
    version of the order, event ``order.delivered`` when it came, audit ``order.set_delivery``.
    """
    if order.status == Order.Status.CANCELLED or not order.is_purchase:
        raise NothingToDeliver()
    firm = company.current()
    placed = localtime.day_of(localtime.day_number(order.occurred_at, firm.time_zone))
    wanted = _delivery(promised_on, delivered_on, placed=placed, at=at, firm=firm)
    if delivered_on is None and order.delivered_day is not None:
        wanted["status"] = Order.Status.PLACED
    came = delivered_on is not None and order.delivered_day is None
    changed = sorted(name for name, value in wanted.items() if getattr(order, name) != value)
    with transaction.atomic():
        order = writing.revise(order, at=at, **wanted)
        if changed:
            audit.record(
                "order.set_delivery",
                obj=order,
                by=by,
                at=at,
                customer_id=order.customer_id,
                codes={"changed": changed},
            )
        if came:
            events.record("order.delivered", customer_id=order.customer_id, subject=order, occurred_at=at)
    return order


def _delivery(
    promised_on: date | None, delivered_on: date | None, *, placed: date, at: datetime, firm: Company
) -> dict[str, Any]:
    """Return the columns of a promise and a delivery."""
    found: dict[str, Any] = {
        "promised_day": promised_on.toordinal() if promised_on else None,
        "delivered_day": delivered_on.toordinal() if delivered_on else None,
    }
    if delivered_on is not None:
        if delivered_on < placed or delivered_on.toordinal() > localtime.day_number(at, firm.time_zone):
            raise DeliveredBefore()
        found["status"] = Order.Status.DELIVERED
    return found
