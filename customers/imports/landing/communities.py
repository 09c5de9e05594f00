"""How lines become memberships of communities."""

from __future__ import annotations

from collections.abc import Sequence

from customers import batch
from customers.batch import CommunityRecord
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer


def land_communities(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change memberships of communities."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            CommunityRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values={name: values[name] for name in ("left_at",) if name in values},
                community=values["community"],
                contact=values.get("contact"),
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_communities, context), groups, records, context)
