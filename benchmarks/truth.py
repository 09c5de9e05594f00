"""What must come out: measures by plain SQL that shares nothing with the product, and digests to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.db import connection

from benchmarks.book import Unequal
from benchmarks.generate.times import TODAY
from retention.measures import stored
from retention.models import CustomerMeasures

WIDE = CustomerMeasures._meta.db_table

PLAIN: dict[str, str] = {
    "orders_365d": "SELECT count(*) FROM customers_order f WHERE f.customer_id = c.id AND f.is_purchase "
    "AND f.status <> 'cancelled' AND NOT f.void AND f.occurred_day > {day} - 365",
    "spend_90d": "SELECT coalesce(sum(f.sold_base - f.returned_base), 0) FROM customers_order f "
    "WHERE f.customer_id = c.id AND f.status <> 'cancelled' AND NOT f.void AND f.occurred_day > {day} - 90",
    "last_order_day": "SELECT max(f.occurred_day) FROM customers_order f WHERE f.customer_id = c.id "
    "AND f.is_purchase AND f.status <> 'cancelled' AND NOT f.void",
    "contacts_90d": "SELECT count(*) FROM customers_interaction f WHERE f.customer_id = c.id "
    "AND f.reached AND NOT f.void AND f.occurred_day > {day} - 90",
    "complaints_90d": "SELECT count(DISTINCT f.complaint_id) FROM customers_complaintevent f "
    "WHERE f.customer_id = c.id AND f.kind = 'opened' AND NOT f.void AND f.occurred_day > {day} - 90",
    "contracts_running": "SELECT count(*) FROM customers_contract f WHERE f.customer_id = c.id "
    "AND f.starts_day <= {day} AND f.ends_day >= {day} AND NOT f.void "
    "AND (f.renewed_day IS NULL OR f.renewed_day > {day}) AND f.terminated_day IS NULL",
    # nobody had more than two owners
    "owner_since_day": "SELECT CASE WHEN count(DISTINCT f.user_id) = 1 THEN min(f.occurred_day) "
    "ELSE max(f.occurred_day) END FROM customers_ownership f WHERE f.customer_id = c.id",
}
"""Some of the measures, one of each source at least, as one would ask for them customer by customer."""

CUSTOMERS_ASKED = 20_000


def check_plainly(*, day: int = TODAY, customers: int) -> str:
    """Compare the wide table with the plain SQL; raise :class:`Unequal`, or return what was compared.

    Asked customer by customer, of 20,000 at most, spread evenly.
    """
    step = max(1, customers // CUSTOMERS_ASKED)
    wrong = {}
    with connection.cursor() as cursor:
        for code, question in PLAIN.items():
            differs = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
            cursor.execute(
                f"SELECT count(*) FROM customers_customer c JOIN {WIDE} m ON m.customer_id = c.id "
                f"WHERE c.id % {step} = 0 AND m.{code} {differs} ({question.format(day=day)})"
            )
            if count := int(cursor.fetchone()[0]):
                wrong[code] = count
        cursor.execute(f"SELECT count(*) FROM {WIDE}")
        rows = int(cursor.fetchone()[0])
    if wrong:
        raise Unequal(f"plain SQL finds other values for {wrong}")
    if rows != customers:
        raise Unequal(f"{rows} rows for {customers} customers")
    return f"{len(PLAIN)} measures of {customers // step} customers by plain SQL"


def digest(columns: Sequence[str] = (), *, table: str = WIDE) -> str:
    """Return a digest of measures by customer, of all measures unless some are named."""
    chosen = ", ".join(["customer_id", *(columns or [measure.code for measure in stored()])])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # the sum of a hash of each row: no order, no row travels
            hashed = f"hashtextextended(ROW({chosen})::text, 0)::numeric"
            cursor.execute(f"SELECT count(*) || ' ' || coalesce(sum({hashed}), 0) FROM {table}")
            return str(cursor.fetchone()[0])
        print_of = hashlib.sha256()
        cursor.execute(f"SELECT {chosen} FROM {table} ORDER BY customer_id")
        while rows := cursor.fetchmany(10_000):
            print_of.update(repr(rows).encode())
    return print_of.hexdigest()
