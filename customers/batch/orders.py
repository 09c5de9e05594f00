"""Landing products and orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from customers import company
from customers.batch import corrections, keeping, new_orders, people, references, standing
from customers.batch.landing import Changes, Wanted, count, find_refs, in_chunks, land_rows
from customers.batch.records import Landed, OrderRecord, ProductRecord, Reference, Refusal
from customers.company import MissingRate
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.ground.models import Company, ExchangeRate
from customers.models import ImportBatch, Order, Product
from customers.products import buyers_of, withdrawal


def upsert_products(records: Iterable[ProductRecord], *, batch: ImportBatch | None, at: datetime) -> Landed:
    """Create or change products by their code; orders that stand keep their margin.

    A day of withdrawal that changes marks the customers who bought the product.
    """

    def land(chunk: list[ProductRecord]) -> Landed:
        present = {p.code: p for p in Product.objects.filter(code__in=[r.code for r in chunk])}
        changes = Changes(Product, batch=batch, at=at)
        landed, new, moved = Landed(), [], []
        for record in chunk:
            product = present.get(record.code)
            values = withdrawal(product, record.values, at=at)
            if product is None:
                new.append(Product(code=record.code, **{"name": record.code, **values}))
                continue
            before = product.withdrawn_day
            if changes.put(product, Wanted(record.code, values)):
                landed.updated += 1
                moved += [product.pk] if product.withdrawn_day != before else []
            else:
                landed.unchanged += 1
        changes.write()
        references.mark(buyers_of(moved), at=at)
        keeping.note_new(Product.objects.bulk_create(new), batch=batch, at=at)
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
            priced, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        products = _products_of(kept, batch=batch, at=at)
        refs = find_refs("order", (record.external_id for record in kept), source=source)
        ready = []
        preparing = new_orders.Preparing(products, firm, batch=batch, at=at)
        for record in kept:
            if record.external_id not in refs and new_orders.is_plain(record):
                try:
                    rate, customer_id = rate_of[record.external_id], ids[record.customer]
                    ready.append(
                        preparing.ready(record, corrections.rounded(record.lines), customer_id, rate)
                    )
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
        (refs[record.external_id], record, corrections.rounded(record.lines), ids[record.customer])
        for record in records
        if record.external_id in refs and new_orders.is_plain(record)
    ]
    differing = standing.differing(comparable, products, zone=firm.time_zone)
    same = {record.external_id for key, record, _lines, _customer in comparable if key not in differing}
    landed.unchanged += len(same)
    records = [record for record in records if record.external_id not in same]
    if not records:
        return landed
    stored = corrections.stored_lines(records, refs)
    plans = []
    for record in records:
        lines = stored.get(record.external_id, {})
        try:
            plans.append(
                corrections.plan(
                    record, ids[record.customer], products, lines, rate_of[record.external_id], firm
                )
            )
        except Refused as refusal:  # an amount beyond what we can store
            landed.refused.append(Refusal(record, "unit_price", refusal))
    rows = land_rows(Order, "order", [plan.order for plan in plans], source=source, batch=batch, at=at)
    corrections.land_lines(plans, rows, batch=batch, at=at)
    references.mark_changed(rows, at=at)
    landed += count(rows)
    return landed


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


def _products_of(
    records: Sequence[OrderRecord], *, batch: ImportBatch | None, at: datetime
) -> dict[str, Product]:
    names = {line.product: line.description for record in records for line in record.lines if line.product}
    known = {product.code: product for product in Product.objects.filter(code__in=names)}
    new = [Product(code=code, name=names[code] or code) for code in sorted(names) if code not in known]
    made = Product.objects.bulk_create(new)
    keeping.note_new(made, batch=batch, at=at)
    known.update((product.code, product) for product in made)
    return known
