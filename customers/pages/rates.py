"""The page of exchange rates: entered by hand, or brought in by a file."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from customers import company, rates
from customers.access import allow
from customers.ground import clock, localtime, money
from customers.ground.errors import Refused
from customers.ground.models import ExchangeRate
from customers.ground.widgets import LongSelect
from customers.pages.calendar import FIRST_YEAR, LAST_YEAR
from customers.pages.company import USUAL_CURRENCIES, usual_first

PAGE = 50


class RateForm(forms.Form):
    """What one unit of a currency is worth from a day on."""

    currency = forms.ChoiceField(label=gettext_lazy("Currency"), widget=LongSelect)
    day = forms.DateField(
        label=pgettext_lazy("a span of time", "From"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Until the day of the next rate."),
    )
    rate = forms.DecimalField(label=gettext_lazy("Rate"), max_digits=18, decimal_places=8)

    def __init__(self, *args: Any, base: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currency: Any = self.fields["currency"]
        known = usual_first(USUAL_CURRENCIES, money.EXPONENTS)
        currency.choices = [("", "—"), *((code, code) for code in known if code != base)]
        self.fields["rate"].help_text = _("One unit in %(base)s, for example 9.1234.") % {"base": base}

    def clean_day(self) -> date:
        """Refuse years that nobody means."""
        day: date = self.cleaned_data["day"]
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(_("The year must lie between 1970 and 2200."))
        return day


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def rate_list(request: HttpRequest) -> HttpResponse:
    """List the rates, newest first, and enter one."""
    firm, at = company.current(), clock.now()
    posted = request.POST if request.method == "POST" else None
    today = localtime.to_local(at, firm.time_zone).date()
    form = RateForm(posted, base=firm.base_currency, initial={"day": today})
    if form.is_valid():
        try:
            rates.set_rate(**form.cleaned_data, by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:rate_list")
    asked = request.GET.get("currency", "")
    rows = ExchangeRate.objects.order_by("-day", "currency")
    if asked in money.EXPONENTS:
        rows = rows.filter(currency=asked)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(row, f"{row.rate.normalize():f}") for row in page],
        "base": firm.base_currency,
        "currencies": ExchangeRate.objects.order_by("currency").values_list("currency", flat=True).distinct(),
        "currency": asked,
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "customers/setup/rates.html", context, status=status)
