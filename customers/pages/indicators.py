"""The catalogue of indicators: admins define them, rename and retire."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers import indicators
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Indicator, Worse

PAGE = 100


class IndicatorForm(forms.Form):
    """What an indicator is called, and its unit."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=100)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=100)
    unit = forms.CharField(label=gettext_lazy("Unit"), max_length=20, required=False)


class NewIndicatorForm(IndicatorForm):
    """A new indicator; code and direction never change."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=32,
        help_text=gettext_lazy("Letters without accents, digits, - and _. Files and programs name it so."),
    )
    worse = forms.ChoiceField(label=gettext_lazy("Which way is bad"), choices=Worse.choices)
    field_order = ["code"]


class ChangedIndicatorForm(IndicatorForm):
    """An indicator as it shall be."""

    is_retired = forms.BooleanField(
        label=gettext_lazy("Retired: no new entries, old ones stay readable"), required=False
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def indicator_list(request: HttpRequest) -> HttpResponse:
    """List the indicators and add new ones."""
    form = NewIndicatorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            indicator = indicators.define_indicator(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            messages.success(request, _("“%(name)s” can be recorded now.") % {"name": indicator})
            return redirect("customers:indicator_list")
    page = Paginator(Indicator.objects.all(), PAGE).get_page(request.GET.get("page"))
    found = {"page": page, "form": form}
    return render(
        request, "customers/indicators/indicator_list.html", found, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def indicator_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename an indicator, retire it or take it up again."""
    indicator = get_object_or_404(Indicator, pk=pk)
    form = ChangedIndicatorForm(
        request.POST or None,
        initial={name: getattr(indicator, name) for name in ("name_en", "name_zh", "unit", "is_retired")},
    )
    if request.method == "POST" and form.is_valid():
        indicator = indicators.change_indicator(
            indicator, **form.cleaned_data, by=request.user, at=clock.now()
        )
        messages.success(request, _("“%(name)s” is saved.") % {"name": indicator})
        return redirect("customers:indicator_list")
    found = {"indicator": indicator, "form": form}
    return render(
        request, "customers/indicators/indicator_form.html", found, status=422 if form.errors else 200
    )
