"""Birthdays: both calendars against published tables, leap cases, and how they come in and go."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from borax.calendars.lunardate import LCalendars
from django.db import IntegrityError, transaction
from holidays.calendars.chinese import _ChineseLunisolar
from hypothesis import given
from hypothesis import strategies as st

from customers import birthdays, contacts
from customers.birthdays import Birthday
from customers.erasure import erase_person
from customers.ground.models import AuditEvent
from customers.imports.checks import check_contact
from customers.imports.kinds import CellRefused, Context
from customers.models import Contact
from tests.factories import NOW, ContactFactory

# Gregorian-Lunar Calendar Conversion Tables of the Hong Kong Observatory,
# https://www.hko.gov.hk/en/gts/time/conversion.htm
NEW_YEARS = {
    2020: (1, 25),
    2021: (2, 12),
    2022: (2, 1),
    2023: (1, 22),
    2024: (2, 10),
    2025: (1, 29),
    2026: (2, 17),
    2027: (2, 6),
    2028: (1, 26),
    2029: (2, 13),
    2030: (2, 3),
}
LEAP_MONTHS = {2020: 4, 2023: 2, 2025: 6, 2028: 5}
LEAP_DAY = Birthday(2, 29)


def lunar(month, day, *, is_leap=False, year=None):
    return Birthday(month, day, year, "lunar", is_leap)


def test_new_years_are_those_of_the_observatory():
    assert {year: birthdays.lunar_day(year, 1, 1) for year in NEW_YEARS} == {
        year: date(year, *day) for year, day in NEW_YEARS.items()
    }


def test_leap_months_are_those_of_the_observatory():
    assert {year: month for year in NEW_YEARS if (month := LCalendars.leap_month(year))} == LEAP_MONTHS


@pytest.mark.parametrize(
    ("table", "month", "day"),
    [
        (_ChineseLunisolar.LUNAR_NEW_YEAR_DATES, 1, 1),
        (_ChineseLunisolar.DRAGON_BOAT_DATES, 5, 5),
        (_ChineseLunisolar.MID_AUTUMN_DATES, 8, 15),
        (_ChineseLunisolar.DOUBLE_NINTH_DATES, 9, 9),
    ],
)
def test_festivals_are_those_of_another_table(table, month, day):
    """Of ``holidays``; it differs by a day in 1916 and 2089, where new moons fall near midnight."""
    years = range(1917, 2089)
    assert {year: birthdays.lunar_day(year, month, day) for year in years} == {
        year: date(year, *table[year]) for year in years
    }


@pytest.mark.parametrize(
    ("birthday", "day", "is_it"),
    [
        (LEAP_DAY, date(2028, 2, 29), True),
        (LEAP_DAY, date(2028, 2, 28), False),
        (LEAP_DAY, date(2027, 2, 28), True),
        (LEAP_DAY, date(2027, 3, 1), False),
        (Birthday(2, 28), date(2028, 2, 28), True),
        (Birthday(2, 28), date(2027, 2, 28), True),
        # 2025 has two sixth months: 25 June to 24 July, and the leap one from 25 July on
        (lunar(6, 1), date(2025, 6, 25), True),
        (lunar(6, 1), date(2025, 7, 25), False),
        (lunar(6, 1, is_leap=True), date(2025, 7, 25), True),
        (lunar(6, 1, is_leap=True), date(2025, 6, 25), False),
        # 2026 has one, from 14 July on
        (lunar(6, 1, is_leap=True), date(2026, 7, 14), True),
        (lunar(6, 1), date(2026, 7, 14), True),
        # the leap month of 2023 is another one: 6/1 falls once
        (lunar(2, 1, is_leap=True), date(2023, 3, 22), True),
        (lunar(2, 1), date(2023, 3, 22), False),
        (lunar(2, 1), date(2023, 2, 20), True),
        # the twelfth month of 2024 had 29 days (28 January 2025), that of 2023 had 30 (9 February 2024)
        (lunar(12, 30), date(2025, 1, 28), True),
        (lunar(12, 29), date(2025, 1, 28), True),
        (lunar(12, 30), date(2024, 2, 9), True),
        (lunar(12, 30), date(2024, 2, 8), False),
        (lunar(12, 30), date(2025, 1, 29), False),
    ],
)
def test_is_birthday(birthday, day, is_it):
    assert birthdays.is_birthday(birthday, day) is is_it


def test_next_on_is_today_or_the_next_one():
    assert birthdays.next_on(LEAP_DAY, date(2027, 2, 28)) == date(2027, 2, 28)
    assert birthdays.next_on(LEAP_DAY, date(2027, 3, 1)) == date(2028, 2, 29)
    assert birthdays.next_on(lunar(12, 30), date(2025, 1, 29)) == date(2026, 2, 16)
    assert birthdays.next_on(lunar(6, 1, is_leap=True), date(2025, 6, 26)) == date(2025, 7, 25)
    assert birthdays.next_on(lunar(6, 1), date(2025, 6, 26)) == date(2026, 7, 14)


_KEYS = st.builds(Birthday, st.integers(1, 12), st.integers(1, 28)) | st.builds(
    Birthday,
    st.integers(1, 12),
    st.integers(1, 30),
    st.none(),
    st.just("lunar"),
    st.booleans(),
)


@given(birthday=_KEYS | st.just(LEAP_DAY), year=st.integers(1901, 2098))
def test_a_birthday_falls_once_in_each_year_of_its_calendar(birthday, year):
    first, after = birthdays.falls_on(birthday, year), birthdays.falls_on(birthday, year + 1)
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    assert [day for day in days if birthdays.is_birthday(birthday, day)] == [first]
    assert birthdays.year_of(birthday.calendar, first) == year
    assert birthdays.next_on(birthday, first + timedelta(days=1)) == after


@pytest.mark.parametrize(
    ("text", "said", "found"),
    [
        ("1990-05-12", {}, Birthday(5, 12, 1990)),
        ("1990/5/12", {}, Birthday(5, 12, 1990)),
        ("1990年5月12日", {}, Birthday(5, 12, 1990)),
        ("19900512", {}, Birthday(5, 12, 1990)),
        ("1990-05-12 00:00:00", {}, Birthday(5, 12, 1990)),
        ("05-12", {}, Birthday(5, 12)),
        ("--05-12", {}, Birthday(5, 12)),
        ("5月12日", {}, Birthday(5, 12)),
        ("08-15", {"calendar": "lunar"}, lunar(8, 15)),
        ("06-01", {"calendar": "lunar", "is_leap": True}, lunar(6, 1, is_leap=True)),
        ("农历八月十五", {}, lunar(8, 15)),
        ("农历1987年闰六月初一", {}, lunar(6, 1, is_leap=True, year=1987)),
        ("腊月三十", {}, lunar(12, 30)),
        ("阴历8月15日", {}, lunar(8, 15)),
        ("公历八月十五", {"calendar": "lunar"}, Birthday(8, 15)),
        ("正月廿一", {}, lunar(1, 21)),
    ],
)
def test_read(text, said, found):
    assert birthdays.read(text, **said) == found


@pytest.mark.parametrize(
    "text", ["5/12", "05.12", "12 May", "yesterday", "十三月初一", "八月四十", "1990-05"]
)
def test_what_could_be_either_is_not_read(text):
    with pytest.raises(birthdays.BirthdayUnreadable):
        birthdays.read(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("birthday", "refusal"),
    [
        (Birthday(2, 30), birthdays.NoSuchBirthday),
        (Birthday(13, 1), birthdays.NoSuchBirthday),
        (Birthday(4, 31), birthdays.NoSuchBirthday),
        (Birthday(2, 29, 1990), birthdays.NoSuchBirthday),
        (Birthday(5, 12, 1899), birthdays.NoSuchBirthday),
        (lunar(5, 31), birthdays.NoSuchBirthday),
        (lunar(6, 1, is_leap=True, year=1990), birthdays.NoSuchBirthday),  # 1990 had a leap fifth month
        (Birthday(5, 12, 2026), birthdays.BornInFuture),
    ],
)
def test_what_cannot_be_a_birthday_is_refused(company, birthday, refusal):
    with pytest.raises(refusal):
        birthdays.checked(birthday, at=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "birthday",
    [Birthday(2, 29), Birthday(2, 29, 1992), Birthday(5, 11, 2026), lunar(5, 1, is_leap=True, year=1990)],
)
def test_what_can_be_one_stays_as_it_is(company, birthday):
    assert birthdays.checked(birthday, at=NOW) == birthday


# --- As it stands with a contact ---------------------------------------------------------------
@pytest.fixture
def contact(customer):
    return customer.contacts.get()


def birth_of(contact):
    return Contact.objects.filter(pk=contact.pk).values_list(*birthdays.FIELDS).get()


@pytest.mark.django_db
def test_a_birthday_is_written_whole_and_changed_in_part(contact, manager):
    contacts.change_contact(contact, birth_month=5, birth_day=12, by=manager, at=NOW)
    assert birth_of(contact) == ("solar", None, 5, 12, None)
    contacts.change_contact(contact, birth_calendar="lunar", by=manager, at=NOW)
    assert birth_of(contact) == ("lunar", None, 5, 12, False)
    with pytest.raises(birthdays.BirthdayIncomplete):
        contacts.change_contact(contact, birth_day=None, by=manager, at=NOW)
    contacts.change_contact(contact, birth_month=None, birth_day=None, by=manager, at=NOW)
    assert birth_of(contact) == ("", None, None, None, None)


@pytest.mark.django_db
def test_changing_something_else_leaves_the_birthday(contact, manager):
    contacts.change_contact(contact, birth_month=5, birth_day=12, birth_year=1990, by=manager, at=NOW)
    contacts.change_contact(contact, role="owner", by=manager, at=NOW)
    assert birth_of(contact) == ("solar", 1990, 5, 12, None)


@pytest.mark.django_db
def test_a_birthday_is_sealed_in_the_audit_and_gone_when_erased(contact, manager, admin):
    contacts.change_contact(contact, birth_month=5, birth_day=12, birth_year=1990, by=manager, at=NOW)
    event = AuditEvent.objects.filter(act="contact.change").latest("pk")
    assert event.codes["fields"] == ["birth_calendar", "birth_day", "birth_month", "birth_year"]
    assert "1990" not in str(event.codes)
    erase_person(contact, reason="request", by=admin, at=NOW)
    assert birth_of(contact) == ("", None, None, None, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "columns",
    [
        {"birth_calendar": "solar", "birth_month": 5},
        {"birth_month": 5, "birth_day": 12},
        {"birth_calendar": "solar", "birth_month": 13, "birth_day": 1},
        {"birth_calendar": "lunar", "birth_month": 1, "birth_day": 31, "birth_is_leap": False},
        {"birth_calendar": "solar", "birth_month": 1, "birth_day": 3, "birth_is_leap": True},
        {"birth_calendar": "solar", "birth_month": 1, "birth_day": 3, "birth_year": 1899},
    ],
)
def test_the_database_refuses_half_a_birthday(contact, columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(**columns)


@pytest.mark.django_db
def test_a_line_with_a_bad_birthday_is_refused_with_its_field(company):
    context = Context(source="x", at=NOW, firm=company)
    with pytest.raises(CellRefused) as refused:
        check_contact({"birthday": "1990-02-30"}, context)
    assert (refused.value.field, refused.value.reason.code) == ("birthday", "no_such_birthday")
    check_contact({"birthday": ""}, context)
    check_contact({}, context)


@pytest.mark.django_db
def test_a_contact_without_birthday_is_nobodys_match(customer):
    assert birthdays.of(ContactFactory(customer=customer, is_main=False)) is None
