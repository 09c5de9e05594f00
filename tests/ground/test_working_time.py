from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from customers.ground import working_time
from customers.ground.localtime import NaiveMoment, UnknownTimeZone
from customers.ground.working_time import (
    STANDARD_WEEK,
    BadWorkingCalendar,
    NoWorkingTime,
    Range,
    Window,
    WorkingCalendar,
    add_working_days,
    add_working_time,
    due_after_pauses,
    is_open,
    next_open,
    open_ranges,
    parse_windows,
    working_time_between,
)
from tests.cases.load import (
    WORKING_TIME,
    asking,
    calendar_of,
    moment,
    office_week,
    pauses_of,
    ranges_of,
    rows,
    span_of,
)

CLOSED_WEEK = ((),) * 7
ALL_HOURS = office_week("00:00-24:00", days=7)
HOUR = timedelta(hours=1)
ZERO = timedelta(0)
OFFICE = WorkingCalendar("UTC", office_week("09:00-17:00"))
SPLIT = WorkingCalendar("UTC", office_week("09:00-12:00", "13:30-18:00"))


# --- Rows from outside -------------------------------------------------------------------------------


def test_rows_from_outside_are_all_there_and_all_asked():
    found = rows(*WORKING_TIME)
    expected = [f"B{n}" for n in range(1, 15)] + [f"C{n}" for n in range(1, 13)]
    expected += [f"H{n}" for n in range(1, 16)] + ["FC1", "FC2"] + [f"E{n}" for n in range(1, 8)]
    assert sorted(row["id"] for row in found) == sorted(expected)
    assert all(row["source"] and row["licence"] for row in found)
    here = {"due", "refused", "elapsed", "ranges"}
    in_test_deadlines = {"deadlines", "stages", "targets", "breached"}
    assert {row["asks"] for row in found} == here | in_test_deadlines


@pytest.mark.parametrize("row", asking("due"))
def test_add_working_time_is_as_other_products_expect(row: dict[str, Any]):
    calendar = calendar_of(row["calendar"])
    start = moment(row["start"], calendar.zone)
    if "pauses" in row:
        due = due_after_pauses(start, span_of(row["hours"]), pauses=pauses_of(row), calendar=calendar)
    else:
        due = add_working_time(start, span_of(row["hours"]), calendar=calendar)
    assert due == moment(row["expected"], calendar.zone)
    assert due == moment(
        row.get("expected_utc", row["expected"]), "UTC" if "expected_utc" in row else calendar.zone
    )


@pytest.mark.parametrize("row", asking("refused"))
def test_calendar_is_refused_when_it_has_no_open_window(row: dict[str, Any]):
    with pytest.raises(NoWorkingTime) as refusal:
        calendar_of(row["calendar"])
    assert "Monday 09:00–17:00" in str(refusal.value)


@pytest.mark.parametrize("row", asking("elapsed"))
def test_working_time_between_is_as_other_products_expect(row: dict[str, Any]):
    calendar = calendar_of(row["calendar"])
    start, resolved, pauses = moment(row["start"]), moment(row["resolved"]), pauses_of(row)
    held = sum((working_time_between(*pause, calendar=calendar) for pause in pauses), ZERO)
    assert held.total_seconds() == row["hold_seconds"]
    elapsed = working_time_between(start, resolved, calendar=calendar)
    assert elapsed.total_seconds() == row["elapsed_seconds"]
    used = working_time_between(start, resolved, calendar=calendar, pauses=pauses)
    assert used.total_seconds() == row["resolution_seconds"]


@pytest.mark.parametrize("row", asking("ranges"))
def test_open_ranges_are_as_other_products_expect(row: dict[str, Any]):
    calendar = calendar_of(row["calendar"])
    found = open_ranges(moment(row["from"]), moment(row["to"]), calendar=calendar)
    for day in row["days"]:
        of_day = [pair for pair in found if pair[0].date().isoformat() == day]
        assert of_day == ranges_of(day, row["expected"])


def test_open_ranges_hold_nothing_else_when_rows_are_put_together():
    wanted = [row for row in rows("working_time_espocrm") if row["id"] in ("E1", "E2", "E3", "E4")]
    expected = [pair for row in wanted for day in row["days"] for pair in ranges_of(day, row["expected"])]
    first = wanted[0]
    calendar = calendar_of(first["calendar"])
    assert open_ranges(moment(first["from"]), moment(first["to"]), calendar=calendar) == sorted(expected)


# --- Windows and calendars ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("09:00-17:00", Window(540, 1020)),
        ("09:00–17:30", Window(540, 1050)),
        (" 00:00 - 24:00 ", Window(0, 1440)),
        ("23:59-24:00", Window(1439, 1440)),
    ],
)
def test_window_parse_reads_minutes_of_the_day(text: str, window: Window):
    assert Window.parse(text) == window


@pytest.mark.parametrize(
    "text",
    ["", "09:00", "-", "17:00-09:00", "09:00-09:00", "09:00-24:01", "24:00-24:00", "9-17", "09:00:30-17:00"]
    + ["09-17", "0900-1700", "09:00+01:00-17:00", "09:00-12:00-17:00", "09:00-17:00Z", "25:00-26:00"],
)
def test_window_parse_refuses_and_shows_the_text_when_it_is_no_window(text: str):
    with pytest.raises(BadWorkingCalendar) as refusal:
        Window.parse(text)
    assert f"“{text}”" in str(refusal.value)
    assert "09:00–12:00" in str(refusal.value)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (6, 5), (0, 1441)])
def test_window_refuses_when_it_is_no_part_of_a_day(start: int, end: int):
    with pytest.raises(BadWorkingCalendar):
        Window(start, end)


def test_parse_windows_takes_windows_that_touch_and_refuses_an_overlap_or_another_order():
    assert parse_windows(["09:00-12:00", "12:00-13:00"]) == (Window(540, 720), Window(720, 780))
    for texts in (["09:00-12:00", "11:59-13:00"], ["13:00-14:00", "09:00-12:00"]):
        with pytest.raises(BadWorkingCalendar):
            parse_windows(texts)


@pytest.mark.parametrize("texts", ["09:00-12:00", [9], [None]])
def test_parse_windows_refuses_when_it_gets_no_list_of_texts(texts: Any):
    with pytest.raises(BadWorkingCalendar):
        parse_windows(texts)


def test_calendar_refuses_windows_that_overlap_in_week_or_exception():
    overlap = (Window(540, 720), Window(700, 800))
    with pytest.raises(BadWorkingCalendar):
        WorkingCalendar("UTC", (overlap, *CLOSED_WEEK[1:]))
    with pytest.raises(BadWorkingCalendar):
        WorkingCalendar("UTC", STANDARD_WEEK, {date(2026, 1, 1): overlap})


def test_calendar_refuses_when_the_zone_is_unknown_or_the_week_is_short():
    with pytest.raises(UnknownTimeZone):
        WorkingCalendar("Mars/Olympus", STANDARD_WEEK)
    with pytest.raises(ValueError, match="seven days"):
        WorkingCalendar("UTC", STANDARD_WEEK[:6])


def test_calendar_is_taken_when_only_an_exception_is_open():
    calendar = WorkingCalendar("UTC", CLOSED_WEEK, {date(2026, 5, 9): (Window(600, 660),)})
    start = moment("2026-05-01T00:00")
    assert add_working_time(start, HOUR, calendar=calendar) == moment("2026-05-09T11:00")
    with pytest.raises(NoWorkingTime):
        add_working_time(start, HOUR + timedelta(seconds=1), calendar=calendar)


def test_calendar_is_refused_when_its_only_exception_is_closed():
    with pytest.raises(NoWorkingTime):
        WorkingCalendar("UTC", CLOSED_WEEK, {date(2026, 5, 9): ()})


def test_calendars_are_equal_when_their_days_are():
    def calendar() -> WorkingCalendar:
        return WorkingCalendar("Asia/Shanghai", SPLIT.week, {date(2026, 10, 1): ()})

    used = calendar()
    add_working_time(moment("2026-05-11T10:00"), HOUR, calendar=used)
    assert used == calendar() and hash(used) == hash(calendar())


def test_calendars_differ_when_only_their_exceptions_do():
    holiday = WorkingCalendar("UTC", STANDARD_WEEK, {date(2026, 5, 1): ()})
    assert holiday != WorkingCalendar("UTC", STANDARD_WEEK)


def test_calendar_keeps_its_days_when_the_caller_changes_its_exceptions():
    exceptions = {date(2026, 5, 11): ()}
    calendar = WorkingCalendar("UTC", STANDARD_WEEK, exceptions)
    exceptions.clear()
    assert calendar.windows_on(date(2026, 5, 11)) == ()
    with pytest.raises(TypeError):
        calendar.exceptions[date(2026, 5, 12)] = ()  # type: ignore[index]


# --- Deadlines ---------------------------------------------------------------------------------------


def test_add_working_time_passes_the_lunch_break():
    start = moment("2026-05-11T11:00")
    assert add_working_time(start, HOUR, calendar=SPLIT) == moment("2026-05-11T12:00")  # at the close
    assert add_working_time(start, HOUR * 1.5, calendar=SPLIT) == moment("2026-05-11T14:00")
    in_the_break = moment("2026-05-11T12:30")
    assert add_working_time(in_the_break, HOUR, calendar=SPLIT) == moment("2026-05-11T14:30")


def test_add_working_time_counts_from_the_next_opening_when_it_starts_at_the_close():
    friday_close = moment("2026-05-08T17:00")
    tick = timedelta(microseconds=1)
    assert add_working_time(friday_close, tick, calendar=OFFICE) == moment("2026-05-11T09:00") + tick
    assert add_working_time(friday_close - tick, tick, calendar=OFFICE) == friday_close


def test_add_working_time_answers_in_utc_when_the_start_is_in_another_zone():
    start = datetime(2026, 5, 11, 18, tzinfo=ZoneInfo("Asia/Shanghai"))  # 10:00 UTC
    for span in (ZERO, HOUR):
        due = add_working_time(start, span, calendar=OFFICE)
        assert due == start + span and due.tzinfo is UTC
    assert next_open(start, calendar=OFFICE).tzinfo is UTC
    assert open_ranges(start, start + HOUR, calendar=OFFICE)[0][0].tzinfo is UTC


def test_add_working_time_refuses_a_span_below_zero():
    with pytest.raises(ValueError, match="before its start"):
        add_working_time(moment("2026-05-11T10:00"), -HOUR, calendar=OFFICE)


@pytest.mark.parametrize("span", [ZERO, HOUR])
def test_add_working_time_refuses_a_naive_start(span: timedelta):
    with pytest.raises(NaiveMoment):
        add_working_time(datetime(2026, 5, 11, 10), span, calendar=OFFICE)  # noqa: DTZ001


def test_add_working_time_waits_through_a_long_closure_but_not_for_ever():
    start, far = date(2026, 5, 11), working_time.LONGEST_CLOSURE_DAYS
    noon = datetime(2026, 5, 11, 12, tzinfo=UTC)
    for days, reached in ((far, True), (far + 1, False)):
        open_day = start + timedelta(days=days)
        calendar = WorkingCalendar("UTC", CLOSED_WEEK, {open_day: (Window(540, 600),)})
        if reached:
            assert next_open(noon, calendar=calendar).date() == open_day
            assert add_working_time(noon, HOUR, calendar=calendar).date() == open_day
        else:
            with pytest.raises(NoWorkingTime):
                next_open(noon, calendar=calendar)
            with pytest.raises(NoWorkingTime):
                add_working_time(noon, HOUR, calendar=calendar)


def test_add_working_time_counts_closed_days_in_a_row_and_not_in_all():
    yearly = {date(year, 5, 9): (Window(600, 660),) for year in range(2026, 2031)}
    calendar = WorkingCalendar("UTC", CLOSED_WEEK, yearly)
    due = add_working_time(moment("2026-01-01T00:00"), 5 * HOUR, calendar=calendar)
    assert due == moment("2030-05-09T11:00")


def test_add_working_time_waits_as_long_after_an_open_day_as_before_it():
    first, far = date(2026, 5, 11), working_time.LONGEST_CLOSURE_DAYS
    start = moment("2026-05-11T00:00")
    for closed_days, reached in ((far, True), (far + 1, False)):
        second = first + timedelta(days=closed_days + 1)
        days = {day: (Window(540, 600),) for day in (first, second)}
        calendar = WorkingCalendar("UTC", CLOSED_WEEK, days)
        if reached:
            assert add_working_time(start, 2 * HOUR, calendar=calendar).date() == second
            assert add_working_days(start - HOUR, 2, calendar=calendar) == second
        else:
            with pytest.raises(NoWorkingTime):
                add_working_time(start, 2 * HOUR, calendar=calendar)
            with pytest.raises(NoWorkingTime):
                add_working_days(start - HOUR, 2, calendar=calendar)


def test_add_working_time_turns_each_day_into_moments_once(monkeypatch: pytest.MonkeyPatch):
    asked: list[date] = []
    real = working_time.moment_at

    def counting(day: date, minute: int, zone: str) -> datetime:
        asked.append(day)
        return real(day, minute, zone)

    monkeypatch.setattr(working_time, "moment_at", counting)
    calendar = WorkingCalendar("Asia/Shanghai", SPLIT.week)
    start = moment("2026-01-01T00:00")
    for hour in range(10_000):
        add_working_time(start + timedelta(hours=hour % 2_000), 40 * HOUR, calendar=calendar)
    assert len(asked) == 4 * len(set(asked))
    assert len(set(asked)) < 120


def test_calendar_forgets_days_when_it_holds_too_many():
    calendar = WorkingCalendar("UTC", ALL_HOURS)
    start = moment("2026-01-01T00:00")
    working_time_between(start, start + timedelta(days=working_time._CACHED_DAYS + 10), calendar=calendar)
    assert len(calendar._days) <= 20


# --- Clocks that change ------------------------------------------------------------------------------

NEW_YORK = "America/New_York"
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


def on(day: date, *windows: str) -> WorkingCalendar:
    """A New York calendar that is open on one day only."""
    return WorkingCalendar(NEW_YORK, CLOSED_WEEK, {day: parse_windows(windows)})


def whole_days(day: date) -> tuple[datetime, datetime]:
    return moment(f"{day - timedelta(1)}T00:00"), moment(f"{day + timedelta(2)}T00:00")


@pytest.mark.parametrize(
    ("day", "windows", "hours"),
    [
        (SPRING, ["00:00-24:00"], 23),
        (AUTUMN, ["00:00-24:00"], 25),
        (SPRING, ["01:00-04:00"], 2),
        (AUTUMN, ["01:00-04:00"], 4),
        (AUTUMN, ["01:00-02:00"], 2),
        (AUTUMN, ["01:30-03:00"], 2.5),
        (AUTUMN, ["00:30-01:30"], 1),
        (SPRING, ["02:15-02:45"], 0),
        (SPRING, ["02:30-04:00"], 1),
        (SPRING, ["01:30-02:30"], 0.5),
        (SPRING, ["02:15-02:45", "03:00-04:00"], 1),
        (SPRING, ["09:00-17:00"], 8),
        (AUTUMN, ["09:00-17:00"], 8),
    ],
)
def test_open_time_is_what_really_passes_when_clocks_change(day: date, windows: list[str], hours: float):
    assert working_time_between(*whole_days(day), calendar=on(day, *windows)) == timedelta(hours=hours)


def test_add_working_time_loses_no_minute_when_clocks_go_forward_in_a_day_without_close():
    calendar = WorkingCalendar(NEW_YORK, ALL_HOURS)
    start = datetime(2026, 3, 7, 12, tzinfo=ZoneInfo(NEW_YORK))
    due = add_working_time(start, timedelta(hours=24), calendar=calendar)
    assert due == datetime(2026, 3, 8, 13, tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


def test_add_working_time_loses_no_minute_when_clocks_go_back_in_a_day_without_close():
    calendar = WorkingCalendar(NEW_YORK, ALL_HOURS)
    start = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo(NEW_YORK))
    due = add_working_time(start, timedelta(hours=24), calendar=calendar)
    assert due == datetime(2026, 11, 1, 11, tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


# --- Opening -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-05-11T09:00", "2026-05-11T09:00"),
        ("2026-05-11T08:59", "2026-05-11T09:00"),
        ("2026-05-11T11:59:59", "2026-05-11T11:59:59"),
        ("2026-05-11T12:00", "2026-05-11T13:30"),
        ("2026-05-11T18:00", "2026-05-12T09:00"),
        ("2026-05-09T10:00", "2026-05-11T09:00"),
    ],
)
def test_next_open_is_now_when_open_and_else_the_next_opening(at: str, opens: str):
    assert next_open(moment(at), calendar=SPLIT) == moment(opens)
    assert is_open(moment(at), calendar=SPLIT) is (at == opens)


def test_next_open_passes_a_window_that_clocks_skip():
    next_day = SPRING + timedelta(days=1)
    windows = {SPRING: parse_windows(["02:15-02:45"]), next_day: parse_windows(["09:00-10:00"])}
    calendar = WorkingCalendar(NEW_YORK, CLOSED_WEEK, windows)
    opens = next_open(moment(f"{SPRING}T00:00", NEW_YORK), calendar=calendar)
    assert opens == moment(f"{next_day}T09:00", NEW_YORK)


def test_open_ranges_are_none_when_the_end_is_not_after_the_start():
    at = moment("2026-05-11T10:00")
    assert open_ranges(at, at, calendar=OFFICE) == []
    assert open_ranges(at, at - HOUR, calendar=OFFICE) == []


def test_working_time_between_is_negative_when_the_end_is_first():
    early, late = moment("2026-05-08T16:00"), moment("2026-05-11T11:00")
    assert working_time_between(early, late, calendar=OFFICE) == 3 * HOUR
    assert working_time_between(late, early, calendar=OFFICE) == -3 * HOUR


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-05-18T10:00", 1, "2026-05-19"),
        ("2026-05-18T10:00", 5, "2026-05-25"),
        ("2026-05-16T10:00", 1, "2026-05-18"),
        ("2026-05-15T23:30", 1, "2026-05-18"),
        ("2026-04-30T12:00", 1, "2026-05-04"),  # 1 May is closed, Saturday 2 May too
        ("2026-04-30T12:00", 4, "2026-05-07"),
        ("2026-05-07T12:00", 2, "2026-05-09"),  # the make-up Saturday is a working day
        ("2026-05-09T12:00", 1, "2026-05-11"),
    ],
)
def test_add_working_days_counts_days_with_a_window(start: str, days: int, expected: str):
    exceptions = {date(2026, 5, 1): (), date(2026, 5, 9): (Window(600, 601),)}
    calendar = WorkingCalendar("UTC", OFFICE.week, exceptions)
    assert add_working_days(moment(start), days, calendar=calendar) == date.fromisoformat(expected)


def test_add_working_days_counts_from_the_local_day():
    shanghai = WorkingCalendar("Asia/Shanghai", OFFICE.week)
    monday_evening_utc = moment("2026-05-11T16:00")  # Tuesday in Shanghai
    assert add_working_days(monday_evening_utc, 1, calendar=shanghai) == date(2026, 5, 13)
    assert add_working_days(monday_evening_utc, 1, calendar=OFFICE) == date(2026, 5, 12)


def test_add_working_days_waits_through_a_long_closure_but_not_for_ever():
    start, far = moment("2026-05-11T10:00"), working_time.LONGEST_CLOSURE_DAYS
    for days, reached in ((far + 1, True), (far + 2, False)):
        open_day = date(2026, 5, 11) + timedelta(days=days)
        calendar = WorkingCalendar("UTC", CLOSED_WEEK, {open_day: (Window(540, 600),)})
        if reached:
            assert add_working_days(start, 1, calendar=calendar) == open_day
        else:
            with pytest.raises(NoWorkingTime):
                add_working_days(start, 1, calendar=calendar)


@pytest.mark.parametrize("days", [0, -1])
def test_add_working_days_refuses_fewer_days_than_one(days: int):
    with pytest.raises(ValueError, match="at least the first"):
        add_working_days(moment("2026-05-11T10:00"), days, calendar=OFFICE)


# --- Pauses ------------------------------------------------------------------------------------------

START = moment("2026-05-11T10:00")


def at(text: str) -> datetime:
    return moment(f"2026-05-11T{text}")


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        ([], "12:00"),
        ([("11:00", "11:30")], "12:30"),
        ([("11:00", "11:30"), ("11:10", "11:20")], "12:30"),  # one inside another
        ([("11:00", "11:30"), ("11:20", "11:40")], "12:40"),  # overlapping
        ([("11:40", "11:50"), ("11:00", "11:30")], "12:40"),  # out of order
        ([("09:00", "10:15")], "12:15"),  # begun before the start
        ([("08:00", "09:30")], "12:00"),  # over before the start
        ([("12:00", "13:00")], "12:00"),  # begun at the deadline: too late
        ([("11:59", "13:00")], "13:01"),  # begun just before it
        ([("11:00", "11:30"), ("12:15", "12:30")], "12:45"),  # begun before the moved deadline
        ([("11:00", "11:30"), ("12:30", "12:45")], "12:30"),  # begun at the moved deadline
        ([("11:30", "11:00")], "12:00"),  # ends before it begins: none
        ([("10:00", "11:00")], "13:00"),  # from the very start
    ],
)
def test_due_after_pauses_is_moved_by_what_was_paused_before_it(pauses: list[tuple[str, str]], due: str):
    given_pauses = [(at(begins), at(ends)) for begins, ends in pauses]
    assert due_after_pauses(START, 2 * HOUR, pauses=given_pauses, calendar=OFFICE) == at(due)


def test_due_after_pauses_is_not_moved_by_a_pause_outside_hours():
    pauses = [(moment("2026-05-11T18:00"), moment("2026-05-12T08:00"))]
    due = due_after_pauses(START, 10 * HOUR, pauses=pauses, calendar=OFFICE)
    assert due == moment("2026-05-12T12:00")


def test_working_time_between_counts_pauses_once_and_only_inside_the_range():
    pauses = [(at("08:00"), at("10:30")), (at("10:15"), at("11:00")), (at("12:45"), at("15:00"))]
    used = working_time_between(START, at("13:00"), calendar=OFFICE, pauses=pauses)
    assert used == 3 * HOUR - HOUR - HOUR / 4


# --- Properties --------------------------------------------------------------------------------------

PROPERTY_ZONES = ("UTC", "Asia/Shanghai", NEW_YORK, "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata")
moments = st.datetimes(
    datetime(2025, 10, 1),  # noqa: DTZ001
    datetime(2026, 12, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
spans = st.timedeltas(ZERO, timedelta(hours=60))
minutes = st.integers(0, 1440)


def days_of_windows(allowed: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Window, ...]]:
    edges = st.lists(allowed, min_size=0, max_size=6, unique=True).map(sorted)
    return edges.map(lambda e: tuple(Window(a, b) for a, b in zip(e[::2], e[1::2], strict=False)))


@st.composite
def calendars(
    draw: Callable[..., Any],
    zones: tuple[str, ...] = PROPERTY_ZONES,
    allowed: st.SearchStrategy[int] = minutes,
) -> WorkingCalendar:
    day = days_of_windows(allowed)
    week = draw(st.tuples(*[day] * 7))
    dates = st.dates(date(2025, 10, 1), date(2027, 1, 31))
    exceptions = draw(st.dictionaries(dates, day, max_size=4))
    assume(sum(window.end - window.start for windows in week for window in windows) >= 180)
    return WorkingCalendar(draw(st.sampled_from(zones)), week, exceptions)


@given(calendars(), moments, spans)
def test_working_time_between_start_and_due_is_the_span(
    calendar: WorkingCalendar, start: datetime, span: timedelta
):
    due = add_working_time(start, span, calendar=calendar)
    assert due >= start
    assert working_time_between(start, due, calendar=calendar) == span


@given(calendars(), moments, spans)
def test_add_working_time_is_the_first_moment_with_that_much_passed(
    calendar: WorkingCalendar, start: datetime, span: timedelta
):
    assume(span > ZERO)
    due = add_working_time(start, span, calendar=calendar)
    assert working_time_between(start, due - timedelta(microseconds=1), calendar=calendar) < span


@given(calendars(), moments, spans, spans)
def test_add_working_time_adds_up(calendar: WorkingCalendar, start: datetime, one: timedelta, two: timedelta):
    between = add_working_time(start, one, calendar=calendar)
    assert add_working_time(between, two, calendar=calendar) == add_working_time(
        start, one + two, calendar=calendar
    )


@given(calendars(), moments, moments, spans, spans)
def test_add_working_time_keeps_the_order_of_starts_and_spans(
    calendar: WorkingCalendar, one: datetime, two: datetime, short: timedelta, long: timedelta
):
    one, two = sorted((one, two))
    short, long = sorted((short, long))
    assert add_working_time(one, short, calendar=calendar) <= add_working_time(two, short, calendar=calendar)
    assert add_working_time(one, short, calendar=calendar) <= add_working_time(one, long, calendar=calendar)


@given(calendars(), moments, moments, moments)
def test_working_time_between_adds_up_in_any_order(
    calendar: WorkingCalendar, one: datetime, two: datetime, three: datetime
):
    parts = working_time_between(one, two, calendar=calendar) + working_time_between(
        two, three, calendar=calendar
    )
    assert parts == working_time_between(one, three, calendar=calendar)


@given(calendars(), moments)
def test_next_open_is_open_and_nothing_opens_before_it(calendar: WorkingCalendar, moment: datetime):
    opens = next_open(moment, calendar=calendar)
    assert opens >= moment
    assert is_open(opens, calendar=calendar)
    assert working_time_between(moment, opens, calendar=calendar) == ZERO


@given(calendars(), moments, st.timedeltas(ZERO, timedelta(days=10)))
def test_open_ranges_are_in_order_apart_and_inside(
    calendar: WorkingCalendar, start: datetime, length: timedelta
):
    end = start + length
    found = open_ranges(start, end, calendar=calendar)
    assert all(start <= opens < closes <= end for opens, closes in found)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(found))
    assert sum((closes - opens for opens, closes in found), ZERO) == working_time_between(
        start, end, calendar=calendar
    )


whole_minutes = moments.map(lambda moment: moment.replace(second=0, microsecond=0))
off_the_jumps = minutes.filter(lambda minute: minute == 0 or minute >= 240)


@given(
    calendars(zones=("UTC", "Asia/Shanghai", NEW_YORK, "Europe/London"), allowed=off_the_jumps),
    whole_minutes | st.sampled_from([moment("2026-03-08T01:00"), moment("2026-11-01T01:00")]),
    st.integers(0, 1500),
)
def test_working_time_between_is_what_a_clock_on_the_wall_counts(
    calendar: WorkingCalendar, start: datetime, length: int
):
    zone = ZoneInfo(calendar.zone)
    counted = 0
    for minute in range(length):
        wall = (start + timedelta(minutes=minute)).astimezone(zone)
        now = wall.hour * 60 + wall.minute
        windows = calendar.exceptions.get(wall.date(), calendar.week[wall.weekday()])
        counted += any(window.start <= now < window.end for window in windows)
    end = start + timedelta(minutes=length)
    assert working_time_between(start, end, calendar=calendar) == timedelta(minutes=counted)


pause_lists = st.lists(st.tuples(moments, st.timedeltas(ZERO, timedelta(days=3))), max_size=4).map(
    lambda pairs: [(begins, begins + length) for begins, length in pairs]
)


@given(calendars(), moments, spans, pause_lists)
def test_due_after_pauses_leaves_the_span_outside_pauses(
    calendar: WorkingCalendar, start: datetime, span: timedelta, pauses: list[Range]
):
    due = due_after_pauses(start, span, pauses=pauses, calendar=calendar)
    assert due >= add_working_time(start, span, calendar=calendar)
    assert working_time_between(start, due, calendar=calendar, pauses=pauses) == span
