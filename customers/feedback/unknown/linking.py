"""Whose feedback it is: it becomes a customer's, with what was promised, its files and who wrote it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, override

from customers import company, complaints, customers, stubs
from customers.feedback import desk, files, stated
from customers.feedback.unknown.handling import State, end, hold, tell
from customers.ground import audit
from customers.models import Complaint, Contact, Customer, Order, UnknownFeedback, User


def link_feedback(
    row: UnknownFeedback,
    *,
    customer: Customer,
    contact: Contact | None = None,
    kind: str = "",
    by: User | None,
    at: datetime,
) -> Complaint:
    """Say whose feedback it is: it becomes hers, as of when she spoke and with what she was promised.

    Args:
        contact: who at the customer it was; unless given, the one whose address or number was left.
        kind: what it is in truth; as she called it unless given. It is due no later than that kind is.

    Raises :class:`FeedbackEnded` when it was linked or handled already, so that of two who press at once one
    files. Side effects: those of ``file_complaint``; her files become the customer's; event
    ``feedback.linked``; audit ``feedback.link``.
    """
    with transaction.atomic():
        complaint = file(row, customer=customer, contact=contact, kind=kind, by=by, at=at)
        codes = {"complaint": complaint.pk}
        tell("feedback.linked", row, at=at, customer_id=complaint.customer_id, **codes)
        audit.record("feedback.link", obj=row, by=by, at=at, customer_id=complaint.customer_id, codes=codes)
    return complaint


def create_customer_from(
    row: UnknownFeedback,
    *,
    name: str,
    contact: dict[str, Any],
    is_company: bool = False,
    owner: User | None = None,
    kind: str = "",
    by: User | None,
    at: datetime,
) -> Complaint:
    """Make a customer of who wrote, and link it; raises and does what both verbs do."""
    with transaction.atomic():
        hold(row)
        made = customers.create_customer(
            name=name,
            kind=Customer.Kind.COMPANY if is_company else Customer.Kind.PERSON,
            contact={"language": row.language, **contact},
            owner=owner,
            by=by,
            at=at,
        )
        return link_feedback(row, customer=made, contact=made.contacts.get(), kind=kind, by=by, at=at)


def file(
    row: UnknownFeedback,
    *,
    customer: Customer,
    contact: Contact | None,
    kind: str,
    by: User | None,
    at: datetime,
) -> Complaint:
    """File a row as the customer's, and end it; in the caller's transaction."""
    now = stubs.held(customer.pk)
    hold(row)
    kind = kind or row.kind
    respond_by, due_at = _promised(row, kind)
    complaint = complaints.file_complaint(
        customer,
        text=row.text,
        kind=kind,
        channel=row.channel,
        severity=row.severity,
        contact=contact or _writer(row, now),
        order=_order(row, customer),
        product=row.product,
        respond_by=respond_by,
        due_day=company.today(due_at).number - 1,  # it ends with that local day
        occurred_at=row.occurred_at,
        by=by,
        at=at,
    )
    end(row, State.LINKED, complaint=complaint, by=by, at=at)
    with override(company.current().language):
        note = gettext("came with feedback no. %(number)s") % {"number": complaint.pk}
    files.hand_over(row, complaint, note=note, at=at)
    return complaint


def _promised(row: UnknownFeedback, kind: str) -> tuple[datetime, datetime]:
    """Return what she was promised, or the sooner deadlines of what it is in truth, counted from receipt."""
    promised = row.respond_by, row.due_at
    if kind == row.kind:
        return promised
    own = desk.promised(kind, at=row.recorded_at)
    return min(promised[0], own[0]), min(promised[1], own[1])


def _writer(row: UnknownFeedback, customer_id: int) -> Contact | None:
    """Return the one at the customer whose address or number was left, if there is exactly one."""
    people = Contact.objects.filter(customer=customer_id, erased_at=None)
    found = [one for one in people if stated.is_of(row.stated_reach, one)] if row.stated_reach else []
    return found[0] if len(found) == 1 else None


def _order(row: UnknownFeedback, customer: Customer) -> Order | None:
    """Return the customer's order that she named, if there is exactly one."""
    if not row.stated_order:
        return None
    found = list(Order.objects.filter(number=row.stated_order, customer=customer, void=False)[:2])
    return found[0] if len(found) == 1 else None
