"""The tasks: thin, by their exact names, reading the clock, taking whatever arguments come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from config.schedule import SCHEDULE
from customers import touched as touching
from customers.ground import clock
from retention import rules, sweep, tasks
from retention.models import EarlyWarning, RetentionCase, SweepRun
from tests.factories import (
    NOW,
    CompanyFactory,
    CustomerFactory,
    InteractionFactory,
    TeamFactory,
    UserFactory,
    ago,
)


@pytest.fixture(autouse=True)
def _company(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company, a silent customer, and a clock that stands."""
    CompanyFactory()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    InteractionFactory(customer=CustomerFactory(), occurred_at=ago(60))
    rules.enable(rules.get(["no-contact"])[0], open_existing=True, by=None, at=NOW)


def scopes() -> list[str]:
    """Return the scopes of the runs in order."""
    return list(SweepRun.objects.order_by("id").values_list("scope", flat=True))


def test_tasks_have_the_names_that_the_contract_fixes() -> None:
    assert tasks.flag_warning_signs.name == "retention.tasks.flag_warning_signs"
    assert tasks.assign_follow_up_calls.name == "retention.tasks.assign_follow_up_calls"
    assert {entry["task"] for entry in SCHEDULE.values()} >= {
        "retention.tasks.flag_warning_signs",
        "retention.tasks.assign_follow_up_calls",
    }


def test_flag_warning_signs_runs_once_a_local_day_however_often_it_rings() -> None:
    for _time in range(3):
        tasks.flag_warning_signs()
    assert scopes() == ["changed"]
    assert EarlyWarning.objects.count() == 1


@pytest.mark.parametrize("scope", ["full", "changed"])
def test_flag_warning_signs_sweeps_a_scope_each_time_it_is_asked(scope: str) -> None:
    tasks.flag_warning_signs(scope=scope)
    tasks.flag_warning_signs(scope=scope)
    assert scopes() == [scope, scope]
    assert EarlyWarning.objects.count() == 1


def test_flag_warning_signs_sweeps_the_touched() -> None:
    tasks.flag_warning_signs(scope="touched")
    assert scopes() == []
    touching.mark([CustomerFactory().pk], at=NOW)
    tasks.flag_warning_signs(scope="touched")
    assert scopes() == ["touched"]
    assert not EarlyWarning.objects.exists()


def test_tasks_take_arguments_that_they_do_not_know() -> None:
    tasks.flag_warning_signs(colour="red")
    tasks.assign_follow_up_calls(colour="red")


def test_assign_follow_up_calls_gives_plans_and_escalates(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, datetime]] = []
    for verb in ("assign_due", "escalate_overdue"):
        monkeypatch.setattr(f"retention.calls.{verb}", lambda *, at, verb=verb: asked.append((verb, at)))
    tasks.assign_follow_up_calls()
    assert asked == [("assign_due", NOW), ("escalate_overdue", NOW)]


def test_assign_follow_up_calls_gives_a_waiting_case_to_somebody_new() -> None:
    team: Any = TeamFactory()
    customer = CustomerFactory(team=team)
    InteractionFactory(customer=customer, occurred_at=ago(60))
    sweep.run(as_of=NOW)
    case = RetentionCase.objects.get(customer=customer)
    assert case.assignee is None
    newcomer = UserFactory(team=team)

    tasks.assign_follow_up_calls()

    case.refresh_from_db()
    assert (case.assignee, case.calls.get().assignee) == (newcomer, newcomer)
