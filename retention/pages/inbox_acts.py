"""What one does in the inbox: take it, give it away, link it, make a customer of it, answer without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.access import allow
from customers.feedback import unknown
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Contact, Customer, UnknownFeedback
from retention.pages.filters import colleagues
from retention.pages.forms import WORKERS
from retention.pages.inbox import item_of, shown
from retention.pages.inbox_forms import AssignForm, CreateForm, HandleForm, LinkForm


@require_POST
@allow(*WORKERS)
def inbox_take(request: HttpRequest, pk: int) -> HttpResponse:
    """Make it one's own."""
    row = item_of(request, pk)
    return _did(
        request,
        row,
        lambda: unknown.assign_feedback(row, to=request.user, **_who(request)),
        _("It is yours."),
    )


@require_POST
@allow("team_lead", "admin")
def inbox_assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it to a colleague."""
    row = item_of(request, pk)
    form = AssignForm(request.POST, row=row, colleagues=colleagues(request), auto_id="assign_%s")
    return _acted(
        request,
        row,
        "assign",
        form,
        lambda: unknown.assign_feedback(row, to=form.cleaned_data["to"], **_who(request)),
        _("It is given away."),
    )


@require_POST
@allow(*WORKERS)
def inbox_match(request: HttpRequest, pk: int) -> HttpResponse:
    """Link it to a customer that was proposed: one press."""
    row = item_of(request, pk)
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    customer = get_object_or_404(visible, pk=whole(request.POST.get("customer")))
    people = Contact.objects.filter(customer=customer, erased_at=None)
    contact = people.filter(pk=whole(request.POST.get("contact"))).first()
    return _linked(
        request,
        row,
        lambda: unknown.link_feedback(row, customer=customer, contact=contact, **_who(request)),
    )


@require_POST
@allow(*WORKERS)
def inbox_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Link it to a customer that somebody names."""
    row = item_of(request, pk)
    form = LinkForm(request.POST, row=row, user=request.user, auto_id="link_%s")
    if not form.is_valid():
        return shown(request, row, link=form)
    said = form.cleaned_data
    return _linked(
        request,
        row,
        lambda: unknown.link_feedback(row, customer=said["q"], kind=said["kind"], **_who(request)),
    )


@require_POST
@allow(*WORKERS)
def inbox_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a customer of who wrote."""
    row = item_of(request, pk)
    form = CreateForm(request.POST, row=row, colleagues=colleagues(request), auto_id="create_%s")
    if not form.is_valid():
        return shown(request, row, create=form)
    try:
        complaint = unknown.create_customer_from(row, **form.said(), **_who(request))
    except unknown.FeedbackEnded as refusal:
        return _refused(request, row, refusal)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return shown(request, row, create=form)
    messages.success(request, _("The customer is made, and this is filed."))
    return redirect("retention:customer", pk=complaint.customer_id)


@require_POST
@allow(*WORKERS)
def inbox_handle(request: HttpRequest, pk: int) -> HttpResponse:
    """End it without a customer."""
    row = item_of(request, pk)
    form = HandleForm(request.POST, row=row, auto_id="handle_%s")
    return _acted(
        request,
        row,
        "handle",
        form,
        lambda: unknown.handle_without_customer(row, **form.cleaned_data, **_who(request)),
        _("It is ended; how it was answered is kept."),
    )


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"by": request.user, "at": clock.now()}


def _acted(
    request: HttpRequest,
    row: UnknownFeedback,
    name: str,
    form: forms.Form,
    verb: Callable[[], Any],
    done: str,
) -> HttpResponse:
    """Do it when the form is sound; else come back with it."""
    return _did(request, row, verb, done) if form.is_valid() else shown(request, row, **{name: form})


def _did(request: HttpRequest, row: UnknownFeedback, verb: Callable[[], Any], done: str) -> HttpResponse:
    try:
        verb()
    except Refused as refusal:
        return _refused(request, row, refusal)
    messages.success(request, done)
    return redirect("retention:inbox_item", pk=row.pk)


def _linked(request: HttpRequest, row: UnknownFeedback, verb: Callable[[], Any]) -> HttpResponse:
    try:
        complaint = verb()
    except Refused as refusal:
        return _refused(request, row, refusal)
    messages.success(request, _("It is linked: from now on it is this customer's."))
    return redirect("retention:customer", pk=complaint.customer_id)


def _refused(request: HttpRequest, row: UnknownFeedback, refusal: Refused) -> HttpResponse:
    messages.error(request, str(refusal))
    return redirect("retention:inbox_item", pk=row.pk)
