"""Who looks after a customer: since when, and whether that person is still there."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# Newest row first: ``back`` numbers them, ``before`` is the owner of the row before, ``had_owner``
# says how many rows before named anybody. Nobody is 0, so that it compares like a person.
_RUNS = (
    "SELECT customer_id, occurred_day, coalesce(user_id, 0) AS owner,"
    " row_number() OVER newest_first AS back,"
    " coalesce(lead(user_id) OVER newest_first, 0) AS before,"
    " count(user_id) OVER (newest_first ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS had_owner"
    " FROM ({facts}) f WINDOW newest_first AS (PARTITION BY customer_id ORDER BY occurred_at DESC, id DESC)"
)

declare_source(
    Source(
        code="ownership",
        label=_("Ownership"),
        fact="customers.Ownership",
        columns=("occurred_at", "occurred_day", "user_id"),
        rows=(
            f"SELECT r.*, a.is_active FROM ({_RUNS}) r"
            " LEFT JOIN ({latest_activity}) a ON a.user_id = r.owner AND r.back = 1"
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
            "CASE WHEN max(owner) FILTER (WHERE back = 1) > 0"
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
            "max(CASE WHEN back = 1 AND ((owner = 0 AND had_owner > 0) OR NOT is_active) THEN 1 ELSE 0 END)"
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
