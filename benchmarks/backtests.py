"""A backtest of twelve steps beside twenty rules that are on, against a pass over everybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from benchmarks import floors, rulebook
from benchmarks.book import Measured, Ratio, Stage, Trial, Unequal, bench
from benchmarks.generate.times import TODAY
from benchmarks.sweeps import DEPENDS, empty_wide_table, full_pass
from customers import company
from customers.ground import localtime
from customers.models import Customer
from retention import backtest, rules, sweep
from retention.models import Loss, WarningRule

STEPS, STEP = 12, 28
LOST_EACH = 40
"""One in so many customers is lost once, on a day of the year that its number tells."""

CONDITION = {
    "all": [
        {"measure": "days_since_last_order", "op": ">=", "value": 60},
        {"measure": "orders_prev_365d", "op": ">=", "value": 3},
    ]
}


@bench(
    "backtest",
    title="Backtest of a rule, twelve steps",
    ratios=(Ratio("12 steps", "one pass", at_most=12.0), Ratio("12 steps", "floor")),
    depends=(*DEPENDS, "retention/backtest", "retention/rules", "benchmarks/backtests.py"),
)
def twelve_steps(stage: Stage) -> Trial:
    """The command's whole work: match sets of the rule, nine thresholds and twenty live rules.

    Alarms, losses, baselines and the interval are part of it. ``one pass`` computes every measure of every
    customer once, as the first night does.
    """
    floors.make_bare_table()
    _lose(stage)
    code = f"bench-backtest-{stage.state}"
    WarningRule.objects.filter(code=code).delete()
    rule = rules.save(
        WarningRule(code=code, name_en="Quiet", name_zh="沉默", condition=CONDITION), by=None, at=stage.now
    )
    rulebook.switch_on(20, series=f"backtest-{stage.state}", at=stage.now)
    last = TODAY - 98
    span = backtest.asked(at=stage.now, first=last - (STEPS - 1) * STEP, last=last, step=STEP)
    nights = count(1)

    def one_pass() -> int:
        return full_pass(stage.now + timedelta(days=2 * next(nights))).customers

    def steps() -> Measured:
        run = backtest.run_now(rule, span=span, by=None, at=stage.now)
        result: dict[str, Any] = run.result or {}
        return Measured(
            figures={"alarms": result["alarms"], "losses": result["losses"]}, output=result["by_step"]
        )

    def same(outputs: Mapping[str, Any]) -> str:
        zone = company.current().time_zone
        for day, step in zip(span.steps, outputs["12 steps"], strict=True):
            as_of = localtime.start_of_day(day, zone)
            swept = sweep.run(as_of=as_of, rules=[rule.code], dry_run=True).warnings[rule.code]
            if swept != step["matches"]:
                raise Unequal(f"{step['day']}: {step['matches']} matches, {swept} in a dry-run sweep")
        matches = sum(step["matches"] for step in outputs["12 steps"])
        if not matches or not sum(step["alarms"] for step in outputs["12 steps"]):
            raise Unequal("the rule matches nobody")
        return f"{matches} matches of {STEPS} steps as {STEPS} dry-run sweeps find them"

    return Trial(
        ways={"floor": floors.of_a_pass, "one pass": one_pass, "12 steps": steps},
        before={"floor": floors.empty_bare_table, "one pass": empty_wide_table},
        same=same,
        rows=stage.customers,
    )


def _lose(stage: Stage) -> None:
    """Let one in forty customers be lost for 90 days."""
    Loss.objects.filter(case=None, contract=None).delete()
    lost = Customer.objects.order_by("pk").values_list("pk", flat=True)
    Loss.objects.bulk_create(
        [
            Loss(
                customer_id=pk,
                occurred_at=(began := stage.now - timedelta(days=100 + pk * 7 % 340)),
                recorded_at=began,
                ended_at=began + timedelta(days=90),
            )
            for pk in lost[::LOST_EACH]
        ],
        batch_size=5000,
    )
