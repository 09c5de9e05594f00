"""Invoices with their payments."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import invoices
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact
from customers.api.reading import of_visible
from customers.company import current
from customers.ground import money
from customers.ground.api import filters
from customers.ground.api.serializers import (
    AmountField,
    DateField,
    DayField,
    Gives,
    MomentField,
    NumberField,
    Takes,
)
from customers.models import Invoice, InvoiceEvent

_PAYMENTS = [(code, label) for code, label in InvoiceEvent.Kind.choices if code != InvoiceEvent.Kind.ISSUED]


class PaymentShape(Gives):
    outcome = serializers.CharField(source="kind", help_text="paid, failed or written_off.")
    amount = serializers.SerializerMethodField()

    class Meta:
        model = InvoiceEvent
        fields = ["id", "outcome", "amount", "method", "occurred_at", "recorded_at", "void"]

    def get_amount(self, step: InvoiceEvent) -> str:
        """Return the amount in major units of the invoice's currency."""
        return str(money.from_minor(step.amount, self.context["invoice_currency"]))


class InvoiceShape(Gives):
    due_on = DayField(source="due_day")
    amount = AmountField(currency="currency")
    settled = AmountField(currency="currency", help_text="What was paid or written off.")
    amount_base = AmountField(help_text="In the company's currency, at the rate of the day of issue.")

    class Meta:
        model = Invoice
        fields = [*FACT, "number", "currency", "amount", "settled", "amount_base", "due_on"]


class InvoiceWithPayments(InvoiceShape):
    payments = serializers.SerializerMethodField()

    class Meta(InvoiceShape.Meta):
        fields = [*InvoiceShape.Meta.fields, "payments"]

    def get_payments(self, invoice: Invoice) -> PaymentShape(many=True):  # type: ignore[valid-type]
        """Return its payments that stand, oldest first."""
        steps = [e for e in invoice.events.all() if e.kind != InvoiceEvent.Kind.ISSUED and not e.void]
        return PaymentShape(
            steps, many=True, context={**self.context, "invoice_currency": invoice.currency}
        ).data


class NewInvoice(NewFact):
    number = serializers.CharField(max_length=64, required=False, allow_blank=True)
    amount = NumberField(max_digits=18, min_value=0, help_text="In major units.")
    currency = serializers.ChoiceField(
        sorted(money.EXPONENTS), required=False, help_text="The company's unless said."
    )
    due_on = DateField()


class NewPayment(Takes):
    outcome = serializers.ChoiceField(_PAYMENTS, required=False)
    amount = NumberField(
        max_digits=18, min_value=0, required=False, help_text="In major units; all that is owed unless said."
    )
    method = serializers.ChoiceField(InvoiceEvent.Method.choices, required=False)
    occurred_at = MomentField(required=False)


class Removed(Takes):
    payment = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class InvoiceFilter(FactFilter):
    number = filters.TextFilter()
    due_from = filters.DayFilter(field_name="due_day", lookup_expr="gte", numbered=True)
    due_until = filters.DayFilter(field_name="due_day", lookup_expr="lte", numbered=True)
    open = filters.FlagFilter(method="by_open", label="true: only those not yet paid.")

    def by_open(self, found: QuerySet[Invoice], name: str, value: bool) -> QuerySet[Invoice]:
        """Keep those of which something is owed, or those of which nothing is."""
        return found.filter(settled__lt=F("amount")) if value else found.filter(settled__gte=F("amount"))


class Invoices(Facts):
    tag = "invoices"
    model = Invoice
    detail_route = "api:invoice-detail"
    serializer_class = InvoiceWithPayments
    gives = {"list": InvoiceShape}
    filterset_class = InvoiceFilter
    access = {**READ, "create": RECORD, "pay": RECORD, "remove_payment": RECORD, "remove": RECORD}
    takes = {"create": NewInvoice, "pay": NewPayment, "remove_payment": Removed}
    refuses = {
        "create": ["invoice_amount", "in_the_future", "missing_rate", "amount_too_large"],
        "pay": [
            "invoice_amount",
            "invoice_settled",
            "paid_before_issued",
            "in_the_future",
            "amount_too_large",
        ],
        "remove": ["older_than_known"],
        "remove_payment": ["older_than_known", "not_a_payment"],
    }
    examples = {
        "create": {"customer": 12, "number": "INV-7", "amount": "1200.00", "due_on": "2026-06-10"},
        "pay": {"amount": "600.00", "method": "transfer"},
        "remove_payment": {"payment": 5},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the invoices of the customers that the caller may see, one of them with its payments."""
        found = of_visible(Invoice, self.request.user)
        if self.action == "list":
            return found
        steps = InvoiceEvent.objects.order_by("occurred_at", "id")
        return found.prefetch_related(Prefetch("events", queryset=steps))

    def create(self, request: Request) -> Response:
        """Record an invoice."""
        values = self.taken()
        currency = values.get("currency") or current().base_currency
        values["amount"] = money.to_minor(values["amount"], currency)
        return self.made(invoices.issue_invoice(self.customer_of(values), **values, **self.acting()))

    @action(detail=True, methods=["post"], url_path="payments", url_name="payments")
    def pay(self, request: Request, pk: str) -> Response:
        """Record a payment, one that failed, or that the invoice is written off."""
        invoice, values = self.one(), self.taken()
        if "amount" in values:
            values["amount"] = money.to_minor(values["amount"], invoice.currency)
        kind = values.pop("outcome", InvoiceEvent.Kind.PAID)
        invoices.record_payment(invoice, kind=kind, **values, **self.acting())
        return self.shown(self.one())

    @action(detail=True, methods=["post"], url_path="remove-payment", url_name="remove-payment")
    def remove_payment(self, request: Request, pk: str) -> Response:
        """Remove a payment that was entered wrongly: it counts no more from now on."""
        invoice = self.one()
        step = get_object_or_404(InvoiceEvent, invoice=invoice, pk=self.taken()["payment"])
        invoices.remove_payment(step, **self.acting())
        return self.shown(self.one())

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove an invoice that was entered wrongly or cancelled: it counts no more from now on."""
        invoices.remove_invoice(self.one(), **self.acting())
        return self.shown(self.one())
