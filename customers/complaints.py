"""Complaints: filed, acknowledged, resolved, reopened; each step is a dated event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, writing
from customers.ground import audit, events, localtime
from customers.ground.errors import Refused
from customers.ground.working_time import add_working_days
from customers.models import (
    Complaint,
    ComplaintEvent,
    Contact,
    Customer,
    FeedbackKind,
    Order,
    Product,
    User,
)
from customers.text import read_soon

RESOLVE_WITHIN_DAYS = 5  # working days, unless a due day is given
_STATE_AFTER = {
    ComplaintEvent.Kind.OPENED: Complaint.State.OPEN,
    ComplaintEvent.Kind.REOPENED: Complaint.State.OPEN,
    ComplaintEvent.Kind.RESOLVED: Complaint.State.RESOLVED,
}

Guard = Callable[[Complaint], None]
_guards: list[Guard] = []


class ComplaintRefused(Refused):
    code = "complaint_state"


class NoWords(Refused):
    code = "complaint_without_text"
    message = _("Say what went wrong, in the customer's words.")


def file_complaint(
    customer: Customer,
    *,
    text: str,
    kind: str = FeedbackKind.COMPLAINT,
    channel: str = Complaint.Channel.PHONE,
    severity: int = Complaint.Severity.MEDIUM,
    category: str = "",
    contact: Contact | None = None,
    order: Order | None = None,
    product: Product | None = None,
    lot: str = "",
    due_day: int | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Complaint:
    """File a complaint; it must be resolved by the end of ``due_day``.

    Args:
        kind: a complaint, suggestion, question or praise.
        severity: 1 low, 2 medium, 3 high.
        lot: which lot of the product, as it is printed there.
        due_day: local day number; five working days from ``at`` when not given.

    Raises ``NoWords``, ``InTheFuture``. Side effects: events ``opened``; news ``complaint.filed``,
    which opens or joins a recovery case; audit ``complaint.file``; its text is read within seconds.
    """
    if not text.strip():
        raise NoWords()
    when = writing.moments(at=at, occurred_at=occurred_at)
    due_day = due_day if due_day is not None else default_due_day(at)
    with transaction.atomic():
        complaint = writing.write(
            Complaint,
            customer_id=customer.pk,
            when=when,
            kind=FeedbackKind(kind),
            channel=Complaint.Channel(channel),
            severity=Complaint.Severity(severity),
            category=category,
            contact=contact,
            order=order,
            product=product,
            lot=lot.strip(),
            text=text.strip(),
            due_at=end_of_day(due_day),
        )
        _step(complaint, ComplaintEvent.Kind.OPENED, when=when, due_day=due_day)
        _tell("complaint.filed", complaint, when.occurred_at, severity=complaint.severity)
        audit.record("complaint.file", obj=complaint, by=by, at=at, customer_id=customer.pk)
        read_soon(complaint, at=at)
    return complaint


def acknowledge(complaint: Complaint, *, by: User | None, at: datetime) -> ComplaintEvent:
    """Tell that the customer has heard from us; the complaint stays open.

    Raises :class:`ComplaintRefused` when it is not open, or acknowledged already since it was opened.
    """
    _refuse_unless(complaint, Complaint.State.OPEN, _("This complaint is resolved already."))
    return _move(complaint, ComplaintEvent.Kind.ACKNOWLEDGED, act="acknowledge", by=by, at=at)


def resolve(complaint: Complaint, *, by: User | None, at: datetime) -> ComplaintEvent:
    """Resolve an open complaint; raise :class:`ComplaintRefused` when it is not open, or as a guard does."""
    _refuse_unless(complaint, Complaint.State.OPEN, _("This complaint is resolved already."))
    for guard in _guards:
        guard(complaint)
    return _move(complaint, ComplaintEvent.Kind.RESOLVED, act="resolve", by=by, at=at)


def reopen(
    complaint: Complaint, *, due_day: int | None = None, by: User | None, at: datetime
) -> ComplaintEvent:
    """Open a resolved complaint again, with a new due day (five working days when not given)."""
    _refuse_unless(
        complaint, Complaint.State.RESOLVED, _("This complaint is open; there is nothing to reopen.")
    )
    due_day = due_day if due_day is not None else default_due_day(at)
    return _move(complaint, ComplaintEvent.Kind.REOPENED, act="reopen", by=by, at=at, due_day=due_day)


def set_due(complaint: Complaint, *, due_day: int, by: User | None, at: datetime) -> ComplaintEvent:
    """Give an open complaint another due day."""
    _refuse_unless(complaint, Complaint.State.OPEN, _("This complaint is resolved already."))
    return _move(complaint, ComplaintEvent.Kind.DUE, act="set_due", by=by, at=at, due_day=due_day)


def guard_resolving(guard: Guard) -> None:
    """Have ``guard`` asked before a complaint is resolved (in ``ready()``); it raises a refusal."""
    if guard not in _guards:
        _guards.append(guard)


def default_due_day(at: datetime) -> int:
    """Return the local day number five working days after ``at``."""
    return add_working_days(at, RESOLVE_WITHIN_DAYS, calendar=company.working_calendar()).toordinal()


def end_of_day(day: int) -> datetime:
    """Return the moment at which a local day ends."""
    return localtime.start_of_day(day + 1, company.current().time_zone)


def _move(
    complaint: Complaint, kind: str, *, act: str, by: User | None, at: datetime, due_day: int | None = None
) -> ComplaintEvent:
    caches: dict[str, Any] = {"state": _STATE_AFTER.get(ComplaintEvent.Kind(kind), complaint.state)}
    if due_day is not None:
        caches["due_at"] = end_of_day(due_day)
    with transaction.atomic():
        if not Complaint.objects.filter(pk=complaint.pk, state=complaint.state).update(**caches):
            raise ComplaintRefused(_("Somebody else changed this complaint meanwhile. Load the page again."))
        if kind == ComplaintEvent.Kind.ACKNOWLEDGED and _is_acknowledged(complaint):
            raise ComplaintRefused(_("This complaint is acknowledged already."))
        step = _step(complaint, kind, when=writing.moments(at=at), due_day=due_day)
        complaint.refresh_from_db()
        _tell(f"complaint.{step.kind}", complaint, at, severity=complaint.severity)
        audit.record(f"complaint.{act}", obj=complaint, by=by, at=at, customer_id=complaint.customer_id)
    return step


def _step(complaint: Complaint, kind: str, *, when: writing.Moments, due_day: int | None) -> ComplaintEvent:
    return writing.write(
        ComplaintEvent,
        customer_id=complaint.customer_id,
        when=when,
        complaint=complaint,
        kind=kind,
        due_day=due_day,
    )


def _tell(kind: str, complaint: Complaint, occurred_at: datetime, *, severity: int) -> None:
    events.record(
        kind,
        customer_id=complaint.customer_id,
        subject=complaint,
        occurred_at=occurred_at,
        data={
            "kind": complaint.kind,
            "severity": severity,
            "history": False,
            "resolved": complaint.state == Complaint.State.RESOLVED,
        },
    )


def _is_acknowledged(complaint: Complaint) -> bool:
    """Say whether the customer has heard from us since the complaint was last opened."""
    kinds = ComplaintEvent.Kind
    steps = complaint.events.filter(kind__in=[kinds.OPENED, kinds.REOPENED, kinds.ACKNOWLEDGED], void=False)
    newest = steps.order_by("-occurred_at", "-id").first()
    return newest is not None and newest.kind == kinds.ACKNOWLEDGED


def _refuse_unless(complaint: Complaint, state: str, message: Any) -> None:
    if complaint.state != state or complaint.void:
        raise ComplaintRefused(message)
