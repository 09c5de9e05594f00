from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.ground.localtime import (
    NaiveMoment,
    UnknownTimeZone,
    day_number,
    day_of,
    moment_at,
    start_of_day,
    zone_of,
)

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",  # changes clocks by half an hour
    "America/Havana",  # skips and repeats midnight
    "Africa/Cairo",
    "Pacific/Kiritimati",  # fourteen hours ahead of UTC
)
zones = st.sampled_from(ZONES)
days = st.dates(date(2012, 1, 1), date(2030, 12, 31))
MICROSECOND = timedelta(microseconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_day_number_is_the_ordinal_of_the_local_date_when_utc_has_another():
    late = utc(2026, 2, 13, 16)  # midnight in Shanghai
    assert day_number(late, "Asia/Shanghai") == date(2026, 2, 14).toordinal()
    assert day_number(late - MICROSECOND, "Asia/Shanghai") == date(2026, 2, 13).toordinal()
    assert day_number(late, "UTC") == date(2026, 2, 13).toordinal()


def test_day_number_ignores_the_zone_that_the_moment_is_written_in():
    moment = datetime(2026, 2, 14, 0, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert day_number(moment, "America/New_York") == date(2026, 2, 13).toordinal()


def test_day_number_refuses_when_the_moment_is_naive():
    with pytest.raises(NaiveMoment):
        day_number(datetime(2026, 2, 14), "UTC")  # noqa: DTZ001


@pytest.mark.parametrize("name", ["Asia/Shangai", "", "../UTC", "/etc/localtime", "Asia", "a\0b"])
def test_zone_of_refuses_and_names_examples_when_there_is_no_such_zone(name: str):
    with pytest.raises(UnknownTimeZone) as refusal:
        zone_of(name)
    assert "Asia/Shanghai" in str(refusal.value)


@given(days, zones)
def test_day_of_is_the_inverse_of_day_number(day: date, zone: str):
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    assert day_of(day_number(noon, zone)) == day


@given(days, zones)
def test_start_of_day_is_the_first_moment_of_its_day(day: date, zone: str):
    start = start_of_day(day.toordinal(), zone)
    assert start.tzinfo is UTC
    assert day_number(start, zone) == day.toordinal()
    assert day_number(start - MICROSECOND, zone) == day.toordinal() - 1


def test_start_of_day_is_the_jump_when_clocks_skip_midnight():
    assert start_of_day(date(2026, 3, 8).toordinal(), "America/Havana") == utc(2026, 3, 8, 5)


def test_start_of_day_is_the_first_midnight_when_it_comes_twice():
    assert start_of_day(date(2026, 11, 1).toordinal(), "America/Havana") == utc(2026, 11, 1, 4)


def test_moment_at_is_the_jump_for_every_minute_that_clocks_skip():
    jump = utc(2026, 3, 8, 7)  # 02:00 becomes 03:00 in New York
    for minute in (120, 121, 150, 179, 180):
        assert moment_at(date(2026, 3, 8), minute, "America/New_York") == jump
    assert moment_at(date(2026, 3, 8), 119, "America/New_York") == jump - timedelta(minutes=1)
    assert moment_at(date(2026, 3, 8), 181, "America/New_York") == jump + timedelta(minutes=1)


def test_moment_at_is_the_first_time_when_clocks_repeat_an_hour():
    assert moment_at(date(2026, 11, 1), 90, "America/New_York") == utc(2026, 11, 1, 5, 30)
    assert moment_at(date(2026, 11, 1), 120, "America/New_York") == utc(2026, 11, 1, 7)


def test_moment_at_takes_24_00_as_the_next_midnight_and_nothing_beyond():
    assert moment_at(date(2026, 11, 1), 1440, "UTC") == utc(2026, 11, 2)
    for minute in (-1, 1441):
        with pytest.raises(ValueError, match="minute"):
            moment_at(date(2026, 11, 1), minute, "UTC")


@given(days, zones, st.integers(0, 1439))
def test_moment_at_never_goes_back_when_the_minute_goes_on(day: date, zone: str, minute: int):
    assert moment_at(day, minute, zone) <= moment_at(day, minute + 1, zone)
