"""A catalogue of the company's own: one list with a form to add, one form to change; three declarations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused

PAGE = 100
Words = str | Promise


class NamedForm(forms.Form):
    """Names in both languages."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=100)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=100)


class NewForm(forms.Form):
    """A new entry; its code never changes."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=32,
        help_text=gettext_lazy("Letters without accents, digits, - and _. Files and programs name it so."),
    )


class ChangedForm(forms.Form):
    """An entry as it shall be."""

    is_retired = forms.BooleanField(
        label=gettext_lazy("Retired: no new entries, old ones stay readable"), required=False
    )


@dataclass(frozen=True)
class Catalogue:
    """What one catalogue consists of; ``noun`` is the stem of its routes, ``sort`` names a choice field.

    ``add`` and ``change`` are the verbs that the forms feed. Both take ``by`` and ``at``; ``add`` may refuse.
    """

    noun: str
    model: type[Model]
    new_form: type[forms.Form]
    changed_form: type[forms.Form]
    add: Callable[..., Any]
    change: Callable[..., Any]
    sort: str
    icon: str
    title: Words
    about: Words
    sort_title: Words
    new_title: Words
    new_act: Words
    added: Words
    empty_title: Words = ""
    empty_text: Words = ""

    @property
    def list_route(self) -> str:
        """Return the name of the list's route."""
        return f"customers:{self.noun}_list"

    @property
    def edit_route(self) -> str:
        """Return the name of the form's route."""
        return f"customers:{self.noun}_edit"

    def paths(self, address: str) -> list[URLPattern]:
        """Return the routes of both pages below ``address``."""
        return [
            path(address, _list_page(self), name=f"{self.noun}_list"),
            path(f"{address}<int:pk>/", _edit_page(self), name=f"{self.noun}_edit"),
        ]


def _list_page(catalogue: Catalogue) -> Callable[..., HttpResponse]:
    @require_http_methods(["GET", "HEAD", "POST"])
    @allow("admin")
    def catalogue_list(request: HttpRequest) -> HttpResponse:
        """List the entries and add new ones."""
        form = catalogue.new_form(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                entry = catalogue.add(**form.cleaned_data, by=request.user, at=clock.now())
            except Refused as refusal:
                form.add_error("code", str(refusal))
            else:
                messages.success(request, str(catalogue.added) % {"name": entry})
                return redirect(catalogue.list_route)
        page = Paginator(catalogue.model._default_manager.all(), PAGE).get_page(request.GET.get("page"))
        rows = [(entry, getattr(entry, f"get_{catalogue.sort}_display")()) for entry in page]
        found = {"catalogue": catalogue, "page": page, "rows": rows, "form": form}
        return render(request, "customers/catalogue/list.html", found, status=422 if form.errors else 200)

    return catalogue_list


def _edit_page(catalogue: Catalogue) -> Callable[..., HttpResponse]:
    @require_http_methods(["GET", "HEAD", "POST"])
    @allow("admin")
    def catalogue_edit(request: HttpRequest, pk: int) -> HttpResponse:
        """Rename an entry, retire it or take it up again."""
        entry: Any = get_object_or_404(catalogue.model, pk=pk)
        fields = catalogue.changed_form.base_fields
        form = catalogue.changed_form(
            request.POST or None, initial={name: getattr(entry, name) for name in fields}
        )
        if request.method == "POST" and form.is_valid():
            try:
                entry = catalogue.change(entry, **form.cleaned_data, by=request.user, at=clock.now())
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("“%(name)s” is saved.") % {"name": entry})
                return redirect(catalogue.list_route)
        sort = getattr(entry, f"get_{catalogue.sort}_display")()
        found = {"catalogue": catalogue, "entry": entry, "sort": sort, "form": form}
        return render(request, "customers/catalogue/form.html", found, status=422 if form.errors else 200)

    return catalogue_edit
