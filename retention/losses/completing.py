"""What is added to a loss when it is found: was it valuable, which warning had told of it, how early."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.db.models import Sum

from customers.models import Order
from retention.models import CutPoints, EarlyWarning, Loss

AHEAD = timedelta(days=180)
"""How long before a loss a warning may have been raised to have told of it."""


def complete(found: Iterable[Loss]) -> None:
    """Set ``is_valuable``, ``detected_by`` and ``days_ahead`` of rows that are not written yet.

    A loss is valuable when its margin reaches tier B by the newest limits that were fitted when it was
    recorded; without any it is unknown. The warning is the earliest of those 180 days that were told of: what
    was withheld, a baseline or without a case tells of nothing. A bounded number of queries.
    """
    rows = list(found)
    _set_value(rows)
    _set_detection(rows)


def margins_before(until: Mapping[int, int]) -> dict[int, int]:
    """Return, by customer, the margin of the 365 days up to and including a local day of its own."""
    if not until:
        return {}
    orders = Order.objects.filter(
        customer__in=list(until),
        void=False,
        occurred_day__gt=min(until.values()) - 365,
        occurred_day__lte=max(until.values()),
    ).exclude(status=Order.Status.CANCELLED)
    sums: dict[int, int] = defaultdict(int)
    days = orders.order_by().values_list("customer_id", "occurred_day").annotate(Sum("margin_base"))
    for customer, day, margin in days:
        if until[customer] - 365 < day <= until[customer]:
            sums[customer] += margin
    return dict(sums)


def _set_value(rows: Sequence[Loss]) -> None:
    limits = list(CutPoints.objects.order_by("fitted_as_of").values_list("fitted_as_of", "tiers"))
    for loss in rows:
        known = [tiers for fitted, tiers in limits if fitted <= loss.recorded_at]
        if known and known[-1]:
            loss.is_valuable = loss.margin_365d >= known[-1][1]


def _set_detection(rows: Sequence[Loss]) -> None:
    told = EarlyWarning.objects.filter(
        customer__in={loss.customer_id for loss in rows}, case__isnull=False, is_baseline=False
    ).exclude(state=EarlyWarning.State.WITHHELD)
    raised = defaultdict(list)
    for pk, customer, moment in told.order_by("raised_at", "pk").values_list(
        "pk", "customer_id", "raised_at"
    ):
        raised[customer].append((moment, pk))
    for loss in rows:
        for moment, pk in raised[loss.customer_id]:
            if loss.occurred_at - AHEAD <= moment <= loss.occurred_at:
                loss.detected_by_id, loss.days_ahead = pk, (loss.occurred_at - moment).days
                break
