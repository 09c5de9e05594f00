"""The own rhythm in numbers: overdue by chance, a decline that is no accident, and what it may cost."""

from __future__ import annotations

import numpy as np
from django.utils.translation import gettext_lazy as _

from retention.measures import rhythm
from retention.measures.expressions import Col, Num, Ratio
from retention.measures.registry import Inputs, Measure, Numbers, Unit, Vector, declare

PARTS = 10_000
"""Probabilities are kept in ten-thousandths: whole numbers, compared exactly."""

_RECENT = "occurred_day > %(back_90)s"
_BEFORE = "occurred_day > %(back_455)s AND occurred_day <= %(back_90)s"

declare(
    Measure(
        code="order_days_90d",
        label=_("Days with an order in 90 days"),
        unit=Unit.COUNT,
        source="orders",
        help=_("On how many of the last 90 days the customer ordered."),
        aggregate=f"count(DISTINCT occurred_day) FILTER (WHERE is_purchase AND {_RECENT})",
        window=90,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="order_days_before_90d",
        label=_("Days with an order in the 12 months before 90 days"),
        unit=Unit.COUNT,
        source="orders",
        help=_("On how many of the 365 days before the last 90 days the customer ordered."),
        aggregate=f"count(DISTINCT occurred_day) FILTER (WHERE is_purchase AND {_BEFORE})",
        window=455,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="margin_455d",
        label=_("Margin in 15 months"),
        unit=Unit.MONEY,
        source="orders",
        help=_("Spend minus cost in the last 455 days, those over which a decline is looked for."),
        aggregate="sum(margin_base) FILTER (WHERE occurred_day > %(back_455)s)",
        window=455,
        higher_is_worse=False,
    )
)


def _parts(probability: Numbers) -> Numbers:
    return np.rint(probability * PARTS)


def _overdue(given: Inputs) -> Numbers:
    first = given["first_order_day"]
    fitted = given.fitted[rhythm.BUYING_RATE.code]
    x, t = given["order_days"] - 1, given.today - first
    return _parts(
        rhythm.overdue_score(r=fitted["r"], alpha=fitted["alpha"], x=x, t_x=given["order_span_days"], t=t)
    )


def _counts(given: Inputs) -> dict[str, Numbers]:
    n0, n1, e0, e1 = rhythm.exposures(
        given["order_days_90d"],
        given["order_days_before_90d"],
        given["first_order_day"],
        today=given.today,
        index=given.fitted[rhythm.SEASON.code]["index"],
    )
    return {"n0": n0, "n1": n1, "e0": e0, "e1": e1}


def _decline(given: Inputs) -> Numbers:
    return _parts(rhythm.decline_mid_p(**_counts(given)))


def _lost_margin(given: Inputs) -> Numbers:
    counts, fitted = _counts(given), given.fitted[rhythm.DECLINE.code]
    lost = rhythm.expected_lost_orders(
        **counts,
        a=fitted["a"],
        b=fitted["b"],
        rates=fitted["rates"],
        weights=fitted["weights"],
        horizon=12,
    )
    days = given["order_days_90d"] + given["order_days_before_90d"]
    margin = np.where(days > 0, np.maximum(given["margin_455d"], 0) / np.maximum(days, 1), np.nan)
    return np.rint(lost * margin)


_COUNTED = ("order_days_90d", "order_days_before_90d", "first_order_day")

declare(
    Measure(
        code="overdue_score_parts",
        label=_("Overdue score in ten-thousandths"),
        unit=Unit.COUNT,
        source="orders",
        vector=Vector(("order_days", "order_span_days", "first_order_day"), _overdue, (rhythm.BUYING_RATE,)),
        is_inner=True,
    )
)
declare(
    Measure(
        code="overdue_score",
        label=_("Overdue score"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Probability, 0 to 1, that the customer had ordered again by now if it went on as it used to. "
            "With few orders all customers speak, with many its own past. Unknown without an order."
        ),
        form=Ratio(Col("overdue_score_parts"), Num(PARTS)),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="count_decline_parts",
        label=_("Chance of so few orders in ten-thousandths"),
        unit=Unit.COUNT,
        source="orders",
        vector=Vector(_COUNTED, _decline, (rhythm.SEASON,)),
        is_inner=True,
    )
)
declare(
    Measure(
        code="count_decline",
        label=_("Chance of so few orders"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Probability, 0 to 1, of so few days with an order in the last 90 days had nothing changed since "
            "the 365 days before, seasons allowed for: below 0.05 hardly an accident. "
            "Unknown when the first order lies in the last 90 days, or none in the 455."
        ),
        form=Ratio(Col("count_decline_parts"), Num(PARTS)),
        window=455,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="expected_lost_margin",
        label=_("Expected lost margin a year"),
        unit=Unit.MONEY,
        source="orders",
        help=_(
            "Margin of the next 12 months that the customer's decline is expected to cost: how likely "
            "it fell to what share of its rate, times what it earned per day with an order. Unknown when the "
            "first order lies in the last 90 days, or none in the 455."
        ),
        vector=Vector((*_COUNTED, "margin_455d"), _lost_margin, (rhythm.SEASON, rhythm.DECLINE)),
        higher_is_worse=True,
    )
)
