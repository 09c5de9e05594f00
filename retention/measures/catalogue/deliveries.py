"""Whether what was ordered came when it was promised."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# A delivery counts from its day on: a file of old orders knows them all along, and as of a moment before
# that day nobody did. What is said to be delivered without a day is not awaited any more.
_CAME = "delivered_day IS NOT NULL AND delivered_day <= %(today)s"

declare_source(
    Source(
        code="deliveries",
        label=_("Deliveries"),
        fact="customers.Order",
        columns=("status", "promised_day", "delivered_day"),
        rows=(
            f"SELECT f.*, CASE WHEN {_CAME} THEN 1 ELSE 0 END AS came FROM ({{facts}}) f"
            " WHERE promised_day IS NOT NULL AND status <> 'cancelled'"
        ),
        crossings=(("promised_day", 1), ("delivered_day", 0), ("delivered_day", 60), ("delivered_day", 90)),
    )
)

declare(
    Measure(
        code="deliveries_late_90d",
        label=_("Late deliveries in 90 days"),
        unit=Unit.COUNT,
        source="deliveries",
        help=_("Orders that were delivered in the last 90 days, later than promised."),
        aggregate=(
            "count(*) FILTER (WHERE came = 1 AND delivered_day > promised_day"
            " AND delivered_day > %(back_90)s)"
        ),
        window=90,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="deliveries_late_60d",
        label=_("Late deliveries in 60 days"),
        unit=Unit.COUNT,
        source="deliveries",
        help=_("Orders that were delivered in the last 60 days, later than promised."),
        aggregate=(
            "count(*) FILTER (WHERE came = 1 AND delivered_day > promised_day"
            " AND delivered_day > %(back_60)s)"
        ),
        window=60,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="deliveries_overdue",
        label=_("Overdue deliveries"),
        unit=Unit.COUNT,
        source="deliveries",
        help=_("Orders that are not delivered although the day promised has passed."),
        aggregate=(
            "count(*) FILTER (WHERE came = 0 AND promised_day < %(today)s"
            " AND (status <> 'delivered' OR delivered_day IS NOT NULL))"
        ),
        higher_is_worse=True,
    )
)
