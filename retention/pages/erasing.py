"""Handing out and erasing what is stored about a customer or one of its contacts (admins)."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers import erasure
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Contact, Customer, ErasureReceipt


class WhoForm(forms.Form):
    """The customer as a whole, or one of its contacts."""

    contact = forms.ModelChoiceField(
        label=gettext_lazy("Who"),
        queryset=Contact.objects.none(),
        required=False,
        empty_label=gettext_lazy("the customer with all contacts"),
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["contact"].queryset = customer.contacts.all()


class EraseForm(WhoForm):
    """Whom to erase, why, and the name typed."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[c for c in ErasureReceipt.Reason.choices if c[0] != ErasureReceipt.Reason.PERIOD],
    )
    confirm = forms.CharField(
        label=gettext_lazy("Name of who is erased, letter by letter"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what erasing does, and erase when the name was typed; leads to the receipt."""
    customer = _customer_of(request, pk)
    form = EraseForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        values, at = form.cleaned_data, clock.now()
        try:
            erasure.confirmed(values["contact"] or customer, typed=values["confirm"])
            if values["contact"]:
                receipt = erasure.erase_person(
                    values["contact"], reason=values["reason"], by=request.user, at=at
                )
            else:
                receipt = erasure.erase_customer(customer, reason=values["reason"], by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Erased. This is the receipt."))
            return redirect("customers:erasure_receipt", pk=receipt.pk)
    status = 422 if form.is_bound and form.errors else 200
    context = {"customer": customer, "form": form, "copy_form": WhoForm(customer=customer, auto_id="copy_%s")}
    return render(request, "retention/erase.html", context, status=status)


@require_POST
@allow("admin")
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out all that is stored about a customer or a contact, as a JSON file."""
    customer = _customer_of(request, pk)
    form = WhoForm(request.POST, customer=customer)
    if not form.is_valid():
        return redirect("retention:customer_privacy_erase", pk=customer.pk)
    person = form.cleaned_data["contact"] or customer
    told = erasure.export_person(person, by=request.user, at=clock.now())
    name = told["person"].replace(":", "-")
    return HttpResponse(
        json.dumps(told, ensure_ascii=False, indent=2),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "no-store"},
    )


def _customer_of(request: HttpRequest, pk: int) -> Customer:
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("owner", "team"), pk=pk)
