"""Fields that several forms of loyalty share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from customers.ground import localtime, money

YEARS = range(2000, 2101)
MOST = 10**12


class DayField(forms.DateField):
    """A day, picked by the browser's own control; its value is a local day number."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value: Any) -> Any:
        """Return the day number; years that nobody means are refused."""
        day: date | None = super().clean(value)
        if day is None:
            return None
        if day.year not in YEARS:
            raise ValidationError(_("Enter a year between 2000 and 2100."), code="year")
        return day.toordinal()

    def prepare_value(self, value: Any) -> Any:
        """Return what the control shows of a day number, or of what was typed."""
        shown = localtime.day_of(value) if isinstance(value, int) else value
        return super().prepare_value(shown)


class MoneyField(forms.DecimalField):
    """An amount that is typed in whole units; its value is in minor units of ``currency``."""

    widget = forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"})

    def __init__(self, *, currency: str = "", **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=4, min_value=0, **options)
        self.currency = currency

    def clean(self, value: Any) -> Any:
        """Return minor units."""
        amount = super().clean(value)
        return None if amount is None else money.to_minor(amount, self.currency)

    def prepare_value(self, value: Any) -> Any:
        """Return whole units of minor ones, or what was typed."""
        if isinstance(value, int) and not isinstance(value, bool):
            shown = money.from_minor(value, self.currency)
            return str(shown.to_integral_value() if shown == shown.to_integral_value() else shown)
        return super().prepare_value(value)


def points_field(label: Any, *, least: int = 0, most: int = MOST, **options: Any) -> forms.IntegerField:
    """Return a field for whole points."""
    return forms.IntegerField(label=label, min_value=least, max_value=most, **options)


def number_field(label: Any, *, least: int = 0, most: int = 32_767, **options: Any) -> forms.IntegerField:
    """Return a field for a small whole number."""
    return forms.IntegerField(label=label, min_value=least, max_value=most, **options)


def text_field(
    label: Any, most: int, *, rows: int = 0, required: bool = True, **options: Any
) -> forms.CharField:
    """Return a field for words, of several lines when ``rows`` are given."""
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(label=label, max_length=most, required=required, widget=widget, **options)


def free_code(name: str, taken: Iterable[str], *, stem: str) -> str:
    """Return a code for a new thing from its name: ``free-coffee``, or ``stem`` with the next free number."""
    used = set(taken)
    base = slugify(name)[:32].strip("-") or stem
    if base not in used and base != "new":
        return base
    return next(code for number in range(2, 10_000) if (code := f"{base}-{number}") not in used)
