"""Landing contracts, interactions and complaints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from customers import company
from customers.batch import people, references
from customers.batch.landing import Changes, Row, State, Wanted, count, in_chunks, land_rows
from customers.batch.orders import Rates
from customers.batch.records import (
    ComplaintRecord,
    ContractRecord,
    InteractionRecord,
    Landed,
    Refusal,
    Step,
)
from customers.batch.theirs import is_theirs, theirs
from customers.ground import events, localtime, money
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.models import (
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    ImportBatch,
    Interaction,
    Order,
)


def upsert_contracts(
    records: Iterable[ContractRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change contracts; their base value is frozen at the rate of the day they were signed."""
    firm = company.current()

    def land(chunk: list[ContractRecord]) -> Landed:
        landed = Landed()
        rates = Rates(firm, {record.currency for record in chunk})
        rate_of, priced = {}, []
        for record in chunk:
            try:
                rate_of[record.external_id] = rates.on(record.currency, record.occurred_at)
                priced.append(record)
            except Refused as refusal:
                landed.refused.append(Refusal(record, "currency", refusal))
        ids, kept = people.customers_for(
            priced, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        wanted = []
        for record in kept:
            want = references.wanted_fact(
                record, ids[record.customer], zone=firm.time_zone, currency=record.currency
            )
            want.derived["value_base"] = money.convert(
                want.fields.get("value", 0),
                rate=rate_of[record.external_id],
                from_currency=record.currency,
                to_currency=firm.base_currency,
            )
            wanted.append(want)
        rows = land_rows(Contract, "contract", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_interactions(
    records: Iterable[InteractionRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change interactions."""
    zone = company.current().time_zone

    def land(chunk: list[InteractionRecord]) -> Landed:
        landed = Landed()
        ids, known = people.customers_for(
            chunk, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        contacts = theirs(Contact, "contact", known, source=source)
        users = references.users_named(record.by for record in known)
        wanted, kept = [], []
        for record in known:
            if not is_theirs(record, ids[record.customer], "contact", contacts, landed):
                continue
            if record.by is not None and record.by not in users:
                landed.refused.append(Refusal(record, "by", references.UnknownUser(name=record.by)))
                continue
            kept.append(record)
            wanted.append(
                references.wanted_fact(
                    record,
                    ids[record.customer],
                    zone=zone,
                    **({"contact_id": contacts[record.contact][0]} if record.contact is not None else {}),
                    **({"by_id": users[record.by].pk} if record.by is not None else {}),
                )
            )
        rows = land_rows(Interaction, "interaction", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_complaints(
    records: Iterable[ComplaintRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change complaints with their steps.

    Steps are known by kind and order; one that an earlier import wrote and that is gone becomes
    void, one that was made by hand stays. State and due moment for pages follow from the steps.
    Side effects: ``complaint.filed`` for each new complaint, telling whether it is history or
    resolved (then it opens no case), and ``complaint.reopened``, ``complaint.resolved`` for steps
    that a known one gained; marks on the customers touched.
    """
    zone = company.current().time_zone

    def land(chunk: list[ComplaintRecord]) -> Landed:
        landed = Landed()
        ids, known = people.customers_for(
            chunk, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        contacts = theirs(Contact, "contact", known, source=source)
        orders = theirs(Order, "order", known, source=source)
        wanted, kept = [], []
        for record in known:
            customer_id = ids[record.customer]
            if not is_theirs(record, customer_id, "contact", contacts, landed):
                continue
            if not is_theirs(record, customer_id, "order", orders, landed):
                continue
            kept.append(record)
            wanted.append(
                references.wanted_fact(
                    record,
                    customer_id,
                    zone=zone,
                    **({"contact_id": contacts[record.contact][0]} if record.contact is not None else {}),
                    **({"order_id": orders[record.order][0]} if record.order is not None else {}),
                )
            )
        rows = land_rows(Complaint, "complaint", wanted, source=source, batch=batch, at=at)
        gained = _land_steps(kept, rows, zone=zone, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        _tell(kept, rows, gained)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def _land_steps(
    records: Sequence[ComplaintRecord],
    rows: Sequence[Row],
    *,
    zone: str,
    batch: ImportBatch | None,
    at: datetime,
) -> dict[int, list[ComplaintEvent]]:
    """Write the steps and the caches that follow from them; return the new steps by complaint."""
    stored: dict[int, list[ComplaintEvent]] = {}
    old = [row.obj.pk for row in rows if row.state is not State.CREATED]
    if old:
        for step in ComplaintEvent.objects.filter(complaint_id__in=old).order_by("occurred_at", "id"):
            stored.setdefault(step.complaint_id, []).append(step)
    changes = Changes(ComplaintEvent, batch=batch, at=at)
    new: list[ComplaintEvent] = []
    caches: list[Complaint] = []
    for record, row in zip(records, rows, strict=True):
        standing = stored.get(row.obj.pk, [])
        added, changed = _match(record.steps, row.obj, standing, changes, zone=zone, batch=batch)
        new += added
        if (added or changed) and row.state is State.UNCHANGED:
            row.state = State.UPDATED
        if row.state is not State.UNCHANGED and follow_steps(row.obj, [*standing, *added], zone=zone):
            caches.append(row.obj)
    changes.write()
    ComplaintEvent.objects.bulk_create(new)
    if caches:
        Complaint.objects.bulk_update(caches, ["state", "due_at"], batch_size=200)
    gained: dict[int, list[ComplaintEvent]] = {}
    for step in new:
        gained.setdefault(step.complaint_id, []).append(step)
    return gained


def _match(
    steps: Sequence[Step],
    complaint: Complaint,
    standing: Sequence[ComplaintEvent],
    changes: Changes,
    *,
    zone: str,
    batch: ImportBatch | None,
) -> tuple[list[ComplaintEvent], bool]:
    """Return the steps to add and whether standing ones change."""
    free: dict[str, list[ComplaintEvent]] = {}
    for event in standing:
        free.setdefault(event.kind, []).append(event)
    added: list[ComplaintEvent] = []
    changed = False
    for step in sorted(steps, key=lambda step: step.occurred_at):
        fields: dict[str, Any] = {
            "customer_id": complaint.customer_id,
            "occurred_at": step.occurred_at,
            "occurred_day": localtime.day_number(step.occurred_at, zone),
            "due_day": step.due_day,
            "void": False,
        }
        when: dict[str, Any] = {"recorded_at": step.recorded_at, "recorded_assumed": step.recorded_assumed}
        if free.get(step.kind):
            changed |= changes.put(free[step.kind].pop(0), Wanted("", fields, **when))
        else:
            added.append(ComplaintEvent(complaint=complaint, kind=step.kind, batch=batch, **fields, **when))
    for event in (event for events_ in free.values() for event in events_):
        when = {"recorded_at": changes.at}
        if event.batch_id is not None:
            changed |= changes.put(event, Wanted("", {"void": True}, **when))
        else:
            changed |= changes.put(event, Wanted("", {"customer_id": complaint.customer_id}, **when))
    return added, changed


def follow_steps(complaint: Complaint, steps: Sequence[ComplaintEvent], *, zone: str) -> bool:
    """Set state and due moment from the steps; say whether they differ."""
    state, due_day = Complaint.State.OPEN, None
    for step in sorted((step for step in steps if not step.void), key=lambda step: step.occurred_at):
        if step.kind == ComplaintEvent.Kind.RESOLVED:
            state = Complaint.State.RESOLVED
        elif step.kind in (ComplaintEvent.Kind.OPENED, ComplaintEvent.Kind.REOPENED):
            state = Complaint.State.OPEN
        due_day = step.due_day if step.due_day is not None else due_day
    due_at = localtime.start_of_day(due_day + 1, zone) if due_day is not None else None
    if (complaint.state, complaint.due_at) == (state, due_at):
        return False
    complaint.state, complaint.due_at = state, due_at
    return True


def _tell(
    records: Sequence[ComplaintRecord], rows: Sequence[Row], gained: dict[int, list[ComplaintEvent]]
) -> None:
    """Write the news of new complaints and of steps that known ones gained."""
    news = []
    for record, row in zip(records, rows, strict=True):
        complaint: Complaint = row.obj
        data = {
            "severity": complaint.severity,
            "history": record.history,
            "resolved": complaint.state == Complaint.State.RESOLVED,
        }
        if row.state is State.CREATED:
            told = [("complaint.filed", complaint.occurred_at)]
        else:
            told = [
                (f"complaint.{step.kind}", step.occurred_at)
                for step in gained.get(complaint.pk, [])
                if step.kind in (ComplaintEvent.Kind.REOPENED, ComplaintEvent.Kind.RESOLVED)
            ]
        news += [
            Event(
                kind=kind,
                customer_id=complaint.customer_id,
                subject_type=Complaint._meta.label_lower,
                subject_id=complaint.pk,
                occurred_at=occurred_at,
                data=data,
            )
            for kind, occurred_at in told
        ]
    events.record_many(news)
