"""What a customer's own rhythm of buying says: pure functions of arrays, a number for each customer.

Every input that is ``nan`` makes its customer's result ``nan``. Sources: Fader, Hardie, Lee, "Counting
your customers the easy way" (2005) for the population of buying rates; Park and Leemis mid-p for counts;
the two-group empirical Bayes of Efron for the expected loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retention.measures import season
from retention.measures.registry import Numbers, Parameters

MONTH = 365 / 12  # days
RECENT, BASE = 90, 365
"""The days of a decline, and those before them that it is held against."""
RATES = (1.0, 0.7, 0.5, 0.3, 0.0)
"""What a rate may have become, as a share of what it was; weights of each before anything was learnt."""
WEIGHTS = (0.8, 0.05, 0.05, 0.05, 0.05)

SEASON = Parameters("season", {"index": season.flat()})
BUYING_RATE = Parameters("buying_rate", {"r": 1.0, "alpha": 90.0})
DECLINE = Parameters("decline", {"a": 1.0, "b": 1.0, "rates": list(RATES), "weights": list(WEIGHTS)})


def exposures(
    recent: Numbers, before: Numbers, first: Numbers, *, today: int, index: season.Index
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return n0, n1 and the exposures e0, e1 in average months, weighed by the season.

    The last 90 days and the 365 before them; where the first order lies in these, from the day after it
    on, and it does not count itself. Unknown for whom it lies in the last 90 days, or never was.
    """
    young = first > today - RECENT - BASE
    n0 = before - np.where(young, 1.0, 0.0)
    whole = season.exposure(
        index, after=np.array([float(today - RECENT - BASE), float(today - RECENT)]), until=today
    )
    e1 = np.full(first.shape, whole[1])
    e0 = np.full(first.shape, whole[0])
    e0[young] = season.exposure(index, after=first[young], until=today)
    e0 = np.where(first <= today - RECENT, e0 - e1, np.nan)
    return n0, recent, e0 / MONTH, e1 / MONTH


def overdue_score(*, r: float, alpha: float, x: Numbers, t_x: Numbers, t: Numbers) -> Numbers:
    """Return the probability that somebody who goes on buying at an own rate had ordered again by now.

    Buying rates of the population are Gamma(``r``, ``alpha``); ``x`` orders were repeated, the last one
    at ``t_x``, observed to ``t``: ``1 − ((α + t_x)/(α + t))^(r + x)``. Times count from the first order, in
    the unit of ``alpha``. With few orders the population speaks, with many the customer.
    """
    return np.asarray(-np.expm1((r + x) * np.log((alpha + t_x) / (alpha + t))), dtype=np.float64)


def decline_mid_p(*, n0: Numbers, n1: Numbers, e0: Numbers, e1: Numbers) -> Numbers:
    """Return the one-sided mid-p value of a decline: how likely so few orders are at an unchanged rate.

    ``n1`` of ``n0 + n1`` orders, given the exposures ``e0`` and ``e1``, are binomial with the share
    ``e1/(e0 + e1)``: P(fewer) + ½ P(as many). Unknown without an order or an exposure.
    """
    known = (n0 + n1 > 0) & (e0 > 0) & (e1 > 0)
    result = np.full(known.shape, np.nan)
    result[known] = _mid_p(n0[known] + n1[known], n1[known], e1[known] / (e0[known] + e1[known]))
    return result


def _mid_p(n: Numbers, n1: Numbers, p: Numbers) -> Numbers:
    result = np.zeros(n.shape)
    term = n * np.log1p(-p)  # the logarithm of P(X = k), from k = 0 on
    for k in range(int(n1.max(initial=-1)) + 1):
        result += np.where(n1 > k, np.exp(term), np.where(n1 == k, np.exp(term) / 2, 0.0))
        term = term + np.log(np.maximum(n - k, 1) / (k + 1)) + np.log(p) - np.log1p(-p)
    return result


def decline_odds(
    *,
    n0: Numbers,
    n1: Numbers,
    e0: Numbers,
    e1: Numbers,
    a: float,
    b: float,
    rates: Sequence[float],
    weights: Sequence[float],
) -> list[Numbers]:
    """Return the posterior probability of each recent rate ``d``, as a share of the rate before.

    Rates before are Gamma(``a``, ``b``), with ``d`` of weight π: the odds against ``d = 1`` (which comes
    first in ``rates``) are ``(π_d/π_1) · d^n1 · ((b + e0 + e1)/(b + e0 + d·e1))^(a + n0 + n1)``.
    """
    odds = []
    for d, weight in zip(rates, weights, strict=True):
        scale = np.log((b + e0 + e1) / (b + e0 + d * e1)) * (a + n0 + n1)
        fewer = n1 * np.log(d) if d > 0 else np.where(n1 > 0, -np.inf, 0.0)
        odds.append(np.log(weight / weights[0]) + fewer + scale)
    most = np.max(odds, axis=0)
    shares = [np.exp(one - most) for one in odds]
    total = np.sum(shares, axis=0)
    return [np.asarray(share / total, dtype=np.float64) for share in shares]


def expected_lost_orders(
    *,
    n0: Numbers,
    n1: Numbers,
    e0: Numbers,
    e1: Numbers,
    a: float,
    b: float,
    rates: Sequence[float],
    weights: Sequence[float],
    horizon: float,
) -> Numbers:
    """Return the orders of ``horizon`` (in the unit of the exposures) that a decline is expected to cost.

    ``Σ P(d) · E[λ | d] · (1 − d) · horizon``, with ``E[λ | d] = (a + n0 + n1)/(b + e0 + d·e1)``.
    """
    chances = decline_odds(n0=n0, n1=n1, e0=e0, e1=e1, a=a, b=b, rates=rates, weights=weights)
    lost = np.zeros(n0.shape)
    for d, chance in zip(rates, chances, strict=True):
        lost = lost + chance * (a + n0 + n1) / (b + e0 + d * e1) * (1 - d) * horizon
    return lost
