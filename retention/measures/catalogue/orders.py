"""What customers buy and return, against their own past."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col, Once, Ratio
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

LEAST_PURCHASE_DAYS = 4
"""Purchase days below which a customer's own interval is unknown: three gaps are the least that tell
a rhythm (personal inactivity needs three to four intervals, else it falls back to the average of
all). Purchases of one day count once, since they are one visit."""

declare_source(
    Source(
        code="orders",
        label=_("Orders"),
        fact="customers.Order",
        columns=("occurred_day", "status", "is_purchase", "sold_base", "returned_base", "margin_base"),
        # A cancelled order counts for nothing; a pure return is no order, but its money counts.
        rows="SELECT f.*, sold_base - returned_base AS net_base FROM ({facts}) f WHERE status <> 'cancelled'",
    )
)


def _last(days: int) -> str:
    """Return the condition of the ``days`` days up to and including today."""
    return f"occurred_day > %(back_{days})s"


def _before(days: int) -> str:
    """Return the condition of the ``days`` days before those."""
    return f"occurred_day > %(back_{2 * days})s AND occurred_day <= %(back_{days})s"


def _count(code: str, label: object, help: object, where: str, *, window: int, spark: str = "") -> None:
    """Declare a number of orders."""
    aggregate = f"count(*) FILTER (WHERE is_purchase AND {where})"
    declare(
        Measure(
            code,
            label,  # type: ignore[arg-type]
            Unit.COUNT,
            "orders",
            help,  # type: ignore[arg-type]
            aggregate,
            window,
            spark=spark,
            higher_is_worse=False,
        )
    )


def _sum(
    code: str,
    label: object,
    help: object,
    column: str,
    where: str,
    *,
    window: int,
    spark: str = "",
    higher_is_worse: bool = False,
) -> None:
    """Declare a sum of money in the base currency."""
    aggregate = f"sum({column}) FILTER (WHERE {where})"
    declare(
        Measure(
            code,
            label,  # type: ignore[arg-type]
            Unit.MONEY,
            "orders",
            help,  # type: ignore[arg-type]
            aggregate,
            window,
            spark=spark,
            higher_is_worse=higher_is_worse,
        )
    )


_count(
    "orders_30d",
    _("Orders in 30 days"),
    _("Orders of the last 30 days. Cancelled orders and pure returns do not count."),
    _last(30),
    window=30,
    spark="orders",
)
_count(
    "orders_90d",
    _("Orders in 90 days"),
    _("Orders of the last 90 days. Cancelled orders and pure returns do not count."),
    _last(90),
    window=90,
    spark="orders",
)
_count(
    "orders_prev_90d",
    _("Orders in the 90 days before"),
    _("Orders of the 90 days before the last 90 days."),
    _before(90),
    window=180,
)
_count(
    "orders_365d",
    _("Orders in 12 months"),
    _("Orders of the last 365 days. Cancelled orders and pure returns do not count."),
    _last(365),
    window=365,
    spark="orders",
)
_count(
    "orders_prev_365d",
    _("Orders in the 12 months before"),
    _("Orders of the 365 days before the last 365 days."),
    _before(365),
    window=730,
)

_sum(
    "spend_30d",
    _("Spend in 30 days"),
    _("What was sold minus what was returned in the last 30 days, in the base currency."),
    "net_base",
    _last(30),
    window=30,
    spark="spend",
)
_sum(
    "spend_90d",
    _("Spend in 90 days"),
    _("What was sold minus what was returned in the last 90 days, in the base currency."),
    "net_base",
    _last(90),
    window=90,
    spark="spend",
)
_sum(
    "spend_prev_90d",
    _("Spend in the 90 days before"),
    _("What was sold minus what was returned in the 90 days before the last 90 days."),
    "net_base",
    _before(90),
    window=180,
)
_sum(
    "spend_365d",
    _("Spend in 12 months"),
    _("What was sold minus what was returned in the last 365 days, in the base currency."),
    "net_base",
    _last(365),
    window=365,
    spark="spend",
)
_sum(
    "spend_prev_365d",
    _("Spend in the 12 months before"),
    _("What was sold minus what was returned in the 365 days before the last 365 days."),
    "net_base",
    _before(365),
    window=730,
)
_sum(
    "returned_365d",
    _("Returned in 12 months"),
    _("Value of the goods that came back in the last 365 days, in the base currency."),
    "returned_base",
    _last(365),
    window=365,
    higher_is_worse=True,
)
_sum(
    "returned_90d",
    _("Returned in 90 days"),
    _("Value of the goods that came back in the last 90 days, in the base currency."),
    "returned_base",
    _last(90),
    window=90,
    higher_is_worse=True,
)
_sum(
    "margin_365d",
    _("Margin in 12 months"),
    _("Spend minus cost in the last 365 days; where no cost is known, the assumed margin rate is used."),
    "margin_base",
    _last(365),
    window=365,
)
_sum(
    "margin_prev_365d",
    _("Margin in the 12 months before"),
    _("Spend minus cost in the 365 days before the last 365 days."),
    "margin_base",
    _before(365),
    window=730,
)

declare(
    Measure(
        code="first_order_day",
        label=_("First order"),
        unit=Unit.DAY,
        source="orders",
        help=_("Day of the first order."),
        aggregate="min(occurred_day) FILTER (WHERE is_purchase)",
    )
)
declare(
    Measure(
        code="last_order_day",
        label=_("Last order"),
        unit=Unit.DAY,
        source="orders",
        help=_("Day of the last order. A pure return is no order."),
        aggregate="max(occurred_day) FILTER (WHERE is_purchase)",
    )
)
declare(
    Measure(
        code="order_days",
        label=_("Days with an order"),
        unit=Unit.COUNT,
        source="orders",
        help=_("On how many days the customer ordered; several orders of one day count once."),
        aggregate="count(DISTINCT occurred_day) FILTER (WHERE is_purchase)",
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="order_span_days",
        label=_("Days from the first to the last order"),
        unit=Unit.DAYS,
        source="orders",
        help=_("Days that lie between the first and the last order."),
        aggregate=(
            "max(occurred_day) FILTER (WHERE is_purchase) - min(occurred_day) FILTER (WHERE is_purchase)"
        ),
    )
)

declare(
    Measure(
        code="last_return_day",
        label=_("Last goods returned"),
        unit=Unit.DAY,
        source="orders",
        help=_("Day on which goods last came back."),
        aggregate="max(occurred_day) FILTER (WHERE returned_base > 0)",
    )
)
declare(
    Measure(
        code="days_since_last_return",
        label=_("Days since goods were returned"),
        unit=Unit.DAYS,
        source="orders",
        help=_("Days that have passed since goods last came back. Unknown when none ever did."),
        form=TODAY - Col("last_return_day"),
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="days_since_last_order",
        label=_("Days since the last order"),
        unit=Unit.DAYS,
        source="orders",
        help=_("Days that have passed since the last order; 0 when it was today."),
        form=TODAY - Col("last_order_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="usual_interval",
        label=_("Usual days between orders"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Average days from one order to the next, over the customer's whole past. Unknown before the "
            "fourth day with an order."
        ),
        form=Ratio(
            Once(Col("order_days"), LEAST_PURCHASE_DAYS, Col("order_span_days")), Col("order_days") - 1
        ),
    )
)
declare(
    Measure(
        code="overdue_ratio",
        label=_("Overdue against own rhythm"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Days since the last order divided by the usual days between orders: at 2.0 twice the usual time "
            "has passed. Unknown before the fourth day with an order."
        ),
        # (today − last) ÷ (span ÷ (days − 1)), without a division
        form=Ratio(
            Once(
                Col("order_days"),
                LEAST_PURCHASE_DAYS,
                (TODAY - Col("last_order_day")) * (Col("order_days") - 1),
            ),
            Col("order_span_days"),
        ),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="orders_180d",
        label=_("Orders in 180 days"),
        unit=Unit.COUNT,
        source="orders",
        help=_("Orders of the last 180 days. Cancelled orders and pure returns do not count."),
        form=Col("orders_90d") + Col("orders_prev_90d"),
        window=180,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="orders_90d_vs_previous",
        label=_("Orders in 90 days against the 90 before"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Orders of the last 90 days divided by those of the 90 days before. Unknown without any then."
        ),
        form=Ratio(Col("orders_90d"), Col("orders_prev_90d")),
        window=180,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="spend_90d_vs_previous",
        label=_("Spend in 90 days against the 90 before"),
        unit=Unit.RATIO,
        source="orders",
        help=_("Spend of the last 90 days divided by that of the 90 days before. Unknown without any then."),
        form=Ratio(Col("spend_90d"), Col("spend_prev_90d")),
        window=180,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="orders_365d_vs_previous",
        label=_("Orders in 12 months against the 12 before"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Orders of the last 365 days divided by those of the 365 days before. Unknown without any then."
        ),
        form=Ratio(Col("orders_365d"), Col("orders_prev_365d")),
        window=730,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="spend_365d_vs_previous",
        label=_("Spend in 12 months against the 12 before"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Spend of the last 365 days divided by that of the 365 days before. Unknown without any then."
        ),
        form=Ratio(Col("spend_365d"), Col("spend_prev_365d")),
        window=730,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="return_share_365d",
        label=_("Share returned in 12 months"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Value returned in the last 365 days divided by value sold in them, 0.25 being a quarter. "
            "Unknown when nothing was sold."
        ),
        form=Ratio(Col("returned_365d"), Col("spend_365d") + Col("returned_365d")),
        window=365,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="return_share_90d",
        label=_("Share returned in 90 days"),
        unit=Unit.RATIO,
        source="orders",
        help=_(
            "Value returned in the last 90 days divided by value sold in them, 0.25 being a quarter. "
            "Unknown when nothing was sold."
        ),
        form=Ratio(Col("returned_90d"), Col("spend_90d") + Col("returned_90d")),
        window=90,
        higher_is_worse=True,
    )
)
