"""When a customer who asks for it is called: times to choose from, all within the working calendar.

What is chosen is a promise: the call is made by the end of the time that was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils.formats import date_format, time_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.localtime import to_local
from customers.ground.working_time import WorkingCalendar, add_working_time

OFFERED = 4
NOTICE = timedelta(hours=1)
"""Working time that somebody has left, at least, to make the call."""
_LONGEST_AHEAD = timedelta(days=21)
_CODE = "%Y%m%dT%H%MZ"


class TimeGone(Refused):
    code = "call_time_gone"
    message = _("That time has passed, or is too near. Please choose another one.")


@dataclass(frozen=True)
class Slot:
    """An open stretch of the working calendar; both ends in UTC."""

    starts_at: datetime
    ends_at: datetime

    @property
    def code(self) -> str:
        """Return what stands for it in forms."""
        return self.starts_at.strftime(_CODE)

    def words(self, zone: str) -> str:
        """Return it on the wall clock of ``zone``, in the language that is active."""
        start, end = to_local(self.starts_at, zone), to_local(self.ends_at, zone)
        return gettext("%(day)s, %(start)s–%(end)s") % {
            "day": _day(start),
            "start": time_format(start.time(), "H:i"),
            "end": time_format(end.time(), "H:i"),
        }


def offered(at: datetime, *, calendar: WorkingCalendar, most: int = OFFERED) -> list[Slot]:
    """Return the next times at which somebody may be called, the soonest first."""
    earliest = add_working_time(at, NOTICE, calendar=calendar)
    found: list[Slot] = []
    for slot in _slots(at, calendar=calendar):
        if slot.ends_at > earliest:
            found.append(slot)
        if len(found) == most:
            break
    return found


def chosen(code: str, *, at: datetime, calendar: WorkingCalendar) -> Slot:
    """Return the time that a form sent, which may have been offered a while ago.

    Raises :class:`TimeGone` when it is over, too near, or none of the calendar.
    """
    earliest = add_working_time(at, NOTICE, calendar=calendar)
    for slot in _slots(at, calendar=calendar):
        if slot.code == code and slot.ends_at > earliest:
            return slot
    raise TimeGone()


def promise(ends_at: datetime, zone: str) -> str:
    """Return a promised moment in words, on the wall clock of ``zone``."""
    local = to_local(ends_at, zone)
    words = {"day": _day(local), "time": time_format(local.time(), "H:i")}
    return gettext("%(day)s, %(time)s") % words


def _slots(at: datetime, *, calendar: WorkingCalendar) -> Iterator[Slot]:
    day: date = to_local(at, calendar.zone).date()
    last = day + _LONGEST_AHEAD
    while day <= last:
        for opens, closes in calendar.ranges_on(day):
            if closes > at:
                yield Slot(opens.astimezone(UTC), closes.astimezone(UTC))
        day += timedelta(days=1)


def _day(local: datetime) -> str:
    words = {"weekday": date_format(local, "l"), "day": date_format(local, "MONTH_DAY_FORMAT")}
    return gettext("%(weekday)s, %(day)s") % words
