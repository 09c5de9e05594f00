"""The command, the task and the schedule of distributions."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from config.schedule import SCHEDULE
from customers.ground import clock
from surveys import tasks
from surveys.models import PlannedAsk, SurveyDispatch
from tests.surveys.distributing import NOW, listed, people, running

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


def said(*options: str) -> str:
    out = StringIO()
    call_command("send_invitations", *options, stdout=out)
    return out.getvalue()


def test_command_plans_and_asks_and_a_second_time_does_nothing():
    listed(people(3), per_day=2)
    assert json.loads(said("--json").splitlines()[-1]) == {"planned": 0, "decided": 2, "waiting": 1}
    assert json.loads(said("--json").splitlines()[-1]) == {"planned": 0, "decided": 0, "waiting": 1}
    assert SurveyDispatch.objects.count() == 2
    running(kind="periodic", period_days=7)
    assert "Still to be asked" in said()


def test_task_plans_what_the_schedule_calls_for():
    assert {"task": "surveys.tasks.plan_distributions"}.items() <= SCHEDULE[
        "plan distributions of surveys"
    ].items()
    people(30)
    running(kind="periodic", period_days=7)
    tasks.plan_distributions()
    planned = PlannedAsk.objects.count()
    assert 2 <= planned <= 7
    tasks.plan_distributions()
    assert PlannedAsk.objects.count() == planned
