"""The page of causes: why customers leave, in two levels, as this company words it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import causes
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Cause


class CauseForm(forms.Form):
    """The names of a cause in both languages."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=100)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=100)


class NewCauseForm(CauseForm):
    """A new cause, and what it belongs to."""

    parent = forms.ModelChoiceField(
        label=gettext_lazy("Belongs to"),
        queryset=Cause.objects.none(),
        required=False,
        empty_label=gettext_lazy("nothing: a cause of the first level"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent: Any = self.fields["parent"]
        parent.queryset = causes.choices().filter(parent=None)


@require_safe
@allow("admin")
def cause_list(request: HttpRequest) -> HttpResponse:
    """List the whole catalogue; it has a most, so it is one page."""
    return _list(request, NewCauseForm(initial={"parent": request.GET.get("parent")}))


@require_POST
@allow("admin")
def cause_add(request: HttpRequest) -> HttpResponse:
    """Add a cause."""
    form = NewCauseForm(request.POST)
    if form.is_valid():
        try:
            cause = causes.add_cause(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("“%(name)s” can be chosen now.") % {"name": cause})
            return redirect("customers:cause_list")
    return _list(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def cause_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a cause."""
    cause = get_object_or_404(Cause.objects.select_related("parent"), pk=pk)
    posted = request.POST if request.method == "POST" else None
    form = CauseForm(posted, initial={"name_en": cause.name_en, "name_zh": cause.name_zh})
    if request.method == "POST" and form.is_valid():
        try:
            causes.rename_cause(cause, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:cause_list")
    crumbs = [(_("Causes"), reverse("customers:cause_list"))]
    context = {
        "form": form,
        "cause": cause,
        "crumbs": crumbs,
        "may_be_retired": cause.code != causes.UNKNOWN,
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "customers/causes/edit.html", context, status=status)


@require_POST
@allow("admin")
def cause_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a cause one place up or down among those of its level."""
    steps = {"up": -1, "down": 1}.get(request.POST.get("to", ""), 0)
    causes.move_cause(get_object_or_404(Cause, pk=pk), steps=steps, by=request.user, at=clock.now())
    return redirect(f"{reverse('customers:cause_list')}#cause-{pk}")


@require_POST
@allow("admin")
def cause_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire a cause, or bring it back."""
    cause = get_object_or_404(Cause, pk=pk)
    verb = causes.bring_back if request.POST.get("retired") == "0" else causes.retire_cause
    try:
        verb(cause, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = (
            _("“%(name)s” cannot be chosen any more; where it was chosen it stays readable.")
            if cause.is_retired
            else _("“%(name)s” can be chosen now.")
        )
        messages.success(request, said % {"name": cause})
    return redirect("customers:cause_list")


def _list(request: HttpRequest, form: NewCauseForm, *, status: int = 200) -> HttpResponse:
    in_chinese = (get_language() or "").startswith("zh")
    rows = [
        {
            "cause": cause,
            "in_use": causes.may_be_chosen(cause),
            "other": cause.name_en if in_chinese else cause.name_zh,
        }
        for cause in causes.in_order().select_related("parent")
    ]
    context = {
        "rows": rows,
        "form": form,
        "other_label": _("English name") if in_chinese else _("Chinese name"),
        "other_language": "en" if in_chinese else "zh-hans",
    }
    return render(request, "customers/causes/list.html", context, status=status)
