"""The communities that a customer and its people belong to, and have left."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# A file of old memberships knows of each leaving all along: it counts from its day on.
_LEFT = "left_day <= %(today)s"

declare_source(
    Source(
        code="communities",
        label=_("Communities"),
        fact="customers.CommunityMembership",
        columns=("occurred_day", "left_day"),
        crossings=(("left_day", 0),),
    )
)

declare(
    Measure(
        code="communities_joined",
        label=_("Communities joined"),
        unit=Unit.COUNT,
        source="communities",
        help=_(
            "Memberships of communities that stand now; two people of the customer in one community are two."
        ),
        aggregate="count(*) FILTER (WHERE left_day IS NULL OR left_day > %(today)s)",
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="left_community_day",
        label=_("Left a community"),
        unit=Unit.DAY,
        source="communities",
        help=_("Day on which the customer, or one of its people, last left a community."),
        aggregate=f"max(left_day) FILTER (WHERE {_LEFT})",
    )
)
declare(
    Measure(
        code="days_since_left_community",
        label=_("Days since it left a community"),
        unit=Unit.DAYS,
        source="communities",
        help=_("Days that have passed since a community was last left. Unknown when none ever was."),
        form=TODAY - Col("left_community_day"),
        higher_is_worse=False,
    )
)
