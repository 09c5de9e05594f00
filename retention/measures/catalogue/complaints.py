"""What customers complain about, read from the dated events of their complaints (decision 3)."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# Three steps, each over the index in order of customer and complaint: number the events that carry a
# due day from the newest back; make one row of each complaint; say whether it is open.
_NUMBERED = (
    "SELECT f.*, count(due_day) OVER ("
    "PARTITION BY customer_id, complaint_id ORDER BY occurred_at DESC, id DESC) AS dues FROM ({facts}) f"
)
_COMPLAINTS = (
    "SELECT customer_id, complaint_id,"
    " min(occurred_day) FILTER (WHERE kind IN ('opened', 'reopened')) AS opened_day,"
    " max(occurred_at) FILTER (WHERE kind IN ('opened', 'reopened')) AS opened_at,"
    " max(occurred_at) FILTER (WHERE kind = 'resolved') AS resolved_at,"
    " max(occurred_day) FILTER (WHERE kind = 'reopened') AS reopened_day,"
    " max(due_day) FILTER (WHERE dues = 1) AS due_day"
    f" FROM ({_NUMBERED}) n GROUP BY customer_id, complaint_id"
)
_OPEN = "opened_at IS NOT NULL AND (resolved_at IS NULL OR opened_at > resolved_at)"

declare_source(
    Source(
        code="complaints",
        label=_("Complaints"),
        fact="customers.ComplaintEvent",
        columns=("complaint_id", "occurred_at", "occurred_day", "kind", "due_day"),
        rows=f"SELECT g.*, CASE WHEN {_OPEN} THEN 1 ELSE 0 END AS is_open FROM ({_COMPLAINTS}) g",
        crossings=(("due_day", 1),),
    )
)

declare(
    Measure(
        code="complaints_open",
        label=_("Open complaints"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Complaints that were opened, or opened again, and not resolved since."),
        aggregate="count(*) FILTER (WHERE is_open = 1)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="complaints_overdue",
        label=_("Overdue complaints"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Open complaints whose due day has passed."),
        aggregate="count(*) FILTER (WHERE is_open = 1 AND due_day < %(today)s)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="complaint_due_day",
        label=_("Next complaint due"),
        unit=Unit.DAY,
        source="complaints",
        help=_("Earliest day by whose end an open complaint must be resolved."),
        aggregate="min(due_day) FILTER (WHERE is_open = 1)",
    )
)
declare(
    Measure(
        code="complaints_90d",
        label=_("Complaints in 90 days"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Complaints first opened in the last 90 days, resolved or not."),
        aggregate="count(*) FILTER (WHERE opened_day > %(back_90)s)",
        window=90,
        spark="complaints",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="complaints_60d",
        label=_("Complaints in 60 days"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Complaints first opened in the last 60 days, resolved or not."),
        aggregate="count(*) FILTER (WHERE opened_day > %(back_60)s)",
        window=60,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="complaints_prev_90d",
        label=_("Complaints in the 90 days before"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Complaints first opened in the 90 days before the last 90 days."),
        aggregate="count(*) FILTER (WHERE opened_day > %(back_180)s AND opened_day <= %(back_90)s)",
        window=180,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="complaints_reopened_open",
        label=_("Open complaints that were reopened"),
        unit=Unit.COUNT,
        source="complaints",
        help=_("Complaints that are open now after having been resolved and opened again."),
        aggregate="count(*) FILTER (WHERE is_open = 1 AND reopened_day IS NOT NULL)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="last_reopened_day",
        label=_("Last reopened complaint"),
        unit=Unit.DAY,
        source="complaints",
        help=_("Day on which a complaint was last opened again."),
        aggregate="max(reopened_day)",
    )
)
declare(
    Measure(
        code="days_complaint_overdue",
        label=_("Days a complaint is overdue"),
        unit=Unit.DAYS,
        source="complaints",
        help=_("Days since the earliest due day of an open complaint; below 0 while there is time left."),
        form=TODAY - Col("complaint_due_day"),
        higher_is_worse=True,
    )
)
