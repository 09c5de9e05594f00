"""How lines become sightings of competitors."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from customers import batch
from customers.batch import SightingRecord
from customers.ground import money
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer


def land_sightings(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change sightings."""
    records = []
    for group in groups:
        values: dict[str, Any] = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        currency = values.get("currency") or context.currency
        records.append(
            SightingRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values={name: values[name] for name in ("offered", "learnt_from") if name in values},
                competitor=values["competitor"],
                currency=currency,
                has_prices="price_seen" in values or values.get("price_ours") is not None,
                price_seen=_minor(values.get("price_seen"), currency),
                price_ours=_minor(values.get("price_ours"), currency),
                product=values.get("product"),
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_sightings, context), groups, records, context)


def _minor(amount: Decimal | None, currency: str) -> int | None:
    return None if amount is None else money.to_minor(amount, currency)
