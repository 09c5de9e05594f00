"""All measures of everybody, of whom a night has changed, and of the touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection

from benchmarks import floors, truth
from benchmarks.book import FACTS, Ratio, Stage, Trial, Unequal, bench
from benchmarks.generate.rows import below, execute
from customers import company
from customers.models import TouchedCustomer
from retention import sweep
from retention.measures import compute
from retention.models import MeasureState, SweepRun

DEPENDS = (
    "retention/sweep",
    "retention/measures",
    "retention/models/measures.py",
    *FACTS,
    "customers/facts.py",
    "benchmarks/sweeps.py",
    "benchmarks/floors.py",
)
PROCESSES = {"postgresql": 2, "sqlite": 1}
"""Worker processes that make a sweep: the one that asks for it and, on PostgreSQL, one that helps."""

_TICK = timedelta(microseconds=1)


def full_pass(at: datetime, *, rules: list[str] | None = None) -> SweepRun:
    """Sweep everybody as the nightly task does when everything is to be computed."""
    return sweep.run(as_of=at, scope=SweepRun.Scope.FULL, rules=rules or [])


def moments(start: datetime) -> Any:
    """Return moments, each a little later than the one before: a pass must be newer than the last."""
    return (start + n * _TICK for n in count(2))


@bench(
    "sweep-full",
    title="All measures of every customer",
    ratios=(Ratio("first night", "floor", at_most=2.0), Ratio("next night", "floor", at_most=2.0)),
    depends=DEPENDS,
)
def sweep_full(stage: Stage) -> Trial:
    """The shipped sweep with no rule: every measure of every customer, into an empty wide table and a day on.

    The first night writes every row, as the floor does; on the next one a row may stay as it is.
    """
    floors.make_bare_table()
    nights = count(1)

    def first() -> int:
        return full_pass(stage.now + timedelta(days=2 * next(nights))).customers

    def later() -> int:
        at = MeasureState.objects.get().as_of + timedelta(days=1)
        return full_pass(at).customers

    def same(outputs: Mapping[str, Any]) -> str:
        if {outputs["first night"], outputs["next night"], outputs["floor"][floors.WIDE]} != {
            stage.customers
        }:
            raise Unequal(f"rows: {outputs}")
        _check_the_floor()
        after = truth.digest()
        day = company.today(MeasureState.objects.get().as_of).number
        equal = truth.check_plainly(day=day, customers=stage.customers)
        empty_wide_table()
        compute.refresh(as_of=MeasureState.objects.get().as_of + _TICK)
        if truth.digest() != after:
            raise Unequal("the next night and a first pass of the same day differ")
        return f"{equal}; the next night against a first pass of its day, every measure of every customer"

    return Trial(
        ways={"floor": floors.of_a_pass, "first night": first, "next night": later},
        before={
            "floor": floors.empty_bare_table,
            "first night": empty_wide_table,
            "next night": stage.settle,
        },
        same=same,
        rows=stage.customers,
    )


def _check_the_floor() -> None:
    """Raise :class:`Unequal` unless the floor reads every source from its covering index alone."""
    if connection.vendor != "postgresql":
        return
    for table, plan in floors.plans().items():
        if "Index Only Scan" not in plan or "Hash" in plan or "Sort" in plan:
            raise Unequal(f"the floor of {table} is not on a covering index: {plan}")


def empty_wide_table() -> None:
    """Forget every measure, as before the first night."""
    execute(f"{'TRUNCATE' if connection.vendor == 'postgresql' else 'DELETE FROM'} {floors.WIDE}")


@bench(
    "sweep-changed",
    title="Measures of whom a night has changed",
    ratios=(Ratio("ours", "floor", at_most=0.8),),
    depends=DEPENDS,
)
def sweep_changed(stage: Stage) -> Trial:
    """A day after a full pass: whoever has new facts, or for whom a fact crossed the edge of a window."""
    floors.make_bare_table()
    full_pass(stage.now + _TICK)
    nights = count(1)

    def ours() -> int:
        at = stage.now + timedelta(days=next(nights))
        done = sweep.run(as_of=at, scope=SweepRun.Scope.CHANGED, rules=[])
        return int(done.details["rows"]["measures"])

    def touch() -> None:
        """Mark 2 % of the customers, as a day's new facts do; the sweep would delete the marks."""
        stage.settle()
        TouchedCustomer.objects.all().delete()
        _mark(stage, f"{below(50, 'id', 71)} = 0")

    def same(outputs: Mapping[str, Any]) -> str:
        changed = truth.digest()
        at = stage.now + timedelta(days=1)
        full_pass(at + _TICK)
        if truth.digest() != changed:
            raise Unequal("a full pass of the same day finds other measures")
        share = outputs["ours"] / stage.customers
        return f"every measure of every customer as a full pass finds it; {share:.1%} were computed"

    return Trial(
        ways={"floor": floors.of_a_pass, "ours": ours},
        before={"floor": floors.empty_bare_table, "ours": touch},
        same=same,
        rows=stage.customers,
    )


@bench(
    "sweep-touched",
    title="Customers whose facts just changed: 1 %, 1,000, one",
    ratios=(
        Ratio("1 %", "floor", at_most=0.15),
        Ratio("1,000 customers", "floor"),
        Ratio("1 customer", "floor"),
    ),
    depends=DEPENDS,
)
def sweep_touched(stage: Stage) -> Trial:
    """Marks in the outbox of facts, swept with the 20 rules of the rules benchmark switched off."""
    floors.make_bare_table()
    full_pass(stage.now + _TICK)
    whole = truth.digest()
    later = moments(stage.now + timedelta(seconds=1))

    def ours() -> int:
        return sweep.sweep_touched(at=next(later)).customers

    def marked(where: str) -> Any:
        def mark() -> None:
            TouchedCustomer.objects.all().delete()
            _mark(stage, where)

        return mark

    def same(outputs: Mapping[str, Any]) -> str:
        if truth.digest() != whole:
            raise Unequal("the touched differ from the full pass of the same day")
        counts = ", ".join(str(outputs[name]) for name in ("1 %", "1,000 customers", "1 customer"))
        return f"every measure as the full pass found it; {counts} customers were computed"

    return Trial(
        ways={
            "floor": floors.of_a_pass,
            "1 %": ours,
            "1,000 customers": ours,
            "1 customer": ours,
        },
        before={
            "floor": floors.empty_bare_table,
            "1 %": marked(f"{below(100, 'id', 72)} = 0"),
            "1,000 customers": marked(f"id % {max(1, stage.customers // 1000)} = 0"),
            "1 customer": marked("id = 77"),
        },
        same=same,
        rows=max(1, stage.customers // 100),
    )


def _mark(stage: Stage, where: str) -> int:
    """Mark customers as touched by a fact recorded just before the company's now."""
    moment = connection.ops.adapt_datetimefield_value(stage.now - timedelta(minutes=1))
    return execute(
        f"INSERT INTO {TouchedCustomer._meta.db_table} (customer_id, recorded_at, lease_token) "
        f"SELECT id, '{moment}', '' FROM customers_customer WHERE {where}"
    )
