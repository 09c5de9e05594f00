"""Spells of risk become alarms: consecutive steps are one, and a rule that cools down gives none."""

from __future__ import annotations

from retention.backtest.alarms import Fold


def told(re_fire: int, *steps: tuple[int, set[int]]) -> list[tuple[int, int]]:
    fold = Fold(re_fire)
    for day, matched in steps:
        fold.step(day, matched)
    return fold.alarms


def test_consecutive_steps_are_one_alarm() -> None:
    assert told(0, (10, {1}), (20, {1, 2}), (30, {1, 2})) == [(1, 10), (2, 20)]


def test_a_sign_that_comes_back_alarms_again_when_the_re_fire_period_is_over() -> None:
    # gone at day 20: 30 days later is day 50
    assert told(30, (10, {1}), (20, set()), (50, {1})) == [(1, 10), (1, 50)]


def test_a_sign_that_comes_back_a_day_too_early_is_silent() -> None:
    assert told(30, (10, {1}), (20, set()), (49, {1})) == [(1, 10)]


def test_a_sign_that_still_stands_when_the_period_ends_alarms_then() -> None:
    assert told(30, (10, {1}), (20, set()), (49, {1}), (50, {1}), (60, {1})) == [(1, 10), (1, 50)]


def test_a_silent_return_does_not_begin_the_period_anew() -> None:
    assert told(30, (10, {1}), (20, set()), (30, {1}), (40, set()), (50, {1})) == [(1, 10), (1, 50)]


def test_the_period_counts_from_the_last_alarm_that_was_gone() -> None:
    steps = ((10, {1}), (20, set()), (50, {1}), (60, set()), (89, {1}), (90, {1}))
    assert told(30, *steps) == [(1, 10), (1, 50), (1, 90)]
