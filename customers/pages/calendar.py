"""The page of the working calendar: the week, the country's holidays, own exceptions."""

from __future__ import annotations

import gettext as catalogues
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pycountry
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from customers import calendar, company, regions
from customers.access import allow
from customers.ground import clock, holidays, localtime
from customers.ground.errors import Refused
from customers.ground.models import CalendarException, Company
from customers.ground.numbers import whole
from customers.ground.widgets import LongSelect
from customers.ground.working_time import Window
from customers.pages.first_week import onward

FIRST_YEAR, LAST_YEAR = 1970, 2200
HOURS_HINT = gettext_lazy("Like 09:00-12:00, 13:30-18:00. Empty: closed.")


class HoursField(forms.CharField):
    """The working hours of a day, as people type them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=200, **kwargs)

    def clean(self, value: Any) -> tuple[Window, ...]:
        """Return the windows; say what is no day of working hours."""
        try:
            return calendar.windows_of(super().clean(value))
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class WeekForm(forms.Form):
    """The hours of each day, and whose public holidays count."""

    country = forms.ChoiceField(
        label=gettext_lazy("Public holidays of"),
        required=False,
        widget=LongSelect,
        help_text=gettext_lazy(
            "Holidays and make-up working days come by themselves; where a government publishes the swaps "
            "of a year late, they come with a later version."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country: Any = self.fields["country"]
        country.widget.attrs["lang"] = regions.language_of_names()
        country.choices = [("", _("no country: enter every holiday yourself")), *countries()]
        for number, name in WEEKDAYS.items():
            self.fields[f"day_{number}"] = HoursField(label=name)

    def week(self) -> list[tuple[Window, ...]]:
        """Return the windows of the seven days."""
        return [self.cleaned_data[f"day_{number}"] for number in range(7)]


class ExceptionForm(forms.Form):
    """A day on which the company works differently."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    windows = HoursField(label=gettext_lazy("Working hours"), help_text=HOURS_HINT)
    label = forms.CharField(label=gettext_lazy("Reason"), max_length=100, required=False)

    def clean_day(self) -> date:
        """Refuse years that nobody means."""
        day: date = self.cleaned_data["day"]
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(_("The year must lie between 1970 and 2200."))
        return day


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def calendar_page(request: HttpRequest) -> HttpResponse:
    """Show the calendar, and set the week and the country."""
    firm = company.current()
    form = WeekForm(request.POST if request.method == "POST" else None, initial=_week_of(firm))
    if form.is_valid():
        try:
            calendar.set_week(
                week=form.week(), country=form.cleaned_data["country"], by=request.user, at=clock.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return onward("customers:calendar")
    return _page(request, firm, form=form)


@require_POST
@allow("admin")
def exception_add(request: HttpRequest) -> HttpResponse:
    """Enter a day on which the company works differently."""
    firm, form = company.current(), ExceptionForm(request.POST)
    if form.is_valid():
        try:
            row = calendar.add_exception(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{reverse('customers:calendar')}?year={row.day.year}")
    return _page(request, firm, exception_form=form)


@require_POST
@allow("admin")
def exception_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a day be as the week and the country say again."""
    row = get_object_or_404(CalendarException, pk=pk)
    try:
        calendar.remove_exception(row, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(f"{reverse('customers:calendar')}?year={row.day.year}")


def _page(
    request: HttpRequest,
    firm: Company,
    *,
    form: forms.Form | None = None,
    exception_form: forms.Form | None = None,
) -> HttpResponse:
    here = localtime.to_local(clock.now(), firm.time_zone).date()
    asked = whole(request.GET.get("year"))
    year = asked if asked is not None and FIRST_YEAR <= asked <= LAST_YEAR else here.year
    rows = CalendarException.objects.filter(day__year=year).order_by("day")
    form = form or WeekForm(initial=_week_of(firm))
    exception_form = exception_form or ExceptionForm()
    bad = any(one.is_bound and one.errors for one in (form, exception_form))
    return render(
        request,
        "customers/setup/calendar.html",
        {
            "form": form,
            "exception_form": exception_form,
            "rows": [(row, calendar.text_of(row.windows)) for row in rows],
            "year": year,
            "has_country": bool(firm.calendar_country),
            "zone": firm.time_zone,
        },
        status=422 if bad else 200,
    )


def _week_of(firm: Company) -> dict[str, Any]:
    hours = {f"day_{number}": calendar.text_of(day) for number, day in enumerate(firm.week)}
    return {"country": firm.calendar_country, **hours}


def countries() -> list[tuple[str, str]]:
    """Return the countries whose public holidays are known, by name in the current language."""
    return list(_countries(get_language() or "en"))


@lru_cache(maxsize=8)
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    names = catalogues.NullTranslations()
    if language.startswith("zh"):
        folder = Path(pycountry.__file__).parent / "locales"
        names = catalogues.translation("iso3166-1", folder, languages=["zh_CN"], fallback=True)
    known = ((code, pycountry.countries.get(alpha_2=code)) for code in holidays.countries())
    pairs = [(code, f"{names.gettext(one.name)} ({code})") for code, one in known if one is not None]
    usual = {"CN": 0, "HK": 1, "TW": 2, "SG": 3, "DE": 4, "GB": 5, "US": 6}
    return tuple(sorted(pairs, key=lambda pair: (usual.get(pair[0], 99), pair[1])))
