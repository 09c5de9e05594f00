"""Backtests as work: waiting, in hand, cancelled, taken over from a dead worker, ended once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from customers.ground import clock, drain, localtime
from customers.ground.models import AuditEvent
from customers.models import HistoryTakenBack, ImportBatch
from retention import backtest, rules
from retention.backtest import counting, running
from retention.measures import compute
from retention.models import BacktestRun, WarningRule
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.retention.backtest.past import QUIET, back, buyer, counted, lose, quiet_rule

pytestmark = pytest.mark.django_db
Status = BacktestRun.Status
SPAN = back(200, 100, step=50, horizon=30, gap=5)


@pytest.fixture(autouse=True)
def rule(db: None, monkeypatch: pytest.MonkeyPatch) -> WarningRule:
    """A company, a rule, whom it finds; each poll goes one range further."""
    CompanyFactory()
    lose(buyer("lost", 300), 180)
    buyer("quiet", 300)
    monkeypatch.setattr(running, "STEP_SECONDS", 0)
    running._counting.clear()
    return quiet_rule()


def started(rule: WarningRule, **values: Any) -> BacktestRun:
    return backtest.start(rule, span=SPAN, **{"by": None, "at": NOW, **values})


def acts() -> list[str]:
    found = AuditEvent.objects.filter(act__startswith="backtest.")
    return list(found.order_by("id").values_list("act", flat=True))


def test_the_drain_counts_what_waits_and_shows_how_far_it_is(rule: WarningRule) -> None:
    run, shown = started(rule), []
    while backtest.work(NOW):
        run.refresh_from_db()
        shown.append((run.status, run.progress))
    assert shown[:3] == [("running", {"done": done, "total": 3}) for done in (1, 2, 3)]
    assert (run.status, run.attempts, run.lease_until) == (Status.DONE, 1, None)
    assert run.result["alarms"] == 2
    assert acts() == ["backtest.start", "backtest.end"]


def test_the_drain_finds_what_a_run_at_once_finds(rule: WarningRule) -> None:
    run = started(rule)
    drain.until_empty(at=NOW)
    run.refresh_from_db()
    assert run.result == counted(rule, SPAN).result


def test_a_dead_worker_is_replaced_when_its_lease_ends(rule: WarningRule, monkeypatch: Any) -> None:
    run = started(rule)
    assert backtest.work(NOW) == 1
    running._counting.clear()  # the process died with what it had counted
    assert backtest.work(NOW) == 0  # the lease stands

    later = clock.real_now() + running.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    while backtest.work(NOW):
        pass
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.DONE, 2)
    assert acts().count("backtest.end") == 1


def test_a_worker_that_lost_its_lease_writes_nothing(rule: WarningRule) -> None:
    run = started(rule)
    backtest.work(NOW)
    BacktestRun.objects.filter(pk=run.pk).update(lease_token="another")
    assert backtest.work(NOW) == 0
    run.refresh_from_db()
    assert (run.status, run.result, run.progress) == (Status.RUNNING, None, {"done": 1, "total": 3})


def test_a_backtest_that_kills_its_worker_is_given_up(rule: WarningRule) -> None:
    run = started(rule)
    BacktestRun.objects.filter(pk=run.pk).update(attempts=running.MOST_ATTEMPTS)
    assert backtest.work(NOW) == 1
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.FAILED, "stopped")
    assert acts() == ["backtest.start", "backtest.fail"]


def test_a_passing_error_is_tried_again(rule: WarningRule, monkeypatch: Any) -> None:
    run = started(rule)

    def locked(*args: Any, **values: Any) -> Any:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(compute, "at", locked)
        assert backtest.work(NOW) == 1
    run.refresh_from_db()
    assert (run.status, run.error, run.lease_token) == (Status.RUNNING, "OperationalError", "")
    drain.until_empty(at=NOW)
    run.refresh_from_db()
    assert (run.status, run.error, run.attempts) == (Status.DONE, "", 2)


def test_a_cancelled_backtest_stops_wherever_it_is(rule: WarningRule) -> None:
    waiting, begun = started(rule), started(rule)
    assert backtest.cancel(waiting, by=None, at=NOW)
    assert backtest.work(NOW) == 1
    assert backtest.cancel(begun, by=None, at=NOW)
    assert backtest.work(NOW) == 0
    assert {waiting.status, begun.status} == {Status.CANCELLED}
    assert not backtest.cancel(begun, by=None, at=NOW)
    assert acts().count("backtest.cancel") == 2


def test_a_cancelled_backtest_of_the_command_stops(rule: WarningRule) -> None:
    def press(progress: Any) -> None:
        backtest.cancel(BacktestRun.objects.get(), by=None, at=NOW)

    with pytest.raises(backtest.Cancelled):
        counted(rule, SPAN, on_progress=press)
    assert BacktestRun.objects.get().status == Status.CANCELLED


def test_a_command_that_fails_leaves_a_failed_row(rule: WarningRule) -> None:
    def break_off(progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counted(rule, SPAN, on_progress=break_off)
    run = BacktestRun.objects.get()
    assert (run.status, run.error) == (Status.FAILED, "KeyboardInterrupt")


def test_a_worker_with_other_measures_leaves_it_alone(rule: WarningRule, monkeypatch: Any) -> None:
    started(rule)
    monkeypatch.setattr(running, "fingerprint", lambda: "another")
    assert backtest.work(NOW) == 0


# --- What is asked ---------------------------------------------------------------------------------
def test_each_version_of_a_rule_can_be_asked(rule: WarningRule) -> None:
    rules.revise(rule, condition={**QUIET, "value": 90}, by=None, at=NOW)
    rules.revise(rule, condition={**QUIET, "value": 120}, by=None, at=NOW)
    found = [started(rule, version=version) for version in (None, 3, 2)]
    assert [(run.version, run.condition["value"]) for run in found] == [(3, 120), (3, 120), (2, 90)]
    with pytest.raises(running.UnknownVersion):
        started(rule, version=4)


def test_a_condition_that_is_not_stored_can_be_asked(rule: WarningRule) -> None:
    run = started(rule, condition={**QUIET, "value": "75"})
    assert (run.rule, run.version, run.condition["value"]) == (rule, None, 75)
    bare = started(None, condition=QUIET)
    drain.until_empty(at=NOW)
    bare.refresh_from_db()
    assert (bare.result["rule"], bare.result["version"], bare.result["alarms"]) == (None, None, 2)
    rule.refresh_from_db()
    assert rule.condition == QUIET
    with pytest.raises(backtest.Unsaved):
        started(None)


@pytest.mark.parametrize("condition", [{}, {"measure": "shoe_size", "op": ">", "value": 1}, {"all": []}])
def test_a_condition_that_cannot_stand_is_refused_at_once(rule: WarningRule, condition: Any) -> None:
    with pytest.raises(rules.ConditionRefused):
        started(rule, condition=condition)
    assert not BacktestRun.objects.exists()


def test_a_rule_that_stopped_compiling_is_refused_at_once(rule: WarningRule) -> None:
    WarningRule.objects.update(condition={"measure": "gone", "op": ">", "value": 1})
    rule.refresh_from_db()
    with pytest.raises(rules.ConditionRefused):
        started(rule)


def test_not_more_than_twenty_wait(rule: WarningRule) -> None:
    for _number in range(running.MOST_WAITING):
        started(rule)
    with pytest.raises(backtest.TooManyWaiting):
        started(rule)


def test_a_live_rule_that_does_not_compile_is_set_aside_and_named(rule: WarningRule) -> None:
    broken = quiet_rule(code="broken", is_enabled=True)
    WarningRule.objects.filter(pk=broken.pk).update(condition={"measure": "gone", "op": ">", "value": 1})
    result = counted(rule, SPAN).result
    assert result["failed_rules"] == {"broken": "condition_refused"}
    assert result["overlap"] == []


def test_without_wishes_it_is_the_newest_year_whose_windows_are_over(rule: WarningRule) -> None:
    span = backtest.asked(at=NOW)
    today = localtime.day_number(NOW, "Asia/Shanghai")
    assert (len(span.steps), span.step, span.horizon, span.gap) == (13, 28, 90, 7)
    assert span.is_decided(span.last, known_until=today - 1)
    assert not span.is_decided(span.last + 1, known_until=today - 1)


# --- Taken back ------------------------------------------------------------------------------------
def test_history_that_was_taken_back_afterwards_is_told(rule: WarningRule) -> None:
    run = counted(rule, SPAN)
    zone = "Asia/Shanghai"
    assert backtest.taken_back_since(run, zone=zone) is None
    end = localtime.start_of_day(run.last_day + 5 + 30 + 1, zone)
    for recorded_from in (end, end - timedelta(seconds=1)):
        batch = ImportBatch.objects.create(kind="orders", by=UserFactory(), made_at=NOW)
        HistoryTakenBack.objects.create(batch=batch, at=NOW, facts=1, recorded_from=recorded_from)
        found = backtest.taken_back_since(run, zone=zone)
        assert found == (None if recorded_from == end else NOW)


def test_a_done_backtest_has_a_result(rule: WarningRule) -> None:
    run = started(rule)
    with pytest.raises(IntegrityError):
        BacktestRun.objects.filter(pk=run.pk).update(status=Status.DONE)


def test_a_version_is_tried_with_its_own_days(rule: WarningRule) -> None:
    made = WarningRule(code="held", name_en="H", name_zh="H", condition=QUIET, hold_days=30, cool_down_days=7)
    rules.save(made, by=None, at=NOW)
    rules.revise(made, changes={"hold_days": 0, "cool_down_days": 90}, by=None, at=NOW)
    first, second = started(made, version=1), started(made)
    assert (first.re_fire_days, second.re_fire_days) == (7, 90)
    assert [counting.tested(run).hold_days for run in (first, second)] == [30, 0]
    rules.revise(made, changes={"hold_days": 3}, by=None, at=NOW)
    first.refresh_from_db()
    assert counting.tested(first).hold_days == 30


def test_only_rules_that_open_cases_stand_beside_it(rule: WarningRule) -> None:
    for code, state in (
        ("a-shadow", "shadow"),
        ("b-limited", "limited"),
        ("c-live", "live"),
        ("d-draft", ""),
    ):
        made = rules.save(
            WarningRule(code=code, name_en=code, name_zh=code, condition=QUIET), by=None, at=NOW
        )
        if state:
            rules.move(made, to=state, cases_a_day=3, open_existing=True, by=None, at=NOW)
    result = counted(rule, SPAN).result
    assert [one["rule"] for one in result["overlap"]] == ["b-limited", "c-live"]
