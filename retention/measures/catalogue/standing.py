"""How the customer stands among all: value tier, RFM scores, stage of life."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.registry import Measure, Source, Unit, declare, declare_source

STAGES = (
    ("new", _("new")),
    ("growing", _("growing")),
    ("mature", _("mature")),
    ("declining", _("declining")),
    ("dormant", _("dormant")),
    ("lost", _("lost")),
    ("returned", _("returned")),
)

declare_source(
    Source(
        code="standing",
        label=_("Value and stage"),
        fact="retention.Standing",
        columns=(
            *("occurred_at", "value_tier", "lifecycle_stage"),
            *("recency_score", "frequency_score", "monetary_score"),
        ),
        rows=(
            "SELECT * FROM (SELECT f.*, lead(id) OVER (PARTITION BY customer_id ORDER BY occurred_at, id)"
            " AS later FROM ({facts}) f) r WHERE later IS NULL"
        ),
    )
)

declare(
    Measure(
        code="value_tier",
        label=_("Value tier"),
        unit=Unit.CODE,
        source="standing",
        help=_(
            "A are the customers that together bring the first half of the margin of 12 months, unless an "
            "admin set another share; then B, C and D. Who is near a limit stays where it was. Unknown "
            "before the first night that fitted the limits."
        ),
        aggregate="max(value_tier)",
        choices=(("A", "A"), ("B", "B"), ("C", "C"), ("D", "D")),
    )
)
declare(
    Measure(
        code="lifecycle_stage",
        label=_("Stage of life"),
        unit=Unit.CODE,
        source="standing",
        help=_(
            "New, growing, mature, declining, dormant, lost or returned, as the last night found. Unknown "
            "without an order or a contract."
        ),
        aggregate="max(lifecycle_stage)",
        choices=STAGES,
    )
)


def _score(code: str, label: object, help: object) -> None:
    """Declare a score from 1 to 5."""
    aggregate = f"max({code})"
    declare(
        Measure(
            code,
            label,  # type: ignore[arg-type]
            Unit.COUNT,
            "standing",
            help,  # type: ignore[arg-type]
            aggregate,
            is_counted=False,
            higher_is_worse=False,
        )
    )


_score(
    "recency_score",
    _("Recency score"),
    _(
        "From 1 to 5 by the days since the last order: 5 is the fifth of the customers that ordered last. "
        "Equal values share the lower score. Unknown without an order."
    ),
)
_score(
    "frequency_score",
    _("Frequency score"),
    _(
        "From 1 to 5 by the orders of 12 months: 5 is the fifth that ordered most often. Equal values share "
        "the lower score. Unknown without an order."
    ),
)
_score(
    "monetary_score",
    _("Monetary score"),
    _(
        "From 1 to 5 by the margin of 12 months: 5 is the fifth that brought most. Equal values share the "
        "lower score. Unknown without an order."
    ),
)
