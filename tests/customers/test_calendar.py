"""The working calendar: the week, delivered holidays and make-up days, own exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import calendar
from customers import company as firm
from customers.ground.holidays import UnknownCountry
from customers.ground.models import AuditEvent, CalendarException, Company
from customers.ground.working_time import BadWorkingCalendar, NoWorkingTime, Window, add_working_time
from customers.models import User
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NINE_TO_FIVE = [(Window(540, 1020),)] * 5 + [(), ()]
MONDAY = date(2026, 5, 11)  # NOW: 10:00 in Shanghai
DRAGON_BOAT = date(2026, 6, 19)  # a Friday, public holiday of China
NEW_YEAR_SWAP = date(2026, 1, 4)  # a Sunday, worked for the second of January


def due_in(hours: float) -> datetime:
    return add_working_time(NOW, timedelta(hours=hours), calendar=firm.working_calendar())


def windows_on(day: date) -> str:
    return calendar.text_of((w.start, w.end) for w in firm.working_calendar().windows_on(day))


def set_week(admin: User, *, country: str = "CN", week: Any = None) -> None:
    calendar.set_week(week=week or NINE_TO_FIVE, country=country, by=admin, at=NOW)


# --- The week and the country -------------------------------------------------------------------
def test_week_and_country_move_deadlines(admin: User) -> None:
    set_week(admin, country="")
    assert due_in(8) == datetime(2026, 5, 12, 2, 0, tzinfo=UTC)  # seven hours today, one tomorrow
    set_week(admin, week=[(), (Window(600, 660),), (), (), (), (), ()])
    assert due_in(0.5) == datetime(2026, 5, 12, 2, 30, tzinfo=UTC)
    assert AuditEvent.objects.filter(act="calendar.set", actor_id=admin.pk).count() == 2


def test_holidays_are_closed_and_make_up_days_have_the_hours_of_the_week(admin: User) -> None:
    set_week(admin)
    assert windows_on(DRAGON_BOAT) == ""
    assert windows_on(NEW_YEAR_SWAP) == "09:00–17:00"
    assert windows_on(date(2026, 6, 18)) == "09:00–17:00"
    set_week(admin, week=[(Window(480, 720),)] * 5 + [(), ()])
    assert windows_on(NEW_YEAR_SWAP) == "08:00–12:00"


def test_another_country_takes_its_holidays_along_and_own_days_stay(admin: User) -> None:
    set_week(admin)
    calendar.add_exception(day=MONDAY, windows=(), label="Stocktaking", by=admin, at=NOW)
    set_week(admin, country="DE")
    assert windows_on(DRAGON_BOAT) == "09:00–17:00"
    assert windows_on(date(2026, 5, 1)) == ""
    set_week(admin, country="")
    assert list(CalendarException.objects.values_list("day", "is_own")) == [(MONDAY, True)]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"week": [()] * 7}, NoWorkingTime),
        ({"week": [(Window(540, 720), Window(700, 800))] + [()] * 6}, BadWorkingCalendar),
        ({"country": "XX"}, UnknownCountry),
    ],
)
def test_what_is_no_calendar_is_refused_and_nothing_changes(admin: User, values: Any, refusal: Any) -> None:
    set_week(admin)
    before = list(CalendarException.objects.values()), Company.objects.values().get()
    with pytest.raises(refusal):
        set_week(admin, **values)
    assert (list(CalendarException.objects.values()), Company.objects.values().get()) == before


# --- Days that differ ---------------------------------------------------------------------------
def test_own_day_closes_or_opens_and_is_taken_back(admin: User) -> None:
    set_week(admin)
    closed = calendar.add_exception(day=MONDAY, windows=(), label="Stocktaking", by=admin, at=NOW)
    assert due_in(1) == datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
    opened = calendar.add_exception(
        day=DRAGON_BOAT, windows=(Window(600, 720),), label="Fair", by=admin, at=NOW
    )
    assert windows_on(DRAGON_BOAT) == "10:00–12:00"
    calendar.remove_exception(closed, by=admin, at=NOW)
    calendar.remove_exception(opened, by=admin, at=NOW)
    assert due_in(1) == NOW + timedelta(hours=1)
    assert windows_on(DRAGON_BOAT) == ""  # the public holiday counts again
    acts = AuditEvent.objects.filter(act__startswith="calendar.").values_list("act", flat=True)
    added, removed = ["calendar.add_exception"] * 2, ["calendar.remove_exception"] * 2
    assert sorted(acts) == [*added, *removed, "calendar.set"]


def test_own_day_is_entered_anew_and_delivery_leaves_it(admin: User) -> None:
    set_week(admin)
    for hours in ((Window(540, 600),), (Window(600, 660),)):
        calendar.add_exception(day=DRAGON_BOAT, windows=hours, by=admin, at=NOW)
    set_week(admin)
    assert windows_on(DRAGON_BOAT) == "10:00–11:00"
    assert CalendarException.objects.filter(day=DRAGON_BOAT).count() == 1


def test_delivered_day_is_not_removed(admin: User) -> None:
    set_week(admin)
    with pytest.raises(calendar.NotYourException):
        calendar.remove_exception(CalendarException.objects.get(day=DRAGON_BOAT), by=admin, at=NOW)


def test_holidays_of_the_next_year_come_by_themselves(admin: User) -> None:
    assert calendar.keep(at=NOW) == 0  # no country
    set_week(admin, country="DE")
    assert calendar.keep(at=NOW) == 0
    assert calendar.keep(at=NOW + timedelta(days=366)) > 5
    assert windows_on(date(2028, 5, 1)) == ""


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("09:00-12:00, 13:30-18:00", ((540, 720), (810, 1080))),
        ("9:00 – 12:00;13:30—18:00", ((540, 720), (810, 1080))),
        ("09：00至12：00、13：30～18：00", ((540, 720), (810, 1080))),
        ("00:00-24:00", ((0, 1440),)),
        ("  ", ()),
    ],
)
def test_hours_are_read_as_people_type_them(text: str, windows: Any) -> None:
    assert tuple((w.start, w.end) for w in calendar.windows_of(text)) == windows


@pytest.mark.parametrize("text", ["9-12", "12:00-09:00", "09:00-25:00", "nine", "09:00-12:00, 11:00-13:00"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadWorkingCalendar):
        calendar.windows_of(text)


# --- The page -----------------------------------------------------------------------------------
def form(**changed: str) -> dict[str, str]:
    days = {f"day_{number}": "09:00-17:00" for number in range(5)}
    return {"country": "CN", **days, "day_5": "", "day_6": "", **changed}


def test_page_sets_the_week_and_leads_on(client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(reverse("customers:calendar"), form(day_5="10:00-12:00"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("customers:first_week"))
    assert Company.objects.get().week[5] == [[600, 720]]
    assert CalendarException.objects.filter(day=DRAGON_BOAT).exists()


def test_page_refuses_bad_hours_and_keeps_what_was_typed(client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(reverse("customers:calendar"), form(day_0="17:00-09:00"))
    assert (answer.status_code, "17:00-09:00" in answer.content.decode()) == (422, True)
    shut = client.post(reverse("customers:calendar"), form(**{f"day_{n}": "" for n in range(7)}))
    assert (shut.status_code, "never open" in shut.content.decode()) == (422, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["make-up working day", "China (CN)"]), ("zh-hans", ["调休上班日", "中国 (CN)"])],
)
def test_page_lists_a_year_in_both_languages(
    client: Client, admin: User, language: str, words: list[str]
) -> None:
    set_week(admin)
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    page = client.get(reverse("customers:calendar"), {"year": "2026"}).content.decode()
    assert all(word in page for word in words)
    assert client.get(reverse("customers:calendar"), {"year": "99999"}).status_code == 200


def test_page_enters_and_removes_a_day(client: Client, admin: User) -> None:
    client.force_login(admin)
    said = {"day": "2026-05-11", "windows": "10:00-12:00", "label": "Fair"}
    assert client.post(reverse("customers:calendar_add"), said)["Location"].endswith("?year=2026")
    row = CalendarException.objects.get()
    assert (row.windows, row.label, row.is_own) == ([[600, 720]], "Fair", True)
    for bad in ({"day": ""}, {"day": "0001-01-01"}, {"windows": "x"}):
        assert client.post(reverse("customers:calendar_add"), {**said, **bad}).status_code == 422
    client.post(reverse("customers:calendar_remove", args=[row.pk]))
    assert not CalendarException.objects.exists()


@pytest.mark.parametrize("role", ["lead", "manager", "analyst"])
def test_only_admins_open_the_calendar(client: Client, request: Any, role: str) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(reverse("customers:calendar")).status_code == 403
    assert client.post(reverse("customers:calendar_add"), {}).status_code == 403
