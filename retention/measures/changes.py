"""Whose measures can have changed since the last pass: the touched and those whom time has moved.

A value changes only by a new fact or at local midnight (decision 4). New facts mark their customer;
what midnight moves is found here, from the edges that the windows declare and the crossings that
the sources declare, by the index on the day.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection

from customers.models import Customer, Ownership, TouchedCustomer, UserActivity
from retention.measures import Source, sources, stored
from retention.models.measures import CustomerMeasures, MeasureState


def changed_customers(*, since: MeasureState, day: int) -> list[int]:
    """Return, in order, the ids of the customers who may differ on ``day`` from the pass of ``since``."""
    bound: dict[str, Any] = {"from_day": since.day, "to_day": day}
    selects = [
        f"SELECT customer_id FROM {TouchedCustomer._meta.db_table}",
        f"SELECT c.id FROM {Customer._meta.db_table} c"
        f" LEFT JOIN {CustomerMeasures._meta.db_table} m ON m.customer_id = c.id WHERE m.customer_id IS NULL",
        f"SELECT o.customer_id FROM {Ownership._meta.db_table} o"
        f" JOIN {UserActivity._meta.db_table} a ON a.user_id = o.user_id"
        " WHERE a.occurred_day BETWEEN %(from_day)s AND %(to_day)s",
        *(select for source in sources().values() for select in _crossed(source)),
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ".join(selects) + " ORDER BY 1", bound)
        return [row[0] for row in cursor.fetchall()]


def _crossed(source: Source) -> list[str]:
    """Return the selects of the customers of one source for whom an edge lay in the days passed.

    A fact that occurred on day d changes what it counts for on the days d (it happens) and d + n for
    every edge n. Of the day of the last pass the end was still to come, so it counts as passed.
    """
    table = apps.get_model(source.fact)._meta.db_table
    edges = {0} | {n for measure in stored() if measure.source == source.code for n in measure.edges}
    crossings = [("occurred_day", n) for n in sorted(edges)] + list(source.crossings)
    return [
        f"SELECT customer_id FROM {table} WHERE {column} BETWEEN %(from_day)s - {n} AND %(to_day)s - {n}"
        for column, n in crossings
    ]
