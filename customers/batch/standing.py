"""Orders that a source has named before: which of them stand already as it says?

Answered by the database for many orders at once. Only those that differ are then looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from customers.batch import inserting
from customers.batch.inserting import Plain, decimal_text, escaped, memo, moment_text
from customers.batch.records import Line, OrderRecord
from customers.ground import localtime
from customers.models import Product

_ORDER = ("id", "customer_id", "occurred_at", "occurred_day", "currency", "number", "status")
_DAYS = ("promised_day", "delivered_day")
_KEPT = -1  # a day that the source says nothing about
_COUNT = "lines"
_LINE = (
    *("order_id", "line_no", "customer_id", "occurred_at", "occurred_day", "void", "product_id"),
    *("description", "quantity", "unit_price", "unit_cost"),
)
_TABLES = {
    "wanted_order": ("customers_order", (*_ORDER, *_DAYS, f"0 AS {_COUNT}")),
    "wanted_line": ("customers_orderline", _LINE),
}
# Counted along the keys: a plan that joins the whole table would grow with it, and is never chosen so.
_DIFFERING = """
SELECT w.order_id FROM wanted_line w WHERE (
    SELECT COUNT(*) FROM customers_orderline l
    WHERE l.order_id = w.order_id AND l.line_no = w.line_no AND l.customer_id = w.customer_id
      AND l.occurred_at = w.occurred_at AND l.occurred_day = w.occurred_day AND l.void = w.void
      AND l.description = w.description AND l.quantity = w.quantity AND l.unit_price = w.unit_price
      AND l.product_id {same} w.product_id AND l.unit_cost {same} w.unit_cost
) = 0
UNION SELECT w.id FROM wanted_order w WHERE (
    SELECT COUNT(*) FROM customers_order o
    WHERE o.id = w.id AND o.customer_id = w.customer_id AND o.occurred_at = w.occurred_at
      AND o.occurred_day = w.occurred_day AND o.currency = w.currency
      AND COALESCE(w.number, o.number) = o.number AND COALESCE(w.status, o.status) = o.status
      AND (w.promised_day {same} o.promised_day OR w.promised_day {same} -1)
      AND (w.delivered_day {same} o.delivered_day OR w.delivered_day {same} -1)
) = 0
UNION SELECT w.id FROM wanted_order w
WHERE (SELECT COUNT(*) FROM customers_orderline l WHERE l.order_id = w.id)
   <> w.lines
"""


def differing(
    records: Sequence[tuple[int, OrderRecord, Sequence[Line], int]],
    products: Mapping[str, Product],
    *,
    zone: str,
) -> set[int]:
    """Return the keys of those orders that do not stand as their record says.

    Args:
        records: key, record, lines rounded as they are stored, and customer of each order.
    """
    if not records:
        return set()
    moment, text, number = memo(moment_text), memo(escaped), memo(decimal_text)
    day = memo(lambda moment: localtime.day_number(moment, zone))
    orders: list[tuple[Plain, ...]] = []
    lines: list[tuple[Plain, ...]] = []
    for key, record, wanted, customer_id in records:
        occurred_at: datetime = record.occurred_at
        when = (customer_id, moment(occurred_at), day(occurred_at))
        values = record.values
        named = [text(str(values[name])) if name in values else None for name in ("number", "status")]
        days = [values.get(name, _KEPT) for name in _DAYS]
        orders.append((key, *when, record.currency, *named, *days, len(wanted)))
        lines += [
            (
                key,
                line.line_no,
                *when,
                0,
                products[line.product].pk if line.product else None,
                text(line.description),
                number(line.quantity),
                number(line.unit_price),
                None if line.unit_cost is None else number(line.unit_cost),
            )
            for line in wanted
        ]
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for table, (model, fields) in _TABLES.items():
            cursor.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS {table} AS "  # noqa: S608 — names of our own
                f"SELECT {', '.join(fields)} FROM {model} WHERE 1 = 0"
            )
            cursor.execute(f"DELETE FROM {table}" if is_sqlite else f"TRUNCATE {table}")  # noqa: S608
        if not is_sqlite:
            cursor.execute("SET LOCAL jit = off")  # compiling such a statement takes longer than it runs
        inserting.write("wanted_order", (*_ORDER, *_DAYS, _COUNT), orders)
        inserting.write("wanted_line", _LINE, lines)
        cursor.execute(_DIFFERING.format(same="IS" if is_sqlite else "IS NOT DISTINCT FROM"))
        return {row[0] for row in cursor.fetchall()}
