"""Local days of a time zone: their numbers, their beginnings, and the moment of a wall-clock time.

A local day number is ``date.toordinal()`` of the local date, so that days can be compared, subtracted
and stored as integers (decisions 4 and 10). Everything here is pure; the zone is always an argument.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused

_MINUTES_OF_A_DAY = 24 * 60
_SECOND = timedelta(seconds=1)


class UnknownTimeZone(Refused):
    code = "unknown_time_zone"
    message = _(
        "“%(zone)s” is not a time zone that we know. Use a name of the time zone database, "
        "for example Asia/Shanghai, Europe/London or UTC."
    )


class NaiveMoment(ValueError):
    """A moment without a time zone reached code that counts days or hours: a fault of the caller."""


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone called ``name``; raise :class:`UnknownTimeZone` when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZone(zone=name) from error


def to_local(moment: datetime, zone: str) -> datetime:
    """Return ``moment`` on the wall clock of ``zone``; raise :class:`NaiveMoment` without an offset."""
    if moment.utcoffset() is None:
        raise NaiveMoment(f"{moment!r} has no time zone")
    return moment.astimezone(zone_of(zone))


def day_number(moment: datetime, zone: str) -> int:
    """Return the number of the local day of ``moment`` in ``zone``.

    Raises :class:`NaiveMoment` for a moment without an offset.
    """
    return to_local(moment, zone).toordinal()


def day_of(n: int) -> date:
    """Return the date of the local day number ``n``."""
    return date.fromordinal(n)


def start_of_day(n: int, zone: str) -> datetime:
    """Return the first moment, in UTC, of the local day number ``n`` in ``zone``.

    Where clocks jump over midnight, that is the moment of the jump; where midnight comes twice, the
    first one.
    """
    return moment_at(day_of(n), 0, zone)


def days_before(moment: datetime, days: int, zone: str) -> datetime:
    """Return the moment, in UTC, at the same time of the wall clock of ``zone`` so many local days before."""
    local = to_local(moment, zone)
    there = moment_at(day_of(local.toordinal() - days), local.hour * 60 + local.minute, zone)
    return there + timedelta(seconds=local.second, microseconds=local.microsecond)


def moment_at(day: date, minute: int, zone: str) -> datetime:
    """Return the moment, in UTC, at which the wall clock of ``zone`` first reaches a time of ``day``.

    ``minute`` counts from local midnight, 0 to 1,440 (24:00 is the next day's midnight). A time that
    is skipped when clocks go forward is reached at the jump; of a time that comes twice when clocks go
    back the first is taken. So a later minute is never reached earlier, and ranges that do not overlap
    on the wall do not overlap in time.
    """
    if not 0 <= minute <= _MINUTES_OF_A_DAY:
        raise ValueError(f"minute {minute} is not between 0 and {_MINUTES_OF_A_DAY}")
    tz = zone_of(zone)
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    # Read with the offset of before and of after a change of clocks, only a time that is skipped lies
    # earlier by the second reading than by the first; both then lie around the jump.
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    return _end_of_jump(wall.replace(tzinfo=tz, fold=1).astimezone(UTC), first, tz)


def _end_of_jump(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """Return the jump forward between ``before`` and ``after``, to the second; else ``after``."""
    old = before.astimezone(tz).utcoffset()
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(tz).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
