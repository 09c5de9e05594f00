"""Taking an import back in the browser: what it did, what stands in the way, the second press."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers import showing, undo
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer, ImportBatch
from customers.pages.imports import about

PAGE = 50


class UndoForm(forms.Form):
    """Why an import is taken back."""

    reason = forms.CharField(
        label=gettext_lazy("Why is it taken back?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Stays with the import, for whoever asks later."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin", "team_lead")
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what taking an import back would do, or what stands in the way; do it on the second press."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user).select_related("by"), pk=pk)
    form = UndoForm(request.POST or None)
    problem = ""
    if form.is_bound and form.is_valid():
        try:
            undo.undo_import(batch, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
        except undo.UndoBlocked:
            pass  # what stands in the way is shown with links
        except Refused as refusal:
            problem = str(refusal)
        else:
            messages.success(request, _("The import is being taken back."))
            return redirect("customers:import_detail", pk=pk)
    standing = undo.in_the_way(batch)
    context = _below(
        batch,
        form=form,
        shares=undo.shares_of(batch),
        may_be=batch.status in {ImportBatch.Status.DONE, ImportBatch.Status.REFUSED},
        standing=standing,
        rests=[(blocker.text, _where(blocker)) for blocker in standing.shown],
        problem=problem,
    )
    status = 422 if form.is_bound else 200
    return render(request, "customers/imports/undo.html", context, status=status)


@require_safe
@allow("admin", "team_lead")
def import_records(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """List the records of one model that an import made or changed."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user).select_related("by"), pk=pk)
    share = next((share for share in undo.shares_of(batch) if share.code == code), None)
    if share is None:
        raise Http404
    after = whole(request.GET.get("after")) or 0
    rows = undo.records_of(batch, code, after=after, most=PAGE + 1)
    named = _names([row.customer_id for row in rows], request)
    context = _below(
        batch,
        share=share,
        rows=[(row, *named.get(row.customer_id or 0, ("", ""))) for row in rows[:PAGE]],
        older=f"?after={rows[PAGE - 1].object_id}" if len(rows) > PAGE else "",
        newer=reverse("customers:import_records", args=[pk, code]) if after else "",
    )
    return render(request, "customers/imports/records.html", context)


def _below(batch: ImportBatch, **context: Any) -> dict[str, Any]:
    """Return what a page below that of the import shows."""
    found = about(batch, **context)
    name = batch.file_name or found["label"]
    found["crumbs"].append((name, reverse("customers:import_detail", args=[batch.pk])))
    return found


def _where(blocker: Any) -> str:
    if blocker.url or blocker.customer_id is None:
        return str(blocker.url)
    return showing.to("customer", blocker.customer_id)


def _names(customers: list[int | None], request: HttpRequest) -> dict[int, tuple[str, str]]:
    """Return name and address of the customers that the person asking may see."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    ids = {pk for pk in customers if pk is not None}
    return {
        pk: (name, showing.to("customer", pk))
        for pk, name in visible.filter(pk__in=ids).values_list("pk", "name")
    }
