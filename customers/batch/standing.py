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
_LINE = (
    *("order_id", "line_no", "customer_id", "occurred_at", "occurred_day", "void", "product_id"),
    *("description", "quantity", "unit_price", "unit_cost"),
)
_TABLES = {"wanted_order": ("customers_order", _ORDER), "wanted_line": ("customers_orderline", _LINE)}
# Read along the keys of the orders: a plan over the whole table would grow with it.
_LINES_OF = {
    "postgresql": "CROSS JOIN LATERAL (SELECT {columns} FROM customers_orderline l "
    "WHERE l.order_id = w.id OFFSET 0) l",
    "sqlite": "CROSS JOIN customers_orderline l ON l.order_id = w.id",
}
_ORDER_OF = {
    "postgresql": "CROSS JOIN LATERAL (SELECT o.* FROM customers_order o WHERE o.id = w.id OFFSET 0) o",
    "sqlite": "CROSS JOIN customers_order o ON o.id = w.id",
}
_DIFFERING = """
WITH stored AS MATERIALIZED (SELECT {columns} FROM wanted_order w {lines_of})
SELECT order_id FROM (SELECT {names} FROM wanted_line EXCEPT SELECT {names} FROM stored) AS more
UNION SELECT order_id FROM (SELECT {names} FROM stored EXCEPT SELECT {names} FROM wanted_line) AS less
UNION SELECT w.id FROM wanted_order w {order_of}
WHERE w.customer_id <> o.customer_id OR w.occurred_at <> o.occurred_at OR w.occurred_day <> o.occurred_day
   OR w.currency <> o.currency OR w.number <> o.number OR w.status <> o.status
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
        orders.append((key, *when, record.currency, *named))
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
    names = ", ".join(_LINE)
    columns = ", ".join(f"l.{name}" for name in _LINE)
    kind = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    with connection.cursor() as cursor:
        for table, (model, fields) in _TABLES.items():
            cursor.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS {table} AS "  # noqa: S608 — names of our own
                f"SELECT {', '.join(fields)} FROM {model} WHERE 1 = 0"
            )
            cursor.execute(f"DELETE FROM {table}" if kind == "sqlite" else f"TRUNCATE {table}")  # noqa: S608
        inserting.write("wanted_order", _ORDER, orders)
        inserting.write("wanted_line", _LINE, lines)
        cursor.execute(
            _DIFFERING.format(
                names=names,
                columns=columns,
                lines_of=_LINES_OF[kind].format(columns=columns),
                order_of=_ORDER_OF[kind],
            )
        )
        return {row[0] for row in cursor.fetchall()}
