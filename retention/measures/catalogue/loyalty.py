"""What customers do with their points, which tier they stand in, and how long their membership runs.

All of it is unknown for whom the loyalty programme has nothing written: who takes no part is neither idle
nor at risk.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

EXPIRING_DAYS = 30

# --- Points -------------------------------------------------------------------------------------
# A redemption that was cancelled later counts: the customer did come for it.
declare_source(
    Source(
        code="points",
        label=_("Loyalty points"),
        fact="loyalty.PointsEntry",
        columns=("occurred_day", "kind", "points", "pending"),
        is_ledger=True,
    )
)
declare(
    Measure(
        code="points_balance",
        label=_("Points balance"),
        unit=Unit.COUNT,
        source="points",
        help=_("Points that the customer can use. Unknown for whom the programme has no entry."),
        aggregate="sum(points)",
        is_counted=False,
        higher_is_worse=None,
    )
)
declare(
    Measure(
        code="points_pending",
        label=_("Pending points"),
        unit=Unit.COUNT,
        source="points",
        help=_("Points earned that cannot be used yet, since the goods can still come back."),
        aggregate="sum(pending)",
        is_counted=False,
        higher_is_worse=None,
    )
)
declare(
    Measure(
        code="points_moved_day",
        label=_("Points last moved"),
        unit=Unit.DAY,
        source="points",
        help=_(
            "Day on which the customer last earned or redeemed points, or came in with a balance. "
            "What expires, is adjusted or given moves nothing."
        ),
        aggregate="max(occurred_day) FILTER (WHERE kind IN ('opening', 'earn', 'redeem'))",
    )
)
declare(
    Measure(
        code="days_since_points_moved",
        label=_("Days since points moved"),
        unit=Unit.DAYS,
        source="points",
        help=_(
            "Days that have passed since the customer last earned or redeemed points. With a balance above 0 "
            "they lie idle for so long."
        ),
        form=TODAY - Col("points_moved_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="redemptions_365d",
        label=_("Redemptions in 12 months"),
        unit=Unit.COUNT,
        source="points",
        help=_("Redemptions of the last 365 days, those that were cancelled later among them."),
        aggregate="count(*) FILTER (WHERE kind = 'redeem' AND occurred_day > %(back_365)s)",
        window=365,
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="last_redemption_day",
        label=_("Last redemption"),
        unit=Unit.DAY,
        source="points",
        help=_("Day of the last redemption, also of one that was cancelled later."),
        aggregate="max(occurred_day) FILTER (WHERE kind = 'redeem')",
    )
)
declare(
    Measure(
        code="days_since_redemption",
        label=_("Days since the last redemption"),
        unit=Unit.DAYS,
        source="points",
        help=_("Days that have passed since the last redemption. Unknown when there never was one."),
        form=TODAY - Col("last_redemption_day"),
        higher_is_worse=True,
    )
)

# --- Points that expire -------------------------------------------------------------------------
# Lots and what was taken from them have the moments of their entries. Of the lots only those are read
# that expire soon, by the index of the customer; what they held then is what they came with and all that
# was taken and put back by then.
_LEFT = (
    "l.points + coalesce((SELECT sum(a.points) FROM loyalty_lotallocation a WHERE a.lot_id = l.id"
    " AND (SELECT e.id FROM ({facts}) e WHERE e.id = a.entry_id) IS NOT NULL), 0)"
)
_TO, _AFTER = f"%(to_day)s + {EXPIRING_DAYS}", f"%(from_day)s + {EXPIRING_DAYS}"
declare_source(
    Source(
        code="expiring",
        label=_("Points that expire"),
        fact="loyalty.PointsEntry",
        columns=("occurred_day",),
        rows=(
            f"SELECT customer_id, {_LEFT} AS remaining FROM loyalty_pointslot l WHERE {{within}}"
            f" AND expires_day BETWEEN %(today)s AND %(today)s + {EXPIRING_DAYS}"
            " AND (SELECT e.id FROM ({facts}) e WHERE e.id = l.entry_id) IS NOT NULL"
            # who takes part has 0
            " UNION ALL SELECT customer_id, 0 FROM loyalty_pointsaccount p WHERE {within}"
            " AND EXISTS (SELECT 1 FROM ({facts}) e WHERE e.customer_id = p.customer_id)"
        ),
        moved=(
            "SELECT customer_id FROM loyalty_pointslot WHERE {within} AND "
            f"((expires_day > {_AFTER} AND expires_day <= {_TO})"
            " OR (expires_day >= %(from_day)s AND expires_day < %(to_day)s))"
        ),
        is_ledger=True,
    )
)
declare(
    Measure(
        code="points_expiring_30d",
        label=_("Points expiring within 30 days"),
        unit=Unit.COUNT,
        source="expiring",
        help=_(
            "Points that can last be used today or within the next 30 days, those in the return window among "
            "them. Unknown for whom the programme has no entry."
        ),
        aggregate="sum(remaining)",
        is_counted=False,
        higher_is_worse=True,
    )
)

# --- Tiers --------------------------------------------------------------------------------------
# In the order of the index: ``later`` is the next move (none: this is how it stands). After a merge the
# moves of the other account are the customer's, too, but where that one stood last says nothing any more.
_OWN = "(SELECT a.customer_id FROM loyalty_pointsaccount a WHERE a.id = f.account_id) = customer_id"
declare_source(
    Source(
        code="tiers",
        label=_("Tiers"),
        fact="loyalty.TierMove",
        columns=("occurred_at", "occurred_day", "account_id", "from_rank", "to_rank", "grace_until_day"),
        rows=(
            "SELECT customer_id, occurred_day, from_rank, to_rank, grace_until_day,"
            " lead(id) OVER (PARTITION BY customer_id ORDER BY occurred_at, id) AS later"
            f" FROM ({{facts}}) f WHERE {_OWN}"
        ),
        is_ledger=True,
    )
)
declare(
    Measure(
        code="tier_rank",
        label=_("Tier"),
        unit=Unit.COUNT,
        source="tiers",
        help=_(
            "Place of the customer's tier, counted from the lowest, 1, as the tiers stood when it came into "
            "it; 0 below the lowest. Unknown for who never was in one."
        ),
        aggregate="max(to_rank) FILTER (WHERE later IS NULL)",
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="tier_at_risk",
        label=_("Tier at risk"),
        unit=Unit.FLAG,
        source="tiers",
        help=_(
            "Yes when the customer stands below the threshold of its tier and keeps it for the days of grace "
            "only."
        ),
        aggregate="max(CASE WHEN later IS NULL AND grace_until_day IS NOT NULL THEN 1 ELSE 0 END)",
        is_counted=False,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="tier_grace_end_day",
        label=_("Tier kept until"),
        unit=Unit.DAY,
        source="tiers",
        help=_("Last day of grace of a tier that is at risk."),
        aggregate="max(grace_until_day) FILTER (WHERE later IS NULL)",
    )
)
declare(
    Measure(
        code="days_to_tier_loss",
        label=_("Days until the tier is lost"),
        unit=Unit.DAYS,
        source="tiers",
        help=_("Days until the last day of grace of a tier that is at risk. Unknown when none is."),
        form=Col("tier_grace_end_day") - TODAY,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="tiers_lost_90d",
        label=_("Tiers lost in 90 days"),
        unit=Unit.COUNT,
        source="tiers",
        help=_("How often the customer came into a lower tier, or out of all, in the last 90 days."),
        aggregate="count(*) FILTER (WHERE to_rank < from_rank AND occurred_day > %(back_90)s)",
        window=90,
        is_counted=False,
        higher_is_worse=True,
    )
)

# --- Paid membership ----------------------------------------------------------------------------
# One row a paid period; one that was cancelled ended on the day of it.
_ENDED = "CASE WHEN cancelled_at < %(as_of)s THEN cancelled_day ELSE ends_day END"
declare_source(
    Source(
        code="memberships",
        label=_("Paid membership"),
        fact="loyalty.Membership",
        columns=("ends_day", "cancelled_at", "cancelled_day"),
        rows=f"SELECT customer_id, {_ENDED} AS ended_day FROM ({{facts}}) f",
        crossings=(("ends_day", 1), ("ends_day", 91), ("cancelled_day", 1), ("cancelled_day", 91)),
        is_ledger=True,
    )
)
declare(
    Measure(
        code="membership_end_day",
        label=_("End of the membership"),
        unit=Unit.DAY,
        source="memberships",
        help=_(
            "Last day that is paid for, renewals among them, or the day on which the membership was "
            "cancelled; in the past when it was not renewed."
        ),
        aggregate="max(ended_day)",
    )
)
declare(
    Measure(
        code="days_to_membership_end",
        label=_("Days to the end of the membership"),
        unit=Unit.DAYS,
        source="memberships",
        help=_(
            "Days until the last day that is paid for; 0 on that day, below 0 when it has passed without a "
            "renewal. Unknown for who never was a paying member."
        ),
        form=Col("membership_end_day") - TODAY,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="membership_lapsed_90d",
        label=_("Membership lapsed in 90 days"),
        unit=Unit.FLAG,
        source="memberships",
        help=_(
            "Yes when the paid membership ended or was cancelled within the last 90 days and no other runs."
        ),
        aggregate=(
            "CASE WHEN max(ended_day) < %(today)s AND max(ended_day) >= %(back_90)s THEN 1 ELSE 0 END"
        ),
        is_counted=False,
        higher_is_worse=True,
    )
)
