"""A country's public holidays and make-up working days, as exceptions of a working calendar.

They come from the ``holidays`` package. Where a government publishes each year's swaps of days off for
weekend work (China's State Council does so late in the year before), they are known for published
years only; of a later year this module gives the days that the law fixes, without any swap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Any

import holidays as package
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.working_time import STANDARD_WEEK, Week, Window


class UnknownCountry(Refused):
    code = "unknown_country"
    message = _(
        "We know no public holidays for “%(country)s”. Use a two-letter country code, for example CN, "
        "DE or JP, or write the holidays into the calendar one by one."
    )


def national_exceptions(
    country: str, years: Iterable[int], *, week: Week = STANDARD_WEEK
) -> dict[date, tuple[Window, ...]]:
    """Return the exceptions that a country's calendar makes to ``week`` in ``years``, by date.

    A public holiday has no windows. A make-up working day has the windows of the weekday whose day off
    it pays for, so a company that never works on Fridays need not work for one. ``country`` is an ISO
    3166 code of two capital letters; raises :class:`UnknownCountry` otherwise.
    """
    exceptions: dict[date, tuple[Window, ...]] = {}
    for year in sorted(set(years)):
        known = _entity(country, year)
        exceptions |= dict.fromkeys(sorted(known), ())
        exceptions |= {
            worked: week[paid.weekday()]
            for paid, worked in _swaps(country)
            if worked.year == year and worked in known.weekend_workdays
        }
    return exceptions


MOVING = {
    "spring": "Chinese New Year (Spring Festival)",
    "dragon_boat": "Dragon Boat Festival",
    "mid_autumn": "Mid-Autumn Festival",
}
"""Chinese festivals that move with the moon, and their names in the package."""


@lru_cache(maxsize=256)
def moving_festivals(year: int) -> dict[str, date]:
    """Return the days of a Gregorian year on which China's moving festivals begin, by their code.

    The days that the moon gives, not the days off that a government makes of them.
    """
    days = package.country_holidays("CN", years=year, expand=False, language="en_US")
    found: dict[str, date] = {}
    for day, names in sorted(days.items()):
        for code, name in MOVING.items():
            if name in names.split("; "):
                found.setdefault(code, day)
    return found


def published_until(country: str) -> int | None:
    """Return the last year whose swaps the country had published when the package was made.

    ``None`` means that the country swaps no days: nothing waits for a publication. Raises
    :class:`UnknownCountry`.
    """
    return max((paid.year for paid, _worked in _swaps(country)), default=None)


def countries() -> tuple[str, ...]:
    """Return the codes of all countries whose public holidays are known, in order."""
    return tuple(sorted(_supported()))


@lru_cache(maxsize=1)
def _supported() -> frozenset[str]:
    return frozenset(package.list_supported_countries(include_aliases=False))


@lru_cache(maxsize=64)
def _swaps(country: str) -> tuple[tuple[date, date], ...]:
    """Return (day off, day worked instead) of every published year of a country."""
    return tuple(
        swap
        for year, entries in getattr(_entity(country), "special_public_holidays", {}).items()
        for swap in _swaps_of(year, entries)
    )


def _swaps_of(year: int, entries: Any) -> Iterator[tuple[date, date]]:
    """Yield the swaps of one year from the package's table.

    An entry is (month, day, name) for a single holiday, or (month, day, month worked, day worked) with
    a fifth field when the worked day lies in another year; one entry may stand without its tuple.
    """
    for entry in (entries,) if isinstance(entries[0], int) else entries:
        if len(entry) >= 4:
            month, day, worked_month, worked_day, *worked_year = entry
            worked = date(worked_year[0] if worked_year else year, worked_month, worked_day)
            yield date(year, month, day), worked


@lru_cache(maxsize=256)
def _entity(country: str, year: int | None = None) -> package.HolidayBase:
    if country not in _supported():
        raise UnknownCountry(country=country)
    return package.country_holidays(country, years=year, expand=False)
