"""How lines become customers and contacts."""

from __future__ import annotations

from collections.abc import Sequence

from customers import batch
from customers.batch import (
    ContactRecord,
    CustomerRecord,
)
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import land, without_id


def land_customers(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change customers."""
    records = []
    for group in groups:
        values = dict(group.first.values)
        owner, team = values.pop("owner", None), values.pop("team", None)
        records.append(
            CustomerRecord(external_id=group.key, values=without_id(values), owner=owner, team=team)
        )
    return land(batch.upsert_customers, groups, records, context)


def land_contacts(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change contacts."""
    records = []
    for group in groups:
        values = dict(group.first.values)
        customer = values.pop("customer")
        records.append(ContactRecord(external_id=group.key, customer=customer, values=without_id(values)))
    return land(batch.upsert_contacts, groups, records, context)
