"""Settings of privacy: how long things are kept, the texts that people agree to, receipts of erasures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers import company, consents, keeping
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.ground.numbers import whole
from customers.models import ConsentText, ErasureReceipt

PAGE = 20


class PeriodsForm(forms.Form):
    """For how many months each class is kept."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = keeping.periods()
        for data in keeping.every():
            self.fields[data.code] = forms.IntegerField(
                label=data.label,
                help_text=data.help,
                required=False,
                min_value=1,
                max_value=keeping.MOST_MONTHS,
                initial=now[data.code],
            )


class TextForm(forms.Form):
    """A new wording."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=64,
        help_text=gettext_lazy("The same code makes the next version of that text."),
    )
    text_en = forms.CharField(
        label=gettext_lazy("Text in English"),
        required=False,
        max_length=consents.MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    text_zh = forms.CharField(
        label=gettext_lazy("Text in Chinese"),
        required=False,
        max_length=consents.MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def privacy_settings(request: HttpRequest) -> HttpResponse:
    """Show and change how long things are kept; list the receipts of erasures, ``?before=`` pages them."""
    form = PeriodsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        keeping.set_periods(form.cleaned_data, by=request.user, at=clock.now())
        messages.success(request, _("Saved. What is older goes in the coming nights."))
        return redirect("customers:privacy_settings")
    found = ErasureReceipt.objects.select_related("by")
    before = whole(request.GET.get("before"))
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    context = {
        "form": form,
        "receipts": rows[:PAGE],
        "older": f"?before={rows[PAGE - 1].pk}#receipts" if len(rows) > PAGE else None,
        "newer": "?#receipts" if before is not None else None,
    }
    return render(request, "customers/privacy/settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def consent_texts(request: HttpRequest) -> HttpResponse:
    """List the texts that people agree to, the newest version first, and take a new one."""
    at = clock.now()
    today = day_of(company.today(at).number)
    form = TextForm(request.POST or None, initial={"valid_from": today})
    if request.method == "POST" and form.is_valid():
        try:
            consents.add_text(**form.cleaned_data, by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The text is added."))
            return redirect("customers:consent_texts")
    start = whole(request.GET.get("from")) or 0
    rows = list(ConsentText.objects.order_by("-pk")[start : start + PAGE + 1])
    context = {
        "form": form,
        "rows": rows[:PAGE],
        "older": f"?from={start + PAGE}" if len(rows) > PAGE else None,
        "newer": "?" if start else None,
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "customers/privacy/texts.html", context, status=status)


@require_safe
@allow("admin")
def erasure_receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the receipt of one erasure, ready to print; it names nobody."""
    receipt = get_object_or_404(ErasureReceipt.objects.select_related("by"), pk=pk)
    return render(request, "customers/privacy/receipt.html", {"receipt": receipt, "rows": receipt.rows()})
