"""Reads the fixture rows of this folder: facts restated from other projects' public tests."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.ground.working_time import Range, Week, WorkingCalendar, parse_windows

FOLDER = Path(__file__).parent
WORKING_TIME = (
    "working_time_bottlecrm",
    "working_time_chatwoot",
    "working_time_helpdesk",
    "working_time_espocrm",
)


def document(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def rows(*names: str) -> list[dict[str, Any]]:
    """Return the rows of files, each with its source, licence and (if it names one) calendar data."""
    found = []
    for name in names:
        data = document(name)
        for row in data["rows"]:
            row = {"source": data["source"], "licence": data["licence"], **row}
            if "calendar" in row:
                row["calendar"] = data["calendars"][row["calendar"]]
            found.append(row)
    return found


def asking(question: str, *names: str) -> list[Any]:
    """Return the rows that ask one question, as parameters called by their ids."""
    found = [row for row in rows(*(names or WORKING_TIME)) if row["asks"] == question]
    return [pytest.param(row, id=row["id"]) for row in found]


def calendar_of(data: dict[str, Any]) -> WorkingCalendar:
    """Build the calendar of a row: windows of a day stand in one text, apart by spaces."""
    return WorkingCalendar(
        data["zone"],
        tuple(parse_windows(day.split()) for day in data["week"]),
        {
            date.fromisoformat(day): parse_windows(text.split())
            for day, text in data.get("exceptions", {}).items()
        },
    )


def office_week(*windows: str, days: int = 5) -> Week:
    """Return a week whose first ``days`` days from Monday have the same windows and the rest none."""
    return tuple(parse_windows(windows) if number < days else () for number in range(7))


def moment(text: str, zone: str = "UTC") -> datetime:
    """Read a moment without an offset as one of ``zone``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def pauses_of(row: dict[str, Any]) -> list[Range]:
    return [(moment(begins), moment(ends)) for begins, ends in row.get("pauses", [])]


def span_of(hours: float) -> timedelta:
    return timedelta(hours=hours)


def ranges_of(day: str, text: str) -> list[Range]:
    """Return the ranges ``09:00-13:00 14:00-17:00`` of a day in UTC."""
    return [
        (moment(f"{day}T{opens}"), moment(f"{day}T{closes}"))
        for opens, closes in (window.split("-") for window in text.split())
    ]
