"""Counts that are compared: exact intervals and tests of rates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma, log, log1p, sqrt

Interval = tuple[float, float]
_OUTSIDE = 0.025
_TINY = 1e-17


def poisson_tail(count: int, mean: float, *, upper: bool) -> float:
    """Return P(X ≥ count) or, if not ``upper``, P(X ≤ count), X being Poisson with ``mean``.

    The sum goes outward from ``count``, where its terms fall, and stops when they no longer count; on the
    other side of the mean it is 1 minus that of the other tail.
    """
    if upper and count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0 if upper else 1.0
    if upper and count < mean:
        return 1 - poisson_tail(count - 1, mean, upper=False)
    if not upper and count > mean:
        return 1 - poisson_tail(count + 1, mean, upper=True)
    term = total = exp(-mean + count * log(mean) - lgamma(count + 1))
    n = count
    while term > _TINY * total and (upper or n > 0):
        term *= mean / (n + 1) if upper else n / mean
        total += term
        n += 1 if upper else -1
    return min(total, 1.0)


def poisson_interval(count: int) -> Interval:
    """Return the exact 95 % interval of the mean of which ``count`` was counted.

    The means at which so many or more, or so many or fewer, have a probability of 2.5 %. Source: Garwood,
    "Fiducial limits for the Poisson distribution", Biometrika 28(3/4), 1936.
    """
    most = count + 6 * sqrt(count + 1) + 10
    low = 0.0
    if count > 0:
        low = _crossing(lambda mean: poisson_tail(count, mean, upper=True) - _OUTSIDE, 0.0, float(count))
    return low, _crossing(lambda mean: _OUTSIDE - poisson_tail(count, mean, upper=False), float(count), most)


def rate_interval(count: int, exposure: float) -> Interval:
    """Return the exact 95 % interval of a count for each unit of exposure."""
    low, high = poisson_interval(count)
    return low / exposure, high / exposure


def rise(recent: int, before: int, *, recent_of: float, before_of: float) -> float:
    """Return the one-sided p of a rate that has not risen: how likely so many recent ones, or more, are.

    Of two Poisson counts with the same rate, given their sum N, the recent one is binomial with N and the
    share of its exposure: P(X ≥ recent). Exact. Source: Przyborowski & Wilenski, "Homogeneity of results in
    testing samples from Poisson series", Biometrika 31(3/4), 1940.

    Args:
        recent_of, before_of: exposures, both above 0: lines sold, or days.
    """
    if recent <= 0:
        return 1.0
    total, share = recent + before, recent_of / (recent_of + before_of)
    if recent < total * share:  # the short way: 1 minus the other tail, whose terms fall outward too
        return 1 - _binomial_tail(recent - 1, total, share, step=-1)
    return _binomial_tail(recent, total, share, step=1)


def corrected(ps: Sequence[float]) -> list[float]:
    """Return each p corrected for how many were looked at: the q of Benjamini and Hochberg.

    q₍ᵢ₎ = min over j ≥ i of p₍ⱼ₎ · m / j, at most 1: taking all with q ≤ 5 % lets at most one in twenty of
    those taken be none, on average; so also where the tests depend positively on each other (a product and
    its lots). Source: Benjamini & Hochberg, Journal of the Royal Statistical Society B 57(1), 1995; Benjamini
    & Yekutieli, Annals of Statistics 29(4), 2001.
    """
    order = sorted(range(len(ps)), key=lambda i: ps[i], reverse=True)
    found, least = [1.0] * len(ps), 1.0
    for place, i in enumerate(order):
        least = min(least, ps[i] * len(ps) / (len(ps) - place))
        found[i] = least
    return found


def difference_interval(after: float, before: float, after_in: Interval, before_in: Interval) -> Interval:
    """Return the interval of ``after`` − ``before`` from the interval of each.

    L = d − √((a − lₐ)² + (u_b − b)²), U = d + √((uₐ − a)² + (b − l_b)²). Source: Zou & Donner, "Construction
    of confidence intervals about effect measures", Statistics in Medicine 27(10), 2008, after Newcombe 1998.
    """
    d = after - before
    low = d - sqrt((after - after_in[0]) ** 2 + (before_in[1] - before) ** 2)
    return low, d + sqrt((after_in[1] - after) ** 2 + (before - before_in[0]) ** 2)


def _binomial_tail(count: int, total: int, share: float, *, step: int) -> float:
    """Return P(X ≥ count) for ``step`` 1 and P(X ≤ count) for −1; the terms fall that way."""
    if count < 0:
        return 0.0
    chosen = lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
    term = exp(chosen + count * log(share) + (total - count) * log1p(-share))
    sum_, n, odds = term, count, share / (1 - share)
    while term > _TINY * sum_ and 0 <= n + step <= total:
        term *= (total - n) / (n + 1) * odds if step > 0 else n / (total - n + 1) / odds
        sum_ += term
        n += step
    return min(sum_, 1.0)


def _crossing(rises: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that rises from below to above nothing is nothing; by halving."""
    for _step in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2
