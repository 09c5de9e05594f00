"""Birthdays by the solar and the Chinese lunar calendar: what can be one, and on which day it falls.

Pure: days come as arguments. What was decided where customs differ:

* 29 February falls on **28 February** in common years, so that it stays in its month. (The other choice is
  1 March, as some laws count ages.)
* A birthday in a lunar leap month falls in the leap month in years that have the same one, else in the month
  of the same number. One in an ordinary month falls in the ordinary month, once a year, also where a leap
  month of that number follows. (The other choice is to keep the ordinary month always.)
* The 30th of a lunar month falls on the 29th where the month has only 29 days. (The other choice is the
  first of the next month.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from borax.calendars.lunardate import InvalidLunarDateError, LCalendars, LunarDate
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground.errors import Refused
from customers.models import Contact

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""The years for which the lunar calendar is known."""
SOLAR, LUNAR = Contact.BirthCalendar.SOLAR, Contact.BirthCalendar.LUNAR
FIELDS = ("birth_calendar", "birth_year", "birth_month", "birth_day", "birth_is_leap")
NOTHING: dict[str, Any] = {
    "birth_calendar": "",
    "birth_year": None,
    "birth_month": None,
    "birth_day": None,
    "birth_is_leap": None,
}


class NoSuchBirthday(Refused):
    code = "no_such_birthday"
    message = _("There is no such day. Check month and day, and with a year also whether it had that day.")


class BirthdayIncomplete(Refused):
    code = "birthday_incomplete"
    message = _("A birthday needs both month and day. The year may be left out.")


class BirthdayUnreadable(Refused):
    code = "birthday_unreadable"
    message = _(
        "This is no birthday that we can read. Write 1990-05-12, without the year 05-12, or 农历八月十五."
    )


class BornInFuture(Refused):
    code = "born_in_future"
    message = _("That day has not come yet. Check the year of birth.")


@dataclass(frozen=True, slots=True)
class Birthday:
    """A month and day by a calendar, with the year of that calendar where it is known."""

    month: int
    day: int
    year: int | None = None
    calendar: str = SOLAR
    is_leap: bool = False


Key = tuple[str, bool, int, int]
"""What is compared of a birthday: calendar, leap month, month, day."""


def of(contact: Contact) -> Birthday | None:
    """Return the birthday of a contact, or nothing where none is known."""
    if contact.birth_month is None or contact.birth_day is None:
        return None
    return Birthday(
        contact.birth_month,
        contact.birth_day,
        contact.birth_year,
        contact.birth_calendar,
        bool(contact.birth_is_leap),
    )


# --- When it is --------------------------------------------------------------------------------
def is_birthday(birthday: Birthday, day: date) -> bool:
    """Say whether a birthday falls on ``day``, whatever the year of birth."""
    return key_of(birthday) in keys_on(day)


def next_on(birthday: Birthday, day: date) -> date:
    """Return the first day from ``day`` on on which a birthday falls; raise ``ValueError`` past 2100."""
    first = day.year if birthday.calendar == SOLAR else _lunar_year(day)
    for year in (first, first + 1):
        found = falls_on(birthday, year)
        if found >= day:
            return found
    raise ValueError(f"no {birthday} within a year from {day}")  # pragma: no cover — it falls once a year


def falls_on(birthday: Birthday, year: int) -> date:
    """Return the day of a birthday in a year of its own calendar; raise ``ValueError`` outside 1900–2100."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"the lunar calendar of {year} is not known")
    if birthday.calendar == SOLAR:
        try:
            return date(year, birthday.month, birthday.day)
        except ValueError:
            return date(year, 2, 28)
    is_leap = birthday.is_leap and LCalendars.leap_month(year) == birthday.month
    days = LCalendars.ndays(year, birthday.month, is_leap)
    found: date = LunarDate(year, birthday.month, min(birthday.day, days), int(is_leap)).to_solar_date()
    return found


def year_of(calendar: str, day: date) -> int:
    """Return the year of a calendar in which ``day`` lies: a birthday falls once in each."""
    return day.year if calendar == SOLAR else _lunar_year(day)


def key_of(birthday: Birthday) -> Key:
    """Return what is compared of a birthday."""
    return birthday.calendar, birthday.is_leap, birthday.month, birthday.day


@lru_cache(maxsize=1024)
def keys_on(day: date) -> frozenset[Key]:
    """Return every birthday that falls on ``day``: what a query over all contacts asks for."""
    found: set[Key] = {(SOLAR, False, day.month, day.day)}
    if (day.month, day.day) == (2, 28) and not _is_leap_year(day.year):
        found.add((SOLAR, False, 2, 29))
    lunar = LunarDate.from_solar(day)
    year, month, is_leap = lunar.year, lunar.month, bool(lunar.leap)
    days = [lunar.day]
    if lunar.day == 29 and LCalendars.ndays(year, month, is_leap) == 29:
        days.append(30)
    months = [is_leap]
    if not is_leap and LCalendars.leap_month(year) != month:
        months.append(True)  # born in a leap month that this year has not
    found.update((LUNAR, leap, month, number) for leap in months for number in days)
    return frozenset(found)


def lunar_day(year: int, month: int, day: int) -> date:
    """Return the day of an ordinary lunar month; the 30th of a short one is the 29th."""
    return falls_on(Birthday(month, day, calendar=LUNAR), year)


def _lunar_year(day: date) -> int:
    year: int = LunarDate.from_solar(day).year
    return year


def _is_leap_year(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# --- What can be one ---------------------------------------------------------------------------
def columns_of(values: Mapping[str, Any], *, stands: Contact | None = None, at: datetime) -> dict[str, Any]:
    """Return the whole birthday that ``values`` leave, what is not named staying as it stands in a contact.

    Without month and day the whole birthday goes. Raises :class:`BirthdayIncomplete`,
    :class:`NoSuchBirthday` and :class:`BornInFuture`.
    """
    if not set(values) & set(FIELDS):
        return {}
    said = {name: getattr(stands, name) for name in FIELDS} if stands is not None else dict(NOTHING)
    said |= {name: value for name, value in values.items() if name in FIELDS}
    month, day = said["birth_month"], said["birth_day"]
    if month is None and day is None:
        if said["birth_year"] is not None and "birth_year" in values and values["birth_year"] is not None:
            raise BirthdayIncomplete()
        return dict(NOTHING)
    if month is None or day is None:
        raise BirthdayIncomplete()
    calendar = said["birth_calendar"] or SOLAR
    birthday = Birthday(
        month, day, said["birth_year"], calendar, bool(said["birth_is_leap"]) and calendar == LUNAR
    )
    return columns(checked(birthday, at=at))


def checked(birthday: Birthday, *, at: datetime) -> Birthday:
    """Return a birthday that can be one; raise :class:`NoSuchBirthday` or :class:`BornInFuture`."""
    if birthday.year is not None:
        if not FIRST_YEAR <= birthday.year <= LAST_YEAR:
            raise NoSuchBirthday()
        try:
            born = _exactly(birthday, birthday.year)
        except (ValueError, InvalidLunarDateError) as error:
            raise NoSuchBirthday() from error
        if born.toordinal() > company.today(at).number:
            raise BornInFuture()
        return birthday
    most = 30 if birthday.calendar == LUNAR else (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not 1 <= birthday.month <= 12:
        raise NoSuchBirthday()
    if not 1 <= birthday.day <= (most if isinstance(most, int) else most[birthday.month - 1]):
        raise NoSuchBirthday()
    return birthday


def columns(birthday: Birthday) -> dict[str, Any]:
    """Return the columns of a contact that hold a birthday."""
    return {
        "birth_calendar": birthday.calendar,
        "birth_year": birthday.year,
        "birth_month": birthday.month,
        "birth_day": birthday.day,
        "birth_is_leap": birthday.is_leap if birthday.calendar == LUNAR else None,
    }


def _exactly(birthday: Birthday, year: int) -> date:
    if birthday.calendar == SOLAR:
        return date(year, birthday.month, birthday.day)
    found: date = LunarDate(year, birthday.month, birthday.day, int(birthday.is_leap)).to_solar_date()
    return found


# --- As people write it ------------------------------------------------------------------------
_DIGITS = "一二三四五六七八九十"
_MONTHS = {
    **{name: number for number, name in enumerate(_DIGITS, start=1)},
    "正": 1,
    "十一": 11,
    "冬": 11,
    "十二": 12,
    "腊": 12,
}
_DAYS = {
    **{f"初{name}": number for number, name in enumerate(_DIGITS, start=1)},
    **{f"十{name}": number for number, name in enumerate(_DIGITS[:9], start=11)},
    **{f"{ten}{name}": number for ten in ("廿", "二十") for number, name in enumerate(_DIGITS[:9], start=21)},
    "二十": 20,
    "廿": 20,
    "廿十": 20,
    "三十": 30,
}
_CALENDARS = {"农历": LUNAR, "阴历": LUNAR, "旧历": LUNAR, "公历": SOLAR, "阳历": SOLAR, "新历": SOLAR}
_NUMBERS = re.compile(
    r"(?:(?P<y>\d{4})\s*[-/.年]\s*|-{0,2})(?P<leap>闰)?(?P<m>\d{1,2})\s*(?P<between>[-/.月])\s*(?P<d>\d{1,2})"
    r"\s*[日号]?(?:[T\s]00:00(?::00(?:\.0+)?)?)?"
)
_SOLID = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})")
_WORDS = re.compile(
    r"(?:(?P<y>\d{4})\s*年\s*)?(?P<leap>闰)?(?P<m>[正一二三四五六七八九十冬腊]{1,2})月(?P<d>[初一二三四五六七八九十廿]{1,3})日?"
)


def read(text: str, *, calendar: str = "", is_leap: bool = False) -> Birthday:
    """Return the birthday that somebody wrote, unchecked; raise :class:`BirthdayUnreadable`.

    Read are ``1990-05-12``, without the year ``05-12``, ``5月12日``, ``19900512``, and with the words of the
    lunar calendar ``农历八月十五``, ``闰六月初一``. Day/month without a year is not: it could be either.

    Args:
        calendar: what another column says; the text's own word goes before it.
    """
    text = text.strip()
    own = next((code for word, code in _CALENDARS.items() if text.startswith(word)), "")
    text = text[2:].strip() if own else text
    if match := _NUMBERS.fullmatch(text):
        if match["between"] in "/." and match["y"] is None:
            raise BirthdayUnreadable()
        month, day, leap = int(match["m"]), int(match["d"]), bool(match["leap"])
    elif match := _SOLID.fullmatch(text):
        month, day, leap = int(match["m"]), int(match["d"]), False
    elif (match := _WORDS.fullmatch(text)) and match["m"] in _MONTHS and match["d"] in _DAYS:
        month, day, leap = _MONTHS[match["m"]], _DAYS[match["d"]], bool(match["leap"])
        own = own or calendar or LUNAR
    else:
        raise BirthdayUnreadable()
    found = own or calendar or (LUNAR if leap or is_leap else SOLAR)
    return Birthday(month, day, int(match["y"]) if match["y"] else None, found, leap or is_leap)
