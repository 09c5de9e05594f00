"""Finding a customer by the city; by name and number: customers.search."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q

from customers.models import Customer

CITIES = 2000


def in_city(text: str) -> Q:
    """Return the condition for customers in a city with ``text`` in its name, in capitals or not.

    There are few cities: their names are read from the index, each once, and compared here, so that the
    database is asked for whole names, which it can count and find. Of a list where every customer has a
    city of its own every one is compared.
    """
    cities = _cities()
    if len(cities) > CITIES:
        return Q(city__icontains=text)
    part = text.casefold()
    return Q(city__in=[city for city in cities if part in city.casefold()])


def _cities() -> list[str]:
    """Return the cities of all customers, one more than ``CITIES`` at most: a step in the index for each."""
    table = Customer._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE known(city, number) AS ("  # noqa: S608 — own names
            f"SELECT MIN(city), 1 FROM {table} WHERE city > '' UNION ALL "
            f"SELECT (SELECT MIN(city) FROM {table} WHERE city > known.city), number + 1 "
            f"FROM known WHERE known.city IS NOT NULL AND number <= {CITIES}) "
            f"SELECT city FROM known WHERE city IS NOT NULL"
        )
        return [city for (city,) in cursor.fetchall()]
