"""The privacy of one customer: who agreed to what, who objects to profiling, and how that came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers import company, consents, objections
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.ground.numbers import whole
from customers.models import Channel, Consent, ConsentText, Contact, Customer, Objection, Purpose
from customers.models.consents import HELP, REACHING
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS, MomentField

CONTACTS, STATEMENTS = 10, 20
SOURCES = [c for c in Consent.Source.choices if c[0] in {"form", "call", "link"}]


def explained() -> list[tuple[str, str]]:
    """Return the purposes, each with what it means."""
    return [(purpose.value, f"{purpose.label}: {HELP[purpose]}") for purpose in Purpose]


class ConsentForm(forms.Form):
    """What a contact said."""

    contact = forms.ModelChoiceField(label=gettext_lazy("Who"), queryset=Contact.objects.none())
    is_given = forms.TypedChoiceField(
        label=gettext_lazy("She says"),
        choices=[
            ("yes", pgettext_lazy("consent", "I agree")),
            ("no", pgettext_lazy("consent", "I do not want this, or no longer")),
        ],
        coerce=lambda said: said == "yes",
        widget=forms.RadioSelect,
    )
    purposes = forms.MultipleChoiceField(
        label=gettext_lazy("To"), choices=explained, widget=forms.CheckboxSelectMultiple
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("By"),
        choices=Channel.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Profiling needs none."),
    )
    source = forms.ChoiceField(label=gettext_lazy("Came by"), choices=SOURCES)
    text = forms.ModelChoiceField(
        label=gettext_lazy("Text"),
        queryset=ConsentText.objects.none(),
        required=False,
        empty_label=gettext_lazy("not said"),
    )
    occurred_at = MomentField(
        label=gettext_lazy("When"), required=False, help_text=gettext_lazy("Empty: just now.")
    )

    def __init__(self, *args: Any, customer: Customer, today: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["contact"].queryset = customer.contacts.filter(erased_at__isnull=True)
        fields["text"].queryset = consents.texts_on(day_of(today))


class ObjectionForm(forms.Form):
    """Who objects to profiling."""

    contact = forms.ModelChoiceField(
        label=gettext_lazy("Who objects"),
        queryset=Contact.objects.none(),
        required=False,
        empty_label=gettext_lazy("the customer as a whole"),
    )
    source = forms.ChoiceField(label=gettext_lazy("Came by"), choices=SOURCES)

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["contact"].queryset = customer.contacts.all()


@dataclass(frozen=True)
class Person:
    """One contact with how things stand: a line for each purpose, a cell for each channel."""

    contact: Contact
    lines: list[tuple[Any, list[tuple[Any, consents.State]]]]


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_privacy(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the contacts of a customer agreed to; ``?from=`` pages contacts, ``?before=`` the history."""
    return _page(request, _customer_of(request, pk))


@require_POST
@allow(*WORKERS)
def consent(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what a contact said."""
    customer = _customer_of(request, pk)
    at = clock.now()
    form = ConsentForm(request.POST, customer=customer, today=company.today(at).number)
    if form.is_valid():
        values = dict(form.cleaned_data)
        try:
            consents.record_consent(values.pop("contact"), **values, by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Recorded. It counts from now on."))
            return redirect("retention:customer_privacy", pk=customer.pk)
    return _page(request, customer, consent_form=form)


@require_POST
@allow(*WORKERS)
def objection(request: HttpRequest, pk: int) -> HttpResponse:
    """Object to profiling; from now on no rule looks at the customer."""
    customer = _customer_of(request, pk)
    form = ObjectionForm(request.POST, customer=customer)
    if form.is_valid():
        try:
            objections.object_to_profiling(customer, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("From now on no rule looks at this customer."))
            return redirect("retention:customer_privacy", pk=customer.pk)
    return _page(request, customer, objection_form=form)


@require_POST
@allow(*WORKERS)
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an objection back."""
    customer = _customer_of(request, pk)
    number = whole(request.POST.get("objection"))
    found: Objection = get_object_or_404(Objection.objects.filter(customer=customer), pk=number or 0)
    objections.lift(customer, contact=found.contact, by=request.user, at=clock.now())
    messages.success(request, _("The objection is taken back. The next sweep looks at this customer again."))
    return redirect("retention:customer_privacy", pk=customer.pk)


def people_of(contacts: list[Contact]) -> list[Person]:
    """Return how things stand for each contact, for every purpose of reaching somebody and every channel."""
    known = consents.states([contact.pk for contact in contacts])
    return [
        Person(
            contact,
            [
                (
                    purpose.label,
                    [
                        (way.label, known[contact.pk].get((purpose, way), consents.NOTHING_SAID))
                        for way in Channel
                    ],
                )
                for purpose in REACHING
            ],
        )
        for contact in contacts
    ]


def _page(request: HttpRequest, customer: Customer, **bound: forms.Form) -> HttpResponse:
    at = clock.now()
    start, before = whole(request.GET.get("from")) or 0, whole(request.GET.get("before"))
    contacts = list(customer.contacts.all()[start : start + CONTACTS + 1])
    said = consents.history(customer.contacts.all())
    if before is not None:
        said = said.filter(pk__lt=before)
    statements = list(said[: STATEMENTS + 1])
    last = statements[STATEMENTS - 1].pk if len(statements) > STATEMENTS else None
    context: dict[str, Any] = {
        "customer": customer,
        "people": people_of(contacts[:CONTACTS]),
        "channels": [way.label for way in Channel],
        "sources": dict(Consent.Source.choices),
        "statements": statements[:STATEMENTS],
        "objections": list(objections.standing_of(customer)),
        "may_work": request.user.role in WORKERS,
        "older": f"?before={last}#history" if last else None,
        "newer": "?#history" if before is not None else None,
        "next_people": f"?from={start + CONTACTS}" if len(contacts) > CONTACTS else None,
        "first_people": "?" if start else None,
        "consent_form": ConsentForm(
            customer=customer,
            today=company.today(at).number,
            initial={"contact": contacts[0].pk if contacts else None},
        ),
        "objection_form": ObjectionForm(customer=customer),
        **bound,
    }
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/privacy.html", context, status=422 if bound else 200)


def _customer_of(request: HttpRequest, pk: int) -> Customer:
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("owner", "team"), pk=pk)
