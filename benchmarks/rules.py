"""One, 20 and 100 rules over everybody, in one scan: on their first night and on the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from benchmarks import floors, rulebook
from benchmarks.book import Measured, Ratio, Stage, Trial, Unequal, bench
from benchmarks.generate.times import TODAY
from benchmarks.sweeps import DEPENDS, full_pass, moments
from retention import sweep
from retention.models import EarlyWarning, SweepRun

CUSTOMERS_ASKED = 50_000


@bench(
    "rules",
    title="Rules in one scan of the measures",
    ratios=(
        Ratio("1 rule, next night", "floor"),
        Ratio("20 rules, first night", "floor"),
        Ratio("20 rules, next night", "floor", at_most=0.6),
        Ratio("100 rules, next night", "floor", at_most=1.5),
    ),
    depends=(*DEPENDS, "retention/rules", "retention/warnings.py", "retention/cases", "benchmarks/rules.py"),
)
def rules(stage: Stage) -> Trial:
    """A nightly sweep for which no measure has to be computed: the scan, warnings, and new cases.

    On their first night rules raise warnings and open cases, for new rules each time; the next night finds
    the same customers and has nothing to raise.
    """
    floors.make_bare_table()
    full_pass(stage.now + timedelta(microseconds=1))
    later = moments(stage.now + timedelta(seconds=1))
    series = count(1)
    codes: dict[str, list[str]] = {}

    def judge(kind: str) -> Measured:
        run = sweep.run(as_of=next(later), scope=SweepRun.Scope.CHANGED, rules=codes[kind])
        return Measured(
            figures={
                "warnings raised": sum(run.warnings.values()),
                "cases opened": run.cases_opened,
                "seconds of cases": run.seconds["cases"],
            },
            output=sum(run.warnings.values()),
        )

    def new(kind: str, number: int) -> None:
        codes[kind] = rulebook.switch_on(number, series=f"{number}-{next(series)}", at=stage.now)
        stage.settle()

    for kind, number in (("1", 1), ("100", 100)):
        new(kind, number)
        judge(kind)

    def same(outputs: Mapping[str, Any]) -> str:
        step = max(1, stage.customers // CUSTOMERS_ASKED)
        found = 0
        for number in (1, 20, 100):
            found += _compare(codes[str(number)], number, step=step)
        if outputs["20 rules, next night"] != 0:
            raise Unequal("the next night raised warnings again")
        return f"{found} warnings of {stage.customers // step} customers as plain Python finds them"

    return Trial(
        ways={
            "floor": floors.of_a_pass,
            "1 rule, next night": lambda: judge("1"),
            "20 rules, first night": lambda: judge("20"),
            "20 rules, next night": lambda: judge("20"),
            "100 rules, next night": lambda: judge("100"),
        },
        before={
            "floor": floors.empty_bare_table,
            "1 rule, next night": stage.settle,
            "20 rules, first night": lambda: new("20", 20),
            "20 rules, next night": stage.settle,
            "100 rules, next night": stage.settle,
        },
        same=same,
        rows=stage.customers,
    )


def _compare(codes: list[str], number: int, *, step: int) -> int:
    """Compare the open warnings of a series of rules with plain Python; return how many there are."""
    rows = EarlyWarning.objects.filter(rule__code__in=codes).exclude(state=EarlyWarning.State.CLOSED)
    found = sorted(
        (customer, int(code.rsplit("-", 1)[1]))
        for customer, code in rows.values_list("customer_id", "rule__code")
        if customer % step == 0
    )
    wanted = sorted(rulebook.expected(number, today=TODAY, step=step))
    if found != wanted:
        differ = sorted(set(found) ^ set(wanted))[:5]
        raise Unequal(f"{len(found)} warnings, {len(wanted)} by plain Python; for example {differ}")
    return len(found)
