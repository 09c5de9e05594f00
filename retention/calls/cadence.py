"""When to try again after nobody answered. Pure.

The next attempt falls into the other half of the day (morning or afternoon) in working time, and the
gaps grow: at the next half-day, then one, two and four days later. Five attempts, then no more: going
on is a person's decision.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from customers.ground.localtime import moment_at, to_local
from customers.ground.working_time import LONGEST_CLOSURE_DAYS, NoWorkingTime, WorkingCalendar

MOST_ATTEMPTS = 5
DAYS_AFTER = {1: 0, 2: 1, 3: 2, 4: 4}
"""Days to wait at least, by the number of the attempt that was not answered."""
NOON = 12 * 60
_LOOK_FOR_OTHER_HALF_DAYS = 30
_MIDNIGHT = 24 * 60


def next_attempt(at: datetime, *, attempt: int, calendar: WorkingCalendar) -> datetime | None:
    """Return by when to try again after attempt number ``attempt`` (1 to 5) at ``at`` failed; in UTC.

    It is the end of the first open morning, if ``at`` was in an afternoon, else of the first open
    afternoon, at least ``DAYS_AFTER`` days later. A company that is never open in the other half
    within 30 days gets a later day instead. ``None`` after the last attempt. Raises ``ValueError`` for
    an attempt below 1 and ``NoWorkingTime`` when the calendar stays closed.
    """
    if attempt < 1:
        raise ValueError(f"there is no attempt number {attempt}")
    if attempt >= MOST_ATTEMPTS:
        return None
    local = to_local(at, calendar.zone)
    in_afternoon = is_afternoon(at, zone=calendar.zone)
    first = local.date() + timedelta(days=DAYS_AFTER[attempt])
    for days in range(_LOOK_FOR_OTHER_HALF_DAYS):
        end = _end_of_half(first + timedelta(days=days), afternoon=not in_afternoon, calendar=calendar)
        if end is not None and end > at:
            return end
    return _end_of_later_day(max(first, local.date() + timedelta(days=1)), calendar=calendar)


def is_afternoon(moment: datetime, *, zone: str) -> bool:
    """Say whether the wall clock of ``zone`` is past noon; noon itself still belongs to the morning."""
    local = to_local(moment, zone)
    return local > local.replace(hour=12, minute=0, second=0, microsecond=0)


def _end_of_half(day: date, *, afternoon: bool, calendar: WorkingCalendar) -> datetime | None:
    """Return the last open moment of the morning or afternoon of ``day``, or nothing if it is closed."""
    noon = moment_at(day, NOON, calendar.zone)
    if afternoon:
        # Midnight belongs to the next morning: a window that reaches it ends a minute earlier.
        last = moment_at(day, _MIDNIGHT - 1, calendar.zone)
        ends = [min(closes, last) for _opens, closes in calendar.ranges_on(day) if closes > noon]
    else:
        ends = [min(closes, noon) for opens, closes in calendar.ranges_on(day) if opens < noon]
    return max(ends, default=None)


def _end_of_later_day(first: date, *, calendar: WorkingCalendar) -> datetime:
    for days in range(LONGEST_CLOSURE_DAYS):
        ranges = calendar.ranges_on(first + timedelta(days=days))
        if ranges:
            return ranges[-1][1]
    raise NoWorkingTime()
