"""What customers write about us in public, and how much of it is negative."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# Most posts are nobody's known: they count for nobody, and are left out before anything is grouped.
declare_source(
    Source(
        code="mentions",
        label=_("Mentions"),
        fact="customers.Mention",
        columns=("occurred_day", "sentiment"),
        rows="SELECT * FROM ({facts}) f WHERE customer_id IS NOT NULL",
    )
)
declare(
    Measure(
        code="mentions_30d",
        label=_("Mentions in 30 days"),
        unit=Unit.COUNT,
        source="mentions",
        help=_("Posts and reviews of the last 30 days that are known to be the customer's."),
        aggregate="count(*) FILTER (WHERE occurred_day > %(back_30)s)",
        window=30,
        higher_is_worse=None,
    )
)
declare(
    Measure(
        code="negative_mentions_30d",
        label=_("Negative mentions in 30 days"),
        unit=Unit.COUNT,
        source="mentions",
        help=_(
            "Posts and reviews of the last 30 days by the customer that are negative: two of five stars or "
            "fewer, or a text that says so. What nobody is sure about does not count."
        ),
        aggregate="count(*) FILTER (WHERE occurred_day > %(back_30)s AND sentiment = 'negative')",
        window=30,
        higher_is_worse=True,
    )
)
