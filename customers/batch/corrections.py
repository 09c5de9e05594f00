"""Orders that differ from what stands: looked at one by one, so that only what differs gets a version."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from customers import orders
from customers.batch import references
from customers.batch.landing import Changes, Row, State, Wanted
from customers.batch.records import Line, OrderRecord
from customers.ground.models import Company
from customers.models import ImportBatch, OrderLine, Product

_FIELDS = (
    "customer_id",
    "occurred_at",
    "occurred_day",
    "product_id",
    "description",
    "quantity",
    "unit_price",
    "unit_cost",
    "amount",
    "void",
)
_OCCURRED = _FIELDS.index("occurred_at")
_AMOUNT, _VOID = _FIELDS.index("amount"), _FIELDS.index("void")
_THOUSANDTH, _TEN_THOUSANDTH = Decimal("0.001"), Decimal("0.0001")


@dataclass(slots=True)
class Plan:
    """How one order and its lines shall stand, and whether its lines differ from those that stand."""

    order: Wanted
    lines: dict[int, tuple[Any, ...]]
    differs: bool


Stored = dict[int, tuple[Any, ...]]  # line_no -> its values, in the order of _FIELDS


def stored_lines(records: Sequence[OrderRecord], refs: Mapping[str, int]) -> dict[str, Stored]:
    """Return the lines that stand, by the order's external id."""
    name_of = {refs[r.external_id]: r.external_id for r in records if r.external_id in refs}
    stored: dict[str, Stored] = {}
    if not name_of:
        return stored
    for order_id, line_no, *values in OrderLine.objects.filter(order_id__in=name_of).values_list(
        "order_id", "line_no", *_FIELDS
    ):
        stored.setdefault(name_of[order_id], {})[line_no] = tuple(values)
    return stored


def plan(
    record: OrderRecord,
    customer_id: int,
    products: dict[str, Product],
    stored: Stored,
    rate: Decimal,
    firm: Company,
) -> Plan:
    lines = _lines(record, products, stored)
    if record.adds and stored:  # the order itself stands as it was first told
        first = min(values[_OCCURRED] for values in stored.values())
        record = replace(record, occurred_at=min(record.occurred_at, first), values={})
    order = references.wanted_fact(record, customer_id, zone=firm.time_zone, currency=record.currency)
    when = (customer_id, order.fields["occurred_at"], order.fields["occurred_day"])
    standing = {number: values for number, values in stored.items() if not values[_VOID]}
    goods = {
        line.line_no: (
            products[line.product].pk if line.product else None,
            line.description,
            line.quantity,
            line.unit_price,
            line.unit_cost,
        )
        for line in lines
    }
    same_goods = bool(standing) and _same_goods(goods, standing)
    if same_goods and standing.keys() == stored.keys() | goods.keys():
        rows = {n: (*when, *goods[n], standing[n][_AMOUNT], False) for n in goods}
        if rows == stored:  # amounts follow from the goods, and are frozen with them
            return Plan(order, rows, differs=False)
    amounts = orders.amounts_of(lines, products=products, currency=record.currency, rate=rate, firm=firm)
    rows = {
        line.line_no: (*when, *goods[line.line_no], amount, False)
        for line, amount in zip(lines, amounts.lines, strict=True)
    }
    order.fields.update(is_purchase=amounts.is_purchase, sold=amounts.sold, returned=amounts.returned)
    frozen = {
        "sold_base": amounts.sold_base,
        "returned_base": amounts.returned_base,
        "margin_base": amounts.margin_base,
        "margin_assumed": amounts.margin_assumed,
    }
    if same_goods:
        order.derived = frozen  # written only if the order itself changes
    else:
        order.fields.update(frozen)
    return Plan(order, rows, differs=True)


def _same_goods(goods: Mapping[int, tuple[Any, ...]], standing: Stored) -> bool:
    """Say whether products, quantities, prices and costs are those that stand."""
    return goods.keys() == standing.keys() and all(
        (row[0], *row[2:]) == (standing[n][3], *standing[n][5:8]) for n, row in goods.items()
    )


def rounded(lines: Sequence[Line]) -> list[Line]:
    """Return lines, each number once, in their order, rounded as they are stored."""
    found = [_rounded_line(line) for line in lines]
    numbers = [line.line_no for line in found]
    if all(map(operator.lt, numbers, numbers[1:])):
        return found
    by_number = dict(zip(numbers, found, strict=True))
    return [by_number[number] for number in sorted(by_number)]


def _rounded_line(line: Line) -> Line:
    cost = line.unit_cost
    quantity, price = _to_thousandth(line.quantity), _to_ten_thousandth(line.unit_price)
    if (
        quantity is line.quantity
        and price is line.unit_price
        and cost is None
        and len(line.description) <= 200
    ):
        return line
    cost = None if cost is None else _to_ten_thousandth(cost)
    return Line(line.line_no, quantity, price, line.product, line.description[:200], cost)


@lru_cache(maxsize=16384)
def _to_thousandth(number: Decimal) -> Decimal:
    rounded = number.quantize(_THOUSANDTH, ROUND_HALF_UP)
    return number if rounded == number else rounded


@lru_cache(maxsize=16384)
def _to_ten_thousandth(number: Decimal) -> Decimal:
    rounded = number.quantize(_TEN_THOUSANDTH, ROUND_HALF_UP)
    return number if rounded == number else rounded


def _lines(record: OrderRecord, products: dict[str, Product], stored: Stored) -> list[Line]:
    """Return the lines that the order shall have, rounded as they are stored."""
    lines = {line.line_no: line for line in rounded(record.lines)}
    kept = {n: v for n, v in stored.items() if record.adds and n not in lines and not v[_VOID]}
    for number, values in kept.items():
        code = next((c for c, product in products.items() if product.pk == values[3]), "")
        if values[3] and not code:
            product = Product.objects.get(pk=values[3])  # a mended line joins few others
            products[product.code], code = product, product.code
        lines[number] = Line(number, values[5], values[6], code, values[4], values[7])
    return [lines[number] for number in sorted(lines)]


def land_lines(
    plans: Sequence[Plan], rows: Sequence[Row], *, batch: ImportBatch | None, at: datetime
) -> None:
    """Insert, change and void lines so that each order has those of its plan."""
    new: list[OrderLine] = []
    changing: dict[int, tuple[Plan, Row]] = {}
    for plan, row in zip(plans, rows, strict=True):
        if plan.differs:
            changing[row.obj.pk] = plan, row
    if not changing:
        return
    known: dict[int, dict[int, OrderLine]] = {pk: {} for pk in changing}
    standing = OrderLine.objects.select_for_update().filter(order_id__in=changing)
    for line in standing.order_by("pk"):  # held: another import may just be changing them
        known[line.order_id][line.line_no] = line
    changes = Changes(OrderLine, batch=batch, at=at)
    for pk, (plan, row) in changing.items():
        when: dict[str, Any] = {
            "recorded_at": plan.order.recorded_at,
            "recorded_assumed": plan.order.recorded_assumed,
        }
        before = len(new) + len(changes.rows)
        for number, values in plan.lines.items():
            fields = dict(zip(_FIELDS, values, strict=True))
            if number in known[pk]:
                changes.put(known[pk].pop(number), Wanted("", fields, **when))
            else:
                new.append(OrderLine(order_id=pk, line_no=number, batch=batch, **fields, **when))
        for line in known[pk].values():
            changes.put(line, Wanted("", {"void": True}, **when))
        if row.state is State.UNCHANGED and len(new) + len(changes.rows) > before:
            row.state = State.UPDATED
    changes.write()
    OrderLine.objects.bulk_create(new)
