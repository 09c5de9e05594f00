"""The season of a company's orders: an index for each day, aligned with the festivals that move.

A day belongs to a week of the year, counted from 1 January, or, near a festival of the lunar calendar,
to a week before or after it: the weeks around Spring Festival lie in January in one year and in
February in the next. The index of a week is the company's own orders in it over what its level would
have given, the level being the mean of the year around each day, so that growth is no season. Weeks
with few orders are drawn towards 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from customers.ground.holidays import moving_festivals
from customers.ground.localtime import day_of
from retention.measures.registry import Numbers

WEEKS = 52
AROUND: dict[str, tuple[int, int]] = {"spring": (-4, 3), "dragon_boat": (-2, 1), "mid_autumn": (-2, 1)}
"""The first and last week around each festival; week 0 begins on its day."""

NEUTRAL = 1000
PSEUDO_ORDERS = 50.0  # so many orders at the level are added to each week
LEAST_INDEX, LARGEST_INDEX = 100, 5000
HALF_A_YEAR = 182
LEAST_DAYS = 4 * HALF_A_YEAR + 2  # two years: the level of a day needs half a year on either side

Index = Sequence[int]


def bins() -> int:
    """Return how many kinds of week there are."""
    return WEEKS + sum(last - first + 1 for first, last in AROUND.values())


def flat() -> list[int]:
    """Return the index of a company whose season is not known: every day counts the same."""
    return [NEUTRAL] * bins()


@lru_cache(maxsize=64)
def _bins_of_year(year: int) -> NDArray[np.int64]:
    """Return the kind of week of each day of a year, from 1 January on."""
    days = np.arange(day_number(year), day_number(year + 1))
    found = np.minimum((days - days[0]) // 7, WEEKS - 1)
    start = WEEKS
    for festival, (first, last) in AROUND.items():
        for near in (year - 1, year, year + 1):
            begins = moving_festivals(near).get(festival)
            if begins is not None:
                week = (days - begins.toordinal()) // 7
                around = (week >= first) & (week <= last)
                found[around] = start + week[around] - first
        start += last - first + 1
    return found


def day_number(year: int) -> int:
    """Return the day number of 1 January."""
    return (year - 1) * 365 + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400 + 1


def kinds(first: int, last: int) -> NDArray[np.int64]:
    """Return the kind of week of each day from ``first`` to ``last``, both included."""
    years = range(day_of(first).year, day_of(last).year + 1)
    together = np.concatenate([_bins_of_year(year) for year in years])
    offset = first - day_number(years[0])
    return together[offset : offset + last - first + 1]


def exposure(index: Index, *, after: Numbers, until: int) -> Numbers:
    """Return the days from the day after each ``after`` to ``until``, each weighed by its index.

    In days of an average week. ``nan`` where ``after`` is unknown or too old to count (15 years).
    """
    oldest = until - 15 * 366
    weights = np.asarray(index, dtype=np.int64)[kinds(oldest, until)]
    sums = np.concatenate([[0], np.cumsum(weights)])
    result = np.full(after.shape, np.nan)
    known = (after >= oldest) & (after <= until)
    places = after[known].astype(np.int64) - oldest + 1
    result[known] = (sums[-1] - sums[places]) / NEUTRAL
    return result


def estimate(counts: NDArray[np.int64], *, first: int) -> list[int] | None:
    """Return the index in thousandths from the orders of each day since ``first``.

    ``None`` with less than two years: growth and season could not be told apart.
    """
    if len(counts) < LEAST_DAYS:
        return None
    sums = np.concatenate([[0], np.cumsum(counts)])
    span = 2 * HALF_A_YEAR + 1
    level = (sums[span:] - sums[:-span]) / span
    there = counts[HALF_A_YEAR : HALF_A_YEAR + len(level)]
    kind = kinds(first + HALF_A_YEAR, first + HALF_A_YEAR + len(level) - 1)
    found = np.bincount(kind, weights=there, minlength=bins())
    expected = np.bincount(kind, weights=level, minlength=bins())
    ratio = (found + PSEUDO_ORDERS) / (expected + PSEUDO_ORDERS)
    return [int(value) for value in np.clip(np.rint(ratio * NEUTRAL), LEAST_INDEX, LARGEST_INDEX)]
