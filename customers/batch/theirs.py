"""Whether the contacts and orders that records name are those of their customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from customers.batch import references
from customers.batch.records import Landed, Reference, Refusal
from customers.erasure.names import WasErased


class Theirs(dict[Any, tuple[int, int]]):
    """Our number and the customer's of what records name; ``erased``: contacts who were erased."""

    erased: dict[Reference, datetime]


def theirs(model: Any, name: str, records: Sequence[Any], *, source: str) -> Theirs:
    """Return our number and the customer's of each contact or order that the records name."""
    ids = references.numbers_of(name, (getattr(record, name) for record in records), source=source)
    found = Theirs()
    found.erased = ids.erased
    if ids:
        holders = dict(model.objects.filter(pk__in=ids.values()).values_list("pk", "customer_id"))
        found.update({ref: (pk, holders[pk]) for ref, pk in ids.items() if pk in holders})
    return found


def is_theirs(record: Any, customer_id: int, name: str, known: Theirs, landed: Landed) -> bool:
    """Say whether what a record names belongs to its customer; refuse it in ``landed`` otherwise."""
    reference = getattr(record, name)
    if name == "contact" and reference in known.erased:
        reason = WasErased(name=reference, at=known.erased[reference])
        landed.refused.append(Refusal(record, name, reason))
        return False
    if reference is None or (reference in known and known[reference][1] == customer_id):
        return True
    refusal = references.UnknownContact if name == "contact" else references.UnknownOrder
    landed.refused.append(Refusal(record, name, refusal(name=reference)))
    return False
