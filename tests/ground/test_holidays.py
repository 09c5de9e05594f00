from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from customers.ground.holidays import UnknownCountry, countries, national_exceptions, published_until
from customers.ground.working_time import (
    STANDARD_WEEK,
    Window,
    WorkingCalendar,
    add_working_time,
    open_ranges,
    working_time_between,
)
from tests.cases.load import office_week

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEK = office_week("09:00-12:00", "13:30-18:00")
WORKED = WEEK[0]


def china(*years: int) -> WorkingCalendar:
    return WorkingCalendar("Asia/Shanghai", WEEK, national_exceptions("CN", years, week=WEEK))


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]


def test_national_exceptions_are_those_of_the_state_council_for_2026():
    found = national_exceptions("CN", [2026], week=WEEK)
    worked = {day for day, windows in found.items() if windows}
    assert worked == {
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    }
    assert all(found[day] == WORKED for day in worked)
    spring_festival = {date(2026, 2, 16) + timedelta(days=n) for n in range(5)} | {date(2026, 2, 23)}
    assert spring_festival <= {day for day, windows in found.items() if not windows}
    assert date(2026, 2, 13) not in found and date(2026, 2, 24) not in found  # ordinary working days


def test_deadline_passes_the_spring_festival_and_its_make_up_saturdays():
    friday = local(2026, 2, 13, 17)
    due = {
        hours: add_working_time(friday, timedelta(hours=hours), calendar=china(2026)) for hours in (1, 8, 9)
    }
    assert due[1] == local(2026, 2, 13, 18)
    assert due[8] == local(2026, 2, 14, 17, 30)  # worked on Saturday the 14th
    assert due[9] == local(2026, 2, 24, 9, 30)  # off from the 15th to the 23rd
    without = WorkingCalendar("Asia/Shanghai", WEEK)
    assert add_working_time(friday, timedelta(hours=8), calendar=without) == local(2026, 2, 16, 17, 30)


def test_make_up_saturday_is_open_and_the_saturday_before_is_not():
    def open_on(day: int) -> int:
        start = local(2026, 2, day)
        return len(open_ranges(start, start + timedelta(days=1), calendar=china(2026)))

    assert [open_on(day) for day in (7, 14, 21, 28)] == [0, 2, 0, 2]


def test_working_days_of_a_chinese_year_are_as_published():
    start, end = local(2025, 1, 1), local(2026, 1, 1)
    days = working_time_between(start, end, calendar=china(2025)) / timedelta(hours=7.5)
    assert days == 365 - 2 * 52 - 18 + 5  # weekends; holidays on weekdays; make-up days


def test_make_up_day_lies_in_the_year_that_it_is_worked_in():
    assert national_exceptions("CN", [2011])[date(2011, 12, 31)] == STANDARD_WEEK[1]  # for Tuesday 2012-01-03
    assert date(2011, 12, 31) not in national_exceptions("CN", [2012])


def test_make_up_day_has_the_windows_of_the_weekday_that_it_pays_for():
    friday = (Window(540, 780),)
    week = (*STANDARD_WEEK[:4], friday, (), ())
    found = national_exceptions("CN", [2026], week=week)
    assert found[date(2026, 2, 14)] == friday  # for Friday the 20th
    assert found[date(2026, 2, 28)] == STANDARD_WEEK[0]  # for Monday the 23rd
    four_days = (*STANDARD_WEEK[:4], (), (), ())
    assert national_exceptions("CN", [2026], week=four_days)[date(2026, 2, 14)] == ()


def test_national_exceptions_are_those_of_the_law_when_the_year_is_not_published():
    beyond = (published_until("CN") or 0) + 1
    found = national_exceptions("CN", [beyond])
    assert date(beyond, 10, 1) in found and date(beyond, 5, 1) in found
    assert not any(found.values())


def test_published_until_is_a_year_for_china_and_none_where_days_are_never_swapped():
    assert published_until("CN") == 2026
    assert published_until("GB") is None


def test_national_exceptions_join_years_and_hold_no_other():
    both = national_exceptions("CN", [2026, 2025, 2025])
    assert both == national_exceptions("CN", [2025]) | national_exceptions("CN", [2026])
    assert {day.year for day in both} == {2025, 2026}
    assert list(both) != [] and national_exceptions("CN", []) == {}


def test_holiday_is_not_worked_when_it_stands_in_the_table_of_swaps():
    # Russia moved the days off of these holidays; the holidays themselves stayed.
    found = national_exceptions("RU", [2013])
    assert found[date(2013, 1, 5)] == () and found[date(2013, 2, 23)] == ()


def test_national_exceptions_close_a_holiday_elsewhere():
    calendar = WorkingCalendar("Europe/London", STANDARD_WEEK, national_exceptions("GB", [2026]))
    good_friday = datetime(2026, 4, 3, 10, tzinfo=UTC)
    due = add_working_time(good_friday, timedelta(hours=1), calendar=calendar)
    assert due.date() == date(2026, 4, 6)  # Easter Monday is none of the whole kingdom


@pytest.mark.parametrize("country", ["XX", "", "cn", "China", "holiday_base", "CHN"])
def test_national_exceptions_refuse_and_show_the_code_when_the_country_is_unknown(country: str):
    for ask in (lambda: national_exceptions(country, [2026]), lambda: published_until(country)):
        with pytest.raises(UnknownCountry) as refusal:
            ask()
        assert f"“{country}”" in str(refusal.value) and "CN" in str(refusal.value)


def test_countries_are_codes_in_order_and_china_is_one():
    found = countries()
    assert "CN" in found and list(found) == sorted(found) and all(len(code) == 2 for code in found)
    assert len(found) > 100
