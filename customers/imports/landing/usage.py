"""How lines become usage."""

from __future__ import annotations

from collections.abc import Sequence

from customers import batch
from customers.batch import UsageRecord
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer


def land_usage(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change usage."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            UsageRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                metric=values["metric"],
                quantity=values["quantity"],
                product=values.get("product"),
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_usage, context), groups, records, context)
