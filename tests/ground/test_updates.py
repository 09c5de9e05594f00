"""What updates when is told from the schedule that runs; limits warn before they are met."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.utils import translation

from config.schedule import SCHEDULE
from customers.ground import limits, updates
from customers.ground.limits import Limit
from customers.ground.models import TaskRun

NOON = datetime(2026, 5, 11, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (crontab(minute="*/10"), "every 10 minutes"),
        (crontab(minute="5-55/10"), "every 10 minutes"),
        (crontab(minute=47), "every hour at minute 47"),
        (crontab(hour=3, minute=37), "every day at 03:37 UTC"),
        (crontab(hour="3,15", minute=5), "every day at 03:05, 15:05 UTC"),
        (60.0, "every minute"),
        (120.0, "every 2 minutes"),
        (45.0, "every 45 seconds"),
    ],
)
def test_when_something_runs_is_said_in_words(when: Any, words: str) -> None:
    assert updates.in_words(when) == words


def test_words_are_chinese_too() -> None:
    with translation.override("zh-hans"):
        assert updates.in_words(crontab(minute="*/10")) == "每 10 分钟"


@pytest.mark.parametrize("when", [crontab(minute=0, day_of_week=1), crontab(minute="3,7")])
def test_schedule_without_words_is_refused_and_not_told_wrong(when: Any) -> None:
    with pytest.raises(ValueError, match="no words"):
        updates.in_words(when)


@pytest.mark.django_db
def test_every_entry_of_the_schedule_is_told_with_its_last_and_next_run() -> None:
    updates.note("customers.tasks.fill_search", at=NOON - timedelta(minutes=13), seconds=1.5, is_done=True)
    updates.note(
        "retention.tasks.assign_follow_up_calls", at=NOON - timedelta(seconds=20), seconds=0.1, is_done=False
    )
    lines = {line.update.task: line for line in updates.lines(real=NOON)}
    assert list(lines) == [entry["task"] for entry in SCHEDULE.values()]
    search = lines["customers.tasks.fill_search"]
    assert search.last is not None
    assert search.last.seconds == 1.5
    assert search.next_at is not None
    assert search.next_at.replace(microsecond=0, second=0) == NOON.replace(minute=47, second=0)
    calls = lines["retention.tasks.assign_follow_up_calls"]
    assert calls.last is not None
    assert not calls.last.is_done
    assert calls.next_at == NOON + timedelta(seconds=40)
    assert lines["customers.tasks.clear_old"].last is None


@pytest.mark.django_db
def test_a_later_run_takes_the_place_of_the_one_before() -> None:
    updates.note("a", at=NOON, seconds=1.0, is_done=False)
    updates.note("a", at=NOON + timedelta(hours=1), seconds=2.0, is_done=True)
    assert list(TaskRun.objects.values_list("task", "finished_at", "seconds", "is_done")) == [
        ("a", NOON + timedelta(hours=1), 2.0, True)
    ]


@pytest.mark.parametrize(
    ("used", "percent", "tone"),
    [(0, 0, ""), (69, 69, ""), (70, 70, "warn"), (89, 89, "warn"), (90, 90, "bad"), (100, 100, "bad")],
)
def test_limit_warns_at_70_and_90_percent(used: int, percent: int, tone: str) -> None:
    use = limits.Use(Limit("x", "x", 100, lambda: used), used)
    assert (use.percent, use.tone) == (percent, tone)


def test_share_is_rounded_down_so_that_full_means_full() -> None:
    assert limits.Use(Limit("x", "x", 300, lambda: 299), 299).percent == 99
