"""Working time: deadlines and durations that count only while a company is open.

A calendar has any number of windows a day, a time zone, and exceptions that replace the week's pattern
of one date: an empty exception is a holiday, one with windows a make-up working day. Everything is
pure, counts real elapsed time (an hour that clocks skip does not exist, one that they repeat counts
twice), and answers in UTC.

Decided where other products disagree: a deadline that falls exactly at closing time stands at that
closing time, not at the next opening; a span of zero is due at its start, also outside hours; pauses
count to the second; a pause moves every deadline that still runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Self, TypeAlias

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.localtime import moment_at, to_local, zone_of

Range: TypeAlias = tuple[datetime, datetime]
"""A half-open range of time: from its first moment up to, not including, its second."""

LONGEST_CLOSURE_DAYS = 400
_CACHED_DAYS = 4096
_MINUTES_OF_A_DAY = 24 * 60
_ZERO = timedelta(0)
_ONE_DAY = timedelta(days=1)


class NoWorkingTime(Refused):
    code = "no_working_time"
    message = _(
        "This working calendar is never open, so no deadline can be counted. "
        "Open it for at least one window of one day, for example Monday 09:00–17:00."
    )


class BadWorkingCalendar(Refused):
    code = "bad_working_calendar"
    message = _(
        "“%(text)s” is not a day of working hours. Write windows as 09:00–12:00, each ending after it "
        "begins, in order and without overlap; 24:00 is the end of the day."
    )


@dataclass(frozen=True, slots=True)
class Window:
    """A range of one day's wall clock in minutes since midnight; ``end`` 1,440 is 24:00."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= _MINUTES_OF_A_DAY:
            raise BadWorkingCalendar(text=str(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``09:00-17:00`` (hyphen or dash); raise :class:`BadWorkingCalendar` otherwise."""
        opens, dash, closes = text.replace("–", "-").partition("-")
        try:
            start, end = _minute(opens), _minute(closes)
        except ValueError as error:
            raise BadWorkingCalendar(text=text) from error
        if not dash or not start < end:
            raise BadWorkingCalendar(text=text)
        return cls(start, end)

    def __str__(self) -> str:
        return f"{_clock(self.start)}–{_clock(self.end)}"


Week: TypeAlias = tuple[tuple[Window, ...], ...]
"""Seven days from Monday to Sunday, each with its windows."""

STANDARD_WEEK: Week = ((Window(9 * 60, 18 * 60),),) * 5 + ((),) * 2


@dataclass(frozen=True)
class WorkingCalendar:
    """When a company is open.

    ``zone`` names a time zone, ``week`` holds seven days from Monday, ``exceptions`` the windows of
    single dates, which replace those of the week. Raises :class:`NoWorkingTime` when no day has a
    window, :class:`BadWorkingCalendar` for windows out of order and ``UnknownTimeZone`` for the zone.
    """

    zone: str
    week: Week
    exceptions: Mapping[date, tuple[Window, ...]] = field(default_factory=dict, hash=False)
    _days: dict[date, tuple[Range, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if len(self.week) != 7:
            raise ValueError(f"a week has seven days, not {len(self.week)}")
        for windows in (*self.week, *self.exceptions.values()):
            _check_order(windows)
        if not any(self.week) and not any(self.exceptions.values()):
            raise NoWorkingTime()
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Return the windows of a date: those of its exception, else those of its weekday."""
        exception = self.exceptions.get(day)
        return self.week[day.weekday()] if exception is None else exception

    def ranges_on(self, day: date) -> tuple[Range, ...]:
        """Return the open ranges of a date in UTC, in order; kept for the next question."""
        ranges = self._days.get(day)
        if ranges is None:
            if len(self._days) >= _CACHED_DAYS:
                self._days.clear()
            ranges = self._days[day] = tuple(self._open_on(day))
        return ranges

    def _open_on(self, day: date) -> Iterator[Range]:
        for window in self.windows_on(day):
            opens = moment_at(day, window.start, self.zone)
            closes = moment_at(day, window.end, self.zone)
            if opens < closes:  # a window that clocks jump over does not exist on that day
                yield opens, closes


def parse_windows(texts: Sequence[str]) -> tuple[Window, ...]:
    """Read the windows of one day; raise :class:`BadWorkingCalendar` unless in order, not overlapping."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise BadWorkingCalendar(text=str(texts))
    windows = tuple(Window.parse(text) for text in texts)
    _check_order(windows)
    return windows


def add_working_time(start: datetime, span: timedelta, *, calendar: WorkingCalendar) -> datetime:
    """Return the moment, in UTC, by which ``span`` of working time has passed since ``start``.

    Exactly at close is that close, not the next opening; a span of zero is ``start`` itself. Raises
    :class:`NoWorkingTime` when the calendar stays closed for more than 400 days in a row,
    ``ValueError`` for a negative span, ``NaiveMoment`` for a start without a zone.
    """
    if span < _ZERO:
        raise ValueError("a deadline cannot lie before its start")
    ranges = _ranges_from(start, calendar=calendar)
    if span == _ZERO:
        return to_local(start, calendar.zone).astimezone(UTC)
    opens, closes = next(ranges)
    while opens + span > closes:
        span -= closes - opens
        opens, closes = next(ranges)
    return opens + span


def working_time_between(
    start: datetime, end: datetime, *, calendar: WorkingCalendar, pauses: Iterable[Range] = ()
) -> timedelta:
    """Return the working time from ``start`` to ``end``, without that inside ``pauses``.

    It is negative when ``end`` lies before ``start``, so that differences add up. Pauses may overlap,
    and count only where they lie inside the range.
    """
    if end < start:
        return -working_time_between(end, start, calendar=calendar, pauses=pauses)
    paused = sum(
        (_open_time(begins, ends, calendar=calendar) for begins, ends in _merged(pauses, start, end)), _ZERO
    )
    return _open_time(start, end, calendar=calendar) - paused


def open_ranges(start: datetime, end: datetime, *, calendar: WorkingCalendar) -> list[Range]:
    """Return the open ranges between two moments in order, in UTC, cut off at both."""
    ranges: list[Range] = []
    day, last = _day_of(start, calendar), _day_of(end, calendar)
    while day <= last:
        for opens, closes in calendar.ranges_on(day):
            opens, closes = max(opens, start), min(closes, end)
            if opens < closes:
                ranges.append((opens.astimezone(UTC), closes.astimezone(UTC)))
        day += _ONE_DAY
    return ranges


def next_open(moment: datetime, *, calendar: WorkingCalendar) -> datetime:
    """Return ``moment`` if the calendar is open then, else the next opening; in UTC.

    Raises :class:`NoWorkingTime` when the calendar stays closed for more than 400 days in a row.
    """
    return next(_ranges_from(moment, calendar=calendar))[0]


def add_working_days(start: datetime, days: int, *, calendar: WorkingCalendar) -> date:
    """Return the date of the ``days``-th working day after the local day of ``start``.

    A working day is one with an open window, however short. Raises :class:`NoWorkingTime` when the
    calendar stays closed for more than 400 days in a row and ``ValueError`` for fewer days than one.
    """
    if days < 1:
        raise ValueError("a working day after the start is at least the first")
    day, closed_days = _day_of(start, calendar), 0
    while days and closed_days <= LONGEST_CLOSURE_DAYS:
        day += _ONE_DAY
        is_working_day = bool(calendar.windows_on(day))
        days -= is_working_day
        closed_days = 0 if is_working_day else closed_days + 1
    if days:
        raise NoWorkingTime()
    return day


def is_open(moment: datetime, *, calendar: WorkingCalendar) -> bool:
    """Say whether the calendar is open at ``moment``; at closing time it no longer is."""
    return any(opens <= moment < closes for opens, closes in calendar.ranges_on(_day_of(moment, calendar)))


def due_after_pauses(
    start: datetime, span: timedelta, *, pauses: Iterable[Range], calendar: WorkingCalendar
) -> datetime:
    """Return the moment by which ``span`` of working time outside ``pauses`` has passed since ``start``.

    Working time inside a pause is added to the second. A pause that begins at or after the deadline
    comes too late to move it; overlapping pauses count once; what lies before ``start`` is ignored.
    """
    due = add_working_time(start, span, calendar=calendar)
    held = _ZERO
    for begins, ends in _merged(pauses, start, None):
        if begins >= due:
            break
        held += _open_time(begins, ends, calendar=calendar)
        due = add_working_time(start, span + held, calendar=calendar)
    return due


def _ranges_from(start: datetime, *, calendar: WorkingCalendar) -> Iterator[Range]:
    """Yield the open ranges from ``start`` on, the first one cut off; never ends, refuses instead."""
    day, closed_days = _day_of(start, calendar), 0
    while closed_days <= LONGEST_CLOSURE_DAYS:
        closed_days += 1
        for opens, closes in calendar.ranges_on(day):
            if start < closes:
                closed_days = 0
                yield max(opens, start).astimezone(UTC), closes
        day += _ONE_DAY
    raise NoWorkingTime()


def _open_time(start: datetime, end: datetime, *, calendar: WorkingCalendar) -> timedelta:
    ranges = open_ranges(start, end, calendar=calendar)
    return sum((closes - opens for opens, closes in ranges), _ZERO)


def _merged(pauses: Iterable[Range], start: datetime, end: datetime | None) -> list[Range]:
    """Return pauses in order, cut off at ``start`` and ``end``, with those that touch made one."""
    merged: list[Range] = []
    for begins, ends in sorted(pauses):
        begins = max(begins, start)
        ends = ends if end is None else min(ends, end)
        if begins >= ends:
            continue
        if merged and begins <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ends, merged[-1][1])
        else:
            merged.append((begins, ends))
    return merged


def _day_of(moment: datetime, calendar: WorkingCalendar) -> date:
    return to_local(moment, calendar.zone).date()


def _check_order(windows: Sequence[Window]) -> None:
    for earlier, later in pairwise(windows):
        if later.start < earlier.end:
            raise BadWorkingCalendar(text=f"{earlier}, {later}")


def _minute(text: str) -> int:
    """Read ``09:00`` or ``24:00`` as minutes since midnight; raise ``ValueError`` otherwise."""
    text = text.strip()
    if text == "24:00":
        return _MINUTES_OF_A_DAY
    clock = time.fromisoformat(text)
    if clock.second or clock.microsecond or clock.tzinfo or len(text) != 5:
        raise ValueError(text)
    return clock.hour * 60 + clock.minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
