"""Landing invoices with their payments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum

from customers import company, invoices
from customers.batch import people, references
from customers.batch.landing import Changes, Row, State, Wanted, count, in_chunks, land_rows
from customers.batch.orders import Rates
from customers.batch.records import FactRecord, Landed, Refusal
from customers.ground import localtime, money
from customers.ground.errors import Refused
from customers.models import ImportBatch, Invoice, InvoiceEvent
from customers.models.invoices import SETTLING


@dataclass(slots=True, kw_only=True)
class PaymentStep:
    """What was paid, failed or was written off; ``amount`` in minor units, ``None``: the whole invoice."""

    kind: str
    occurred_at: datetime
    recorded_at: datetime
    recorded_assumed: bool = False
    amount: int | None = None
    method: str = ""


@dataclass(slots=True, kw_only=True)
class InvoiceRecord(FactRecord):
    """An invoice; ``amount`` in minor units of ``currency``. Payments that it does not name stay."""

    currency: str
    amount: int
    due_day: int
    payments: Sequence[PaymentStep] = ()


def upsert_invoices(
    records: Iterable[InvoiceRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change invoices; add their payments, known by kind and moment.

    Base amounts are frozen at the rate of the day of issue; without one the invoice is refused. Side
    effects: marks on the customers touched.
    """
    firm = company.current()

    def land(chunk: list[InvoiceRecord]) -> Landed:
        landed = Landed()
        rates = Rates(firm, {record.currency for record in chunk})
        based, priced = {}, []
        for record in chunk:
            try:
                based[record.external_id] = money.convert(
                    record.amount,
                    rate=rates.on(record.currency, record.occurred_at),
                    from_currency=record.currency,
                    to_currency=firm.base_currency,
                )
                priced.append(record)
            except Refused as refusal:
                landed.refused.append(Refusal(record, "currency", refusal))
        ids, kept = people.customers_for(
            priced, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        wanted = []
        for record in kept:
            want = references.wanted_fact(
                record,
                ids[record.customer],
                zone=firm.time_zone,
                currency=record.currency,
                amount=record.amount,
                due_day=record.due_day,
            )
            want.derived["amount_base"] = based[record.external_id]
            wanted.append(want)
        rows = land_rows(Invoice, "invoice", wanted, source=source, batch=batch, at=at)
        _land_steps(kept, rows, zone=firm.time_zone, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def _land_steps(
    records: Sequence[InvoiceRecord],
    rows: Sequence[Row],
    *,
    zone: str,
    batch: ImportBatch | None,
    at: datetime,
) -> None:
    """Bring the steps of each invoice in line; a row whose steps alone change becomes an updated one."""
    stored: dict[int, list[InvoiceEvent]] = {}
    old = [row.obj.pk for row in rows if row.state is not State.CREATED]
    if old:
        for step in InvoiceEvent.objects.filter(invoice_id__in=old).order_by("occurred_at", "id"):
            stored.setdefault(step.invoice_id, []).append(step)
    changes = Changes(InvoiceEvent, batch=batch, at=at)
    new: list[InvoiceEvent] = []
    touched: list[Invoice] = []
    for record, row in zip(records, rows, strict=True):
        standing = stored.get(row.obj.pk, [])
        added, changed = _match(record, row.obj, standing, changes, zone=zone, batch=batch)
        new += added
        if (added or changed) and row.state is State.UNCHANGED:
            row.state = State.UPDATED
        if row.state is not State.UNCHANGED:
            touched.append(row.obj)
    changes.write()
    InvoiceEvent.objects.bulk_create(new)
    count_settled(touched)


def _match(
    record: InvoiceRecord,
    invoice: Invoice,
    standing: Sequence[InvoiceEvent],
    changes: Changes,
    *,
    zone: str,
    batch: ImportBatch | None,
) -> tuple[list[InvoiceEvent], bool]:
    """Return the steps to add and whether standing ones change."""
    free: dict[tuple[str, Any], list[InvoiceEvent]] = {}
    for event in standing:
        free.setdefault(_name(event.kind, event.occurred_at), []).append(event)
    added: list[InvoiceEvent] = []
    changed = False
    for step in (_issued(invoice), *record.payments):
        amount = invoice.amount if step.amount is None else step.amount
        is_issued = step.kind == InvoiceEvent.Kind.ISSUED
        fields = {
            "customer_id": invoice.customer_id,
            "occurred_at": step.occurred_at,
            "occurred_day": localtime.day_number(step.occurred_at, zone),
            "amount": amount,
            "amount_base": invoice.amount_base if is_issued else invoices.base_of(amount, invoice=invoice),
            "due_day": invoice.due_day if is_issued else None,
            "method": step.method,
            "void": invoice.void,
        }
        when: dict[str, Any] = {"recorded_at": step.recorded_at, "recorded_assumed": step.recorded_assumed}
        same = free.get(_name(step.kind, step.occurred_at))
        if same:
            changed |= changes.put(same.pop(0), Wanted("", fields, **when))
        else:
            added.append(InvoiceEvent(invoice=invoice, kind=step.kind, batch=batch, **fields, **when))
    for event in (event for left in free.values() for event in left):
        # they stay as they are, but go where their invoice goes
        follows: dict[str, Any] = {"customer_id": invoice.customer_id}
        if event.kind != InvoiceEvent.Kind.ISSUED:
            follows["amount_base"] = invoices.base_of(event.amount, invoice=invoice)
        changed |= changes.put(event, Wanted("", follows, recorded_at=changes.at))
    return added, changed


def _name(kind: str, occurred_at: datetime) -> tuple[str, Any]:
    """Return what a step is known by; an invoice is issued once, whenever it was."""
    return kind, None if kind == InvoiceEvent.Kind.ISSUED else occurred_at


def _issued(invoice: Invoice) -> PaymentStep:
    return PaymentStep(
        kind=InvoiceEvent.Kind.ISSUED,
        occurred_at=invoice.occurred_at,
        recorded_at=invoice.recorded_at,
        recorded_assumed=invoice.recorded_assumed,
        amount=invoice.amount,
    )


def count_settled(touched: Iterable[Invoice]) -> None:
    """Bring the caches of what was paid or written off up to date."""
    touched = list(touched)
    if not touched:
        return
    steps = InvoiceEvent.objects.filter(
        invoice_id__in=[invoice.pk for invoice in touched], void=False, kind__in=SETTLING
    )
    settled = dict(steps.values_list("invoice_id").annotate(Sum("amount")))
    changed = [invoice for invoice in touched if invoice.settled != settled.get(invoice.pk, 0)]
    for invoice in changed:
        invoice.settled = settled.get(invoice.pk, 0)
    Invoice.objects.bulk_update(changed, ["settled"], batch_size=200)
