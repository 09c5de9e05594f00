"""What one can do on the file tab: note needs and names, keep files, say what attributes are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import attachments, attributes, handles, needs
from customers.access import allow
from customers.ground import audit, clock
from customers.ground.errors import Refused
from customers.models import Attachment, Attribute, Customer, Need, SocialHandle, User
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.file.acting import AttachmentForm, AttributesForm, HandleForm, NeedForm
from retention.pages.file.customer import customer_of
from retention.pages.file.page import shown
from retention.pages.forms import WORKERS


@require_POST
@allow(*WORKERS)
def customer_file_need(request: HttpRequest, pk: int) -> HttpResponse:
    """Note a need or preference."""
    customer = customer_of(request.user, pk)
    form = NeedForm(request.POST, customer=customer)
    return _act(
        request, customer, "need_form", form, lambda said, who: needs.note_need(customer, **said, **who)
    )


@require_POST
@allow(*WORKERS)
def customer_file_handle(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a name on a platform."""
    customer = customer_of(request.user, pk)
    form = HandleForm(request.POST, customer=customer)
    return _act(
        request, customer, "handle_form", form, lambda said, who: handles.add_handle(customer, **said, **who)
    )


@require_POST
@allow(*WORKERS)
def customer_file_attachment(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a file."""
    customer = customer_of(request.user, pk)
    form = AttachmentForm(request.POST, request.FILES)
    return _act(
        request,
        customer,
        "attachment_form",
        form,
        lambda said, who: attachments.attach(customer, said["file"], note=said["note"], **who),
    )


@require_POST
@allow(*WORKERS)
def customer_file_attributes(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what attributes are worth; all of them or none."""
    customer = customer_of(request.user, pk)
    listed = list(Attribute.objects.filter(retired_at=None).order_by("code"))
    values = {key[1]: row for key, row in attributes.current_values([pk]).items()}
    form = AttributesForm(request.POST, attributes=listed, values=values)

    def save(said: dict[str, Any], who: dict[str, Any]) -> None:
        with transaction.atomic():
            for attribute, value in form.changes():
                attributes.set_value(customer, attribute, value, since=said["since"], **who)

    return _act(request, customer, "attributes_form", form, save)


# --- One thing of the file ----------------------------------------------------------------------
@require_POST
@allow(*WORKERS)
def need_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a need is no longer one."""
    need = _one(Need, request.user, pk)
    needs.withdraw_need(need, by=request.user, at=clock.now())
    messages.success(request, _("It no longer stands in the file."))
    return redirect("retention:customer_file", pk=need.customer_id)


@require_POST
@allow(*WORKERS)
def handle_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a name on a platform away."""
    row = _one(SocialHandle, request.user, pk)
    handles.drop_handle(row, by=request.user, at=clock.now())
    messages.success(request, _("It no longer stands in the file."))
    return redirect("retention:customer_file", pk=row.customer_id)


@require_POST
@allow(*WORKERS)
def attachment_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file away for good."""
    row = _one(Attachment, request.user, pk)
    attachments.detach(row, by=request.user, at=clock.now())
    messages.success(request, _("The file is gone."))
    return redirect("retention:customer_file", pk=row.customer_id)


@require_safe
@allow(*SEES_CUSTOMERS)
def attachment(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a file as a download; no browser shows it as a page."""
    row = _one(Attachment, request.user, pk)
    path = attachments.path_of(row)
    if not path.is_file():
        raise Http404
    audit.record("attachment.download", obj=row, by=request.user, at=clock.now(), customer_id=row.customer_id)
    return sent(row)


def sent(row: Attachment) -> FileResponse:
    """Return the answer that carries a file, as a download and nothing else."""
    response = FileResponse(
        attachments.path_of(row).open("rb"),
        as_attachment=True,
        filename=row.name,
        content_type=attachments.TYPES[row.type].media_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


def _one(model: type[Model], user: User, pk: int) -> Any:
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    rows = model._default_manager.filter(customer__in=visible.values("pk"))
    return get_object_or_404(rows, pk=pk)


def _act(
    request: HttpRequest,
    customer: Customer,
    name: str,
    form: forms.Form,
    verb: Callable[[dict[str, Any], dict[str, Any]], Any],
) -> HttpResponse:
    """Call the verb with what the form holds; come back with its words when it refuses."""
    if form.is_valid():
        try:
            verb(form.cleaned_data, {"by": request.user, "at": clock.now()})
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("retention:customer_file", pk=customer.pk)
    return shown(request, customer, **{name: form})
