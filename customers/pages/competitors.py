"""The catalogue of competitors: leads and admins keep it and check what was typed; admins merge."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers import competitor_names, competitors
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Competitor, CompetitorSighting

PAGE = 50
KEEPERS = ("admin", "team_lead")


class NamesField(forms.CharField):
    """Other names, a line each."""

    widget = forms.Textarea(attrs={"rows": 4})

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """Return the names."""
        found = [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]
        if any(len(name) > competitor_names.MOST_OF_NAME for name in found):
            raise ValidationError(_("Each name has at most 200 characters."), code="long")
        return found

    def prepare_value(self, value: Any) -> Any:
        """Return the lines as they are written."""
        return "\n".join(value) if isinstance(value, list) else value


class CompetitorForm(forms.Form):
    """What the catalogue says of a competitor."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    aliases = NamesField(
        label=gettext_lazy("Other names"),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy(
            "A line each. Capitals, spaces, punctuation and legal forms (Ltd, 有限公司) make no difference."
        ),
    )
    products = forms.CharField(
        label=gettext_lazy("Products"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )
    talking_points = forms.CharField(
        label=gettext_lazy("Talking points"),
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 6}),
        help_text=gettext_lazy("What colleagues say when a customer mentions this competitor."),
    )


class ChangedCompetitorForm(CompetitorForm):
    """A competitor as it shall be; saving it means that somebody has looked at it."""

    read = forms.CharField(widget=forms.HiddenInput, required=False, max_length=16)


class MergeForm(forms.Form):
    """Into which competitor, named in any spelling."""

    into = forms.CharField(
        label=gettext_lazy("The competitor that stays"),
        max_length=200,
        help_text=gettext_lazy("Its name or one of its other names."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*KEEPERS)
def competitor_list(request: HttpRequest) -> HttpResponse:
    """List the competitors, those to be checked first, and add new ones."""
    form = CompetitorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = competitors.add_competitor(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(_field_of(refusal), str(refusal))
        else:
            messages.success(request, _("“%(name)s” is in the catalogue.") % {"name": made})
            return redirect("customers:competitor_list")
    found = competitors.standing()
    text = request.GET.get("q", "").strip()[: competitor_names.MOST_OF_NAME]
    if text:
        found = competitors.with_text(found, text)
    page = Paginator(found.order_by("is_checked", "name", "pk").prefetch_related("names"), PAGE).get_page(
        request.GET.get("page")
    )
    rows = [(competitor, competitors.aliases_of(competitor)) for competitor in page]
    context = {"page": page, "rows": rows, "form": form, "q": text}
    status = 422 if form.errors else 200
    return render(request, "customers/competitors/list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*KEEPERS)
def competitor_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what the catalogue says of a competitor, which thereby is checked."""
    competitor = _one(pk)
    form = ChangedCompetitorForm(request.POST or None, initial=_stands(competitor))
    if request.method == "POST" and form.is_valid():
        try:
            saved = competitors.change_competitor(
                competitor, **form.cleaned_data, by=request.user, at=clock.now()
            )
        except Refused as refusal:
            form.add_error(_field_of(refusal), str(refusal))
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved})
            return redirect("customers:competitor_list")
    return _edit(request, competitor, form=form)


@require_POST
@allow("admin")
def competitor_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Merge a competitor into another one: its names become aliases there, what was seen follows."""
    competitor = _one(pk)
    form = MergeForm(request.POST, auto_id="merge_%s")
    if form.is_valid():
        try:
            into = competitors.known(form.cleaned_data["into"])
            into = competitors.merge_competitors(competitor, into=into, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("into", str(refusal))
        else:
            messages.success(
                request,
                _("“%(name)s” counts as “%(into)s” from now on.") % {"name": competitor, "into": into},
            )
            return redirect("customers:competitor_edit", pk=into.pk)
    return _edit(request, competitor, merge_form=form, status=422)


@require_POST
@allow("admin")
def competitor_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take out a competitor that was never seen at a customer."""
    competitor = _one(pk)
    try:
        competitors.remove_competitor(competitor, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("customers:competitor_edit", pk=pk)
    messages.success(request, _("“%(name)s” is taken out.") % {"name": competitor})
    return redirect("customers:competitor_list")


def _one(pk: int) -> Competitor:
    return get_object_or_404(competitors.standing().prefetch_related("names"), pk=pk)


def _stands(competitor: Competitor) -> dict[str, Any]:
    """Return what the form shows of a competitor."""
    return {
        "name": competitor.name,
        "aliases": competitors.aliases_of(competitor),
        "products": competitor.products,
        "talking_points": competitor.talking_points,
        "read": competitors.mark_of(competitor),
    }


def _edit(
    request: HttpRequest,
    competitor: Competitor,
    *,
    form: ChangedCompetitorForm | None = None,
    merge_form: MergeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "competitor": competitor,
        "form": form or ChangedCompetitorForm(initial=_stands(competitor)),
        "merge_form": merge_form or MergeForm(auto_id="merge_%s"),
        "may_merge": request.user.role == "admin",
        "is_seen": CompetitorSighting.objects.filter(competitors.seen_of(competitor)).exists(),
    }
    if form is not None and form.errors:
        status = 422
    return render(request, "customers/competitors/edit.html", context, status=status)


def _field_of(refusal: Refused) -> str | None:
    """Return the field that a refusal is about."""
    return "aliases" if refusal.code in {"competitor_name_taken", "too_many_aliases"} else None
