"""The page of the company: its name, language, base currency, time zone and margin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import company
from customers.access import allow
from customers.ground import clock, money
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.ground.widgets import LongSelect
from customers.pages.first_week import onward

USUAL_CURRENCIES = ("CNY", "EUR", "GBP", "HKD", "JPY", "SGD", "USD")
USUAL_ZONES = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "Europe/Berlin", "Europe/London")
_IN_CHINESE = ("CNY", "Asia/Shanghai")
_ELSEWHERE = ("", "")


class CompanyForm(forms.Form):
    """The company; what its facts were recorded with cannot change any more."""

    name = forms.CharField(label=gettext_lazy("Company's name"), max_length=200)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("Of the company; each colleague has her own besides."),
    )
    base_currency = forms.ChoiceField(
        label=gettext_lazy("Base currency"),
        widget=LongSelect,
        help_text=gettext_lazy(
            "All amounts are added up in it. Orders may come in others, by exchange rate."
        ),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        widget=LongSelect(attrs={"translate": "no"}),  # names of the tz database
        help_text=gettext_lazy("Where the company's day begins and ends."),
    )
    margin = forms.DecimalField(
        label=gettext_lazy("Margin, percent"),
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text=gettext_lazy(
            "Share of sales that is left after costs; used where neither order nor product says its own."
        ),
    )

    def __init__(self, *args: Any, is_fixed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currencies = usual_first(USUAL_CURRENCIES, money.EXPONENTS)
        zones = usual_first(USUAL_ZONES, available_timezones())
        for name, choices in (("base_currency", currencies), ("time_zone", zones)):
            field: Any = self.fields[name]
            field.choices = [("", "—"), *((one, one.replace("_", " ")) for one in choices)]
            field.disabled = is_fixed


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def company_page(request: HttpRequest) -> HttpResponse:
    """Set the company up, or change it."""
    firm, is_fixed = company.find(), company.has_facts()
    posted = request.POST if request.method == "POST" else None
    form = CompanyForm(posted, initial=_as_it_is(firm), is_fixed=is_fixed)
    if form.is_valid():
        said = form.cleaned_data
        try:
            company.set_up(
                name=said["name"],
                language=said["language"],
                currency=said["base_currency"],
                time_zone=said["time_zone"],
                margin=said["margin"] / Decimal(100),
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return onward("customers:company")
    status = 422 if form.is_bound and form.errors else 200
    return render(
        request, "customers/setup/company.html", {"form": form, "is_fixed": is_fixed}, status=status
    )


def _as_it_is(firm: Company | None) -> dict[str, Any]:
    if firm is None:
        language = get_language() or "en"
        currency, zone = _IN_CHINESE if language.startswith("zh") else _ELSEWHERE
        return {"language": language, "base_currency": currency, "time_zone": zone, "margin": 30}
    return {
        "name": firm.name,
        "language": firm.language,
        "base_currency": firm.base_currency,
        "time_zone": firm.time_zone,
        "margin": Decimal(firm.default_margin_bp) / 100,
    }


def usual_first(usual: tuple[str, ...], every: Any) -> list[str]:
    """Return every one, the usual ones before the others."""
    return [*usual, *sorted(set(every) - set(usual))]
