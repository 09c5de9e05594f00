"""How lines become interactions and complaints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from customers import batch
from customers.batch import (
    ComplaintRecord,
    InteractionRecord,
    Step,
)
from customers.feedback import deadlines
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer
from customers.models import ComplaintEvent, FeedbackKind

_SAID = ("kind", "text", "channel", "category", "severity", "lot")


def land_interactions(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change interactions."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            InteractionRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values={n: values[n] for n in ("kind", "direction", "reached", "text") if n in values},
                contact=values.get("contact"),
                by=values.get("by"),
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_interactions, context), groups, records, context)


def land_complaints(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change complaints; new ones without a due day are due by the deadline of their kind."""
    counting = deadlines.read()
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        kind = values.get("kind") or FeedbackKind.COMPLAINT
        due_on = values.get("due_on")
        due_day = due_on.toordinal() if due_on else None
        usual_day = counting.due_day(kind, at=values["occurred_at"]) if due_day is None else None
        records.append(
            ComplaintRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values={n: values[n] for n in _SAID if n in values},
                contact=values.get("contact"),
                order=values.get("order"),
                product=values.get("product"),
                cause=values.get("cause"),
                steps=list(_steps(values, due_day, usual_day, context)),
                history=context.history,
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_complaints, context), groups, records, context)


def _steps(
    values: dict[str, Any], due_day: int | None, usual_day: int | None, context: Context
) -> Sequence[Step]:
    kinds = ComplaintEvent.Kind
    moments: list[tuple[str, datetime | None]] = [
        (kinds.OPENED, values["occurred_at"]),
        (kinds.ACKNOWLEDGED, values.get("acknowledged_at")),
        (kinds.RESOLVED, values.get("resolved_at")),
        (kinds.REOPENED, values.get("reopened_at")),
    ]
    steps = []
    for kind, moment in moments:
        if moment is None:
            continue
        recorded_at, assumed = context.known(moment, values.get("recorded_at"))
        steps.append(
            Step(
                kind=kind,
                occurred_at=moment,
                recorded_at=max(recorded_at, moment),
                recorded_assumed=assumed,
                due_day=due_day if kind == kinds.OPENED else None,
                usual_day=usual_day if kind == kinds.OPENED else None,
            )
        )
    return steps
