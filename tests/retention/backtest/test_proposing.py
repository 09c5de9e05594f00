"""What is proposed for a rule out of its backtests, and what adopting it makes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers.ground.models import AuditEvent
from customers.models import HistoryTakenBack, ImportBatch, User
from retention import backtest, rules
from retention.backtest import Because
from retention.backtest.proposing import signed
from retention.backtest.scoring import Score
from retention.models import BacktestRun, WarningRule
from retention.rules.versions import content_of
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.retention.backtest.past import QUIET, back, buyer, counted, lose

pytestmark = pytest.mark.django_db
SPAN = back(200, 100, step=50, horizon=30, gap=5)
LOSSES = 200


@pytest.fixture(autouse=True)
def rule(db: None) -> WarningRule:
    """A company, and a rule that is live."""
    CompanyFactory()
    made = rules.save(
        WarningRule(code="quiet", name_en="Quiet", name_zh="沉默", condition=QUIET), by=None, at=NOW
    )
    WarningRule.objects.filter(pk=made.pk).update(is_enabled=True)
    made.refresh_from_db()
    return made


def tried(rule: WarningRule, *rows: tuple[str, int, int], **values: Any) -> BacktestRun:
    """Return a kept backtest whose sweep has these rows: threshold, alarms, losses foreseen; 60 stands."""
    result = {
        "judged": values.pop("judged", 100),
        "losses": LOSSES,
        "thresholds": {
            "comparison": values.get("comparison") or 0,
            "present": values.pop("present", "60"),
            "rows": [
                {"value": value, "alarms": alarms, "recall": caught / LOSSES}
                for value, alarms, caught in rows
            ],
        },
    }
    run = backtest.start(rule, span=SPAN, by=None, at=NOW)
    changed = {"status": "done", "finished_at": NOW, "counted_at": NOW, "result": result, **values}
    BacktestRun.objects.filter(pk=run.pk).update(**changed)
    run.refresh_from_db()
    return run


def said(rule: WarningRule) -> str:
    proposal = backtest.advise(rule).proposal
    return proposal.said(currency="CNY") if proposal else ""


# --- What is proposed ----------------------------------------------------------------------------------
def test_the_row_with_fewest_cases_that_loses_at_most_five_percent(rule: WarningRule) -> None:
    tried(rule, ("40", 900, 110), ("60", 400, 100), ("70", 300, 97), ("80", 276, 95), ("90", 100, 94))
    assert said(rule) == "60 → 80 days: −31 % cases, −5 % caught"
    proposal = backtest.advise(rule).proposal
    assert proposal is not None
    assert (proposal.cases, proposal.caught, proposal.value) == ((400, 276), (100, 95), Decimal(80))


def test_in_chinese(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    with translation.override("zh-hans"):
        assert "60 → 80" in said(rule) and "−31 %" in said(rule) and "−3 %" in said(rule)


def test_of_rows_with_as_few_cases_the_one_that_catches_most(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("70", 276, 98), ("80", 276, 97))
    assert said(rule) == "60 → 70 days: −31 % cases, −2 % caught"


def test_as_many_cases_are_no_gain(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("70", 400, 100))
    assert backtest.advise(rule).because == Because.NONE_BETTER
    tried(rule, ("60", 400, 100), ("70", 399, 100))
    assert said(rule) == "60 → 70 days: −0.2 % cases, ±0 % caught"


@pytest.mark.parametrize(("judged", "because"), [(29, Because.FEW), (30, None)])
def test_too_few_judged_alarms_propose_nothing(rule: WarningRule, judged: int, because: Any) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97), judged=judged)
    assert backtest.advise(rule).because == because


def test_nothing_is_lost_where_nothing_was_caught_and_so_nothing_is_proposed(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 0), ("80", 276, 0))
    assert backtest.advise(rule).because == Because.NOTHING_CAUGHT


@pytest.mark.parametrize("state", ["draft", "shadow", "retired"])
def test_only_rules_that_open_cases_are_advised(rule: WarningRule, state: str) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    if state != "draft":
        rules.move(rule, to=state, by=None, at=NOW)
    else:
        WarningRule.objects.update(is_enabled=False)
        rule.refresh_from_db()
    assert backtest.advise(rule).because == Because.OFF
    rules.move(rule, to="limited", cases_a_day=3, open_existing=True, by=None, at=NOW)
    assert said(rule)


def test_a_rule_without_a_threshold_or_with_a_broken_condition(rule: WarningRule) -> None:
    rule.condition = {"measure": "orders_90d", "op": "=", "value": 4}
    assert backtest.advise(rule).because == Because.NO_THRESHOLD
    rule.condition = {"measure": "gone", "op": ">", "value": 1}
    assert backtest.advise(rule).because == Because.BROKEN


# --- Which backtests count -----------------------------------------------------------------------------
def test_the_newest_complete_one_counts(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 100, 100))
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    tried(rule, ("60", 400, 100), ("80", 300, 97), status="failed")
    tried(rule, ("60", 400, 100), ("80", 300, 97), status="cancelled")
    assert said(rule) == "60 → 80 days: −31 % cases, −3 % caught"


def test_one_of_another_version_does_not_count(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    rules.revise(rule, changes={"cool_down_days": 9}, by=None, at=NOW)
    assert backtest.advise(rule).because == Because.NOT_TRIED


def test_one_of_a_condition_that_was_not_stored_does_not_count(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97), version=None)
    assert backtest.advise(rule).because == Because.NOT_TRIED


def test_one_whose_history_was_taken_back_does_not_count(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    batch = ImportBatch.objects.create(kind="orders", by=UserFactory(), made_at=NOW)
    recorded = NOW - timedelta(days=150)
    HistoryTakenBack.objects.create(batch=batch, at=NOW, facts=1, recorded_from=recorded)
    assert backtest.advise(rule).because == Because.NOT_TRIED
    assert backtest.advise(rule).untried == [0]


@pytest.mark.parametrize("swept", [None, {"comparison": 2, "present": "300", "rows": []}])
def test_one_that_moved_no_comparison_or_another_one_does_not_count(rule: WarningRule, swept: Any) -> None:
    run = tried(rule, ("60", 400, 100), ("80", 276, 97))
    BacktestRun.objects.filter(pk=run.pk).update(result={**run.result, "thresholds": swept})
    advice = backtest.advise(rule)
    assert (advice.because, advice.untried) == (Because.NOT_TRIED, [0])


def test_while_one_is_counted_it_says_so(rule: WarningRule) -> None:
    assert (backtest.advise(rule).because, backtest.advise(rule).untried) == (Because.NOT_TRIED, [0])
    backtest.ask(rule, by=None, at=NOW)
    assert (backtest.advise(rule).because, backtest.advise(rule).untried) == (Because.WAITING, [])
    with pytest.raises(backtest.NothingToAsk):
        backtest.ask(rule, by=None, at=NOW)


# --- Several comparisons -------------------------------------------------------------------------------
SEVERAL = {
    "all": [QUIET, {"measure": "orders_90d", "op": "=", "value": 0}, {**QUIET, "op": "<", "value": 300}]
}


def test_one_press_asks_for_each_comparison_and_the_best_is_proposed(rule: WarningRule) -> None:
    rules.revise(rule, condition=SEVERAL, by=None, at=NOW)
    runs = backtest.ask(rule, by=None, at=NOW)
    assert [run.comparison for run in runs] == [0, 2]
    BacktestRun.objects.all().delete()
    tried(rule, ("60", 400, 100), ("80", 276, 97), comparison=0)
    assert backtest.advise(rule).untried == [2]
    tried(rule, ("300", 400, 100), ("200", 200, 98), comparison=2, present="300")
    assert said(rule) == "300 → 200 days: −50 % cases, −2 % caught"
    draft, _new = adopted(rule)
    assert draft.condition["all"][2] == {**QUIET, "op": "<", "value": 200}
    assert draft.condition["all"][:2] == rule.condition["all"][:2]


def test_the_queries_do_not_grow_with_what_is_kept(rule: WarningRule) -> None:
    numbers = []
    for more in (1, 4):
        for _number in range(more):
            tried(rule, ("60", 400, 100), ("80", 276, 97))
        with CaptureQueriesContext(connection) as seen:
            assert said(rule)
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]


# --- Adopting ------------------------------------------------------------------------------------------
def adopted(rule: WarningRule, *, by: User | None = None, **changed: Any) -> tuple[WarningRule, bool]:
    proposal = backtest.advise(rule).proposal
    assert proposal is not None
    values = {"run": proposal.run.pk, "value": proposal.value, **changed}
    return backtest.adopt(rule, **values, by=by, at=NOW)


def test_adopting_makes_a_draft_and_leaves_the_live_rule_as_it_is(rule: WarningRule) -> None:
    boss = UserFactory(role="admin")
    run = tried(rule, ("60", 400, 100), ("80", 276, 97))
    before, versions = content_of(rule), rule.versions.count()
    draft, is_new = adopted(rule, by=boss)
    rule.refresh_from_db()
    assert (content_of(rule), rule.state, rule.version, rule.versions.count()) == (
        before,
        "live",
        1,
        versions,
    )
    assert is_new and draft.state == "draft" and draft.replaces == rule
    assert (draft.code, draft.name_en, draft.name_zh) == ("quiet-next", "Quiet (80 days)", "沉默（80 天）")
    assert draft.condition == {**QUIET, "value": 80}
    differing = {name for name, value in content_of(draft).items() if before[name] != value}
    assert differing == {"condition", "name_en", "name_zh"}
    version = draft.versions.get()
    assert version.by == boss
    assert "“Quiet” (quiet, version 1)" in version.reason
    assert "60 → 80 days: −31 % cases, −3 % caught" in version.reason
    audited = AuditEvent.objects.get(act="rule.adopt")
    assert (audited.codes["backtest"], audited.codes["replaces"], audited.codes["value"]) == (
        run.pk,
        "quiet",
        "80",
    )


def test_what_counts_as_a_match_while_unknown_does_in_the_draft_too(rule: WarningRule) -> None:
    rules.revise(rule, condition={**QUIET, "unknown": "yes"}, by=None, at=NOW)
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    assert adopted(rule)[0].condition == {**QUIET, "value": 80, "unknown": "yes"}


def test_who_adopts_it_again_gets_the_draft_that_stands(rule: WarningRule) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    draft, _new = adopted(rule)
    assert adopted(rule) == (draft, False)
    rules.move(draft, to="retired", by=None, at=NOW)
    again, is_new = adopted(rule)
    assert (is_new, again.code) == (True, "quiet-next-2")


@pytest.mark.parametrize("changed", [{"run": 0}, {"value": Decimal(90)}, {"value": Decimal(60)}])
def test_what_is_not_proposed_is_not_adopted(rule: WarningRule, changed: dict[str, Any]) -> None:
    tried(rule, ("60", 400, 100), ("80", 276, 97), ("90", 200, 20))
    with pytest.raises(backtest.ProposalGone):
        adopted(rule, **changed)
    assert not rule.replacements.exists()


def test_what_is_not_proposed_any_more_is_not_adopted(rule: WarningRule) -> None:
    run = tried(rule, ("60", 400, 100), ("80", 276, 97))
    rules.revise(rule, condition={**QUIET, "value": 61}, by=None, at=NOW)
    with pytest.raises(backtest.ProposalGone):
        backtest.adopt(rule, run=run.pk, value=Decimal(80), by=None, at=NOW)


def test_a_long_name_leaves_room_for_the_threshold(rule: WarningRule) -> None:
    WarningRule.objects.update(name_en="Q" * 120, name_zh="沉" * 120)
    rule.refresh_from_db()
    tried(rule, ("60", 400, 100), ("80", 276, 97))
    draft, _new = adopted(rule)
    assert draft.name_en == "Q" * 110 + " (80 days)" and draft.name_zh == "沉" * 114 + "（80 天）"


def test_a_factor_is_said_and_adopted_as_one(rule: WarningRule) -> None:
    less = {"measure": "spend_90d", "op": "<=", "factor": "0.5", "other": "spend_prev_90d"}
    rules.revise(rule, condition=less, by=None, at=NOW)
    tried(rule, ("0.25", 300, 100), ("0.5", 400, 100), present="0.5")
    assert said(rule) == "× 0.5 → × 0.25: −25 % cases, ±0 % caught"
    assert adopted(rule)[0].condition["factor"] == "0.25"


# --- Counted in earnest --------------------------------------------------------------------------------
def test_the_figures_are_those_of_a_counted_sweep(rule: WarningRule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four are lost, all silent for 70 days by then; four others are silent for 62."""
    for number in range(4):
        lose(buyer(f"Lost {number}", 220), 140)
        buyer(f"Stayed {number}", 212)
    monkeypatch.setattr("retention.backtest.proposing.FEW", 1)
    monkeypatch.setattr("retention.backtest.thresholds.around", lambda *_, **__: [Decimal(60), Decimal(65)])
    span = back(150, 150, step=30, horizon=30, gap=5)
    run = counted(rule, span)
    rows = [(row["value"], row["alarms"], row["recall"]) for row in run.result["thresholds"]["rows"]]
    assert rows == [("60", 8, 1.0), ("65", 4, 1.0)]
    assert said(rule) == "60 → 65 days: −50 % cases, ±0 % caught"


def test_the_losses_foreseen_follow_exactly_from_the_recall() -> None:
    from retention.backtest.proposing import _caught

    for losses in (1, 3, 7, 997, 100_003):
        for caught in {0, 1, losses // 3, losses - 1, losses}:
            recall = Score(losses=losses, caught={(n, 0): 1 for n in range(caught)}).recall
            assert _caught({"recall": recall}, losses) == caught


@pytest.mark.parametrize(
    ("change", "text"),
    [(-0.31, "−31 %"), (0.02, "+2 %"), (-0.004, "−0.4 %"), (0, "±0 %"), (-1.0, "−100 %"), (-0.125, "−12 %")],
)
def test_changes_are_written_with_their_sign(change: float, text: str) -> None:
    assert signed(change) == text
