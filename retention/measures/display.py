"""Measures for people to read: an integer, its unit and the reader's language make a text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.utils import formats, translation
from django.utils.translation import gettext, ngettext

from customers.ground.localtime import day_of
from customers.ground.money import format_money
from retention.measures.registry import Measure, Unit

UNKNOWN = "—"
_MINUS = "−"


def format_value(
    measure: Measure, value: int | Fraction | str | None, *, currency: str, language: str
) -> str:
    """Return the value as ``12 days``, ``¥38,200``, ``2.35``, ``May 11, 2026``, ``yes``; ``—`` when unknown.

    Ratios have two decimals below ten and one from there on, rounded half up, away from zero.
    """
    if value is None:
        return UNKNOWN
    with translation.override(language):
        return _format(measure, value, currency=currency, language=language)


def _format(measure: Measure, value: int | Fraction | str, *, currency: str, language: str) -> str:
    if isinstance(value, str):
        return str(dict(measure.choices).get(value, value))
    if measure.unit == Unit.RATIO:
        return _ratio(Fraction(value))
    number = int(value)
    match measure.unit:
        case Unit.MONEY:
            return format_money(number, currency, language)
        case Unit.DAYS:
            text = ngettext("%(days)s day", "%(days)s days", abs(number))
            return text % {"days": _grouped(number)}
        case Unit.DAY:
            return formats.date_format(day_of(number), "DATE_FORMAT")
        case Unit.FLAG:
            return gettext("yes") if number else gettext("no")
    return _grouped(number)


def format_number(number: Decimal) -> str:
    """Return a plain number with all its decimals: ``1,200``, ``−0.5``."""
    exact = number if number == number.to_integral_value() else number.normalize()
    text = f"{abs(exact):,f}"
    return f"{_MINUS if number < 0 else ''}{text.rstrip('0').rstrip('.') if '.' in text else text}"


def _grouped(number: int) -> str:
    return f"{_MINUS if number < 0 else ''}{abs(number):,}"


def _ratio(value: Fraction) -> str:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    rounded = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if abs(rounded) >= 10:
        rounded = exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{_MINUS if rounded < 0 else ''}{abs(rounded):,}"
