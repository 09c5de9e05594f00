"""The customer's file: facts, measures, one timeline, cases, and what one can enter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import company, complaints, interactions, ownership
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.ground.models import Company
from customers.models import AttributeValue, Complaint, Customer
from retention import cases, measures
from retention.measures import compute
from retention.measures.display import format_value
from retention.measures.history import history
from retention.models import CustomerMeasures, RetentionCase
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS, ComplaintForm, InteractionForm, OpenCaseForm, OwnerForm
from retention.timeline import Page, UnknownPlace, timeline

MOST_COMPLAINTS = 20
MOST_CASES = 20


@dataclass(frozen=True)
class Shown:
    """One measure, ready to show."""

    label: str
    value: str
    help: str
    bars: list[int] | None = None


@dataclass(frozen=True)
class Group:
    """The measures of one source."""

    label: str
    rows: list[Shown] = field(default_factory=list)


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one customer; ``?before=`` pages the timeline, ``&part=timeline`` gives that page alone."""
    customer = _customer_of(request, pk)
    if request.GET.get("part") == "timeline":
        return render(
            request,
            "retention/timeline_part.html",
            {"page": _timeline(request, customer), "customer": customer},
        )
    return _page(request, customer)


@require_POST
@allow(*WORKERS)
def customer_interaction(request: HttpRequest, pk: int) -> HttpResponse:
    """Log a contact with the customer."""
    customer = _customer_of(request, pk)
    form = InteractionForm(request.POST, customer=customer)
    return _act(
        request,
        customer,
        "interaction_form",
        form,
        lambda values, at: interactions.log_interaction(customer, **values, by=request.user, at=at),
        done=_("It stands on the timeline."),
    )


@require_POST
@allow(*WORKERS)
def customer_complaint(request: HttpRequest, pk: int) -> HttpResponse:
    """File a complaint of the customer; a recovery case opens within seconds."""
    customer = _customer_of(request, pk)
    form = ComplaintForm(request.POST, customer=customer)
    return _act(
        request,
        customer,
        "complaint_form",
        form,
        lambda values, at: complaints.file_complaint(customer, **values, by=request.user, at=at),
        done=_("The complaint is filed. A recovery case opens within seconds."),
    )


@require_POST
@allow(*WORKERS)
def customer_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a case by hand, with a reason."""
    customer = _customer_of(request, pk)
    return _act(
        request,
        customer,
        "case_form",
        OpenCaseForm(request.POST),
        lambda values, at: cases.open_case(customer, **values, by=request.user, at=at),
        done=_("The case is open."),
    )


@require_POST
@allow("team_lead", "admin")
def customer_owner(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the customer to another account manager."""
    customer = _customer_of(request, pk)
    return _act(
        request,
        customer,
        "owner_form",
        OwnerForm(request.POST, user=request.user),
        lambda values, at: ownership.assign_owner(customer, user=values["to"], by=request.user, at=at),
        done=_("The customer has a new owner."),
    )


def measure_groups(
    customer: Customer, *, today: int, firm: Company, spark: dict[str, list[int]]
) -> list[Group]:
    """Return the customer's current measures by source, formatted, those worth it with bars."""
    values = compute.values_of([customer.pk]).get(customer.pk)
    if values is None:
        return []
    language = get_language() or "en"
    groups = {code: Group(str(source.label)) for code, source in measures.registry.sources().items()}
    for measure in measures.every().values():
        value = measure.read(values, today=today)
        text = format_value(measure, value, currency=firm.base_currency, language=language)
        bars = spark.get(measure.spark) if measure.spark else None
        groups[measure.source].rows.append(Shown(str(measure.label), text, str(measure.help), bars))
    return [group for group in groups.values() if group.rows]


def attributes_of(customer: Customer, *, language: str) -> list[tuple[str, str]]:
    """Return the customer's own attributes as pairs of label and newest value; one query."""
    rows = AttributeValue.objects.filter(customer=customer, void=False).select_related("attribute")
    newest = {row.attribute_id: row for row in rows.order_by("occurred_at", "pk")}
    return [
        (row.attribute.label_zh if language.startswith("zh") else row.attribute.label_en, _value_of(row))
        for row in sorted(newest.values(), key=lambda row: row.attribute.code)
    ]


def _value_of(row: AttributeValue) -> str:
    if row.number is not None:
        return f"{row.number.normalize():,f}"
    if row.day is not None:
        return date_format(day_of(row.day), "DATE_FORMAT")
    return row.choice or row.text or "—"


def _page(request: HttpRequest, customer: Customer, **bound: forms.Form) -> HttpResponse:
    at, firm = clock.now(), company.current()
    found = Complaint.objects.filter(customer=customer, void=False)
    context: dict[str, Any] = {
        "customer": customer,
        "contacts": list(customer.contacts.all()),
        "now": at,
        "currency": firm.base_currency,
        "attributes": attributes_of(customer, language=get_language() or "en"),
        "groups": measure_groups(
            customer, today=company.today(at, firm).number, firm=firm, spark=history(customer.pk, at=at)
        ),
        "as_of": CustomerMeasures.objects.filter(customer=customer).values_list("as_of", flat=True).first(),
        "page": _timeline(request, customer),
        "cases": list(
            RetentionCase.objects.filter(customer=customer)
            .select_related("assignee")
            .order_by("-opened_at")[:MOST_CASES]
        ),
        "complaints": list(found.order_by("state", "-occurred_at")[:MOST_COMPLAINTS]),
        "may_work": request.user.role in WORKERS,
        "may_assign": cases.may_assign(request.user),
        "interaction_form": InteractionForm(
            customer=customer, initial={"contact": customer.contacts.first()}
        ),
        "complaint_form": ComplaintForm(customer=customer),
        "case_form": OpenCaseForm(),
        "owner_form": OwnerForm(user=request.user),
        **bound,
    }
    context["open_case"] = next((case for case in context["cases"] if case.is_open), None)
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/customer.html", context, status=422 if bound else 200)


def _timeline(request: HttpRequest, customer: Customer) -> Page:
    before = request.GET.get("before", "")
    try:
        return timeline(customer, user=request.user, before=before)
    except UnknownPlace:
        return timeline(customer, user=request.user)


def _act(
    request: HttpRequest, customer: Customer, name: str, form: forms.Form, verb: Any, *, done: str
) -> HttpResponse:
    """Call the verb with what the form holds; come back with its words when it refuses."""
    if form.is_valid():
        try:
            verb(form.cleaned_data, clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect("retention:customer", pk=customer.pk)
    return _page(request, customer, **{name: form})


def _customer_of(request: HttpRequest, pk: int) -> Customer:
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("owner", "team"), pk=pk)
