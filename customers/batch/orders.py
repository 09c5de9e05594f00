"""Landing products and orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from customers import company, orders
from customers.batch import people
from customers.batch.landing import Changes, Row, State, Wanted, count, find_refs, in_chunks, land_rows
from customers.batch.records import Landed, Line, OrderRecord, ProductRecord, Refusal
from customers.company import MissingRate
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.ground.models import Company, ExchangeRate
from customers.models import ImportBatch, Order, OrderLine, Product

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
        stored = _stored_lines(kept, source=source)
        plans = []
        for record in kept:
            lines = stored.get(record.external_id, [])
            try:
                plans.append(
                    _plan(record, ids[record.customer], products, lines, rate_of[record.external_id], firm)
                )
            except Refused as refusal:  # an amount beyond what we can store
                landed.refused.append(Refusal(record, "unit_price", refusal))
        rows = land_rows(Order, "order", [plan.order for plan in plans], source=source, batch=batch, at=at)
        _land_lines(plans, rows, batch=batch, at=at)
        people.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


@dataclass(slots=True)
class Plan:
    """How one order and its lines shall stand, and the lines that stand."""

    order: Wanted
    lines: dict[int, dict[str, Any]]
    stored: Sequence[OrderLine]


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


def _stored_lines(records: Sequence[OrderRecord], *, source: str) -> dict[str, list[OrderLine]]:
    refs = find_refs("order", (record.external_id for record in records), source=source)
    name_of = {pk: name for name, pk in refs.items()}
    stored: dict[str, list[OrderLine]] = {}
    if not name_of:
        return stored
    lines = OrderLine.objects.filter(order_id__in=name_of).select_related("product")
    for line in lines.order_by("order_id", "line_no"):
        stored.setdefault(name_of[line.order_id], []).append(line)
    return stored


def _plan(
    record: OrderRecord,
    customer_id: int,
    products: dict[str, Product],
    stored: Sequence[OrderLine],
    rate: Decimal,
    firm: Company,
) -> Plan:
    lines = _lines(record, products, stored)
    amounts = orders.amounts_of(
        [
            orders.Line(
                line.quantity, line.unit_price, products.get(line.product), line.description, line.unit_cost
            )
            for line in lines
        ],
        currency=record.currency,
        rate=rate,
        firm=firm,
    )
    order = people.wanted_fact(
        record,
        customer_id,
        zone=firm.time_zone,
        currency=record.currency,
        is_purchase=amounts.is_purchase,
        sold=amounts.sold,
        returned=amounts.returned,
    )
    rows = {
        line.line_no: {
            "customer_id": customer_id,
            "occurred_at": order.fields["occurred_at"],
            "occurred_day": order.fields["occurred_day"],
            "product_id": products[line.product].pk if line.product else None,
            "description": line.description,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "unit_cost": line.unit_cost,
            "amount": amount,
            "void": False,
        }
        for line, amount in zip(lines, amounts.lines, strict=True)
    }
    frozen = {
        "sold_base": amounts.sold_base,
        "returned_base": amounts.returned_base,
        "margin_base": amounts.margin_base,
        "margin_assumed": amounts.margin_assumed,
    }
    if _same_goods(rows, stored):
        order.derived = frozen  # written only if the order itself changes
    else:
        order.fields.update(frozen)
    return Plan(order, rows, stored)


def _same_goods(rows: Mapping[int, Mapping[str, Any]], stored: Sequence[OrderLine]) -> bool:
    names = ("product_id", "quantity", "unit_price", "unit_cost")
    standing = {line.line_no: line for line in stored if not line.void}
    return standing.keys() == rows.keys() and all(
        getattr(standing[number], name) == row[name] for number, row in rows.items() for name in names
    )


def _lines(record: OrderRecord, products: dict[str, Product], stored: Sequence[OrderLine]) -> list[Line]:
    """Return the lines that the order shall have, rounded as they are stored."""
    lines = {
        line.line_no: Line(
            line.line_no,
            line.quantity.quantize(_THOUSANDTH, ROUND_HALF_UP),
            line.unit_price.quantize(_TEN_THOUSANDTH, ROUND_HALF_UP),
            line.product,
            line.description[:200],
            None if line.unit_cost is None else line.unit_cost.quantize(_TEN_THOUSANDTH, ROUND_HALF_UP),
        )
        for line in record.lines
    }
    for line in stored if record.adds else ():
        if not line.void and line.line_no not in lines:
            code = line.product.code if line.product else ""
            if line.product:
                products[code] = line.product
            lines[line.line_no] = Line(
                line.line_no, line.quantity, line.unit_price, code, line.description, line.unit_cost
            )
    return [lines[number] for number in sorted(lines)]


def _land_lines(
    plans: Sequence[Plan], rows: Sequence[Row], *, batch: ImportBatch | None, at: datetime
) -> None:
    """Insert, change and void lines so that each order has those of its plan."""
    changes = Changes(OrderLine, batch=batch, at=at)
    new: list[OrderLine] = []
    for plan, row in zip(plans, rows, strict=True):
        known = {line.line_no: line for line in plan.stored}
        when = {"recorded_at": plan.order.recorded_at, "recorded_assumed": plan.order.recorded_assumed}
        changed = False
        for number, fields in plan.lines.items():
            line = known.pop(number, None)
            if line is None:
                new.append(OrderLine(order_id=row.obj.pk, line_no=number, batch=batch, **fields, **when))
                changed = True
            else:
                changed |= changes.put(line, Wanted("", fields, **when))  # type: ignore[arg-type]
        for line in known.values():
            changed |= changes.put(line, Wanted("", {"void": True}, **when))  # type: ignore[arg-type]
        if changed and row.state is State.UNCHANGED:
            row.state = State.UPDATED
    changes.write()
    OrderLine.objects.bulk_create(new)
