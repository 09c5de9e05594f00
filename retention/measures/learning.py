"""How the parameters of the rhythm are learnt: by maximum likelihood, from at most 20,000 customers."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from customers.company import today
from customers.models import Customer
from retention.measures import Numbers, compute, dialect, fitted, season, sources
from retention.measures.passes import EVERYONE, only, parameters, visible_facts
from retention.measures.rhythm import BUYING_RATE, DECLINE, RATES, SEASON, WEIGHTS, decline_odds, exposures
from retention.measures.simplex import Point, minimise

AT_MOST = 20_000
LEAST_CUSTOMERS = 100
WORTH_OF_WEIGHTS = 100.0  # the shipped weights count for so many customers


def buying_rate(moment: datetime) -> tuple[fitted.Values, int] | None:
    """Learn the Gamma(r, α) of buying rates with the BG/NBD model of Fader, Hardie and Lee (2005).

    Its dropout keeps those who left long ago from passing for slow buyers. Days with an order count.
    """
    rows = _sample(moment, ("order_days", "order_span_days", "first_order_day"))
    days, span, first = rows.T
    there = ~np.isnan(first) & (days >= 1)
    x, t_x, t = days[there] - 1, span[there], today(moment).number - first[there]
    if int((x > 0).sum()) < LEAST_CUSTOMERS:
        return None
    found = minimise(lambda at: _bg_nbd(at, x, t_x, t), [0.0, math.log(60), 0.0, 0.0])
    r, alpha = np.exp(np.clip(found[:2], -9, 9))
    return {"r": _rounded(r), "alpha": _rounded(alpha)}, len(x)


def _bg_nbd(logs: Point, x: Numbers, t_x: Numbers, t: Numbers) -> float:
    """Return the negative logarithm of the likelihood; parameters r, α, a, b as logarithms."""
    r, alpha, a, b = np.exp(np.clip(logs, -9, 9))
    first = _by_number(x, lambda n: math.lgamma(r + n) - math.lgamma(r)) + r * math.log(alpha)
    stays = _by_number(
        x,
        lambda n: math.lgamma(a + b) + math.lgamma(b + n) - math.lgamma(b) - math.lgamma(a + b + n),
    )
    alive = -(r + x) * np.log(alpha + t)
    gone = np.where(x > 0, np.log(a / np.maximum(b + x - 1, 1e-9)) - (r + x) * np.log(alpha + t_x), -np.inf)
    return -float(np.sum(first + stays + np.logaddexp(alive, gone)))


def decline(moment: datetime) -> tuple[fitted.Values, int] | None:
    """Learn rates before, Gamma(a, b) a month, and how often they fell to what, by weight.

    The rates by maximum likelihood of the orders before the last 90 days (a negative binomial; whoever
    was a customer all the time is in it with at least one); the weights by expectation and maximisation.
    """
    index = fitted.newest(SEASON, moment=moment)["index"]
    rows = _sample(moment, ("order_days_90d", "order_days_before_90d", "first_order_day"))
    n0, n1, e0, e1 = exposures(*rows.T, today=today(moment).number, index=index)
    whole = rows[:, 2] <= today(moment).number - 455
    there = ~np.isnan(e0) & (e0 > 0) & ((n0 > 0) | ~whole)
    n0, n1, e0, e1, whole = n0[there], n1[there], e0[there], e1[there], whole[there]
    if int((n0 > 0).sum()) < LEAST_CUSTOMERS:
        return None
    found = minimise(lambda at: _negative_binomial(at, n0, e0, whole), [0.0, 0.0])
    a, b = (_rounded(value) for value in np.exp(np.clip(found, -9, 9)))
    weights = np.array(WEIGHTS)
    for _step in range(40):
        chances = decline_odds(n0=n0, n1=n1, e0=e0, e1=e1, a=a, b=b, rates=RATES, weights=list(weights))
        counted = np.array([chance.sum() for chance in chances]) + WORTH_OF_WEIGHTS * np.array(WEIGHTS)
        weights = counted / counted.sum()
    return {"a": a, "b": b, "rates": list(RATES), "weights": [_rounded(one) for one in weights]}, len(n0)


def _negative_binomial(logs: Point, n: Numbers, e: Numbers, at_least_one: NDArray[np.bool_]) -> float:
    """Return the negative logarithm of the likelihood, without what does not depend on a and b."""
    a, b = np.exp(np.clip(logs, -9, 9))
    none = a * np.log(b / (b + e))
    likelihood = _by_number(n, lambda k: math.lgamma(a + k) - math.lgamma(a)) + none - n * np.log(b + e)
    return -float(np.sum(likelihood - np.where(at_least_one, np.log(-np.expm1(none)), 0.0)))


def order_season(moment: datetime) -> tuple[fitted.Values, int] | None:
    """Learn the season from the days with an order of all customers, of five years at most."""
    day = today(moment).number
    facts = visible_facts(sources()["orders"], EVERYONE, mode="past")
    bound = {**parameters(as_of=dialect.bind_moment(moment), today=day), "oldest": day - 5 * 365}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT occurred_day, count(DISTINCT customer_id) FROM ({facts}) f WHERE status <> 'cancelled' "
            "AND is_purchase AND occurred_day > %(oldest)s AND occurred_day < %(today)s "
            "GROUP BY occurred_day ORDER BY occurred_day",
            bound,
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    counts = np.zeros(day - rows[0][0], dtype=np.int64)
    for number, count in rows:
        counts[number - rows[0][0]] = count
    index = season.estimate(counts, first=rows[0][0])
    return None if index is None else ({"index": index}, int(counts.sum()))


def _sample(moment: datetime, columns: Collection[str]) -> Numbers:
    """Return columns of every k-th customer as of a moment, a row a customer."""
    every = -(-Customer.objects.count() // AT_MOST) or 1
    ids = list(Customer.objects.extra(where=["id %% %s = 0"], params=[every]).values_list("pk", flat=True))
    with compute.at(as_of=moment, customers=only(ids), columns=columns) as table:
        names = ", ".join(f'"{code}"' for code in columns)
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT {names} FROM "{table}" ORDER BY customer_id')
            rows = cursor.fetchall()
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))


def _by_number(n: Numbers, function: object) -> Numbers:
    """Return a function of whole numbers for each, computed once for each that occurs."""
    numbers, places = np.unique(n, return_inverse=True)
    return np.array([function(one) for one in numbers.tolist()])[places]  # type: ignore[operator]


def _rounded(value: float) -> float:
    """Return six significant digits: more would promise what no sample gives."""
    return float(f"{float(value):.6g}")


fitted.learns(SEASON, order_season)  # which the decline is weighed by
fitted.learns(BUYING_RATE, buying_rate)
fitted.learns(DECLINE, decline)
