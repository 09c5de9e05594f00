"""How lines become statements of consent."""

from __future__ import annotations

from collections.abc import Sequence

from customers import batch
from customers.batch import ConsentRecord
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import land


def land_consents(groups: Sequence[Group], context: Context) -> Outcome:
    """Record what contacts agreed to, or took back."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, _assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            ConsentRecord(
                external_id=group.key,
                customer=values["customer"],
                contact=values.get("contact"),
                purpose=values["purpose"],
                channel=values.get("channel") or "",
                is_given=values["is_given"],
                text=values.get("text") or "",
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
            )
        )
    return land(batch.upsert_consents, groups, records, context)
