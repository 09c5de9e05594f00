"""Finding a customer by what somebody types: a name, a number, a city."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import CharField, Lookup, Q, QuerySet

from customers.models import Contact, Customer, ExternalRef

SHORT = 3
MOST = 50
MANY = 5000
CITIES = 2000


@CharField.register_lookup
class HasPairs(Lookup):  # type: ignore[type-arg]
    """Whether a text holds every pair of letters of another in which one is not Latin; PostgreSQL only.

    An index has them (customers/migrations/0010_name_pairs.py). The order is for ``icontains`` to judge.
    """

    lookup_name = "has_pairs"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Write the condition as the index is written."""
        left, of_left = self.process_lhs(compiler, connection)
        right, of_right = self.process_rhs(compiler, connection)
        sql = f"liuke_pairs(UPPER({left}::text)) @> liuke_pairs(UPPER({right}))"
        return sql, (*of_left, *of_right)


def matching(text: str, *, through: str = "") -> Q:
    """Return the condition for customers called, numbered or phoned like ``text``.

    A part of the name in either language is enough. One letter, or two Latin ones, are taken for the
    beginning of a name: so short a part says little, and no index finds it. A text with a digit in it is
    also looked up as the id in another system and as a phone number, both whole. ``through`` leads to
    the customer.
    """
    text = " ".join(text.split())
    found = _named(f"{through}name", text) | _named(f"{through}name_alt", text)
    if any(letter.isdigit() for letter in text):
        found |= Q(**{f"{through}pk__in": _by_number(text)})
    return found


def few_matching(text: str) -> list[int] | None:
    """Return the ids of the customers that :func:`matching` finds, or nothing when they are many.

    Few are looked up from the side of the name; many are soon met in any other order.
    """
    ids: QuerySet[Customer, int] = Customer.objects.filter(matching(text)).values_list("pk", flat=True)
    found = list(ids[: MANY + 1])
    return found if len(found) <= MANY else None


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


def _named(field: str, text: str) -> Q:
    if len(text) == 1 or (len(text) < SHORT and text.isascii()):
        return Q(**{f"{field}__istartswith": text})
    called = Q(**{f"{field}__icontains": text})
    if connection.vendor == "postgresql" and not text.isascii():
        called &= Q(**{f"{field}__has_pairs": text})
    return called


def _by_number(text: str) -> list[int]:
    refs = ExternalRef.objects.filter(kind="customer", external_id=text).values_list("object_id", flat=True)
    phones = {text, text.replace(" ", "")}
    contacts = Contact.objects.filter(phone__in=phones).values_list("customer_id", flat=True)
    return sorted({*refs[:MOST], *contacts[:MOST]})


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
