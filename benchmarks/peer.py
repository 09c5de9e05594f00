"""Our sweep beside the usual way of writing it in Django, on the same rules and in as many processes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from benchmarks import floors, rulebook, truth, usual
from benchmarks.book import Ratio, Stage, Trial, Unequal, bench
from benchmarks.generate.times import TODAY
from benchmarks.sweeps import DEPENDS, PROCESSES, empty_wide_table, full_pass, moments
from retention.models import EarlyWarning

RULES = 20


@bench(
    "grouped-orm",
    title="Sweep with 20 rules beside grouped ORM and Python rules",
    ratios=(Ratio("grouped ORM", "ours", at_least=10), Ratio("ours", "floor")),
    depends=(
        *DEPENDS,
        "retention/rules",
        "retention/warnings.py",
        "benchmarks/peer.py",
        "benchmarks/usual.py",
    ),
    states=("worn",),
    pairs={"l": 1},
)
def grouped_orm(stage: Stage) -> Trial:
    """Both write a row of measures for everybody as of the same day; both found the same warnings standing.

    Ours computes all other measures and keeps the evidence of warnings as well. New cases, which
    the usual way does not open, were opened before.
    """
    floors.make_bare_table()
    usual.make_tables()
    codes = rulebook.switch_on(RULES, series="peer", at=stage.now)
    full_pass(stage.now + timedelta(microseconds=1), rules=codes)
    later = moments(stage.now + timedelta(seconds=1))

    def ours() -> int:
        return full_pass(next(later), rules=codes).customers

    def peer() -> int:
        return usual.sweep(at=next(later), today=TODAY, rules=RULES, processes=PROCESSES[stage.engine])

    def make_ready() -> None:
        empty_wide_table()
        stage.settle()

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["ours"] != outputs["grouped ORM"]:
            raise Unequal(f"customers: {outputs}")
        if truth.digest(usual.CODES) != truth.digest(usual.CODES, table="bench_usual_measures"):
            raise Unequal("measures")
        standing = EarlyWarning.objects.filter(rule__code__in=codes).exclude(state="closed")
        mine = {
            (one, int(code.rsplit("-", 1)[1])) for one, code in standing.values_list("customer", "rule__code")
        }
        theirs = set(usual.UsualWarning.objects.values_list("customer_id", "rule"))
        if mine != theirs:
            raise Unequal(f"{len(mine)} warnings of ours, {len(theirs)} of the usual way")
        return f"{len(usual.CODES)} measures of every customer and {len(mine)} warnings"

    return Trial(
        ways={"floor": floors.of_a_pass, "ours": ours, "grouped ORM": peer},
        before={"floor": floors.empty_bare_table, "ours": make_ready, "grouped ORM": stage.settle},
        same=same,
        rows=stage.customers,
    )
