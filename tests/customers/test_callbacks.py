"""Times at which one is called: within the working calendar, far enough ahead, promised in words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from customers import callbacks
from customers.company import STANDARD_WEEK
from customers.ground.working_time import Window, WorkingCalendar

ZONE = "Asia/Shanghai"
WEEK = tuple(tuple(Window(*pair) for pair in day) for day in STANDARD_WEEK)


def calendar(**exceptions: tuple[Window, ...]) -> WorkingCalendar:
    days = {date.fromisoformat(day.removeprefix("d").replace("_", "-")): w for day, w in exceptions.items()}
    return WorkingCalendar(zone=ZONE, week=WEEK, exceptions=days)


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def times(at: str, known: WorkingCalendar | None = None) -> list[str]:
    found = callbacks.offered(local(at), calendar=known or calendar())
    with translation.override("en"):
        return [slot.words(ZONE) for slot in found]


def test_the_next_four_stretches_are_offered():
    assert times("2026-05-11T10:00") == [
        "Monday, May 11, 09:00–12:00",
        "Monday, May 11, 13:30–18:00",
        "Tuesday, May 12, 09:00–12:00",
        "Tuesday, May 12, 13:30–18:00",
    ]


@pytest.mark.parametrize(
    ("at", "first"),
    [
        ("2026-05-11T10:59", "Monday, May 11, 09:00–12:00"),  # more than an hour is left
        ("2026-05-11T11:00", "Monday, May 11, 13:30–18:00"),
        ("2026-05-11T17:00", "Tuesday, May 12, 09:00–12:00"),
        ("2026-05-15T17:30", "Monday, May 18, 09:00–12:00"),  # over the weekend
        ("2026-05-16T10:00", "Monday, May 18, 09:00–12:00"),
    ],
)
def test_a_time_leaves_an_hour_of_work_at_least(at, first):
    assert times(at)[0] == first


def test_holidays_and_make_up_days_count():
    known = calendar(d2026_05_18=(), d2026_05_17=(Window(9 * 60, 12 * 60),))
    assert times("2026-05-15T18:00", known)[:2] == [
        "Sunday, May 17, 09:00–12:00",
        "Tuesday, May 19, 09:00–12:00",
    ]


def test_what_was_offered_is_taken_while_it_leaves_an_hour():
    slot = callbacks.offered(local("2026-05-11T10:00"), calendar=calendar())[0]
    taken = callbacks.chosen(slot.code, at=local("2026-05-11T10:59"), calendar=calendar())
    assert taken == slot
    with pytest.raises(callbacks.TimeGone):
        callbacks.chosen(slot.code, at=local("2026-05-11T11:00"), calendar=calendar())


@pytest.mark.parametrize("code", ["", "x", "20260511T0130Z", "20260510T0100Z", "20260608T0100Z"])
def test_a_time_of_nobody_is_refused(code):
    """Not at an opening; a Sunday; more than three weeks ahead."""
    with pytest.raises(callbacks.TimeGone):
        callbacks.chosen(code, at=local("2026-05-11T10:00"), calendar=calendar())


def test_a_promise_stands_on_the_clock_of_who_was_promised():
    due = local("2026-05-11T18:00")
    with translation.override("en"):
        assert callbacks.promise(due, ZONE) == "Monday, May 11, 18:00"
        assert callbacks.promise(due, "Europe/Berlin") == "Monday, May 11, 12:00"
    with translation.override("zh-hans"):
        assert "18:00" in callbacks.promise(due, ZONE)
        assert "星期一" in callbacks.promise(due, ZONE)
