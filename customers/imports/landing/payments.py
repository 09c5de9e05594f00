"""How lines become invoices with their payments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from customers import batch
from customers.batch import InvoiceRecord, PaymentStep
from customers.ground import money
from customers.imports import errors
from customers.imports.kinds import Context, Group, LineRefusal, Outcome
from customers.imports.landing.together import creating, land, new_customer
from customers.models import InvoiceEvent

_OF_INVOICE = ("customer", "occurred_at", "due_on", "total", "currency")


def land_payments(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change invoices and add their payments; lines that differ on the invoice are refused."""
    outcome, records, kept = Outcome(), [], []
    for group in groups:
        group = _agreeing(group, outcome)
        first = group.first.values
        currency = first.get("currency") or context.currency
        recorded_at, assumed = context.known(first["occurred_at"], first.get("recorded_at"))
        records.append(
            InvoiceRecord(
                external_id=group.key,
                customer=first["customer"],
                occurred_at=first["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                currency=currency,
                amount=money.to_minor(first["total"], currency),
                due_day=first["due_on"].toordinal(),
                values={"number": first["number"]} if "number" in first else {},
                payments=list(_payments(group, currency, context)),
                new_customer=new_customer(first),
            )
        )
        kept.append(group)
    return land(creating(batch.upsert_invoices, context), kept, records, context, outcome)


def _agreeing(group: Group, outcome: Outcome) -> Group:
    """Return the lines that say the same of the invoice as the first; refuse the others."""
    first = group.first
    rows = []
    for row in group.rows:
        differs = next((name for name in _OF_INVOICE if row.values.get(name) != first.values.get(name)), "")
        if differs:
            reason = errors.OtherInvoice(line=first.number)
            outcome.refused.append(LineRefusal(row.number, differs, reason))
        else:
            rows.append(row)
    return Group(group.key, rows)


def _payments(group: Group, currency: str, context: Context) -> Iterator[PaymentStep]:
    for row in group.rows:
        values: dict[str, Any] = row.values
        paid_at = values.get("paid_at")
        if paid_at is None:
            continue
        recorded_at, assumed = context.known(paid_at, values.get("recorded_at"))
        amount = values.get("amount")
        yield PaymentStep(
            kind=values.get("outcome") or InvoiceEvent.Kind.PAID,
            occurred_at=paid_at,
            recorded_at=max(recorded_at, paid_at),
            recorded_assumed=assumed,
            amount=None if amount is None else money.to_minor(amount, currency),
            method=values.get("method") or "",
        )
