"""Indicators of the company's own: whether what is kept an eye on got worse."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

_WORSE = (
    "back = 1 AND before IS NOT NULL"
    " AND (worse = 'higher' AND milli > before OR worse = 'lower' AND milli < before)"
)

declare_source(
    Source(
        code="indicators",
        label=_("Indicators"),
        fact="customers.IndicatorValue",
        columns=("indicator_id", "occurred_at", "occurred_day", "worse", "milli"),
        rows=(
            "SELECT f.*, row_number() OVER same AS back, lead(milli) OVER same AS before"
            " FROM ({facts}) f WINDOW same AS"
            " (PARTITION BY customer_id, indicator_id ORDER BY occurred_at DESC, id DESC"
            " ROWS UNBOUNDED PRECEDING)"
        ),
    )
)

declare(
    Measure(
        code="indicators_worse",
        label=_("Indicators worse than before"),
        unit=Unit.COUNT,
        source="indicators",
        help=_("Indicators whose newest value is worse than the value before it."),
        aggregate=f"count(*) FILTER (WHERE {_WORSE})",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="indicators_worse_30d",
        label=_("Indicators that got worse in 30 days"),
        unit=Unit.COUNT,
        source="indicators",
        help=_(
            "Indicators whose newest value is of the last 30 days and worse than the value before it, "
            "however old that is."
        ),
        aggregate=f"count(*) FILTER (WHERE {_WORSE} AND occurred_day > %(back_30)s)",
        window=30,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="last_indicator_day",
        label=_("Last value of an indicator"),
        unit=Unit.DAY,
        source="indicators",
        help=_("Day of the newest value of any indicator."),
        aggregate="max(occurred_day)",
    )
)
declare(
    Measure(
        code="days_since_last_indicator",
        label=_("Days since the last value of an indicator"),
        unit=Unit.DAYS,
        source="indicators",
        help=_("Days that have passed since an indicator last got a value. Unknown when none ever did."),
        form=TODAY - Col("last_indicator_day"),
        higher_is_worse=True,
    )
)
