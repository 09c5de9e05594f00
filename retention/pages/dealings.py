"""The customer's dealings: orders, contracts, invoices, usage, competitors; and forms to enter them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import (
    communities,
    company,
    competitors,
    indicators,
    invoices,
    orders,
    sightings,
    usage,
)
from customers.access import allow
from customers.ground import clock, money
from customers.ground.errors import Refused
from customers.models import (
    CommunityMembership,
    CompetitorSighting,
    Customer,
    IndicatorValue,
    Invoice,
    InvoiceEvent,
    Order,
    Usage,
)
from retention.pages.acting import Verb, act, customer_of
from retention.pages.contracts import contracts_of_customer
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.dealing_forms import (
    CommunityForm,
    DeliveryForm,
    IndicatorForm,
    InvoiceForm,
    PaymentForm,
    SightingForm,
    UsageForm,
)
from retention.pages.dealing_rows import (
    indicators_of,
    invoices_of,
    memberships_of,
    orders_of,
    page_number,
    sightings_of,
    usage_of,
)
from retention.pages.forms import WORKERS
from retention.pages.order_form import OrderForm


@require_safe
@allow(*SEES_CUSTOMERS)
def dealings_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the customer bought, agreed, owes, uses, and who courts it; ``?orders=2`` pages."""
    return _page(request, customer_of(request, pk))


@require_POST
@allow(*WORKERS)
def dealings_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter an order of one amount or of lines; ``add_lines`` only shows more of them."""
    customer = customer_of(request, pk)
    if "add_lines" in request.POST:
        return _page(request, customer, order_form=OrderForm(typed=request.POST.dict()))

    def record(values: dict[str, Any], at: datetime) -> None:
        orders.record_order(customer, **values, by=request.user, at=at)

    return _act(request, customer, "order_form", OrderForm(request.POST), record, _("The order is entered."))


@require_POST
@allow(*WORKERS)
def dealings_delivery(request: HttpRequest, pk: int, order: int) -> HttpResponse:
    """Enter when an order was promised or delivered."""
    customer = customer_of(request, pk)
    bought = get_object_or_404(Order, pk=order, customer=customer, void=False)
    form = DeliveryForm(request.POST)
    return _act(
        request,
        customer,
        "delivery_form",
        form,
        lambda values, at: orders.set_delivery(bought, **values, by=request.user, at=at),
        _("The order is saved."),
        delivery_of=bought,
    )


@require_POST
@allow(*WORKERS)
def dealings_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter an invoice."""
    customer = customer_of(request, pk)

    def record(values: dict[str, Any], at: datetime) -> None:
        currency = values["currency"] or company.current().base_currency
        values["amount"] = money.to_minor(values["amount"], currency)
        invoices.issue_invoice(customer, **values, by=request.user, at=at)

    form = InvoiceForm(request.POST)
    return _act(request, customer, "invoice_form", form, record, _("The invoice is entered."))


@require_POST
@allow(*WORKERS)
def dealings_payment(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter a payment of an invoice, or one that failed."""
    customer = customer_of(request, pk)

    def record(values: dict[str, Any], at: datetime) -> None:
        invoice: Invoice = values.pop("invoice")
        if values["amount"] is not None:
            values["amount"] = money.to_minor(values["amount"], invoice.currency)
        invoices.record_payment(invoice, **values, by=request.user, at=at)

    form = PaymentForm(request.POST, customer=customer)
    return _act(request, customer, "payment_form", form, record, _("The payment is entered."))


@require_POST
@allow(*WORKERS)
def dealings_usage(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter usage."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "usage_form",
        UsageForm(request.POST),
        lambda values, at: usage.record_usage(customer, **values, by=request.user, at=at),
        _("The usage is entered."),
    )


@require_POST
@allow(*WORKERS)
def dealings_sighting(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter what a competitor was seen to offer."""
    customer = customer_of(request, pk)

    def record(values: dict[str, Any], at: datetime) -> None:
        currency = values["currency"] or company.current().base_currency
        for name in ("price_seen", "price_ours"):
            if values[name] is not None:
                values[name] = money.to_minor(values[name], currency)
        sightings.record_sighting(customer, **values, by=request.user, at=at)

    form = SightingForm(request.POST)
    return _act(request, customer, "sighting_form", form, record, _("The sighting is entered."))


@require_POST
@allow(*WORKERS)
def dealings_community(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter that the customer, or one of its people, joined a community."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "community_form",
        CommunityForm(request.POST, customer=customer),
        lambda values, at: communities.join_community(customer, **values, by=request.user, at=at),
        _("The membership is entered."),
    )


@require_POST
@allow(*WORKERS)
def dealings_indicator(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter what an indicator stands at."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "indicator_form",
        IndicatorForm(request.POST),
        lambda values, at: indicators.record_value(customer, **values, by=request.user, at=at),
        _("The value is entered."),
    )


@require_POST
@allow(*WORKERS)
def dealings_leave(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Enter that a community was left just now."""
    customer = customer_of(request, pk)
    membership = get_object_or_404(CommunityMembership, pk=row, customer=customer, void=False)
    try:
        communities.leave_community(membership, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("It is entered that the community was left."))
    return redirect("retention:customer_dealings", pk=customer.pk)


@require_POST
@allow(*WORKERS)
def dealings_remove(request: HttpRequest, pk: int, what: str, row: int) -> HttpResponse:
    """Remove usage, a payment, an invoice, a sighting, a membership or a value entered wrongly."""
    customer = customer_of(request, pk)
    model, verb = _REMOVES[what]
    found = get_object_or_404(model, pk=row, customer=customer)
    try:
        verb(found, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("It is removed and counts no more from now on."))
    return redirect("retention:customer_dealings", pk=customer.pk)


_REMOVES: dict[str, tuple[Any, Callable[..., Any]]] = {
    "usage": (Usage, usage.remove_usage),
    "payment": (InvoiceEvent, invoices.remove_payment),
    "invoice": (Invoice, invoices.remove_invoice),
    "sighting": (CompetitorSighting, sightings.remove_sighting),
    "community": (CommunityMembership, communities.remove_membership),
    "indicator": (IndicatorValue, indicators.remove_value),
}
REMOVES = tuple(_REMOVES)


def _page(
    request: HttpRequest, customer: Customer, *, delivery_of: Order | None = None, **bound: forms.Form
) -> HttpResponse:
    at, firm = clock.now(), company.current()
    lists = ("orders", "invoices", "sightings", "communities", "indicators")
    numbers = {name: page_number(request.GET.get(name)) for name in lists}
    context: dict[str, Any] = {
        "customer": customer,
        "now": at,
        "orders": orders_of(customer, page=numbers["orders"], at=at),
        "contracts": contracts_of_customer(customer, day=company.today(at, firm).number),
        "invoices": invoices_of(customer, page=numbers["invoices"], at=at),
        "usage": usage_of(customer, at=at),
        "sightings": sightings_of(customer, page=numbers["sightings"]),
        "figures": indicators_of(customer, page=numbers["indicators"]),
        "memberships": memberships_of(customer, page=numbers["communities"]),
        "may_work": request.user.role in WORKERS,
        "may_write": request.user.role in WORKERS,
        "delivery_of": delivery_of,
        **bound,
    }
    if context["may_work"]:
        currencies = {"currency": firm.base_currency}
        context.setdefault("order_form", OrderForm(initial=currencies))
        context.setdefault("invoice_form", InvoiceForm(initial=currencies))
        context.setdefault("payment_form", PaymentForm(customer=customer))
        context.setdefault("usage_form", UsageForm())
        context.setdefault("sighting_form", SightingForm(initial=currencies))
        context["competitor_names"] = competitors.suggestions()
        context.setdefault("indicator_form", IndicatorForm())
        context.setdefault("community_form", CommunityForm(customer=customer))
    for name in bound:  # the sheet of a form that was sent stands open
        context[f"open_{name.removesuffix('_form')}"] = True
    status = 422 if any(form.is_bound for form in bound.values()) else 200
    return render(request, "retention/dealings/page.html", context, status=status)


def _act(
    request: HttpRequest,
    customer: Customer,
    name: str,
    form: forms.Form,
    verb: Verb,
    done: str,
    *,
    delivery_of: Order | None = None,
) -> HttpResponse:
    return act(
        request,
        form,
        verb,
        done=done,
        back=("retention:customer_dealings", customer.pk),
        again=lambda: _page(request, customer, delivery_of=delivery_of, **{name: form}),
    )
