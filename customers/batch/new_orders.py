"""Orders that nobody has named before: written as plain rows, without an object for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers import orders
from customers.batch import inserting
from customers.batch.inserting import Plain, decimal_text, escaped, memo, moment_text
from customers.batch.records import Line, OrderRecord
from customers.ground import clock, localtime
from customers.ground.models import Company
from customers.models import ImportBatch, Order, OrderLine, Product

PLAIN_VALUES = frozenset({"number", "status", "promised_day", "delivered_day"})
_ORDER = (
    *("id", "customer_id", "occurred_at", "occurred_day", "recorded_at", "recorded_assumed", "ingested_at"),
    *("void", "batch_id", "number", "status", "is_purchase", "currency", "sold", "returned", "sold_base"),
    *("returned_base", "margin_base", "margin_assumed", "promised_day", "delivered_day"),
)
_LINE = (
    *("order_id", "customer_id", "occurred_at", "occurred_day", "recorded_at", "recorded_assumed"),
    *("ingested_at", "void", "batch_id", "line_no", "product_id", "description", "quantity", "unit_price"),
    *("unit_cost", "amount"),
)


def is_plain(record: OrderRecord) -> bool:
    """Say whether a record says no more of an order than most do."""
    return record.void is None and not record.adds and record.values.keys() <= PLAIN_VALUES


@dataclass(slots=True)
class Ready:
    """One order ready to be written: the columns that follow its key, and its lines."""

    name: str
    customer_id: int
    order: tuple[Plain, ...]
    lines: Sequence[tuple[Plain, ...]]


class Preparing:
    """Makes orders ready to be written."""

    def __init__(
        self, products: Mapping[str, Product], firm: Company, *, batch: ImportBatch | None, at: datetime
    ) -> None:
        self.products, self.firm, self.at = products, firm, at
        self.batch_id = batch.pk if batch is not None else None
        self.moment, self.text, self.number = memo(moment_text), memo(escaped), memo(decimal_text)
        self.day = memo(lambda moment: localtime.day_number(moment, firm.time_zone))
        self.product_id = {"": None, **{code: product.pk for code, product in products.items()}}
        self.ingested_at = moment_text(clock.real_now())

    def ready(self, record: OrderRecord, lines: Sequence[Line], customer_id: int, rate: Any) -> Ready:
        """Return an order ready to be written; raise ``Refused`` for an amount beyond what we can store."""
        amounts = orders.amounts_of(
            lines, products=self.products, currency=record.currency, rate=rate, firm=self.firm
        )
        dated = (
            customer_id,
            self.moment(record.occurred_at),
            self.day(record.occurred_at),
            self.moment(record.recorded_at or self.at),
            int(record.recorded_assumed),
            self.ingested_at,
            0,
            self.batch_id,
        )
        values = record.values
        order = (
            *dated,
            self.text(values.get("number", "")),
            str(values.get("status", Order.Status.PLACED.value)),
            int(amounts.is_purchase),
            record.currency,
            amounts.sold,
            amounts.returned,
            amounts.sold_base,
            amounts.returned_base,
            amounts.margin_base,
            int(amounts.margin_assumed),
            values.get("promised_day"),
            values.get("delivered_day"),
        )
        number, text, product = self.number, self.text, self.product_id
        rows = [
            (
                *dated,
                line.line_no,
                product[line.product],
                text(line.description),
                number(line.quantity),
                number(line.unit_price),
                number(line.unit_cost),
                amount,
            )
            for line, amount in zip(lines, amounts.lines, strict=True)
        ]
        return Ready(record.external_id, customer_id, order, rows)


def write(ready: Sequence[Ready], *, source: str) -> tuple[list[Ready], set[str]]:
    """Write orders; return those written, and the names that another import had entered before."""
    if not ready:
        return [], set()
    keys = inserting.reserve(Order, len(ready))
    lost = inserting.claim_refs("order", [order.name for order in ready], keys, source=source)
    ours = [(key, order) for key, order in zip(keys, ready, strict=True) if order.name not in lost]
    inserting.insert(Order, _ORDER, [(key, *order.order) for key, order in ours])

    def lines() -> Iterator[tuple[Plain, ...]]:
        for key, order in ours:
            for line in order.lines:
                yield (key, *line)

    inserting.insert(OrderLine, _LINE, lines())
    return [order for _key, order in ours], lost
