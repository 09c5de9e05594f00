"""What the file tells of a customer's ties: it moved away, its main contact left."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# Places are paths (CN-32-05): knowing one more exactly, or less, is no move.
_BEFORE = (
    "SELECT customer_id, occurred_day, place,"
    " lag(place) OVER (PARTITION BY customer_id ORDER BY occurred_at, id) AS before"
    " FROM ({facts}) f WHERE place <> ''"
)
_MOVED = (
    "substr(place || '-', 1, length(before) + 1) <> before || '-'"
    " AND substr(before || '-', 1, length(place) + 1) <> place || '-'"
)

declare_source(
    Source(
        code="addresses",
        label=_("Address"),
        fact="customers.Address",
        columns=("occurred_at", "occurred_day", "place"),
        rows=f"SELECT r.*, CASE WHEN {_MOVED} THEN 1 ELSE 0 END AS moved FROM ({_BEFORE}) r",
    )
)
declare_source(
    Source(
        code="main_contact",
        label=_("Main contact"),
        fact="customers.MainContactChange",
        columns=("occurred_at", "occurred_day", "kind"),
        rows=(
            "SELECT f.*, lead(id) OVER (PARTITION BY customer_id ORDER BY occurred_at, id) AS later"
            " FROM ({facts}) f"
        ),
    )
)

declare(
    Measure(
        code="moved_day",
        label=_("Moved away"),
        unit=Unit.DAY,
        source="addresses",
        help=_(
            "Day on which the customer last moved to another city in China, or to another region or country. "
            "The first address is no move."
        ),
        aggregate="max(occurred_day) FILTER (WHERE moved = 1)",
    )
)
declare(
    Measure(
        code="in_place_since_day",
        label=_("In the same place since"),
        unit=Unit.DAY,
        source="addresses",
        help=_("Day since which the customer has been where it is now, as far as its address is known."),
        aggregate="max(occurred_day) FILTER (WHERE moved = 1 OR before IS NULL)",
    )
)
declare(
    Measure(
        code="days_since_move",
        label=_("Days since it moved away"),
        unit=Unit.DAYS,
        source="addresses",
        help=_("Days that have passed since the customer last moved away. Unknown when it never did."),
        form=TODAY - Col("moved_day"),
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="main_contact_gone",
        label=_("Main contact gone"),
        unit=Unit.FLAG,
        source="main_contact",
        help=_("Yes when the main contact has left and nobody has followed yet."),
        aggregate="max(CASE WHEN later IS NULL AND kind = 'left' THEN 1 ELSE 0 END)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="main_contact_left_day",
        label=_("Main contact left"),
        unit=Unit.DAY,
        source="main_contact",
        help=_("Day on which a main contact last left, whether somebody followed or not."),
        aggregate="max(occurred_day) FILTER (WHERE kind = 'left')",
    )
)
declare(
    Measure(
        code="days_since_main_contact_left",
        label=_("Days since the main contact left"),
        unit=Unit.DAYS,
        source="main_contact",
        help=_("Days that have passed since a main contact last left. Unknown when none did."),
        form=TODAY - Col("main_contact_left_day"),
        higher_is_worse=False,
    )
)
