"""One piece of feedback: what was said, its steps, and what one does with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import attachments, company, complaints
from customers.access import allow
from customers.feedback import compensation, notes, words
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Compensation, Complaint, ComplaintEvent
from retention.pages.complaints import complaints_of
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.feedback_forms import AboutForm, CompensationForm, DueForm, NoteForm, products_of
from retention.pages.file.acting import AttachmentForm
from retention.pages.forms import WORKERS

MOST_NOTES = 100
MOST_STEPS = 100


@require_safe
@allow(*SEES_CUSTOMERS)
def complaint_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one piece of feedback."""
    return _page(request, _one(request, pk))


@require_POST
@allow(*WORKERS)
def complaint_describe(request: HttpRequest, pk: int) -> HttpResponse:
    """Say more exactly what it is about: category, cause, product, lot, severity, who is praised."""
    row = _one(request, pk)
    form = AboutForm(request.POST, user=request.user, kind=row.kind, cause=row.cause)
    return _act(
        request,
        row,
        "about_form",
        form,
        lambda said, who: complaints.describe(row, **said, **who),
    )


@require_POST
@allow(*WORKERS)
def complaint_due(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it another due day."""
    row = _one(request, pk)
    return _act(
        request,
        row,
        "due_form",
        DueForm(request.POST),
        lambda said, who: complaints.set_due(row, due_day=said["due_on"].toordinal(), **who),
    )


@require_POST
@allow(*WORKERS)
def complaint_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Note something for colleagues."""
    row = _one(request, pk)
    return _act(
        request,
        row,
        "note_form",
        NoteForm(request.POST),
        lambda said, who: notes.note(row, text=said["text"], **who),
    )


@require_POST
@allow(*WORKERS)
def complaint_attach(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a file with it."""
    row = _one(request, pk)
    return _act(
        request,
        row,
        "attachment_form",
        AttachmentForm(request.POST, request.FILES),
        lambda said, who: attachments.attach(
            row.customer, said["file"], note=said["note"], complaint=row, **who
        ),
    )


@require_POST
@allow(*WORKERS)
def complaint_compensate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give compensation, or ask for it above one's limit."""
    row, form = _one(request, pk), CompensationForm(request.POST)
    return _act(
        request,
        row,
        "compensation_form",
        form,
        lambda said, who: compensation.give(row, **form.values(), **who),
    )


@require_POST
@allow("team_lead", "admin")
def compensation_decide(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Grant or decline compensation that waits."""
    mine = Compensation.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row = get_object_or_404(mine.select_related("complaint"), pk=pk)
    try:
        compensation.decide(row, is_granted=act == "grant", by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Saved."))
    return redirect("retention:complaint", pk=row.complaint_id)


def _one(request: HttpRequest, pk: int) -> Complaint:
    seen = complaints_of(request.user).select_related(
        "customer", "contact", "order", "product", "cause", "cause__parent", "praised"
    )
    found: Complaint = get_object_or_404(seen, pk=pk)
    return found


def _act(
    request: HttpRequest,
    row: Complaint,
    name: str,
    form: forms.Form,
    verb: Callable[[dict[str, Any], dict[str, Any]], Any],
) -> HttpResponse:
    if form.is_valid():
        try:
            verb(dict(form.cleaned_data), {"by": request.user, "at": clock.now()})
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("retention:complaint", pk=row.pk)
    return _page(request, row, **{name: form})


def _page(request: HttpRequest, row: Complaint, **bound: forms.Form) -> HttpResponse:
    steps = list(row.events.filter(void=False).order_by("occurred_at", "pk")[:MOST_STEPS])
    given = list(row.compensations.select_related("by", "approved_by").order_by("pk"))
    decidable = compensation.decidable(given, by=request.user)
    gives = row.kind in compensation.FOR_KINDS
    context: dict[str, Any] = {
        "complaint": row,
        "customer": row.customer,
        "now": clock.now(),
        "currency": company.current().base_currency,
        "state": words.of_state(row),
        "resolve": words.RESOLVE[row.kind],
        "steps": [(step, words.of_step(row.kind, step.kind)) for step in steps],
        "is_heard": _is_heard(steps),
        "notes": row.notes.select_related("by").order_by("-pk")[:MOST_NOTES],
        "files": row.attachments.select_related("by").order_by("-pk"),
        "given": [(one, one.pk in decidable) for one in given],
        "may_work": request.user.role in WORKERS,
        "gives": gives,
        "products": products_of(row.customer),
        "about_form": AboutForm(
            user=request.user, kind=row.kind, cause=row.cause, initial=_said_of(row), auto_id="about_%s"
        ),
        "due_form": DueForm(auto_id="due_%s"),
        "note_form": NoteForm(auto_id="note_%s"),
        "attachment_form": AttachmentForm(auto_id="file_%s"),
        "compensation_form": CompensationForm(auto_id="comp_%s"),
        **bound,
    }
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/feedback/complaint.html", context, status=422 if bound else 200)


def _said_of(row: Complaint) -> dict[str, Any]:
    return {
        "severity": row.severity,
        "category": row.category,
        "cause": row.cause_id,
        "product": row.product.code if row.product else "",
        "lot": row.lot,
        "praised": row.praised_id,
    }


def _is_heard(steps: list[ComplaintEvent]) -> bool:
    """Say whether the customer has heard from us since it was last opened."""
    kinds = ComplaintEvent.Kind
    told = [step.kind for step in steps if step.kind not in (kinds.DUE,)]
    return bool(told) and told[-1] in (kinds.ACKNOWLEDGED, kinds.RESOLVED)
