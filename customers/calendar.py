"""The company's working calendar: its week, the public holidays of its country, its own exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import pairwise

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.errors import Refused
from customers.ground.models import CalendarException, Company
from customers.ground.working_time import BadWorkingCalendar, NoWorkingTime, Window, WorkingCalendar
from customers.models import User

YEARS_BACK, YEARS_AHEAD = 2, 1
_BETWEEN = re.compile(r"[\s,;，；、]+")
_ONE_DIGIT = re.compile(r"(?<!\d)(?=\d:)")
_DASHES = re.compile(r"\s*[-–—~～至到]\s*")


class NotYourException(Refused):
    code = "calendar_delivered"
    message = _(
        "%(day)s comes from the calendar of the country. To work differently on it, enter the day as "
        "your own exception."
    )


def set_week(*, week: Sequence[Iterable[Window]], country: str, by: User | None, at: datetime) -> Company:
    """Set the working hours of the week and whose public holidays count.

    Args:
        week: seven days from Monday, each with its windows in order.
        country: ISO 3166 code of two letters; empty: no public holidays.

    Raises ``NoWorkingTime``, ``BadWorkingCalendar``, ``UnknownCountry``. Side effects: the delivered days of
    another country go, those of this one come, with make-up days in the hours of the week; own exceptions
    stay; audit ``calendar.set``. Deadlines that stand are not counted anew.
    """
    days = tuple(tuple(day) for day in week)
    if not any(days):
        raise NoWorkingTime()
    with transaction.atomic():
        firm = _held()
        WorkingCalendar(zone=firm.time_zone, week=days)
        if country != firm.calendar_country:
            CalendarException.objects.filter(is_own=False).delete()
        firm.week = [[[window.start, window.end] for window in day] for day in days]
        firm.calendar_country = country
        firm.save(update_fields=["week", "calendar_country"])
        _deliver(firm, at=at)
        audit.record(
            "calendar.set",
            obj=firm,
            by=by,
            at=at,
            codes={"country": country, "hours": sum(w.end - w.start for day in days for w in day) // 60},
        )
    return firm


def add_exception(
    *, day: date, windows: Iterable[Window], label: str = "", by: User | None, at: datetime
) -> CalendarException:
    """Say how the company works on one day, whatever its week or country says; no windows: not at all.

    Raises ``BadWorkingCalendar`` for windows out of order. Side effects: audit ``calendar.add_exception``.
    """
    hours = tuple(windows)
    with transaction.atomic():
        firm = _held()
        WorkingCalendar(zone=firm.time_zone, week=company.week_of(firm), exceptions={day: hours})
        row, _new = CalendarException.objects.update_or_create(
            day=day,
            defaults={
                "windows": [[window.start, window.end] for window in hours],
                "label": label.strip(),
                "is_own": True,
            },
        )
        audit.record(
            "calendar.add_exception",
            obj=row,
            by=by,
            at=at,
            codes={"day": day.isoformat(), "windows": len(hours)},
        )
    return row


def remove_exception(exception: CalendarException, *, by: User | None, at: datetime) -> None:
    """Let a day be as the week and the country say again.

    Raises :class:`NotYourException`. Side effects: a public holiday of that day counts again; audit
    ``calendar.remove_exception``.
    """
    if not exception.is_own:
        raise NotYourException(day=exception.day.isoformat())
    with transaction.atomic():
        firm = _held()
        codes = {"day": exception.day.isoformat()}
        audit.record("calendar.remove_exception", obj=exception, by=by, at=at, codes=codes)
        CalendarException.objects.filter(pk=exception.pk, is_own=True).delete()
        if firm.calendar_country:
            company.deliver_holidays(firm, years=range(exception.day.year, exception.day.year + 1))


def keep(*, at: datetime) -> int:
    """Bring in the public holidays of the coming year once they are known; return how many were new."""
    firm = company.find()
    last = CalendarException.objects.filter(is_own=False, day__year=at.year + YEARS_AHEAD)
    if firm is None or not firm.calendar_country or last.exists():
        return 0
    with transaction.atomic():
        before = CalendarException.objects.count()
        _deliver(_held(), at=at)
        return CalendarException.objects.count() - before


def windows_of(text: str) -> tuple[Window, ...]:
    """Read ``09:00-12:00, 13:30-18:00``, as people type it; empty: closed.

    Raises ``BadWorkingCalendar``.
    """
    plain = _ONE_DIGIT.sub("0", _DASHES.sub("-", text.replace("：", ":").strip()))
    windows = tuple(Window.parse(part) for part in _BETWEEN.split(plain) if part)
    for one, following in pairwise(windows):
        if following.start < one.end:
            raise BadWorkingCalendar(text=text)
    return windows


def text_of(windows: Iterable[Sequence[int]]) -> str:
    """Return stored windows as people type them."""
    return ", ".join(str(Window(start, end)) for start, end in windows)


def _held() -> Company:
    firm = Company.objects.select_for_update().first()
    if firm is None:
        raise company.NoCompany()
    return firm


def _deliver(firm: Company, *, at: datetime) -> None:
    if firm.calendar_country:
        company.deliver_holidays(firm, years=range(at.year - YEARS_BACK, at.year + YEARS_AHEAD + 1))
