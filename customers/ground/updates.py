"""What the schedule brings up to date: what each task does, how often, and when it last did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.schedules import crontab
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext

from customers.ground.models import TaskRun

HOUR = 60
ALL_HOURS = frozenset(range(24))


@dataclass(frozen=True)
class Update:
    """What a task brings up to date, in words; ``once_a_day``: it asks often and does it once a local day."""

    task: str
    label: str | Promise
    help: str | Promise
    once_a_day: bool = False


@dataclass(frozen=True)
class Line:
    """One entry of the schedule as it stands in the page; moments are real time."""

    update: Update
    when: str
    last: TaskRun | None
    next_at: datetime | None


_updates: dict[str, Update] = {}


def register(update: Update) -> None:
    """Say what a task of the schedule does (in ``AppConfig.ready()``)."""
    _updates[update.task] = update


def lines(*, real: datetime) -> list[Line]:
    """Return the schedule that runs, entry by entry in the order of the file; one query.

    Arguments: ``real``, the moment in real time from which the next run is told.
    """
    entries = current_app.conf.beat_schedule.values()
    last = {run.task: run for run in TaskRun.objects.filter(task__in=[entry["task"] for entry in entries])}
    return [
        Line(
            _updates[entry["task"]],
            in_words(entry["schedule"]),
            last.get(entry["task"]),
            _next(entry["schedule"], last.get(entry["task"]), real=real),
        )
        for entry in entries
    ]


def note(task: str, *, at: datetime, seconds: float, is_done: bool) -> None:
    """Remember that ``task`` ran. Side effects: its one row, whoever writes it last."""
    run = TaskRun(task=task, finished_at=at, seconds=seconds, is_done=is_done)
    TaskRun.objects.bulk_create(
        [run],
        update_conflicts=True,
        unique_fields=["task"],
        update_fields=["finished_at", "seconds", "is_done"],
    )


def in_words(when: Any) -> str:
    """Say when something runs: a ``crontab``, a ``schedule`` or seconds; hours are those of UTC.

    Raises ``ValueError`` for a schedule of days of the week or month: none of ours has one.
    """
    if not isinstance(when, crontab):
        seconds = int(_span(when).total_seconds())
        if seconds % 60:
            return ngettext("every %(count)s second", "every %(count)s seconds", seconds) % {"count": seconds}
        return _minutes(seconds // 60)
    asked: Any = when
    if len(asked.day_of_week) < 7 or len(asked.day_of_month) < 31 or len(asked.month_of_year) < 12:
        raise ValueError(f"no words for {when}")
    minutes, hours = sorted(asked.minute), sorted(asked.hour)
    if set(hours) != ALL_HOURS:
        times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        return gettext("every day at %(times)s UTC") % {"times": ", ".join(times)}
    if len(minutes) == 1:
        return gettext("every hour at minute %(minute)s") % {"minute": minutes[0]}
    return _minutes(_step(minutes))


def _minutes(count: int) -> str:
    return ngettext("every minute", "every %(count)s minutes", count) % {"count": count}


def _step(minutes: Iterable[int]) -> int:
    told = list(minutes)
    steps = {(after - before) % HOUR for before, after in zip(told, [*told[1:], told[0]], strict=True)}
    if len(steps) != 1:
        raise ValueError(f"no words for minutes {told}")
    return steps.pop()


def _next(when: Any, last: TaskRun | None, *, real: datetime) -> datetime | None:
    """Return when it is due again; nothing for what never ran and goes by seconds: at once."""
    if isinstance(when, crontab):
        asked: Any = when
        at = crontab(minute=asked._orig_minute, hour=asked._orig_hour, nowfun=lambda: real)
        due: timedelta = at.remaining_estimate(real)
        return real + max(due, timedelta(0))
    if last is None:
        return None
    return max(last.finished_at + _span(when), real)


def _span(when: Any) -> timedelta:
    span: timedelta = when.run_every if hasattr(when, "run_every") else timedelta(seconds=when)
    return span
