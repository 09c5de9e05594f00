"""Whose measures can have changed since the last pass: the touched and those whom time has moved.

A value changes only by a new fact or at local midnight (decision 4). New facts mark their customer;
what midnight moves is found here, from the edges that the windows declare and the crossings that
the sources declare, by the index on the day.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection, transaction

from customers.models import Customer, Ownership, TouchedCustomer, UserActivity
from retention.measures import Source, aggregated, dialect, sources
from retention.measures.passes import EVERYONE, Customers
from retention.models.measures import CustomerMeasures, MeasureState


def changed_customers(*, since: MeasureState, day: int, customers: Customers = EVERYONE) -> list[int]:
    """Return, in order, the ids of the customers who may differ on ``day`` from the pass of ``since``.

    ``customers`` is everyone or a range. Each source is asked once for each of its day columns, for all
    edges together, so that an index on day and customer answers.
    """
    bound: dict[str, Any] = {"from_day": since.day, "to_day": day, **customers.parameters()}
    within = customers.condition
    selects = [
        f"SELECT customer_id FROM {TouchedCustomer._meta.db_table} WHERE {within('customer_id')}",
        f"SELECT c.id FROM {Customer._meta.db_table} c WHERE {within('c.id')} AND c.gone_at IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {CustomerMeasures._meta.db_table} m WHERE m.customer_id = c.id)",
        f"SELECT o.customer_id FROM {Ownership._meta.db_table} o"
        f" JOIN {UserActivity._meta.db_table} a ON a.user_id = o.user_id"
        f" WHERE a.occurred_day BETWEEN %(from_day)s AND %(to_day)s AND {within('o.customer_id')}",
    ]
    for source in sources().values():
        if source.moved:
            selects.append(source.moved.replace("{within}", within("customer_id")))
        table = apps.get_model(source.days_of)._meta.db_table
        for column, days in _days_crossed(source, since.day, day).items():
            bound[f"{source.code}_{column}"] = dialect.bind_ids(days)
            crossed = dialect.among(column, f"{source.code}_{column}")
            whose = f"customer_id IS NOT NULL AND {within('customer_id')}"  # some posts are nobody's
            selects.append(f"SELECT customer_id FROM {table} WHERE {crossed} AND {whose}")
    with transaction.atomic(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(" UNION ".join(selects) + " ORDER BY 1", bound)
        return [row[0] for row in cursor.fetchall()]


def _days_crossed(source: Source, since: int, today: int) -> dict[str, list[int]]:
    """Return, by day column of one source, the days of the facts for which an edge lay in the days passed.

    A fact that occurred on day d changes what it counts for on the days d (it happens) and d + n for
    every edge n, and the day of the last pass had begun by then. But its end was still to come, and with
    it facts that were known before they happened.
    """
    edges = {n for measure in aggregated() if measure.source == source.code for n in measure.edges}
    days: dict[str, set[int]] = {"occurred_day": set(range(since, today + 1))}
    for column, n in [("occurred_day", n) for n in edges] + list(source.crossings):
        days.setdefault(column, set()).update(range(since - n + 1, today - n + 1))
    return {column: sorted(found) for column, found in days.items()}
