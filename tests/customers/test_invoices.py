"""Invoices and payments: recorded, removed, counted in the base currency, landed from files."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from customers import batch, invoices
from customers.batch import InvoiceRecord, PaymentStep
from customers.company import MissingRate
from customers.ground.models import AuditEvent, Event, ExchangeRate
from customers.imports import batches, kinds, mapping
from customers.models import (
    Customer,
    ExternalRef,
    Invoice,
    InvoiceEvent,
    InvoiceEventVersion,
    InvoiceVersion,
    TouchedCustomer,
    User,
)
from customers.writing import InTheFuture
from tests.factories import NOW, ago, day

pytestmark = pytest.mark.django_db
DUE = date(2026, 6, 10)


def issue(customer: Customer, amount: int = 10000, **values: object) -> Invoice:
    said = {"due_on": DUE, "occurred_at": ago(10), "by": None, "at": NOW, **values}
    return invoices.issue_invoice(customer, amount=amount, **said)  # type: ignore[arg-type]


def pay(invoice: Invoice, **values: object) -> InvoiceEvent:
    return invoices.record_payment(invoice, **{"by": None, "at": NOW, **values})  # type: ignore[arg-type]


def settled(invoice: Invoice) -> int:
    invoice.refresh_from_db()
    return invoice.settled


# --- By hand -----------------------------------------------------------------------------------
def test_issue_invoice_writes_its_first_step_and_tells_of_it(customer: Customer, manager: User) -> None:
    TouchedCustomer.objects.all().delete()
    invoice = issue(customer, number=" INV-7 ", by=manager)

    step = InvoiceEvent.objects.get()
    assert (invoice.number, invoice.currency, invoice.amount_base, invoice.owed) == (
        "INV-7", "CNY", 10000, 10000
    )  # fmt: skip
    assert (step.kind, step.amount, step.due_day, step.occurred_day) == (
        "issued", 10000, DUE.toordinal(), day(ago(10))
    )  # fmt: skip
    assert TouchedCustomer.objects.filter(customer=customer).exists()
    assert Event.objects.get(kind="invoice.issued").customer_id == customer.pk
    assert AuditEvent.objects.get(act="invoice.issue").actor_id == manager.pk


@pytest.mark.parametrize("amount", [0, -1])
def test_issue_invoice_refuses_what_is_no_amount(customer: Customer, amount: int) -> None:
    with pytest.raises(invoices.InvoiceAmount):
        issue(customer, amount)
    assert issue(customer, 1).amount == 1


def test_issue_invoice_freezes_the_rate_of_the_day_of_issue(customer: Customer) -> None:
    with pytest.raises(MissingRate):
        issue(customer, currency="EUR")
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 4, 1), rate=Decimal("7.5"))
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 5, 5), rate=Decimal("8"))
    invoice = issue(customer, 333, currency="EUR")
    assert invoice.amount_base == 2498
    parts = [pay(invoice, amount=amount).amount_base for amount in (111, 222)]
    assert parts == [833, 1665] and sum(parts) == invoice.amount_base
    assert settled(invoice) == 333


def test_record_payment_settles_step_by_step(customer: Customer) -> None:
    invoice = issue(customer)
    pay(invoice, amount=4000, method="alipay")
    pay(invoice, kind="failed", amount=6000)
    assert settled(invoice) == 4000
    assert pay(invoice).amount == 6000
    assert (settled(invoice), invoice.owed) == (10000, 0)
    with pytest.raises(invoices.InvoiceSettled):
        pay(invoice)
    assert pay(invoice, amount=1).amount == 1  # more came in
    assert AuditEvent.objects.filter(act="payment.record").count() == 4


def test_record_payment_refuses_what_cannot_be(customer: Customer) -> None:
    invoice = issue(customer)
    for refusal, values in (
        (invoices.InvoiceAmount, {"amount": 0}),
        (invoices.PaidBeforeIssued, {"occurred_at": ago(10) - timedelta(seconds=1)}),
        (InTheFuture, {"occurred_at": NOW + timedelta(seconds=1)}),
        (invoices.NotAPayment, {"kind": "issued"}),
        (ValueError, {"kind": "stolen"}),
    ):
        with pytest.raises(refusal):
            pay(invoice, **values)
    assert pay(invoice, occurred_at=ago(10)).amount == 10000


def test_write_off_leaves_nothing_owed(customer: Customer) -> None:
    invoice = issue(customer)
    pay(invoice, kind="written_off")
    assert settled(invoice) == 10000


def test_remove_payment_owes_again_and_is_done_once(customer: Customer) -> None:
    invoice = issue(customer)
    step = pay(invoice)
    for _twice in range(2):
        step = invoices.remove_payment(step, by=None, at=NOW + timedelta(hours=1))
    assert (settled(invoice), step.void) == (0, True)
    assert InvoiceEventVersion.objects.get().void is False
    assert AuditEvent.objects.filter(act="payment.remove").count() == 1
    with pytest.raises(invoices.NotAPayment):
        invoices.remove_payment(InvoiceEvent.objects.get(kind="issued"), by=None, at=NOW)


def test_remove_invoice_takes_its_steps_along(customer: Customer) -> None:
    invoice = issue(customer)
    pay(invoice, amount=1)
    for _twice in range(2):
        invoice = invoices.remove_invoice(invoice, by=None, at=NOW + timedelta(hours=1))
    assert invoice.void and not InvoiceEvent.objects.filter(void=False).exists()
    assert InvoiceVersion.objects.count() == 1 and InvoiceEventVersion.objects.count() == 2
    assert AuditEvent.objects.filter(act="invoice.remove").count() == 1


# --- Many at once ------------------------------------------------------------------------------
@pytest.fixture
def known(customer: Customer) -> Customer:
    ExternalRef.objects.create(source="erp", kind="customer", external_id="C-1", object_id=customer.pk)
    return customer


def record(*payments: PaymentStep, **values: object) -> InvoiceRecord:
    said = {
        "external_id": "INV-1",
        "customer": "C-1",
        "occurred_at": ago(40),
        "recorded_at": ago(40),
        "currency": "CNY",
        "amount": 10000,
        "due_day": day(ago(10)),
        "payments": payments,
        **values,
    }
    return InvoiceRecord(**said)  # type: ignore[arg-type]


def paid(days: int, amount: int | None = None, kind: str = "paid") -> PaymentStep:
    return PaymentStep(kind=kind, occurred_at=ago(days), recorded_at=ago(days), amount=amount)


def land(*records: InvoiceRecord) -> tuple[int, int, int]:
    landed = batch.upsert_invoices(records, source="erp", batch=None, at=NOW)
    assert landed.refused == []
    return landed.created, landed.updated, landed.unchanged


def steps() -> list[tuple[str, int]]:
    found = InvoiceEvent.objects.filter(void=False).order_by("occurred_at", "id")
    return list(found.values_list("kind", "amount"))


def test_upsert_invoices_adds_payments_and_repeats_without_effect(known: Customer) -> None:
    assert land(record(paid(20, kind="failed"), paid(15, 4000))) == (1, 0, 0)
    assert land(record(paid(20, kind="failed"), paid(15, 4000))) == (0, 0, 1)
    assert Invoice.objects.get().settled == 4000
    assert land(record(paid(5, 6000))) == (0, 1, 0)  # a later file; what it does not name stays
    assert steps() == [("issued", 10000), ("failed", 10000), ("paid", 4000), ("paid", 6000)]
    assert Invoice.objects.get().owed == 0
    assert land(record(paid(5, 5000))) == (0, 1, 0)
    assert Invoice.objects.get().settled == 9000
    assert InvoiceEventVersion.objects.get().amount == 6000


def test_upsert_invoices_moves_due_day_and_amount_with_their_first_step(known: Customer) -> None:
    land(record(paid(15, 4000)))
    assert land(record(paid(15, 4000), amount=12000, due_day=day(NOW), recorded_at=ago(3))) == (0, 1, 0)
    step = InvoiceEvent.objects.get(kind="issued")
    assert (step.amount, step.due_day, step.recorded_at) == (12000, day(NOW), ago(3))
    assert Invoice.objects.get().owed == 8000


def test_upsert_invoices_refuses_one_without_a_rate(known: Customer) -> None:
    landed = batch.upsert_invoices(
        [record(currency="EUR"), record(external_id="INV-2")], source="erp", batch=None, at=NOW
    )
    assert [refusal.field for refusal in landed.refused] == ["currency"]
    assert landed.created == Invoice.objects.count() == 1


def test_file_of_payments_is_grouped_by_invoice_and_understood_in_chinese(
    known: Customer, tmp_path: Path
) -> None:
    path = tmp_path / "账单.csv"
    path.write_text(
        "账单号,客户编号,开票日期,到期日,账单金额,付款日期,付款金额,付款状态,付款方式\n"
        "B1,C-1,2026-04-01,2026-04-30,100,2026-04-20,,失败,代扣\n"
        "B1,C-1,2026-04-01,2026-04-30,100,2026-04-21,40.5,已付,支付宝\n"
        "B2,C-1,2026-04-01,2026-05-30,80,,,,\n"
        "B3,C-1,2026-04-01,2026-05-30,80,2026-03-31,80,已付,\n"
        "B4,C-1,2026-04-01,2026-05-30,0,,,,\n"
        "B1,C-1,2026-04-01,2026-05-30,100,2026-04-22,1,已付,\n",
        encoding="utf-8",
    )
    for created in (2, 0):
        report = batches.import_file(
            path,
            kinds.named("payments"),
            mapping.from_data({"source": "erp", "history": True}),
            by=None,
            at=NOW,
        )
        assert (report.landed.created, report.refused) == (created, 3)
    assert steps() == [("issued", 10000), ("issued", 8000), ("failed", 10000), ("paid", 4050)]
    assert set(InvoiceEvent.objects.exclude(kind="issued").values_list("method", flat=True)) == {
        "debit", "alipay"
    }  # fmt: skip
