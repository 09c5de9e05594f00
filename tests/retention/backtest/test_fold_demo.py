"""Sixty nights of the demo company, really swept, against what a backtest of the same days says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from customers.demo import load, world
from customers.demo.company import DAY
from customers.demo.moments import local_day
from customers.ground import localtime
from retention import backtest, rules, sweep
from retention.backtest import Span
from retention.models import EarlyWarning
from retention.rules.raising import Policy, State, raises

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NIGHTS = 60
CODES = ("overdue", "no-contact", "spend-halved", "contract-ending", "complaint-overdue")
NOW = datetime(2026, 6, 30, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"


@pytest.fixture
def last_night() -> int:
    """Load a demo of which nothing was corrected within the nights, as if each had been swept in its time."""
    told = world.build(seed=9, customers=150, months=12, until=date(2026, 6, 30))
    first = told.window.end - (NIGHTS + 1) * DAY
    facts = told.facts
    facts.order_changes[:] = [row for row in facts.order_changes if row.known_at < first]
    facts.contract_ends[:] = [row for row in facts.contract_ends if row.known_at < first]
    facts.interactions[:] = [
        row if row.void_at < first else row._replace(void_at=0) for row in facts.interactions
    ]
    load.load(told, password="a demo's password", at=NOW)
    return local_day(told.window.end)


def test_the_fold_is_what_sixty_nights_of_the_demo_raise(last_night: int) -> None:
    span = Span(last_night - NIGHTS + 1, last_night, step=1)
    assert len(span.steps) == NIGHTS
    expected: dict[str, set[tuple[int, int]]] = {}
    for rule in rules.get(CODES):
        matched: dict[int, set[int]] = {}

        def keep(day: int, rows: Any, matched: dict[int, set[int]] = matched) -> None:
            matched[day] = {customer for customer, _rule, _evidence in rows or ()}

        run = backtest.run_now(rule, span=span, on_rows=keep, by=None, at=NOW)
        policy, state, told = Policy(cool_down_days=rule.cool_down_days), State(), set()
        for day in span.steps:
            state, came = raises(matched[day], state, day=day, policy=policy)
            told |= {(customer, day) for customer in came.raised}
        expected[rule.code] = told
        assert run.result is not None and run.result["alarms"] <= len(told)

    for rule in rules.get(CODES):
        rules.enable(rule, open_existing=True, by=None, at=localtime.start_of_day(span.steps[0] - 1, ZONE))
    for day in span.steps:
        sweep.run(as_of=localtime.start_of_day(day, ZONE))

    raised = EarlyWarning.objects.filter(rule__code__in=CODES)
    found = {code: set[tuple[int, int]]() for code in CODES}
    for code, customer, day in raised.values_list("rule__code", "customer_id", "as_of_day"):
        found[code].add((customer, day))
    assert {code: sorted(found[code] ^ expected[code]) for code in CODES} == {code: [] for code in CODES}
    assert all(found.values())
    assert len({day for told in found.values() for _customer, day in told}) > NIGHTS / 2
