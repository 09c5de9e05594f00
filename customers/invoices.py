"""Invoices issued and paid, by hand or by program; files go through ``batch``."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from customers import company, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.models import Customer, Invoice, InvoiceEvent, User
from customers.models.invoices import SETTLING


class InvoiceAmount(Refused):
    code = "invoice_amount"
    message = _("An amount must be above 0.")


class InvoiceSettled(Refused):
    code = "invoice_settled"
    message = _("This invoice is paid already. Say how much was paid if more came in.")


class PaidBeforeIssued(Refused):
    code = "paid_before_issued"
    message = _("That moment lies before the day on which the invoice was issued.")


class NotAPayment(Refused):
    code = "not_a_payment"
    message = _("Only a payment can be removed so. Remove the invoice instead.")


def issue_invoice(
    customer: Customer,
    *,
    amount: int,
    due_on: date,
    currency: str = "",
    number: str = "",
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Invoice:
    """Record an invoice; ``amount`` in minor units of ``currency`` (the company's when empty).

    Raises :class:`InvoiceAmount`, ``InTheFuture``, ``MissingRate``. Side effects: its ``issued`` step,
    touches the customer, event ``invoice.issued``, audit ``invoice.issue``.
    """
    if amount <= 0:
        raise InvoiceAmount()
    firm = company.current()
    currency = currency or firm.base_currency
    when = writing.moments(at=at, occurred_at=occurred_at)
    issued = localtime.day_of(localtime.day_number(when.occurred_at, firm.time_zone))
    rate = company.rate_of(currency, day=issued, company=firm)
    based = money.convert(amount, rate=rate, from_currency=currency, to_currency=firm.base_currency)
    said = {"amount": amount, "amount_base": based, "due_day": due_on.toordinal()}
    with transaction.atomic():
        invoice = writing.write(
            Invoice, customer_id=customer.pk, when=when, number=number.strip(), currency=currency, **said
        )
        writing.write(
            InvoiceEvent,
            customer_id=customer.pk,
            when=when,
            invoice=invoice,
            kind=InvoiceEvent.Kind.ISSUED,
            **said,
        )
        events.record(
            "invoice.issued", customer_id=customer.pk, subject=invoice, occurred_at=invoice.occurred_at
        )
        audit.record("invoice.issue", obj=invoice, by=by, at=at, customer_id=customer.pk)
    return invoice


def record_payment(
    invoice: Invoice,
    *,
    kind: str = InvoiceEvent.Kind.PAID,
    amount: int | None = None,
    method: str = "",
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> InvoiceEvent:
    """Record that something of an invoice was paid, that a payment failed, or that it is written off.

    Args:
        amount: minor units of the invoice's currency; all that is owed when not given.

    Raises :class:`InvoiceAmount`, :class:`InvoiceSettled`, :class:`PaidBeforeIssued`, ``InTheFuture``.
    Side effects: touches the customer, event ``payment.recorded``, audit ``payment.record``.
    """
    if InvoiceEvent.Kind(kind) == InvoiceEvent.Kind.ISSUED:
        raise NotAPayment()
    when = writing.moments(at=at, occurred_at=occurred_at)
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if when.occurred_at < invoice.occurred_at:
            raise PaidBeforeIssued()
        if amount is None:
            amount = invoice.owed
            if not amount:
                raise InvoiceSettled()
        if amount <= 0:
            raise InvoiceAmount()
        step = writing.write(
            InvoiceEvent,
            customer_id=invoice.customer_id,
            when=when,
            invoice=invoice,
            kind=kind,
            amount=amount,
            amount_base=base_of(amount, invoice=invoice),
            method=InvoiceEvent.Method(method) if method else "",
        )
        count_settled(invoice)
        events.record(
            "payment.recorded",
            customer_id=invoice.customer_id,
            subject=step,
            occurred_at=step.occurred_at,
            data={"kind": step.kind},
        )
        audit.record(
            "payment.record",
            obj=step,
            by=by,
            at=at,
            customer_id=invoice.customer_id,
            codes={"kind": step.kind},
        )
    return step


def remove_payment(step: InvoiceEvent, *, by: User | None, at: datetime) -> InvoiceEvent:
    """Remove a payment that was entered wrongly: from ``at`` on it counts no more."""
    if step.kind == InvoiceEvent.Kind.ISSUED:
        raise NotAPayment()
    with transaction.atomic():
        before = step.recorded_at
        step = writing.void(step, at=at)
        if step.recorded_at != before:
            count_settled(step.invoice)
            audit.record("payment.remove", obj=step, by=by, at=at, customer_id=step.customer_id)
    return step


def remove_invoice(invoice: Invoice, *, by: User | None, at: datetime) -> Invoice:
    """Remove an invoice that was entered wrongly or cancelled, with all its steps, from ``at`` on."""
    with transaction.atomic():
        before = invoice.recorded_at
        invoice = writing.void(invoice, at=at)
        if invoice.recorded_at != before:
            for step in InvoiceEvent.objects.filter(invoice=invoice, void=False).order_by("pk"):
                writing.void(step, at=at)
            audit.record("invoice.remove", obj=invoice, by=by, at=at, customer_id=invoice.customer_id)
    return invoice


def base_of(amount: int, *, invoice: Invoice) -> int:
    """Return part of an invoice in the base currency, at the rate that the invoice was frozen with."""
    if invoice.amount_base == invoice.amount:
        return amount
    return (2 * amount * invoice.amount_base + invoice.amount) // (2 * invoice.amount)


def count_settled(invoice: Invoice) -> None:
    """Bring the cache of what was paid or written off up to date."""
    steps = InvoiceEvent.objects.filter(invoice=invoice, void=False, kind__in=SETTLING)
    invoice.settled = steps.aggregate(total=Sum("amount"))["total"] or 0
    Invoice.objects.filter(pk=invoice.pk).update(settled=invoice.settled)
