"""Contracts by hand: recorded, corrected, and how early they become cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import contracts
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Contract, Customer
from customers.models.people import Role
from retention import renewals
from retention.pages.contract_forms import ContractForm, DaysForm
from retention.pages.contracts import contract_of
from retention.pages.forms import WORKERS


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def contract_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a contract of a customer."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    customer = get_object_or_404(visible.select_related("owner"), pk=pk)
    form = ContractForm(request.POST or None, user=request.user, initial={"owner": customer.owner_id})

    def save(values: dict[str, Any]) -> Contract:
        return contracts.record_contract(customer, **values, by=request.user, at=clock.now())

    back = reverse("retention:customer", args=[customer.pk])
    return _written(request, form, save, customer=customer, title=_("New contract"), back=back)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def contract_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a contract; who changed it meanwhile is not overwritten."""
    contract = contract_of(request, pk)
    form = ContractForm(request.POST or None, user=request.user, contract=contract)

    def save(values: dict[str, Any]) -> Contract:
        values.pop("currency")
        contract.recorded_at = form.read_at
        return contracts.change_contract(contract, **values, by=request.user, at=clock.now())

    back = reverse("retention:contract", args=[contract.pk])
    title = _("Change the contract")
    return _written(request, form, save, customer=contract.customer, title=title, back=back)


def _written(
    request: HttpRequest, form: ContractForm, save: Callable[[dict[str, Any]], Contract], **shown: Any
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            contract = save(form.values())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The contract is saved."))
            return redirect("retention:contract", pk=contract.pk)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "retention/contract_form.html", {"form": form, **shown}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Role.ADMIN)
def renewal_settings(request: HttpRequest) -> HttpResponse:
    """Say how many days before its notice date a contract becomes a case."""
    form = DaysForm(request.POST or None, initial={"days": renewals.days_before()})
    if request.method == "POST" and form.is_valid():
        renewals.set_days_before(form.cleaned_data["days"], by=request.user, at=clock.now())
        messages.success(request, _("It counts from the next night on."))
        return redirect("retention:renewal_settings")
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "retention/renewal_settings.html", {"form": form}, status=status)
