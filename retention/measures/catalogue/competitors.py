"""How often competitors were seen at customers, and how our price stands against theirs."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col, Ratio
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# ``pairs`` counts, from the newest one back, the sightings of which both prices are known: the newest of
# them, at which it becomes 1, tells how our price stands.
declare_source(
    Source(
        code="sightings",
        label=_("Competitors"),
        fact="customers.CompetitorSighting",
        columns=("occurred_at", "occurred_day", "price_seen_base", "price_ours_base"),
        rows=(
            "SELECT f.*, count(*) FILTER (WHERE price_seen_base IS NOT NULL AND price_ours_base IS NOT NULL)"
            " OVER same AS pairs"
            " FROM ({facts}) f WINDOW same AS"
            " (PARTITION BY customer_id ORDER BY occurred_at DESC, id DESC ROWS UNBOUNDED PRECEDING)"
        ),
    )
)


def _newest(price: str) -> str:
    """Return SQL for a price of the newest sighting with both prices, if it lies in the last 90 days."""
    pair = "price_seen_base IS NOT NULL AND price_ours_base IS NOT NULL"
    return f"sum({price}) FILTER (WHERE occurred_day > %(back_90)s AND pairs = 1 AND {pair})"


declare(
    Measure(
        code="competitor_sightings_90d",
        label=_("Competitors seen in 90 days"),
        unit=Unit.COUNT,
        source="sightings",
        help=_("How many times a competitor's offer to the customer was noted in the last 90 days."),
        aggregate="count(*) FILTER (WHERE occurred_day > %(back_90)s)",
        window=90,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="last_competitor_sighting_day",
        label=_("Last competitor seen"),
        unit=Unit.DAY,
        source="sightings",
        help=_("Day on which a competitor was last seen at the customer."),
        aggregate="max(occurred_day)",
    )
)
declare(
    Measure(
        code="days_since_competitor_sighting",
        label=_("Days since a competitor was last seen"),
        unit=Unit.DAYS,
        source="sightings",
        help=_("Days that have passed since a competitor was last seen. Unknown when none ever was."),
        form=TODAY - Col("last_competitor_sighting_day"),
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="competitor_price_90d",
        label=_("Competitor's price"),
        unit=Unit.MONEY,
        source="sightings",
        help=_("Price seen, of the newest sighting of the last 90 days of which ours is known, too."),
        aggregate=_newest("price_seen_base"),
        window=90,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="own_price_90d",
        label=_("Our price beside the competitor's"),
        unit=Unit.MONEY,
        source="sightings",
        help=_("Our own price, of the same sighting."),
        aggregate=_newest("price_ours_base"),
        window=90,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="competitor_price_gap",
        label=_("Our price against the competitor's"),
        unit=Unit.RATIO,
        source="sightings",
        help=_("Our price divided by the competitor's. Unknown without a sighting of both in 90 days."),
        form=Ratio(Col("own_price_90d"), Col("competitor_price_90d")),
        window=90,
        higher_is_worse=True,
    )
)
