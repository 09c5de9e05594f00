"""The catalogue of usage metrics: admins add their own, rename and retire."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers import usage
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import UsageKind, UsageMetric


class MetricForm(forms.Form):
    """What a metric is called."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=100)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=100)


class NewMetricForm(MetricForm):
    """A new metric; its code and kind never change."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=32,
        help_text=gettext_lazy("Letters without accents, digits, - and _. Files and programs name it so."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("How it counts"), choices=UsageKind.choices)
    field_order = ["code", "kind"]


class ChangedMetricForm(MetricForm):
    """A metric as it shall be."""

    is_retired = forms.BooleanField(
        label=gettext_lazy("Retired: no new entries, old ones stay readable"), required=False
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def metric_list(request: HttpRequest) -> HttpResponse:
    """List the metrics and add new ones."""
    form = NewMetricForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            metric = usage.add_metric(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            messages.success(request, _("“%(name)s” can be counted now.") % {"name": metric})
            return redirect("customers:metric_list")
    found = {"metrics": UsageMetric.objects.all(), "form": form}
    return render(request, "customers/usage/metric_list.html", found, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def metric_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a metric, retire it or take it up again."""
    metric = get_object_or_404(UsageMetric, pk=pk)
    form = ChangedMetricForm(
        request.POST or None,
        initial={name: getattr(metric, name) for name in ("name_en", "name_zh", "is_retired")},
    )
    if request.method == "POST" and form.is_valid():
        metric = usage.change_metric(metric, **form.cleaned_data, by=request.user, at=clock.now())
        messages.success(request, _("“%(name)s” is saved.") % {"name": metric})
        return redirect("customers:metric_list")
    found = {"metric": metric, "form": form}
    return render(request, "customers/usage/metric_form.html", found, status=422 if form.errors else 200)
