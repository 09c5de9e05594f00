"""Whole backtests over a handful of customers, with every number by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customers import objections
from customers.ground import localtime
from customers.models import Order
from retention import backtest, rules, sweep
from retention.measures import making
from retention.models import EarlyWarning, WarningRule
from retention.rules.conditions import parse
from retention.sweep import report
from tests.factories import (
    NOW,
    CompanyFactory,
    CustomerFactory,
    IndicatorFactory,
    IndicatorValueFactory,
    InteractionFactory,
    OrderFactory,
    UserFactory,
)
from tests.retention.backtest.past import TODAY, back, buyer, counted, lose, noon, quiet_rule
from tests.retention.sweep.stories import all_rows, on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


# --- Match sets ------------------------------------------------------------------------------------
def _mixed_past() -> None:
    for number in range(24):
        stopped = 5 + 31 * number % 340  # each has a rhythm of its own and falls silent one day
        customer = buyer(f"mixed {number}", *range(stopped, stopped + 200, 9 + number))
        InteractionFactory(customer=customer, occurred_at=noon(30 + 11 * number))
    late = OrderFactory(customer=customer, occurred_at=noon(200), recorded_at=noon(100))
    corrected = OrderFactory(customer=customer, occurred_at=noon(150))
    Order.objects.filter(pk=corrected.pk).update(sold_base=1, recorded_at=noon(90))
    Order.objects.filter(pk=late.pk).update(void=True, recorded_at=noon(60))
    CustomerFactory(name="never ordered")


@pytest.mark.parametrize("code", ["overdue", "no-contact", "spend-halved"])
def test_twelve_steps_match_whom_twelve_dry_run_sweeps_match_line_by_line(code: str, tmp_path: Path) -> None:
    _mixed_past()
    on("no-contact")
    [rule] = rules.get([code])
    span = back(340, 30, step=28)
    folder = tmp_path / "backtest"
    folder.mkdir()

    run = counted(
        rule,
        span,
        on_rows=lambda day, rows: report.write(folder / str(day), rows) if rows is not None else None,
    )

    assert len(span.steps) == 12
    for step, day in zip(run.result["by_step"], span.steps, strict=True):
        as_of = localtime.start_of_day(day, "Asia/Shanghai")
        swept = sweep.run(as_of=as_of, rules=[code], dry_run=True, out=tmp_path / "swept")
        assert (folder / str(day)).read_bytes() == (tmp_path / "swept").read_bytes()
        assert step["matches"] == swept.warnings[code]
    assert sum(step["matches"] for step in run.result["by_step"]) > 12


def test_steps_see_of_own_measures_what_was_known_on_each_day(tmp_path: Path) -> None:
    score = IndicatorFactory()
    names = {"label_en": "Fall", "label_zh": "下降", "by": None, "at": NOW}
    making.make(code="fall", way="change", indicator=score, days=30, **names)
    for number in range(12):
        customer = buyer(f"scored {number}", *range(5, 330, 25))
        for step in range(12):
            told = {"occurred_at": noon(340 - 28 * step), "number": 50 + (number * step * 7) % 31}
            late = noon(330 - 28 * step - 40 * (number % 2))  # every second one is known 50 days later
            IndicatorValueFactory(customer=customer, recorded_at=min(late, noon(1)), **told)
    rule = quiet_rule(condition={"measure": "own.fall", "op": "<=", "value": -10})
    span = back(340, 30, step=28)
    folder = tmp_path / "backtest"
    folder.mkdir()

    def keep(day: int, rows: Any) -> None:
        if rows is not None:
            report.write(folder / str(day), rows)

    run = counted(rule, span, on_rows=keep)

    for step, day in zip(run.result["by_step"], span.steps, strict=True):
        as_of = localtime.start_of_day(day, "Asia/Shanghai")
        swept = sweep.run(as_of=as_of, rules=["quiet"], dry_run=True, out=tmp_path / "swept")
        assert (folder / str(day)).read_bytes() == (tmp_path / "swept").read_bytes()
        assert step["matches"] == swept.warnings["quiet"]
    found = [step["matches"] for step in run.result["by_step"]]
    assert found[0] == 0 and len(set(found)) > 2


def test_the_fold_is_what_nightly_sweeps_raise() -> None:
    """One step a night: the alarms are the warnings that as many real sweeps raise, but for their cases."""
    for number in range(6):
        buyer(f"rhythm {number}", *range(number, 100, 7 + number))
    rule = quiet_rule(
        condition={"measure": "days_since_last_order", "op": ">=", "value": 4}, cool_down_days=6
    )
    run = counted(rule, back(24, 1, step=1))
    rules.enable(rule, open_existing=True, by=None, at=noon(25))
    for days in range(24, 0, -1):
        as_of = localtime.start_of_day(TODAY - days, "Asia/Shanghai")
        sweep.run(as_of=as_of, rules=["quiet"])
    raised = EarlyWarning.objects.filter(rule=rule)

    assert raised.filter(case__isnull=False).exists()
    assert run.result["alarms"] == raised.count() > 6
    by_day = {step["day"]: step["alarms"] for step in run.result["by_step"] if step["alarms"]}
    days = [localtime.day_of(day).isoformat() for day in raised.values_list("as_of_day", flat=True)]
    assert by_day == {day: days.count(day) for day in set(days)}


# --- Numbers ---------------------------------------------------------------------------------------
def test_numbers_of_a_handful_of_customers_by_hand() -> None:
    """Steps 200, 150 and 100 days ago; a loss counts that begins 6 to 35 days after an alarm.

    anna  last order 260 ago: quiet at 200; lost 180 ago, 20 days later: right. Not at risk from then on.
    bert  last order 260 ago: quiet throughout; lost 160 ago, 40 days later: too late, and lost since.
    carl  last order 205 ago: quiet at 100 (105 days); lost 90 ago: 10 days later: right.
    dora  last order 150 ago, just after the step: never quiet before; quiet at … 100? 50 days: no.
    emil  ordered 130 ago as well as 300 ago: quiet at 200 and 150, one alarm; never lost: wrong.
    """
    anna, bert = buyer("anna", 260), buyer("bert", 260)
    carl = buyer("carl", 300, 205, 155)
    buyer("dora", 230, 150)
    buyer("emil", 300, 130)
    lose(anna, 180)
    lose(bert, 160)
    lose(carl, 90)
    UserFactory()
    UserFactory()

    run = counted(quiet_rule(), back(200, 100, step=50, horizon=30, gap=5))
    found = run.result

    # 200 ago: anna (60 days), bert (60), emil (100); dora 30, carl 5.
    # 150 ago: anna and bert are lost; emil 150 stands; dora 80 alarms (her order came at noon of that day);
    #          carl ordered 155 ago.
    # 100 ago: carl 55: not yet; dora 50; emil 30: gone.
    assert [(step["matches"], step["alarms"]) for step in found["by_step"]] == [(3, 3), (4, 1), (2, 0)]
    assert (found["alarms"], found["standing_at_start"], found["judged"], found["right"]) == (4, 3, 4, 1)
    assert found["precision"] == 1 / 4
    assert (found["losses"], found["caught"]) == (3, 1)
    assert found["recall"] == 1 / 3
    assert (found["lead_days_median"], found["lead_days_p10"]) == (20.0, 20.0)
    assert found["alarms_per_week"] == pytest.approx(4 / (150 / 7))
    assert found["people"] == 2
    assert found["alarms_per_person_week"] == pytest.approx(4 / (150 / 7) / 2)
    assert found["minutes_per_week"] == pytest.approx(8 * 4 / (150 / 7))
    assert found["loss_definitions"] == {"hand": 3}
    # at 200 there are 5 at risk, one of whom is lost in the window; at 150 dora is drawn of three
    assert [step["at_risk"] for step in found["by_step"]] == [5, 3, 3]
    assert found["baselines"]["random"]["precision"] == pytest.approx((3 * 1 / 5 + 1 * 0 / 3) / 4)
    # anna by 3/5 at 200; bert is 40 days away from it; carl's 90 is 10 from 100, where nobody is drawn
    assert found["baselines"]["random"]["recall"] == pytest.approx(3 / 5 / 3)
    # longest silence at 200: anna 260, bert 260, emil 300; then dora (ordered 230) is free
    assert found["baselines"]["recency"] == {"precision": 1 / 4, "recall": 1 / 3}
    low, high = found["precision_ci"]
    assert 0 <= low < 1 / 4 < high <= 1


def test_who_is_lost_already_is_matched_but_not_at_risk() -> None:
    gone = buyer("gone", 300)
    back_again = buyer("came back", 300)
    lose(gone, 250)
    lose(back_again, 250, until=190)
    found = counted(quiet_rule(), back(200, 150, step=50, horizon=30, gap=5)).result
    assert [(step["matches"], step["at_risk"], step["alarms"]) for step in found["by_step"]] == [
        (2, 0, 0),
        (2, 1, 1),
    ]


def test_where_no_loss_is_recorded_nothing_is_said_instead_of_nought() -> None:
    lose(buyer("long ago", 900), 800)
    buyer("quiet", 300)
    found = counted(quiet_rule(), back(200, 100, step=50)).result
    assert (found["alarms"], found["losses"]) == (1, 0)
    assert (found["precision"], found["precision_ci"], found["recall"]) == (None, None, None)
    assert found["baselines"] == {
        name: {"precision": None, "recall": None} for name in ("random", "recency", "value")
    }
    assert found["marginal_recall"] is None


def test_alarms_whose_window_is_not_over_are_not_judged() -> None:
    lose(buyer("lost", 300), 180)
    buyer("newly quiet", 100)
    found = counted(quiet_rule(), back(200, 20, step=30, horizon=30, gap=5)).result
    # 200: lost, right; 35 days must have passed: the one at 20 + n·30 = 20 … 50, 80 ago
    assert (found["alarms"], found["judged"], found["right"]) == (2, 1, 1)


def test_value_chooses_the_greatest_margin() -> None:
    quiet = buyer("quiet", 300)
    rich = buyer("rich", 210, sold=90_000)
    buyer("poor", 210)
    lose(rich, 185)
    lose(quiet, 100)
    found = counted(quiet_rule(), back(200, 200, step=28, horizon=30, gap=5)).result
    assert found["alarms"] == 1
    assert found["baselines"]["value"] == {"precision": 1.0, "recall": 1.0}
    assert found["baselines"]["recency"]["precision"] == 0.0


def test_overlap_with_live_rules_and_what_the_rule_alone_foresees() -> None:
    both, alone = buyer("both", 300), buyer("alone", 265)
    other = buyer("other", 400, 201)
    for customer in (both, alone):
        lose(customer, 180)
    WarningRule.objects.create(
        code="long",
        name_en="Long",
        name_zh="久",
        condition={"measure": "days_since_last_order", "op": ">=", "value": 90},
        is_enabled=True,
    )
    quiet_rule(code="off", condition={"measure": "days_since_last_order", "op": ">=", "value": 0})
    found = counted(quiet_rule(), back(200, 150, step=50, horizon=30, gap=5)).result
    # at 200: quiet both, alone; long: both. at 150 they are lost, and other is quiet for 51 days: nobody
    [told] = found["overlap"]
    assert other.pk and told == {
        "rule": "long",
        "alarms": 1,
        "precision": 1.0,
        "recall": 1 / 2,
        "jaccard": 1 / 2,
        "caught_by_both": 1,
    }
    assert found["marginal_recall"] == 1 / 2


def test_who_objects_to_profiling_stands_nowhere() -> None:
    customer = buyer("objects", 300)
    lose(customer, 180)
    buyer("quiet", 300)
    objections.object_to_profiling(customer, by=None, at=noon(5))
    found = counted(quiet_rule(), back(200, 200, horizon=30, gap=5)).result
    assert (found["by_step"][0]["matches"], found["by_step"][0]["at_risk"], found["losses"]) == (1, 1, 0)


def test_the_share_of_assumed_moments_and_the_last_writing_are_kept() -> None:
    buyer("stated", 300, 250)
    buyer("assumed", 300, recorded_assumed=True)
    buyer("too late to be seen", 100, recorded_assumed=True)
    run = counted(quiet_rule(), back(200, 200))
    assert run.result["assumed_share"] == run.assumed_share == pytest.approx(1 / 3)
    assert run.result["facts"] == 3
    newest = max(Order.objects.exclude(occurred_at=noon(100)).values_list("ingested_at", flat=True))
    assert run.ingested_until == newest


# --- Thresholds ------------------------------------------------------------------------------------
def test_the_sweep_of_thresholds_counts_each_as_if_it_were_the_rule() -> None:
    for days in range(205, 305, 5):
        customer = buyer(f"since {days}", days)
        if days % 2:
            lose(customer, 180)
    rule = quiet_rule()
    span = back(200, 200, horizon=30, gap=5)
    told = counted(rule, span).result["thresholds"]

    assert (told["comparison"], told["present"]) == (0, "60")
    values = [int(row["value"]) for row in told["rows"]]
    assert values == sorted(set(values)) and 60 in values and len(values) == 9
    for row in told["rows"]:
        alone = quiet_rule(
            code=f"at-{row['value']}",
            condition={"measure": "days_since_last_order", "op": ">=", "value": int(row["value"])},
        )
        found = counted(alone, span).result
        assert {name: found[name] for name in row if name != "value"} == {
            name: value for name, value in row.items() if name != "value"
        }
    assert [row["alarms"] for row in told["rows"]] == sorted(
        (row["alarms"] for row in told["rows"]), reverse=True
    )


def test_another_comparison_of_the_condition_can_be_moved() -> None:
    for number in range(1, 11):
        buyer(f"orders {number}", *range(210, 210 + 10 * number, 10))
    tree = {
        "any": [
            {"measure": "overdue_ratio", "op": "is_unknown"},
            {"not": {"measure": "orders_365d", "op": "<", "value": 4}},
            {"measure": "spend_90d", "op": "<=", "factor": "0.5", "other": "spend_prev_90d"},
        ]
    }
    rule = quiet_rule(condition=tree)
    offered = backtest.thresholds_of(parse(tree))
    assert [(one.number, str(one.present)) for one in offered] == [(1, "4"), (2, "0.5")]
    told = counted(rule, back(200, 200), wish=backtest.Wish(comparison=1)).result["thresholds"]
    assert told["comparison"] == 1
    assert {int(row["value"]) for row in told["rows"]} >= {2, 4, 8}
    with pytest.raises(backtest.NoThreshold):
        counted(rule, back(200, 200), wish=backtest.Wish(comparison=0))


def test_a_comparison_that_holds_where_it_is_unknown_still_does_when_it_is_moved() -> None:
    buyer("seldom", 250, 210)
    tree = {"measure": "orders_365d", "op": "<", "value": 2, "unknown": "yes"}
    (offered,) = backtest.thresholds_of(parse(tree))
    assert (offered.at(Decimal(3)).as_json(), offered.whole.as_json()) == ({**tree, "value": 3}, tree)
    told = counted(quiet_rule(condition=tree), back(200, 200)).result["thresholds"]
    assert (told["comparison"], told["present"]) == (0, "2")


@pytest.mark.parametrize(
    ("tree", "value", "text"),
    [
        ({"measure": "overdue_ratio", "op": ">", "value": "2"}, "2", "2"),
        ({"measure": "overdue_ratio", "op": ">", "value": "1.125"}, "1.125", "1.125"),
        ({"measure": "orders_365d", "op": "<", "value": "2.5"}, "2.5", "2.5"),
        ({"measure": "orders_365d", "op": "<", "value": 2}, "1200", "1,200"),
    ],
)
def test_a_threshold_is_shown_as_it_stands_and_never_rounded(tree: Any, value: str, text: str) -> None:
    (one,) = backtest.thresholds_of(parse(tree))
    assert backtest.shown_threshold(one, Decimal(value), currency="CNY") == text


def test_a_condition_without_a_threshold_has_no_sweep_of_them() -> None:
    buyer("quiet", 300)
    rule = quiet_rule(condition={"measure": "overdue_ratio", "op": "is_unknown"})
    assert counted(rule, back(200, 200)).result["thresholds"] is None


# --- Nothing else ----------------------------------------------------------------------------------
def test_counting_writes_nothing_but_its_row_and_the_audit() -> None:
    _mixed_past()
    rule = quiet_rule()
    before = all_rows()
    counted(rule, back(200, 100))
    after = all_rows()
    changed = {label for label in after if after[label] != before.get(label)}
    assert changed == {"retention.BacktestRun", "ground.AuditEvent"}


def test_facts_that_became_known_later_change_no_past_step() -> None:
    buyer("quiet", 300)
    rule, span = quiet_rule(), back(200, 150, step=50)
    first = counted(rule, span).result["by_step"]
    customer = buyer("late news", 300, recorded_at=NOW - timedelta(days=1))
    assert customer.pk and counted(rule, span).result["by_step"] == first
