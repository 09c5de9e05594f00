"""How lines become interactions and complaints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from customers import batch, company
from customers.batch import (
    ComplaintRecord,
    InteractionRecord,
    Step,
)
from customers.complaints import RESOLVE_WITHIN_DAYS
from customers.ground.working_time import add_working_days
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import creating, land, new_customer
from customers.models import ComplaintEvent


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
    """Create or change complaints; without a due day they are due five working days after."""
    calendar = company.working_calendar(context.firm)
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        due_on = values.get("due_on") or add_working_days(
            values["occurred_at"], RESOLVE_WITHIN_DAYS, calendar=calendar
        )
        records.append(
            ComplaintRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values={n: values[n] for n in ("text", "channel", "category", "severity") if n in values},
                contact=values.get("contact"),
                order=values.get("order"),
                steps=list(_steps(values, due_on.toordinal(), context)),
                history=context.history,
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_complaints, context), groups, records, context)


def _steps(values: dict[str, Any], due_day: int, context: Context) -> Sequence[Step]:
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
            )
        )
    return steps
