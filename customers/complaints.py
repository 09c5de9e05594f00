"""Complaints and other feedback: filed, acknowledged, resolved, reopened; each step is a dated event.

Of suggestions, questions and praise the first step is ``received`` and the news are ``feedback.…``:
measures and cases read ``opened``, ``reopened`` and ``complaint.…``, so that they see complaints alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import causes, company, stubs, writing
from customers.feedback import before, deadlines
from customers.ground import audit, events, localtime
from customers.ground.errors import Refused
from customers.models import (
    Cause,
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

DESCRIBED = frozenset({"category", "cause", "product", "lot", "severity", "praised"})
"""What is said more exactly later on."""
_STATE_AFTER = {
    ComplaintEvent.Kind.OPENED: Complaint.State.OPEN,
    ComplaintEvent.Kind.RECEIVED: Complaint.State.OPEN,
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


class NoPraise(Refused):
    code = "praised_without_praise"
    message = _("Only praise has somebody who is praised. Choose praise, or leave the colleague out.")


class CauseGone(Refused):
    code = "cause_retired"
    message = _("That cause is not used any more. Choose another one.")


def file_complaint(
    customer: Customer,
    *,
    text: str,
    kind: str = FeedbackKind.COMPLAINT,
    channel: str = Complaint.Channel.PHONE,
    severity: int = Complaint.Severity.MEDIUM,
    category: str = "",
    cause: Cause | None = None,
    contact: Contact | None = None,
    order: Order | None = None,
    product: Product | None = None,
    lot: str = "",
    praised: User | None = None,
    respond_by: datetime | None = None,
    due_day: int | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Complaint:
    """File a complaint, suggestion, question or praise; it must be resolved by the end of ``due_day``.

    Args:
        kind: a complaint, suggestion, question or praise.
        severity: 1 low, 2 medium, 3 high; a second complaint within 60 days is always high.
        cause: the company's own assessment.
        lot: which lot of the product, as it is printed there.
        praised: the colleague whom praise is for.
        respond_by: by when the customer was told to hear from us; by the deadline of the kind otherwise.
        due_day: local day number; by the deadline of the kind when not given.

    Raises ``NoWords``, ``NoPraise``, ``CauseGone``, ``InTheFuture``. Side effects: step ``opened`` and news
    ``complaint.filed``, which opens or joins a recovery case; of other kinds ``received`` and
    ``feedback.filed``; audit ``complaint.file``; its text is read within seconds.
    """
    if not text.strip():
        raise NoWords()
    if praised is not None and kind != FeedbackKind.PRAISE:
        raise NoPraise()
    _refuse_unless_used(cause)
    when = writing.moments(at=at, occurred_at=occurred_at)
    counting = deadlines.read()
    due_day = due_day if due_day is not None else counting.due_day(kind, at=at)
    with transaction.atomic():
        now = stubs.held(customer.pk)
        is_second = kind == FeedbackKind.COMPLAINT and before.failed_lately(now, at=when.occurred_at)
        complaint = writing.write(
            Complaint,
            customer_id=customer.pk,
            when=when,
            kind=FeedbackKind(kind),
            channel=Complaint.Channel(channel),
            severity=Complaint.Severity.HIGH if is_second else Complaint.Severity(severity),
            escalated=is_second,
            category=category,
            cause=cause,
            contact=contact,
            order=order,
            product=product,
            lot=lot.strip(),
            praised=praised,
            text=text.strip(),
            respond_by=respond_by or counting.respond_by(kind, at=at, due_day=due_day),
            due_at=end_of_day(due_day),
        )
        _step(complaint, step_of(kind, ComplaintEvent.Kind.OPENED), when=when, due_day=due_day)
        _tell("filed", complaint, when.occurred_at)
        codes: dict[str, object] = {"kind": complaint.kind, "escalated": is_second}
        audit.record("complaint.file", obj=complaint, by=by, at=at, customer_id=customer.pk, codes=codes)
        read_soon(complaint, at=at)
    return complaint


def step_of(kind: str, step: str) -> str:
    """Return what a step is called on feedback of a kind.

    What opens, or opens again, is ``received`` unless it is a complaint: measures know those alone.
    """
    kinds = ComplaintEvent.Kind
    if kind == FeedbackKind.COMPLAINT:
        return kinds.OPENED if step == kinds.RECEIVED else step
    return kinds.RECEIVED if step in (kinds.OPENED, kinds.REOPENED) else step


def news_of(kind: str, what: str) -> str:
    """Return the kind of event that tells of ``what`` happened to feedback of a kind."""
    return f"{'complaint' if kind == FeedbackKind.COMPLAINT else 'feedback'}.{what}"


def acknowledge(complaint: Complaint, *, by: User | None, at: datetime) -> ComplaintEvent:
    """Tell that the customer has heard from us, which is the first response; the complaint stays open.

    Raises :class:`ComplaintRefused` when it is not open, or acknowledged already since it was opened.
    """
    _refuse_unless(complaint, Complaint.State.OPEN, _("This is resolved already."))
    return _move(complaint, ComplaintEvent.Kind.ACKNOWLEDGED, act="acknowledge", by=by, at=at)


def resolve(complaint: Complaint, *, by: User | None, at: datetime) -> ComplaintEvent:
    """Resolve an open complaint; raise :class:`ComplaintRefused` when it is not open, or as a guard does."""
    _refuse_unless(complaint, Complaint.State.OPEN, _("This is resolved already."))
    for guard in _guards:
        guard(complaint)
    return _move(complaint, ComplaintEvent.Kind.RESOLVED, act="resolve", by=by, at=at)


def reopen(
    complaint: Complaint, *, due_day: int | None = None, by: User | None, at: datetime
) -> ComplaintEvent:
    """Open resolved feedback again, with new deadlines (those of its kind unless a due day is given)."""
    _refuse_unless(complaint, Complaint.State.RESOLVED, _("This is open; there is nothing to reopen."))
    counting = deadlines.read()
    due_day = due_day if due_day is not None else counting.due_day(complaint.kind, at=at)
    return _move(
        complaint,
        step_of(complaint.kind, ComplaintEvent.Kind.REOPENED),
        act="reopen",
        by=by,
        at=at,
        due_day=due_day,
        respond_by=counting.respond_by(complaint.kind, at=at, due_day=due_day),
        promised_by=None,
    )


def set_due(complaint: Complaint, *, due_day: int, by: User | None, at: datetime) -> ComplaintEvent:
    """Give an open complaint another due day; the first response is due as promised, and no later than it."""
    _refuse_unless(complaint, Complaint.State.OPEN, _("This is resolved already."))
    return _move(complaint, ComplaintEvent.Kind.DUE, act="set_due", by=by, at=at, due_day=due_day)


def describe(complaint: Complaint, *, by: User | None, at: datetime, **values: Any) -> Complaint:
    """Say more exactly what feedback is about; return it.

    Args:
        values: of category, cause, product, lot, severity and praised those that are to stand.

    Raises ``CauseGone``, ``NoPraise``, ``OlderThanKnown``. Side effects: a version of the fact, audit
    ``complaint.describe``, news ``described`` of another severity; nothing when nothing differs.
    """
    if unknown := set(values) - DESCRIBED:
        raise ValueError(f"not described so: {sorted(unknown)}")
    if values.get("cause") != complaint.cause:
        _refuse_unless_used(values.get("cause"))
    if values.get("praised") is not None and complaint.kind != FeedbackKind.PRAISE:
        raise NoPraise()
    with transaction.atomic():
        changed = sorted(name for name, value in values.items() if getattr(complaint, name) != value)
        complaint = writing.revise(complaint, at=at, **values)
        if changed:
            audit.record(
                "complaint.describe",
                obj=complaint,
                by=by,
                at=at,
                customer_id=complaint.customer_id,
                codes={"changed": changed},
            )
        if "severity" in changed:
            _tell("described", complaint, at)
    return complaint


def guard_resolving(guard: Guard) -> None:
    """Have ``guard`` asked before a complaint is resolved (in ``ready()``); it raises a refusal."""
    if guard not in _guards:
        _guards.append(guard)


def end_of_day(day: int) -> datetime:
    """Return the moment at which a local day ends."""
    return localtime.start_of_day(day + 1, company.current().time_zone)


def _move(
    complaint: Complaint,
    kind: str,
    *,
    act: str,
    by: User | None,
    at: datetime,
    due_day: int | None = None,
    **caches: Any,
) -> ComplaintEvent:
    caches["state"] = _STATE_AFTER.get(ComplaintEvent.Kind(kind), complaint.state)
    if due_day is not None:
        caches["due_at"] = end_of_day(due_day)
        caches = deadlines.kept(complaint, caches["due_at"]) | caches
    with transaction.atomic():
        if not Complaint.objects.filter(pk=complaint.pk, state=complaint.state).update(**caches):
            raise ComplaintRefused(_("Somebody else changed this complaint meanwhile. Load the page again."))
        if kind == ComplaintEvent.Kind.ACKNOWLEDGED and is_acknowledged(complaint):
            raise ComplaintRefused(_("This is acknowledged already."))
        step = _step(complaint, kind, when=writing.moments(at=at), due_day=due_day)
        complaint.refresh_from_db()
        _tell("reopened" if act == "reopen" else step.kind, complaint, at)
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


def _tell(what: str, complaint: Complaint, occurred_at: datetime) -> None:
    events.record(
        news_of(complaint.kind, what),
        customer_id=complaint.customer_id,
        subject=complaint,
        occurred_at=occurred_at,
        data={
            "kind": complaint.kind,
            "severity": complaint.severity,
            "history": False,
            "resolved": complaint.state == Complaint.State.RESOLVED,
        },
    )


def is_acknowledged(complaint: Complaint) -> bool:
    """Say whether the customer has heard from us since the complaint was last opened."""
    kinds = ComplaintEvent.Kind
    told = [kinds.OPENED, kinds.RECEIVED, kinds.REOPENED, kinds.ACKNOWLEDGED]
    newest = complaint.events.filter(kind__in=told, void=False).order_by("-occurred_at", "-id").first()
    return newest is not None and newest.kind == kinds.ACKNOWLEDGED


def _refuse_unless_used(cause: Cause | None) -> None:
    if cause is not None and not causes.may_be_chosen(cause):
        raise CauseGone()


def _refuse_unless(complaint: Complaint, state: str, message: Any) -> None:
    if complaint.state != state or complaint.void:
        raise ComplaintRefused(message)
