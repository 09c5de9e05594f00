"""How much customers use what they have, and how much they hold."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col, Ratio
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

declare_source(
    Source(
        code="usage",
        label=_("Usage"),
        fact="customers.Usage",
        columns=("occurred_day", "kind", "milli"),
        rows="SELECT * FROM ({facts}) f WHERE kind = 'use'",
    )
)


def _whole(thousandths: str) -> str:
    """Return SQL for whole units, what is less than one cut off."""
    return f"CAST({thousandths} AS bigint) / 1000"


declare(
    Measure(
        code="usage_30d",
        label=_("Usage in 30 days"),
        unit=Unit.COUNT,
        source="usage",
        help=_(
            "Quantities of the last 30 days of all metrics that add up (logins, visits …), in whole numbers."
        ),
        aggregate=_whole("sum(milli) FILTER (WHERE occurred_day > %(back_30)s)"),
        window=30,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="usage_prev_30d",
        label=_("Usage in the 30 days before"),
        unit=Unit.COUNT,
        source="usage",
        help=_("The same of the 30 days before the last 30 days."),
        aggregate=_whole(
            "sum(milli) FILTER (WHERE occurred_day > %(back_60)s AND occurred_day <= %(back_30)s)"
        ),
        window=60,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="last_usage_day",
        label=_("Last usage"),
        unit=Unit.DAY,
        source="usage",
        help=_("Day on which a quantity above 0 was last counted."),
        aggregate="max(occurred_day) FILTER (WHERE milli > 0)",
    )
)
declare(
    Measure(
        code="days_since_last_usage",
        label=_("Days since the last usage"),
        unit=Unit.DAYS,
        source="usage",
        help=_("Days that have passed since the last usage. Unknown when there never was any."),
        form=TODAY - Col("last_usage_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="usage_30d_vs_previous",
        label=_("Usage in 30 days against the 30 before"),
        unit=Unit.RATIO,
        source="usage",
        help=_("Usage of the last 30 days divided by that of the 30 days before. Unknown without any then."),
        form=Ratio(Col("usage_30d"), Col("usage_prev_30d")),
        window=60,
        higher_is_worse=False,
    )
)

# --- What is held: of each metric and product the newest quantity stands ------------------------
declare_source(
    Source(
        code="balances",
        label=_("Balances"),
        fact="customers.Usage",
        columns=("metric_id", "product_id", "occurred_at", "occurred_day", "kind", "milli"),
        rows=(
            "SELECT f.*, row_number() OVER same AS back,"
            " count(*) FILTER (WHERE occurred_day <= %(back_30)s) OVER same AS old"
            " FROM ({facts}) f WHERE kind = 'balance' WINDOW same AS"
            " (PARTITION BY customer_id, metric_id, product_id ORDER BY occurred_at DESC, id DESC"
            " ROWS UNBOUNDED PRECEDING)"
        ),
    )
)
declare(
    Measure(
        code="balance_held",
        label=_("Balance held"),
        unit=Unit.COUNT,
        source="balances",
        help=_("Newest balance of each metric and product, added up, in whole numbers."),
        aggregate=_whole("sum(milli) FILTER (WHERE back = 1)"),
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="balance_30d_ago",
        label=_("Balance held 30 days ago"),
        unit=Unit.COUNT,
        source="balances",
        help=_("The same as it stood at the end of the day 30 days ago."),
        aggregate=_whole("sum(milli) FILTER (WHERE occurred_day <= %(back_30)s AND old = 1)"),
        window=30,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="balance_vs_30d_ago",
        label=_("Balance held against 30 days ago"),
        unit=Unit.RATIO,
        source="balances",
        help=_("Balance held divided by that of 30 days ago. Unknown when nothing was held then."),
        form=Ratio(Col("balance_held"), Col("balance_30d_ago")),
        window=30,
        higher_is_worse=False,
    )
)
