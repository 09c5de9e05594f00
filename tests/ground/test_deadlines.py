from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.deadlines import (
    BadTargets,
    Deadlines,
    Stage,
    Targets,
    deadlines,
    is_breached,
    stage_of,
    targets_for,
)
from customers.ground.working_time import WorkingCalendar, add_working_time, working_time_between
from tests.cases.load import asking, calendar_of, document, moment, office_week, pauses_of, span_of

OFFICE = WorkingCalendar("UTC", office_week("09:00-17:00"))
START = moment("2026-05-11T10:00")


def targets_called(priority: str) -> Targets:
    spans = document("working_time_helpdesk")["priorities"][priority]
    return Targets(span_of(spans["first_response_hours"]), span_of(spans["resolution_hours"]))


@pytest.mark.parametrize("row", asking("deadlines"))
def test_deadlines_are_as_other_products_expect(row: dict[str, Any]):
    calendar, start, pauses = calendar_of(row["calendar"]), moment(row["start"]), pauses_of(row)
    found = deadlines(start, targets_called(row["priority"]), calendar=calendar, pauses=pauses)
    assert found == Deadlines(moment(row["first_response"]), moment(row["resolution"]))
    if "resolved" in row:
        used = working_time_between(start, moment(row["resolved"]), calendar=calendar, pauses=pauses)
        assert used.total_seconds() == row["resolution_seconds"]


@pytest.mark.parametrize("row", asking("breached"))
def test_is_breached_is_as_other_products_expect(row: dict[str, Any]):
    due = add_working_time(moment(row["start"]), span_of(row["hours"]), calendar=calendar_of(row["calendar"]))
    assert due == moment(row["due"])
    assert is_breached(due, at=moment(row["now"])) is row["expected"]


@pytest.mark.parametrize("row", asking("stages"))
def test_stage_of_is_as_other_products_expect(row: dict[str, Any]):
    for done, stage in row["steps"]:
        assert stage == stage_of(
            is_responded="responded" in done, is_paused="paused" in done, is_resolved="resolved" in done
        )


@pytest.mark.parametrize("row", asking("targets"))
def test_targets_for_refuses_a_blank_kind_and_only_the_default_catches_all(row: dict[str, Any]):
    default = targets_called(row["default"])
    by_kind = {kind: targets_called(priority) for kind, priority in row["kinds"].items()}
    with pytest.raises(BadTargets):
        targets_for("delivery", by_kind=by_kind, default=default)
    del by_kind[""]
    assert targets_for("delivery", by_kind=by_kind, default=default) == default
    assert targets_for("billing", by_kind=by_kind, default=default) == targets_called("High")


def test_targets_for_refuses_a_kind_of_spaces():
    with pytest.raises(BadTargets):
        targets_for("x", by_kind={"  ": targets_called("Low")}, default=targets_called("Low"))


def test_deadlines_are_none_when_there_is_no_target():
    found = deadlines(START, Targets(None, timedelta(hours=2)), calendar=OFFICE)
    assert found == Deadlines(None, moment("2026-05-11T12:00"))
    assert not is_breached(found.first_response_due, at=moment("2030-01-01T00:00"))


def test_deadlines_take_pauses_from_an_iterator_for_both():
    pauses = iter([(moment("2026-05-11T10:10"), moment("2026-05-11T10:40"))])
    found = deadlines(START, Targets(timedelta(hours=1), timedelta(hours=2)), calendar=OFFICE, pauses=pauses)
    assert found == Deadlines(moment("2026-05-11T11:30"), moment("2026-05-11T12:30"))


@pytest.mark.parametrize("span", [timedelta(0), -timedelta(seconds=1)])
def test_targets_refuse_a_time_that_is_not_above_zero(span: timedelta):
    for spans in ((span, None), (None, span)):
        with pytest.raises(BadTargets):
            Targets(*spans)


def test_is_breached_only_after_the_deadline():
    assert not is_breached(START, at=START)
    assert is_breached(START, at=START + timedelta(microseconds=1))


def test_stage_of_is_fulfilled_when_resolved_in_a_pause():
    assert stage_of(is_responded=False, is_paused=True, is_resolved=True) is Stage.FULFILLED
