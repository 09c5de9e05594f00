"""Rates against numbers from outside: published tables and sums made another way."""

from __future__ import annotations

from math import comb, exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.improving import rates


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood's table, as in Pearson & Hartley, Biometrika Tables for Statisticians, vol. 1, table 40
    [
        (0, 0.0, 3.69),
        (1, 0.0253, 5.57),
        (2, 0.242, 7.22),
        (5, 1.62, 11.67),
        (10, 4.80, 18.39),
        (20, 12.22, 30.89),
        (50, 37.11, 65.92),
    ],
)
def test_poisson_interval_is_that_of_the_table(count, low, high):
    found = rates.poisson_interval(count)
    assert found == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.006))


def test_rate_interval_is_divided_by_the_exposure():
    assert rates.rate_interval(10, 4)[1] == pytest.approx(18.39 / 4, abs=0.002)


@given(st.integers(0, 40), st.floats(0.01, 40))
def test_poisson_tails_are_the_plain_sums(count, mean):
    below = sum(exp(-mean) * mean**n / factorial(n) for n in range(count + 1))
    assert rates.poisson_tail(count, mean, upper=False) == pytest.approx(below, abs=1e-12)
    above = 1 - below + exp(-mean) * mean**count / factorial(count)
    assert rates.poisson_tail(count, mean, upper=True) == pytest.approx(above, abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 50), st.integers(1, 50))
def test_rise_is_the_plain_binomial_sum(recent, before, recent_of, before_of):
    total, share = recent + before, recent_of / (recent_of + before_of)
    plain = sum(comb(total, n) * share**n * (1 - share) ** (total - n) for n in range(recent, total + 1))
    p = rates.rise(recent, before, recent_of=recent_of, before_of=before_of)
    assert p == pytest.approx(plain, abs=1e-10)


def test_rise_of_textbook_counts():
    # 15 against 5 in equal times: P(X ≥ 15), X binomial (20, ½) = 21700 / 2²⁰
    assert rates.rise(15, 5, recent_of=1, before_of=1) == pytest.approx(21700 / 2**20)
    # 3 against none in 28 of 196 days: (1/7)³
    assert rates.rise(3, 0, recent_of=28, before_of=168) == pytest.approx(1 / 343)
    assert rates.rise(0, 9, recent_of=28, before_of=168) == 1.0


def test_rise_stays_true_for_large_counts():
    assert rates.rise(100_000, 100_000, recent_of=1, before_of=1) == pytest.approx(0.5, abs=0.002)
    assert rates.rise(10_500, 10_000, recent_of=1, before_of=1) == pytest.approx(0.00024, abs=0.00002)
    assert rates.poisson_interval(1_000_000)[0] == pytest.approx(998_041, abs=2)


def test_corrected_is_that_of_the_paper():
    # the 15 p values of Benjamini & Hochberg 1995, section 3.2: four are taken at 5 %
    ps = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    found = rates.corrected(ps)
    assert [q <= 0.05 for q in found] == [True] * 4 + [False] * 11
    assert found[3] == pytest.approx(0.0095 * 15 / 4)
    assert found[5] == pytest.approx(0.0298 * 15 / 7)  # a later one is less: it counts
    assert rates.corrected([]) == []
    assert rates.corrected([0.9, 0.01]) == [pytest.approx(0.9), pytest.approx(0.02)]


def test_difference_interval_is_newcombes():
    # Newcombe 1998, method 10, (a): 56/70 − 48/80 = 0.2, interval 0.0524 to 0.3339
    low, high = rates.difference_interval(0.8, 0.6, (0.6920, 0.8773), (0.4905, 0.7002))
    assert (low, high) == (pytest.approx(0.0524, abs=0.0005), pytest.approx(0.3339, abs=0.0005))
