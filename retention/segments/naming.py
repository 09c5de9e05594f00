"""Customers by the ids that people paste: those of other systems, or our own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from customers.ground.numbers import whole
from customers.models import Customer, ExternalRef

CHUNK = 500


def named(ids: Sequence[str], *, among: QuerySet[Customer]) -> tuple[list[Customer], list[str]]:
    """Return the customers that the ids name, in order of number, and the ids that name nobody.

    An id of another system counts before our own number. Only customers of ``among`` are known.
    """
    numbers: dict[str, int] = {}
    for start in range(0, len(ids), CHUNK):
        wanted = [one for one in ids[start : start + CHUNK] if "\0" not in one]
        refs = ExternalRef.objects.filter(kind="customer", external_id__in=wanted).order_by("-id")
        numbers.update(refs.values_list("external_id", "object_id"))
    own = {one: whole(one) for one in ids if one not in numbers}
    numbers |= {one: number for one, number in own.items() if number is not None}
    found: dict[int, Customer] = {}
    keys = sorted(set(numbers.values()))
    for start in range(0, len(keys), CHUNK):
        found.update(among.in_bulk(keys[start : start + CHUNK]))
    unknown = [one for one in ids if numbers.get(one) not in found]
    return [found[pk] for pk in sorted(found)], unknown
