"""Many rows in one statement: inserted where nothing stands against it, updated each with its own values."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.ground.models import BackgroundRun, CalendarException, ExchangeRate
from customers.ground.rows import CHUNK, insert_new, update_rows
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = date(2026, 5, 11)


def exception(number: int, **values: Any) -> CalendarException:
    return CalendarException(day=DAY + timedelta(days=number), **values)


def test_insert_new_leaves_what_stands_and_tells_what_was_new() -> None:
    standing = exception(1, label="stands")
    standing.save()
    rows = [exception(number, windows=[[0, number]], label="new") for number in range(3)]

    new = insert_new(rows, known_by="day")

    assert new == [rows[0], rows[2]]
    assert rows[1].pk is None
    for row in new:
        assert CalendarException.objects.get(pk=row.pk).windows == row.windows
    assert CalendarException.objects.get(day=standing.day).label == "stands"
    assert insert_new([], known_by="day") == []


def test_insert_new_refuses_what_a_check_stands_against() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_new([ExchangeRate(currency="EUR", day=DAY, rate=Decimal(0))], known_by="day")


def test_update_rows_writes_each_row_its_own_values_of_any_kind() -> None:
    rows = [exception(number, label=str(number)) for number in range(3)]
    CalendarException.objects.bulk_create(rows)
    for number, row in enumerate(rows[:2]):
        row.windows, row.label, row.is_own, row.day = (
            [[number, 9]],
            "x'\"%s",
            True,
            DAY - timedelta(days=number + 1),
        )

    assert update_rows(rows[:2], ["windows", "label", "is_own", "day"]) == 2

    for row in rows:
        stored = CalendarException.objects.get(pk=row.pk)
        assert (stored.windows, stored.label, stored.is_own, stored.day) == (
            row.windows,
            row.label,
            row.is_own,
            row.day,
        )
    assert update_rows([], ["label"]) == 0


def test_update_rows_writes_moments_and_nothings() -> None:
    common = {"started_at": NOW, "lease_until": NOW}
    first = BackgroundRun.objects.create(name="a", slot="1", finished_at=NOW, **common)
    second = BackgroundRun.objects.create(name="a", slot="2", **common)
    first.finished_at, second.finished_at = None, NOW + timedelta(microseconds=1)
    update_rows([first, second], ["finished_at"])
    assert list(BackgroundRun.objects.order_by("pk").values_list("finished_at", flat=True)) == [
        None,
        NOW + timedelta(microseconds=1),
    ]
    first.finished_at = second.finished_at = None
    update_rows([first, second], ["finished_at"])
    assert not BackgroundRun.objects.filter(finished_at__isnull=False).exists()


def test_update_rows_leaves_rows_that_are_not_as_asked() -> None:
    rows = [exception(number, label=label) for number, label in enumerate(["a", "b", "c"])]
    CalendarException.objects.bulk_create(rows)
    for row in rows:
        row.label = "new"
    assert update_rows(rows, ["label"], only=("label", ["a", "c"])) == 2
    assert [row.label for row in CalendarException.objects.order_by("day")] == ["new", "b", "new"]


def test_rows_go_in_pieces_of_a_few_hundred() -> None:
    rows = [exception(number) for number in range(CHUNK + 1)]
    with CaptureQueriesContext(connection) as captured:
        assert len(insert_new(rows, known_by="day")) == CHUNK + 1
        for row in rows:
            row.label = str(row.day)
        assert update_rows(rows, ["label"]) == CHUNK + 1
    assert len(captured) == 4
    assert CalendarException.objects.filter(label="").count() == 0
