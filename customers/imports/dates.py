"""Dates as people write them: which orders of day, month and year they allow, and what they mean.

A date is taken only in an order that was stated or that the whole file proves. ISO dates, Chinese
ones (2011年12月9日) and those with the month's name prove themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType

from customers.imports import errors

ORDERS = {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year/month/day"}
_ANY = "iso"  # reads the same in every order
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july"),
            *("aug august", "sep sept september", "oct october", "nov november", "dec december"),
        ),
        start=1,
    )
    for name in names.split()
}
_TIME = (
    r"(?:[T\s,]+(?P<half1>上午|下午)?(?P<h>\d{1,2})[:时点](?P<m>\d{2})分?(?:[:]?(?P<s>\d{2})秒?(?:[.,]\d{1,9})?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_SHAPES = (
    re.compile(r"(?P<y>\d{4})[-/.年](?P<mo>\d{1,2})[-/.月](?P<d>\d{1,2})日?" + _TIME),
    re.compile(r"(?P<y>\d{4})(?P<mo>\d{2})(?P<d>\d{2})" + _TIME),
    re.compile(r"(?P<d>\d{1,2})[-\s./](?P<name>[A-Za-z]{3,9})\.?[-\s./,]+(?P<y>\d{4}|\d{2})" + _TIME),
    re.compile(r"(?P<name>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})" + _TIME),
)
_NUMBERS = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4}|\d{2})" + _TIME)
_NOTHING: Mapping[str, datetime] = MappingProxyType({})
PROOF = 0.99  # of the dates that tell at all; the others are refused line by line


@lru_cache(maxsize=16384)
def readings(text: str) -> Mapping[str, datetime]:
    """Return what a date can mean, by order; ``{"iso": …}`` alone when it reads the same in all."""
    text = text.strip()
    for shape in _SHAPES:
        if match := shape.fullmatch(text):
            month = _MONTHS.get(match["name"].lower(), 0) if "name" in match.groupdict() else int(match["mo"])
            moment = _moment(match["y"], month, match["d"], match)
            return MappingProxyType({_ANY: moment}) if moment else _NOTHING
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return _NOTHING
    a, b, c = match["a"], match["b"], match["c"]
    found = {"dmy": _moment(c, int(b), a, match), "mdy": _moment(c, int(a), b, match)}
    if len(c) == 2 and len(a) == 2:
        found["ymd"] = _moment(a, int(b), c, match)
    return MappingProxyType({order: moment for order, moment in found.items() if moment})


def _moment(year: str, month: int, day: str, match: re.Match[str]) -> datetime | None:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 69 else 1900
    hour, minute, second = (int(match[name] or 0) for name in ("h", "m", "s"))
    half = (match["half"] or "").lower().replace(".", "") or {"上午": "am", "下午": "pm"}.get(
        match["half1"] or "", ""
    )
    if half:
        if not 0 < hour <= 12 and not match["half1"]:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0) if hour <= 12 else hour
    try:
        moment = datetime(number, month, int(day), hour, minute, second)  # noqa: DTZ001 — its zone comes later
    except ValueError:
        return None
    zone = match["zone"]
    if zone in ("Z", "UTC", "GMT"):
        return moment.replace(tzinfo=timezone.utc)  # noqa: UP017
    if zone:
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        try:
            return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
        except ValueError:
            return None
    return moment


def order_of(stated: str) -> str:
    """Return the order or strptime pattern that a stated date format means.

    ``day/month/year``, ``DD.MM.YYYY``, ``dmy``, ``iso`` or a pattern like ``%d/%m/%y %H:%M``. Raises
    ``BadValue`` for anything else.
    """
    if "%" in stated:
        return stated
    word = stated.strip().lower()
    if word in ("iso", ""):
        return word
    initials = [part[0] for part in re.findall(r"[a-z]+", word) if part[0] in "dmy"]
    order = word if word in ORDERS else "".join(dict.fromkeys(initials))[:3]
    if order not in ORDERS or len(word) > 40:
        raise errors.BadValue(
            key="date_format",
            value=stated,
            hint="day/month/year, month/day/year, year/month/day, iso, %d/%m/%Y %H:%M",
        )
    return order


@lru_cache(maxsize=16384)
def read(text: str, order: str) -> datetime:
    """Return the moment that a cell means in an order (or pattern); it has a zone only if the cell has.

    Raises ``NotDate`` or ``DateOutOfRange``.
    """
    moment: datetime | None
    if "%" in order:
        try:
            moment = datetime.strptime(text.strip(), order)  # noqa: DTZ007 — its zone comes later
        except ValueError:
            moment = None
    else:
        found = readings(text)
        moment = found.get(_ANY) or found.get(order)
    if moment is None:
        raise errors.NotDate(format=ORDERS.get(order) or (order if "%" in order else "2011-12-31 23:59"))
    if not 1970 <= moment.year <= 2200:
        raise errors.DateOutOfRange()
    return moment


@dataclass
class Evidence:
    """What the dates of one column tell about their order."""

    column: str
    allows: Counter[str] = field(default_factory=Counter)  # order -> dates that it can read
    dates: int = 0  # written in figures whose order matters
    unclear: str = ""  # a date that reads differently in two orders

    def see(self, text: str, count: int = 1) -> None:
        """Take ``count`` like cells into account; what is no date in any order tells nothing."""
        found = readings(text)
        if not found or _ANY in found:
            return
        self.dates += count
        for order in found:
            self.allows[order] += count
        if not self.unclear and len(set(found.values())) > 1:
            self.unclear = text

    def order(self) -> str:
        """Return the one order that the column proves; ``iso`` when order does not matter.

        Raises :class:`~customers.imports.errors.AmbiguousDates` with two readings of a date.
        """
        if not self.dates:
            return _ANY
        best = self.allows.most_common(1)[0][1]
        possible = [order for order in ORDERS if self.allows[order] >= self.dates * PROOF]
        if len(possible) == 1:
            return possible[0]
        if not possible:
            possible = [order for order in ORDERS if self.allows[order] == best][:2] or ["dmy"]
            if len(possible) == 1:
                possible.append("mdy" if possible[0] != "mdy" else "dmy")
        if not self.unclear:
            return possible[0]
        raise self._unclear(possible)

    def _unclear(self, possible: list[str]) -> errors.AmbiguousDates:
        found = readings(self.unclear)
        shown = [found[order].date().isoformat() for order in possible if order in found]
        shown = list(dict.fromkeys(shown or [moment.date().isoformat() for moment in found.values()]))
        return errors.AmbiguousDates(text=self.unclear, column=self.column, first=shown[0], second=shown[-1])
