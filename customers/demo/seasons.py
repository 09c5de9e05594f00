"""The year of the demo company: when its customers buy more, less, or not at all."""

from bisect import bisect_left
from datetime import date
from itertools import accumulate

# First day of the Chinese New Year.
NEW_YEAR = {
    d.year: d.toordinal()
    for d in (
        date(2010, 2, 14), date(2011, 2, 3), date(2012, 1, 23), date(2013, 2, 10), date(2014, 1, 31),
        date(2015, 2, 19), date(2016, 2, 8), date(2017, 1, 28), date(2018, 2, 16), date(2019, 2, 5),
        date(2020, 1, 25), date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10),
        date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26), date(2029, 2, 13),
        date(2030, 2, 3), date(2031, 1, 23), date(2032, 2, 11), date(2033, 1, 31), date(2034, 2, 19),
        date(2035, 2, 8), date(2036, 1, 28), date(2037, 2, 15), date(2038, 2, 4), date(2039, 1, 24),
        date(2040, 2, 12),
    )
}  # fmt: skip
FIRST_YEAR, LAST_YEAR = min(NEW_YEAR), max(NEW_YEAR)
INDUSTRIES = ("restaurant", "shop", "clinic", "office", "household")
# Share of a working day's buying on (Saturday, Sunday), and within the New Year's break.
WEEKEND = {
    "restaurant": (0.8, 0.6),
    "shop": (0.5, 0.25),
    "clinic": (0.35, 0.1),
    "office": (0.1, 0.05),
    "household": (1.1, 1.1),
}
BREAK = {"restaurant": 0.3, "shop": 0.06, "clinic": 0.08, "office": 0.02, "household": 0.12}


def is_break(day: int) -> bool:
    """Say whether a day (ordinal) lies in the days around the Chinese New Year when nobody works."""
    since = day - NEW_YEAR[date.fromordinal(day).year]
    return -2 <= since <= 7


def pace(industry: str, day: int) -> float:
    """Return how fast customers of an industry buy on a day (ordinal); an ordinary working day is 1."""
    when = date.fromordinal(day)
    weekday = when.weekday()
    value = WEEKEND[industry][weekday - 5] if weekday >= 5 else 1.0
    return value * _festival(industry, when, day - NEW_YEAR[when.year])


def _festival(industry: str, when: date, since_new_year: int) -> float:
    if -16 <= since_new_year <= -4:
        return 1.5 if industry in ("restaurant", "shop") else 1.25
    if -3 <= since_new_year <= 8:
        return BREAK[industry]
    if 9 <= since_new_year <= 15:
        return 0.7
    month_day = (when.month, when.day)
    if (10, 1) <= month_day <= (10, 7):
        return 0.9 if industry == "restaurant" else 0.35
    if industry in ("shop", "household") and (6, 5) <= month_day <= (6, 18):
        return 1.6
    if industry in ("shop", "household") and (10, 28) <= month_day <= (11, 11):
        return 1.7
    if industry in ("office", "clinic") and (12, 8) <= month_day <= (12, 28):
        return 1.45
    if industry == "office" and when.month in (7, 8):
        return 0.85
    return 1.0


class SeasonClock:
    """Turns days into the time in which an industry's customers buy evenly, and back."""

    def __init__(self, industry: str, first: int, last: int) -> None:
        """Cover the days `first` to `last` (ordinals); indexes count from `first`."""
        self.elapsed = list(accumulate(pace(industry, day) for day in range(first, last + 1)))
        self.per_day = self.elapsed[-1] / len(self.elapsed)

    def after(self, index: int, wait: float) -> int:
        """Return the index of the day that lies `wait` even days (of average pace) after `index`."""
        return bisect_left(self.elapsed, self.elapsed[index] + wait * self.per_day, index + 1)
