"""Making a customer by hand, and changing its file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import customers
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Customer, User
from customers.pages.regions import LOOK, RegionSelect
from retention.pages.file.editing import Edited, answer, back_to
from retention.pages.file.forms import CustomerForm, FileForm, NewCustomerForm
from retention.pages.forms import WORKERS


def customer_of(user: User, pk: int) -> Customer:
    """Return a customer that ``user`` may see, with what its file shows; else 404."""
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    found: Customer = get_object_or_404(visible.select_related("owner", "team", "parent"), pk=pk)
    return found


def looked(request: HttpRequest) -> dict[str, Any] | None:
    """Return what was entered so far when somebody without script asked for the lists of regions."""
    if request.method != "POST" or LOOK not in request.POST:
        return None
    sent: dict[str, Any] = {name: request.POST[name] for name in request.POST}
    return {**sent, "region": RegionSelect().value_from_datadict(request.POST, {}, "region")}


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def customer_new(request: HttpRequest) -> HttpResponse:
    """Make a customer with its main contact; an account manager looks after it herself."""
    so_far = looked(request)
    sent = request.POST if request.method == "POST" and so_far is None else None
    form = NewCustomerForm(
        sent, user=request.user, initial=so_far or {"country": _usual_country(request.user)}
    )
    if sent is not None and form.is_valid():
        try:
            made = customers.create_customer(
                **form.values(), contact=form.contact(), by=request.user, at=clock.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(name)s is in the file now.") % {"name": made.name})
            return _lead_to(request, made)
    status = 422 if form.errors else 200
    return render(request, "retention/file/new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def customer_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a customer's file."""
    customer = customer_of(request.user, pk)
    so_far = looked(request)
    sent = request.POST if request.method == "POST" and so_far is None else None
    form = CustomerForm(sent, user=request.user, customer=customer, initial=so_far or {})
    edited = Edited(
        row=customer,
        title=_("Edit the file"),
        customer=customer,
        back=back_to(request, customer),
        save=lambda row, values, extras: customers.change_customer(
            row, **values, **extras, by=request.user, at=clock.now()
        ),
    )
    if so_far is not None:
        return show_again(request, edited, form)
    return answer(request, edited, form)


def show_again(request: HttpRequest, edited: Edited, form: FileForm) -> HttpResponse:
    """Show the form with what was entered so far; nothing is saved."""
    context = {
        "form": form,
        "edited": edited,
        "customer": edited.customer,
        "loaded": request.POST.get("loaded", ""),
    }
    return render(request, "retention/file/edit.html", context)


def _lead_to(request: HttpRequest, made: Customer) -> HttpResponse:
    """Lead to the new customer; to the list when it was given to somebody whose customers are not seen."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    if visible.filter(pk=made.pk).exists():
        return redirect("retention:customer", pk=made.pk)
    return redirect("retention:customer_list")


def _usual_country(user: User) -> str:
    """Return the country of the customer that the reader saw made last, the likeliest for the next."""
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    found = visible.filter(owner=user).order_by("-pk").values_list("country", flat=True).first()
    return str(found or "")
