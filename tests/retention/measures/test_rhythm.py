"""The own rhythm in numbers: published figures, edges, and what must not happen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from customers.ground.holidays import moving_festivals
from retention.measures import rhythm, season
from retention.measures.rhythm import (
    decline_mid_p,
    decline_odds,
    expected_lost_orders,
    exposures,
    overdue_score,
)
from retention.measures.simplex import minimise


def a(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


EXAMPLE = {"n0": a(24), "n1": a(2), "e0": a(12), "e1": a(3)}
TWO_GROUPS = {**EXAMPLE, "a": 1.5, "b": 0.75, "rates": [1.0, 0.5], "weights": [0.95, 0.05]}


def test_overdue_score_is_the_published_one() -> None:
    score = overdue_score(r=0.2426, alpha=4.4136, x=a(2), t_x=a(30.43), t=a(38.86))
    assert score[0] == pytest.approx(0.3849, abs=5e-5)


def test_overdue_score_is_0_on_the_day_of_the_order_and_grows_with_silence_and_with_orders() -> None:
    score = overdue_score(r=1, alpha=90, x=a(5, 5, 5, 20), t_x=a(100, 100, 100, 100), t=a(100, 120, 200, 120))
    assert score[0] == 0
    assert score[0] < score[1] < score[2] < 1
    assert score[3] > score[1]


def test_mid_p_of_a_decline_is_the_published_one() -> None:
    assert decline_mid_p(**EXAMPLE)[0] == pytest.approx(0.05336, abs=5e-6)


def test_mid_p_is_unknown_without_orders_or_time_and_half_a_chance_more_than_fewer() -> None:
    found = decline_mid_p(n0=a(0, 5, 5, 4), n1=a(0, 1, np.nan, 0), e0=a(12, 0, 12, 12), e1=a(3, 3, 3, 3))
    assert np.isnan(found[:3]).all()
    assert found[3] == pytest.approx(0.8**4 / 2)  # none fewer, half of none


def test_mid_p_of_the_busiest_customer_is_a_probability() -> None:
    found = decline_mid_p(n0=a(365, 365, 365), n1=a(90, 0, 60), e0=a(12, 12, 12), e1=a(3, 3, 3))
    assert found[0] == pytest.approx(0.5, abs=0.05)
    assert 0 <= found[1] < found[2] < 0.01


def test_decline_of_two_groups_is_the_published_one() -> None:
    assert decline_odds(**TWO_GROUPS)[1][0] == pytest.approx(0.17102, abs=5e-6)
    assert expected_lost_orders(**TWO_GROUPS, horizon=12)[0] == pytest.approx(1.98019, abs=6e-6)


def test_decline_to_nothing_is_out_of_the_question_after_an_order() -> None:
    groups = {**TWO_GROUPS, "rates": [1.0, 0.0], "weights": [0.5, 0.5]}
    assert decline_odds(**groups)[1][0] == 0
    silent = decline_odds(**{**groups, "n1": a(0)})
    assert silent[1][0] > 0.99
    assert silent[0][0] + silent[1][0] == pytest.approx(1)


# --- Exposures --------------------------------------------------------------------------------
TODAY = 739_708  # 2 April 2026


def test_exposures_are_the_year_before_and_the_last_90_days() -> None:
    n0, n1, e0, e1 = exposures(a(2), a(24), a(TODAY - 800), today=TODAY, index=season.flat())
    assert (n0[0], n1[0]) == (24, 2)
    assert (e0[0], e1[0]) == (pytest.approx(12), pytest.approx(90 * 12 / 365))


def test_exposure_of_a_newer_customer_begins_after_its_first_order_which_does_not_count() -> None:
    firsts = a(TODAY - 455, TODAY - 454, TODAY - 91, TODAY - 90, TODAY - 89, np.nan)
    n0, _n1, e0, _e1 = exposures(a(*[0] * 6), a(*[9] * 6), firsts, today=TODAY, index=season.flat())
    assert n0[:4].tolist() == [9, 8, 8, 8]
    assert (e0[:4] * rhythm.MONTH).round(6).tolist() == [365, 364, 1, 0]
    assert np.isnan(e0[4:]).all()


# --- Season -----------------------------------------------------------------------------------
def day(text: str) -> int:
    return int(np.datetime64(text).astype(int)) + 719_163


@pytest.mark.parametrize(
    ("year", "begins"), [(2024, "2024-02-10"), (2025, "2025-01-29"), (2026, "2026-02-17")]
)
def test_weeks_around_spring_festival_move_with_it(year: int, begins: str) -> None:
    assert moving_festivals(year)["spring"].isoformat() == begins
    first = day(begins)
    kinds = season.kinds(first - 29, first + 28)
    around = [int(kind) for kind in kinds[1:-1]]
    assert around == [season.WEEKS + k for k in range(8) for _day in range(7)]
    assert kinds[0] < season.WEEKS and kinds[-1] < season.WEEKS


def test_kind_of_a_day_does_not_depend_on_where_the_span_begins() -> None:
    whole = season.kinds(day("2023-11-03"), day("2027-03-01"))
    part = season.kinds(day("2024-12-30"), day("2025-02-02"))
    offset = day("2024-12-30") - day("2023-11-03")
    assert (whole[offset : offset + len(part)] == part).all()
    assert season.day_number(2026) == day("2026-01-01")


def orders_of(first: int, last: int, *, quiet: set[int]) -> Any:
    """Return a growing company's orders of each day, a tenth of them in quiet kinds of week."""
    kinds = season.kinds(first, last)
    level = np.linspace(100, 200, last - first + 1)
    return np.rint(np.where(np.isin(kinds, list(quiet)), level / 10, level)).astype(np.int64)


def test_season_finds_the_quiet_weeks_of_the_festival_whenever_it_was() -> None:
    first, last = day("2021-01-01"), day("2025-12-31")
    quiet = {season.WEEKS + 3, season.WEEKS + 4}  # the week before it and its own
    index = season.estimate(orders_of(first, last, quiet=quiet), first=first)
    assert index is not None
    assert all(80 <= index[kind] <= 160 for kind in quiet)
    others = [value for kind, value in enumerate(index) if kind not in quiet]
    assert all(930 <= value <= 1070 for value in others)  # growth is no season


def test_season_needs_two_years_and_is_drawn_towards_1_by_few_orders() -> None:
    first = day("2023-01-01")
    assert season.estimate(np.ones(season.LEAST_DAYS - 1, dtype=np.int64), first=first) is None
    counts = np.zeros(season.LEAST_DAYS + 365, dtype=np.int64)
    counts[::30] = 1
    index = season.estimate(counts, first=first)
    assert index is not None and all(950 <= value <= 1050 for value in index)


def test_festival_makes_fewer_orders_no_decline() -> None:
    after = day("2026-03-10")  # the last 90 days hold Spring Festival, the year before another one
    index = season.flat()
    for kind in range(season.WEEKS, season.WEEKS + 8):
        index[kind] = 100
    counts = (a(7), a(40), a(after - 900))
    flat, aligned = (
        decline_mid_p(
            **dict(zip(("n0", "n1", "e0", "e1"), exposures(*counts, today=after, index=i), strict=True))
        )
        for i in (season.flat(), index)
    )
    assert aligned[0] > 1.5 * flat[0]


# --- The simplex ------------------------------------------------------------------------------
def test_simplex_finds_the_least_value_of_a_crooked_valley() -> None:
    found = minimise(lambda p: float((1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2), [-1.2, 1.0])
    assert found == pytest.approx([1, 1], abs=1e-3)
