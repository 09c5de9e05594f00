"""Chance exactly, ranks to the customer, and an interval that is the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from retention.backtest.baselines import Chance, Ranked
from retention.backtest.interval import precision_interval
from retention.backtest.span import Span

SPAN = Span(first=1000, last=1050, step=50, horizon=30, gap=5)


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def test_chance_is_the_expected_value() -> None:
    chance = Chance(SPAN, {1: [1010], 2: [1060], 9: [1010]})
    chance.step(1000, 2, ids(1, 2, 3, 4))  # one of four is lost in the window: half an alarm is right
    chance.step(1050, 1, ids(2, 3))  # one of two
    assert chance.precision(known_until=2000) == pytest.approx((2 * 1 / 4 + 1 * 1 / 2) / 3)
    # of three losses: 1 was drawn by 2/4, 2 by 1/2, and 9 was not at risk at any step
    assert chance.recall(known_until=2000) == pytest.approx((2 / 4 + 1 / 2 + 0) / 3)


def test_chance_of_a_loss_that_two_steps_could_foresee() -> None:
    span = Span(first=1000, last=1010, step=10, horizon=30, gap=5)
    chance = Chance(span, {1: [1020]})
    chance.step(1000, 1, ids(1, 2))
    chance.step(1010, 1, ids(1, 2, 3, 4))
    assert chance.recall(known_until=2000) == pytest.approx(1 - (1 - 1 / 2) * (1 - 1 / 4))


def test_chance_passes_over_steps_that_are_not_decided_and_that_draw_nobody() -> None:
    chance = Chance(SPAN, {1: [1010]})
    chance.step(1000, 0, ids())
    chance.step(1050, 1, ids(1, 2))
    assert chance.precision(known_until=1084) is None
    assert chance.precision(known_until=1085) == 0.0


def test_ranked_chooses_the_first_and_the_lower_id_of_equals() -> None:
    ranked = Ranked(SPAN)
    ranked.step(1000, 2, ids(1, 2, 3, 4), ids(7, 5, 6, 6))
    assert ranked.alarms == [(2, 1000), (3, 1000)]


@pytest.mark.parametrize(("day", "chosen"), [(1035, 2), (1036, 1)])
def test_ranked_chooses_again_when_gap_and_horizon_are_over(day: int, chosen: int) -> None:
    ranked = Ranked(SPAN)
    ranked.step(1000, 1, ids(1, 2), ids(0, 1))
    ranked.step(day, 1, ids(1, 2), ids(0, 1))
    assert ranked.alarms == [(1, 1000), (chosen, day)]


def test_ranked_chooses_nobody_where_the_rule_told_of_nobody() -> None:
    ranked = Ranked(SPAN)
    ranked.step(1000, 0, ids(1, 2), ids(0, 1))
    assert ranked.alarms == []


# --- The interval --------------------------------------------------------------------------------
def test_the_interval_is_the_same_each_time_and_holds_what_was_found() -> None:
    alarms = {one: (1, int(one < 30)) for one in range(100)}
    low, high = precision_interval(alarms) or (0, 0)
    assert (low, high) == precision_interval(dict(reversed(alarms.items())))
    # of independent alarms: close to 0.3 ± 1.96 · √(0.3 · 0.7 / 100)
    assert (low, high) == pytest.approx((0.21, 0.39), abs=0.015)


def test_alarms_of_one_customer_are_no_independent_witnesses() -> None:
    alone = precision_interval({one: (1, int(one < 30)) for one in range(100)})
    clustered = precision_interval({one: (10, 10 * int(one < 3)) for one in range(10)})
    assert alone and clustered
    assert clustered[1] - clustered[0] > 2 * (alone[1] - alone[0])


def test_the_interval_of_nothing_is_nothing() -> None:
    assert precision_interval({}) is None
