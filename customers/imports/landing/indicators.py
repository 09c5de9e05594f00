"""How lines become values of indicators."""

from __future__ import annotations

from collections.abc import Sequence

from customers import batch
from customers.batch import IndicatorRecord
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer


def land_indicators(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change values of indicators."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            IndicatorRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                indicator=values["indicator"],
                value=values["value"],
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_indicators, context), groups, records, context)
