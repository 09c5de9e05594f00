"""Measures that an admin makes without code: list and new one, names, retire."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Attribute, Indicator
from customers.models.people import Role
from retention.measures import making, own
from retention.models import MeasureCoverage, OwnMeasure, Way
from retention.pages.measures import Shown, shown
from retention.rules import uses

PAGE = 50


class NamesForm(forms.Form):
    """The names of a measure."""

    label_en = forms.CharField(label=gettext_lazy("English name"), max_length=100)
    label_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=100)


class NewOwnForm(NamesForm):
    """A new measure: of what, and how it is made of it."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=32,
        help_text=gettext_lazy("Letters without accents, digits, - and _. It stays for good."),
    )
    source = forms.ChoiceField(label=gettext_lazy("Made of"))
    way = forms.ChoiceField(label=gettext_lazy("How"))
    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        required=False,
        min_value=1,
        max_value=making.LONGEST,
        help_text=gettext_lazy("Only where it says “so many days”."),
    )
    choice = forms.CharField(
        label=gettext_lazy("Code of the choice"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("Only for “whether one thing was chosen”, as it stands at the attribute."),
    )
    field_order = ["source", "way", "days", "choice", "label_en", "label_zh", "code"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attributes = Attribute.objects.filter(retired_at=None).exclude(kind=Attribute.Kind.TEXT)
        self.attributes = {f"attribute:{one.pk}": one for one in attributes.order_by("code")}
        self.indicators = {f"indicator:{one.pk}": one for one in Indicator.objects.filter(is_retired=False)}
        self.fields["source"].choices = [  # type: ignore[attr-defined]
            ("", _("Choose an attribute or an indicator")),
            (
                _("Attributes"),
                [(k, f"{one} ({one.get_kind_display()})") for k, one in self.attributes.items()],
            ),
            (_("Indicators"), [(k, str(one)) for k, one in self.indicators.items()]),
        ]
        self.fields["way"].choices = _ways()  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Return what the verb wants to know."""
        values = dict(self.cleaned_data)
        source = values.pop("source")
        return {
            **values,
            "attribute": self.attributes.get(source),
            "indicator": self.indicators.get(source),
        }


def _ways() -> list[Any]:
    """Return the ways by what they can be made of."""
    named = {**dict(Attribute.Kind.choices), "indicator": _("indicator")}
    groups: dict[str, list[tuple[str, str]]] = {}
    for way, kind in own.WAYS.items():
        groups.setdefault(str(named[kind.of]), []).append((way.value, str(way.label)))
    return [("", _("Choose how")), *groups.items()]


_FIELDS = {
    making.OwnMeasureTaken: "label_en",
    making.OwnMeasureCode: "code",
    making.WayDoesNotFit: "way",
    making.OwnMeasureIncomplete: "days",
    making.SourceRetired: "source",
}


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Role.ADMIN)
def measure_own_list(request: HttpRequest) -> HttpResponse:
    """List the own measures, with coverage and who uses each, and make new ones."""
    form = NewOwnForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = making.make(**form.values(), by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(_field_of(refusal, form), str(refusal))
        else:
            messages.success(
                request, _("“%(name)s” is made: rules and segments can ask for it now.") % {"name": made}
            )
            return redirect("retention:measure_own_list")
    found = OwnMeasure.objects.select_related("attribute", "indicator").order_by("retired_at", "code")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(list(page)),
        "form": form,
        "active": OwnMeasure.objects.filter(retired_at=None).count(),
        "most": making.MOST,
    }
    return render(request, "retention/measure_own_list.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Role.ADMIN)
def measure_own_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an own measure other names; see what it counts and who uses it."""
    measure = get_object_or_404(OwnMeasure.objects.select_related("attribute", "indicator"), pk=pk)
    form = NamesForm(
        request.POST or None, initial={"label_en": measure.label_en, "label_zh": measure.label_zh}
    )
    if request.method == "POST" and form.is_valid():
        try:
            making.rename(measure, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("label_en", str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("retention:measure_own_list")
    ((measure, row),) = _rows([measure])
    context = {"measure": measure, "row": row, "form": form}
    return render(request, "retention/measure_own_edit.html", context, status=422 if form.errors else 200)


@require_POST
@allow(Role.ADMIN)
def measure_own_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire an own measure, or take it up again."""
    measure = get_object_or_404(OwnMeasure, pk=pk)
    is_retired = request.POST.get("retired") == "1"
    try:
        making.retire(measure, is_retired=is_retired, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            _("“%(name)s” is retired: rules and segments that ask for it are set aside.") % {"name": measure}
            if is_retired
            else _("“%(name)s” counts again.") % {"name": measure},
        )
    return redirect("retention:measure_own_edit", pk=pk)


def _rows(measures: list[OwnMeasure]) -> list[tuple[OwnMeasure, Shown]]:
    terms = [own.term_of(one) for one in measures]
    kept = {row.code: row for row in MeasureCoverage.objects.filter(code__in=[one.key for one in terms])}
    used = uses.of_measures()
    return [
        (measure, shown(term, kept.get(term.key), used.get(term.key, uses.Uses())))
        for measure, term in zip(measures, terms, strict=True)
    ]


def _field_of(refusal: Refused, form: NewOwnForm) -> str | None:
    if isinstance(refusal, making.OwnMeasureTaken) and refusal.values.get("name") == form.data.get("code"):
        return "code"
    if isinstance(refusal, making.OwnMeasureIncomplete) and form.data.get("way") == Way.IS_CHOICE:
        return "choice"
    return _FIELDS.get(type(refusal))  # type: ignore[arg-type]
