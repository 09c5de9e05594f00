"""What every kind does: land records, and say of refused ones which lines they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from customers.batch import (
    Landed,
)
from customers.imports.kinds import Context, Group, LineRefusal, Outcome


def land(
    upsert: Callable[..., Landed],
    groups: Sequence[Group],
    records: Sequence[Any],
    context: Context,
    outcome: Outcome | None = None,
) -> Outcome:
    """Land the records and say for each refused one which lines it was."""
    outcome = outcome or Outcome()
    landed = upsert(records, source=context.source, batch=context.batch, at=context.at)
    group_of = {id(record): group for record, group in zip(records, groups, strict=True)}
    for refusal in landed.refused:
        outcome.refused += [
            LineRefusal(row.number, refusal.field, refusal.reason)
            for row in group_of[id(refusal.record)].rows
        ]
    outcome.landed += landed
    return outcome


def creating(upsert: Callable[..., Landed], context: Context) -> Callable[..., Landed]:
    return lambda records, **rest: upsert(records, create_missing=context.create_missing, **rest)


def without_id(values: dict[str, Any]) -> dict[str, Any]:
    values.pop("external_id", None)
    return values


def new_customer(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the line says of a customer who has to be made."""
    named = {"customer_name": "name", "customer_segment": "segment", "customer_city": "city"}
    return {field: values[name] for name, field in named.items() if values.get(name)}
