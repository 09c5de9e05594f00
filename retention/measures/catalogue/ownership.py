"""Who looks after a customer: since when, and whether that person is still there."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# In the order of the index, in one window: ``before`` is the owner of the row before, ``later`` the next
# row (none: this is how it stands), ``owners`` how many rows up to this one name somebody. Nobody is 0, so
# that it compares like a person.
_RUNS = (
    "SELECT customer_id, occurred_day, coalesce(user_id, 0) AS owner,"
    " lead(id) OVER oldest_first AS later,"
    " coalesce(lag(user_id) OVER oldest_first, 0) AS before,"
    " count(user_id) OVER oldest_first AS owners"
    " FROM ({facts}) f WINDOW oldest_first AS (PARTITION BY customer_id ORDER BY occurred_at, id)"
)
# Few have left, so they are looked up in a list; a join would meet every row with every user.
_LEFT = "SELECT user_id FROM ({latest_activity}) a WHERE NOT is_active"

declare_source(
    Source(
        code="ownership",
        label=_("Ownership"),
        fact="customers.Ownership",
        columns=("occurred_at", "occurred_day", "user_id"),
        rows=(
            "SELECT r.*, CASE WHEN later IS NULL THEN 1 ELSE 0 END AS is_last,"
            " owners - CASE WHEN owner > 0 THEN 1 ELSE 0 END AS had_owner,"
            f" CASE WHEN later IS NULL AND owner IN ({_LEFT}) THEN 1 ELSE 0 END AS has_left"
            f" FROM ({_RUNS}) r"
        ),
    )
)

declare(
    Measure(
        code="owner_since_day",
        label=_("Looked after by the same person since"),
        unit=Unit.DAY,
        source="ownership",
        help=_("Day since which the present owner has looked after the customer. Unknown without an owner."),
        aggregate=(
            "CASE WHEN max(owner) FILTER (WHERE is_last = 1) > 0"
            " THEN max(occurred_day) FILTER (WHERE owner <> before) END"
        ),
    )
)
declare(
    Measure(
        code="owner_changed_day",
        label=_("Last change of owner"),
        unit=Unit.DAY,
        source="ownership",
        help=_(
            "Day on which the owner last changed, to somebody or to nobody. The first owner is no change."
        ),
        aggregate="max(occurred_day) FILTER (WHERE owner <> before AND had_owner > 0)",
    )
)
declare(
    Measure(
        code="owner_inactive",
        label=_("Owner gone"),
        unit=Unit.FLAG,
        source="ownership",
        help=_("Yes when the owner is no longer active, or when nobody owns a customer that had an owner."),
        aggregate=(
            "max(CASE WHEN has_left = 1 OR (is_last = 1 AND owner = 0 AND had_owner > 0) THEN 1 ELSE 0 END)"
        ),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="days_since_owner_change",
        label=_("Days since the owner changed"),
        unit=Unit.DAYS,
        source="ownership",
        help=_("Days that have passed since the owner last changed. Unknown when it never did."),
        form=TODAY - Col("owner_changed_day"),
        higher_is_worse=False,
    )
)
