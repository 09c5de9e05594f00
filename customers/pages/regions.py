"""Choosing a region: list after list, which the page fills as one chooses; without script by a button."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils.functional import lazy
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from customers import regions
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground.widgets import LongSelect

LOOK = "look"
"""The name of the button that asks for the lists instead of saving."""
_TORN = "?"  # behind a region whose smaller one lies elsewhere


class RegionSelect(forms.Widget):
    """Up to three lists, named ``region_0`` …; ``country`` says of which country."""

    use_fieldset = True
    country = ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the lists that lead to ``value``, and the next one."""
        return drawn(name, self.country, str(value or "").rstrip(_TORN), attrs=attrs or {})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """Return the smallest region chosen; with a mark when what is below it lies elsewhere."""
        country, chosen = data.get("country", ""), data.get(name, "")
        for depth in range(3):
            pick = data.get(f"{name}_{depth}", "")
            if not pick:
                break
            below = regions.levels(country, chosen)
            if pick not in {code for code, _label in (below[depth].options if depth < len(below) else ())}:
                return f"{chosen}{_TORN}"
            chosen = pick
        return chosen

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Say that nothing was sent of it."""
        return name not in data and f"{name}_0" not in data

    def id_for_label(self, id_: str) -> str:
        """Return the id of the first list, where errors lead to."""
        return f"{id_}_0"


class RegionField(forms.CharField):
    """A region of the country that the same form names."""

    widget = RegionSelect

    def to_python(self, value: Any) -> str:
        """Return the code; refuse a smaller region that lies elsewhere."""
        text = super().to_python(value) or ""
        if text.endswith(_TORN):
            raise ValidationError(_("Choose the region again: it does not lie there."), code="torn")
        return str(text)


_lang = lazy(regions.language_of_names, str)


def country_field(**kwargs: Any) -> forms.ChoiceField:
    """Return the field of a country whose choice fills the lists of regions."""
    attrs = {
        "hx-get": reverse_lazy("customers:regions"),
        "hx-trigger": "change",
        "hx-target": "#region-lists",
        "hx-swap": "outerHTML",
        "hx-include": "closest form",
        "autocomplete": "country",
        "lang": _lang(),
    }
    return forms.ChoiceField(
        label=_("Country"),
        required=False,
        choices=lambda: [("", "—"), *regions.countries()],
        widget=LongSelect(attrs=attrs),
        **kwargs,
    )


def drawn(name: str, country: str, region: str, *, attrs: dict[str, Any]) -> SafeString:
    """Return the lists as HTML."""
    shown = {
        "name": name,
        "id": attrs.get("id", f"id_{name}"),
        "levels": regions.levels(country, region),
        "country": country,
        "look": LOOK,
        "lang": regions.language_of_names(),
    }
    return render_to_string("customers/region_select.html", shown)


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def region_lists(request: HttpRequest) -> HttpResponse:
    """Give the lists for what is chosen so far."""
    chosen = RegionSelect().value_from_datadict(request.GET, {}, "region").rstrip(_TORN)
    return HttpResponse(drawn("region", request.GET.get("country", "")[:2], chosen, attrs={}))
