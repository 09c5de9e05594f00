"""Landing products and orders."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from customers import company, orders
from customers.batch import new_orders, people, references, standing
from customers.batch.landing import Changes, Row, State, Wanted, count, find_refs, in_chunks, land_rows
from customers.batch.records import Landed, Line, OrderRecord, ProductRecord, Reference, Refusal
from customers.company import MissingRate
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.ground.models import Company, ExchangeRate
from customers.models import ImportBatch, Order, OrderLine, Product

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


def upsert_products(records: Iterable[ProductRecord], *, batch: ImportBatch | None, at: datetime) -> Landed:
    """Create or change products by their code; orders that stand keep their margin."""

    def land(chunk: list[ProductRecord]) -> Landed:
        present = {p.code: p for p in Product.objects.filter(code__in=[r.code for r in chunk])}
        changes = Changes(Product, batch=batch, at=at)
        landed, new = Landed(), []
        for record in chunk:
            product = present.get(record.code)
            if product is None:
                new.append(Product(code=record.code, **{"name": record.code, **record.values}))
            elif changes.put(product, Wanted(record.code, dict(record.values))):
                landed.updated += 1
            else:
                landed.unchanged += 1
        changes.write()
        Product.objects.bulk_create(new)
        landed.created += len(new)
        return landed

    return in_chunks(records, land, key=lambda record: record.code)


def upsert_orders(
    records: Iterable[OrderRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change orders with their lines.

    A line that an order no longer has becomes void, unless the record only ``adds``. Amounts and
    margin follow ``customers.orders.amounts_of``, at the rate of the order's day, and are frozen:
    they change only when the order does. Products that are unknown are made.

    Args:
        create_missing: make customers that ``source`` never named before; else such an order is refused.

    A missing exchange rate refuses the order. Side effects: marks on the customers touched.
    """
    firm = company.current()

    def land(chunk: list[OrderRecord]) -> Landed:
        landed = Landed()
        rates = Rates(firm, {record.currency for record in chunk})
        priced, rate_of = [], {}
        for record in chunk:
            try:
                rate_of[record.external_id] = rates.on(record.currency, record.occurred_at)
                priced.append(record)
            except Refused as refusal:
                landed.refused.append(Refusal(record, "currency", refusal))
        ids, kept = people.customers_for(
            priced, source=source, create_missing=create_missing, at=at, landed=landed
        )
        products = _products_of(kept)
        refs = find_refs("order", (record.external_id for record in kept), source=source)
        ready = []
        preparing = new_orders.Preparing(products, firm, batch=batch, at=at)
        for record in kept:
            if record.external_id not in refs and new_orders.is_plain(record):
                try:
                    rate, customer_id = rate_of[record.external_id], ids[record.customer]
                    ready.append(preparing.ready(record, _rounded(record.lines), customer_id, rate))
                except Refused as refusal:  # an amount beyond what we can store
                    landed.refused.append(Refusal(record, "unit_price", refusal))
        written, lost = new_orders.write(ready, source=source)
        references.mark([order.customer_id for order in written], at=at)
        landed.created += len(written)
        others = [
            r for r in kept if r.external_id in refs or r.external_id in lost or not new_orders.is_plain(r)
        ]
        if others:
            landed += _land_others(others, ids, products, rate_of, firm, source=source, batch=batch, at=at)
        return landed

    return in_chunks(records, land)


def _land_others(
    records: Sequence[OrderRecord],
    ids: Mapping[Reference, int],
    products: dict[str, Product],
    rate_of: Mapping[str, Decimal],
    firm: Company,
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
) -> Landed:
    """Land orders that may stand already: pass over those that do, look at the others one by one."""
    landed = Landed()
    refs = find_refs("order", (record.external_id for record in records), source=source)
    comparable = [
        (refs[record.external_id], record, _rounded(record.lines), ids[record.customer])
        for record in records
        if record.external_id in refs and new_orders.is_plain(record)
    ]
    differing = standing.differing(comparable, products, zone=firm.time_zone)
    same = {record.external_id for key, record, _lines, _customer in comparable if key not in differing}
    landed.unchanged += len(same)
    records = [record for record in records if record.external_id not in same]
    if not records:
        return landed
    stored = _stored_lines(records, refs)
    plans = []
    for record in records:
        lines = stored.get(record.external_id, {})
        try:
            plans.append(
                _plan(record, ids[record.customer], products, lines, rate_of[record.external_id], firm)
            )
        except Refused as refusal:  # an amount beyond what we can store
            landed.refused.append(Refusal(record, "unit_price", refusal))
    rows = land_rows(Order, "order", [plan.order for plan in plans], source=source, batch=batch, at=at)
    _land_lines(plans, rows, batch=batch, at=at)
    references.mark_changed(rows, at=at)
    landed += count(rows)
    return landed


@dataclass(slots=True)
class Plan:
    """How one order and its lines shall stand, and whether its lines differ from those that stand."""

    order: Wanted
    lines: dict[int, tuple[Any, ...]]
    differs: bool


class Rates:
    """Exchange rates of a few currencies, read once: the newest on or before a day counts."""

    def __init__(self, firm: Company, currencies: set[str]) -> None:
        self.firm = firm
        self.known: dict[str, list[tuple[date, Decimal]]] = {}
        for currency, day, rate in (
            ExchangeRate.objects.filter(currency__in=currencies - {firm.base_currency})
            .order_by("-day")
            .values_list("currency", "day", "rate")
        ):
            self.known.setdefault(currency, []).append((day, rate))

    def on(self, currency: str, moment: datetime) -> Decimal:
        """Return the rate of the local day of ``moment``; raise ``MissingRate`` when there is none."""
        if currency == self.firm.base_currency:
            return Decimal(1)
        day = localtime.day_of(localtime.day_number(moment, self.firm.time_zone))
        for known_day, rate in self.known.get(currency, []):
            if known_day <= day:
                return rate
        raise MissingRate(currency=currency, day=day.isoformat())


def _products_of(records: Sequence[OrderRecord]) -> dict[str, Product]:
    names = {line.product: line.description for record in records for line in record.lines if line.product}
    known = {product.code: product for product in Product.objects.filter(code__in=names)}
    new = [Product(code=code, name=names[code] or code) for code in sorted(names) if code not in known]
    known.update((product.code, product) for product in Product.objects.bulk_create(new))
    return known


Stored = dict[int, tuple[Any, ...]]  # line_no -> its values, in the order of _FIELDS


def _stored_lines(records: Sequence[OrderRecord], refs: Mapping[str, int]) -> dict[str, Stored]:
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


def _plan(
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


def _rounded(lines: Sequence[Line]) -> list[Line]:
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


@lru_cache(maxsize=65536)
def _to_thousandth(number: Decimal) -> Decimal:
    rounded = number.quantize(_THOUSANDTH, ROUND_HALF_UP)
    return number if rounded == number else rounded


@lru_cache(maxsize=65536)
def _to_ten_thousandth(number: Decimal) -> Decimal:
    rounded = number.quantize(_TEN_THOUSANDTH, ROUND_HALF_UP)
    return number if rounded == number else rounded


def _lines(record: OrderRecord, products: dict[str, Product], stored: Stored) -> list[Line]:
    """Return the lines that the order shall have, rounded as they are stored."""
    lines = {line.line_no: line for line in _rounded(record.lines)}
    kept = {n: v for n, v in stored.items() if record.adds and n not in lines and not v[_VOID]}
    for number, values in kept.items():
        code = next((c for c, product in products.items() if product.pk == values[3]), "")
        if values[3] and not code:
            product = Product.objects.get(pk=values[3])  # a mended line joins few others
            products[product.code], code = product, product.code
        lines[number] = Line(number, values[5], values[6], code, values[4], values[7])
    return [lines[number] for number in sorted(lines)]


def _land_lines(
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
    for line in OrderLine.objects.filter(order_id__in=changing):
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
