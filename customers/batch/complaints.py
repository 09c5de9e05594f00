"""Landing complaints and other feedback with their steps."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers import causes, company
from customers.batch import people, references
from customers.batch.landing import Changes, Row, State, Wanted, count, find_refs, in_chunks, land_rows
from customers.batch.records import ComplaintRecord, Landed, Refusal, Step
from customers.batch.theirs import is_theirs, theirs
from customers.batch.usage import UnknownProduct
from customers.complaints import news_of, step_of
from customers.feedback import before, deadlines
from customers.ground import events, localtime
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.models import Complaint, ComplaintEvent, Contact, FeedbackKind, ImportBatch, Order, Product

_OPENS = (ComplaintEvent.Kind.OPENED, ComplaintEvent.Kind.RECEIVED, ComplaintEvent.Kind.REOPENED)
CACHES = ("state", "due_at", "respond_by", "promised_by")
_WHAT = {
    str(ComplaintEvent.Kind.RECEIVED): "reopened",  # of what was known already
    str(ComplaintEvent.Kind.REOPENED): "reopened",
    str(ComplaintEvent.Kind.RESOLVED): "resolved",
}


class UnknownCause(Refused):
    code = "unknown_cause"
    message = _("There is no cause “%(name)s” in use. Write the code of one under Settings → Causes.")


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
    void, one that was made by hand stays. State and due moment for pages follow from the steps. A new
    complaint within 60 days of another one of the customer is high, as one that is filed, unless it is
    history. What is of another kind now is told of as filed anew.
    Side effects: ``complaint.filed`` for each new complaint (``feedback.filed`` for other feedback), telling
    whether it is history or resolved (then it opens no case), and ``….reopened``, ``….resolved`` for
    steps that a known one gained; marks on the customers touched.
    """
    zone = company.current().time_zone

    def land(chunk: list[ComplaintRecord]) -> Landed:
        landed = Landed()
        ids, known = people.customers_for(
            chunk, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        contacts = theirs(Contact, "contact", known, source=source)
        orders = theirs(Order, "order", known, source=source)
        products, assessed = _products(known), _causes(known)
        wanted, kept = [], []
        for record in known:
            customer_id = ids[record.customer]
            if not is_theirs(record, customer_id, "contact", contacts, landed):
                continue
            if not is_theirs(record, customer_id, "order", orders, landed):
                continue
            if record.product and record.product not in products:
                reason: Refused = UnknownProduct(name=record.product)
                landed.refused.append(Refusal(record, "product", reason))
                continue
            if record.cause and record.cause not in assessed:
                landed.refused.append(Refusal(record, "cause", UnknownCause(name=record.cause)))
                continue
            kept.append(record)
            wanted.append(
                references.wanted_fact(
                    record,
                    customer_id,
                    zone=zone,
                    **({"contact_id": contacts[record.contact][0]} if record.contact is not None else {}),
                    **({"order_id": orders[record.order][0]} if record.order is not None else {}),
                    **({} if record.product is None else {"product_id": products.get(record.product)}),
                    **({} if record.cause is None else {"cause_id": assessed.get(record.cause)}),
                )
            )
        _escalate(kept, wanted, source=source)
        rows = land_rows(Complaint, "complaint", wanted, source=source, batch=batch, at=at)
        gained = _land_steps(kept, rows, zone=zone, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        _tell(kept, rows, gained)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def _products(records: Sequence[ComplaintRecord]) -> dict[str, int]:
    codes = {record.product for record in records if record.product}
    return dict(Product.objects.filter(code__in=codes).values_list("code", "pk")) if codes else {}


def _causes(records: Sequence[ComplaintRecord]) -> dict[str, int]:
    codes = {record.cause for record in records if record.cause}
    return dict(causes.choices().filter(code__in=codes).values_list("code", "pk")) if codes else {}


def _escalate(records: Sequence[ComplaintRecord], wanted: Sequence[Wanted], *, source: str) -> None:
    """Make those that will be new and are a second failure high; what was made so stays so."""
    known = find_refs("complaint", (record.external_id for record in records), source=source)
    stand = set(Complaint.objects.filter(pk__in=known.values(), escalated=True).values_list("pk", flat=True))
    new: list[Wanted] = []
    for record, want in zip(records, wanted, strict=True):
        pk = known.get(record.external_id)
        if pk in stand:
            want.fields.pop("severity", None)
        is_complaint = want.fields.get("kind", FeedbackKind.COMPLAINT) == FeedbackKind.COMPLAINT
        if pk is None and is_complaint and not want.fields.get("void"):
            want.first["escalated"] = not record.history  # if one came before
            new.append(want)
    if not new:
        return
    new.sort(key=lambda want: want.fields["occurred_at"])
    earlier = before.failures(
        {want.fields["customer_id"] for want in new},
        since=new[0].fields["occurred_at"] - before.FAILED_AGAIN_WITHIN,
        until=new[-1].fields["occurred_at"],
    )
    for want in new:
        moment = want.fields["occurred_at"]
        moments = earlier.setdefault(want.fields["customer_id"], [])
        place = bisect.bisect_right(moments, moment)
        is_second = place > 0 and moments[place - 1] > moment - before.FAILED_AGAIN_WITHIN
        want.first["escalated"] &= is_second
        if want.first["escalated"]:
            want.fields["severity"] = Complaint.Severity.HIGH
        moments.insert(place, moment)


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
        _promise(records, rows)
        Complaint.objects.bulk_update(caches, CACHES, batch_size=200)
    gained: dict[int, list[ComplaintEvent]] = {}
    for step in new:
        gained.setdefault(step.complaint_id, []).append(step)
    return gained


def _promise(records: Sequence[ComplaintRecord], rows: Sequence[Row]) -> None:
    """Set by when those whose feedback is new, and no history, should hear from us."""
    counting = deadlines.read()
    for record, row in zip(records, rows, strict=True):
        complaint: Complaint = row.obj
        if row.state is State.CREATED and complaint.due_at is not None and not record.history:
            due_day = localtime.day_number(complaint.due_at, counting.calendar.zone) - 1
            complaint.respond_by = counting.respond_by(
                complaint.kind, at=complaint.occurred_at, due_day=due_day
            )


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
            "void": False,
        }
        kind = step_of(complaint.kind, step.kind)
        when: dict[str, Any] = {"recorded_at": step.recorded_at, "recorded_assumed": step.recorded_assumed}
        if free.get(kind):
            stated = {"due_day": step.due_day} if step.due_day is not None else {}
            changed |= changes.put(free[kind].pop(0), Wanted("", fields | stated, **when))
        else:
            fields["due_day"] = step.due_day if step.due_day is not None else step.usual_day
            added.append(ComplaintEvent(complaint=complaint, kind=kind, batch=batch, **fields, **when))
    for event in (event for events_ in free.values() for event in events_):
        when = {"recorded_at": changes.at}
        if event.batch_id is not None:
            changed |= changes.put(event, Wanted("", {"void": True}, **when))
        else:
            changed |= changes.put(event, Wanted("", {"customer_id": complaint.customer_id}, **when))
    return added, changed


def follow_steps(complaint: Complaint, steps: Sequence[ComplaintEvent], *, zone: str) -> bool:
    """Set state and due moment from the steps, and respond as promised, no later; say whether they differ."""
    state, due_day = Complaint.State.OPEN, None
    for step in sorted((step for step in steps if not step.void), key=lambda step: step.occurred_at):
        if step.kind == ComplaintEvent.Kind.RESOLVED:
            state = Complaint.State.RESOLVED
        elif step.kind in _OPENS:
            state = Complaint.State.OPEN
        due_day = step.due_day if step.due_day is not None else due_day
    due_at = localtime.start_of_day(due_day + 1, zone) if due_day is not None else None
    if (complaint.state, complaint.due_at) == (state, due_at):
        return False
    complaint.state, complaint.due_at = state, due_at
    for name, moment in deadlines.kept(complaint, due_at).items():
        setattr(complaint, name, moment)
    return True


def _tell(
    records: Sequence[ComplaintRecord], rows: Sequence[Row], gained: dict[int, list[ComplaintEvent]]
) -> None:
    """Write the news of new complaints and of steps that known ones gained."""
    news = []
    for record, row in zip(records, rows, strict=True):
        complaint: Complaint = row.obj
        data = {
            "kind": complaint.kind,
            "severity": complaint.severity,
            "history": record.history,
            "resolved": complaint.state == Complaint.State.RESOLVED,
        }
        told = []
        if row.state is State.CREATED or row.kind_was is not None:
            told = [("filed", complaint.occurred_at)]
        if row.state is not State.CREATED:
            steps = sorted(gained.get(complaint.pk, []), key=lambda step: step.occurred_at)
            opens = ComplaintEvent.Kind.RECEIVED
            if row.kind_was == FeedbackKind.COMPLAINT and steps and steps[0].kind == opens:
                steps = steps[1:]  # it was told of as filed
            told += [(_WHAT[step.kind], step.occurred_at) for step in steps if step.kind in _WHAT]
        news += [
            Event(
                kind=news_of(complaint.kind, what),
                customer_id=complaint.customer_id,
                subject_type=Complaint._meta.label_lower,
                subject_id=complaint.pk,
                occurred_at=occurred_at,
                data=data,
            )
            for what, occurred_at in told
        ]
    events.record_many(news)
