"""Every entry of the schedule names a task that exists, and each of them may be called at any time."""

from __future__ import annotations

import pytest

from config.celery import app
from config.schedule import SCHEDULE


@pytest.mark.parametrize("entry", SCHEDULE)
def test_schedule_names_a_task_that_exists(entry: str) -> None:
    app.loader.import_default_modules()
    assert SCHEDULE[entry]["task"] in app.tasks


@pytest.mark.django_db
@pytest.mark.parametrize("entry", SCHEDULE)
def test_schedule_runs_on_a_database_without_a_company(entry: str) -> None:
    app.loader.import_default_modules()
    app.tasks[SCHEDULE[entry]["task"]]()
