"""What customers answered when they were asked, and whether they answer at all."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# ``back`` counts, kind by kind from the newest one back, the answers with a number: at 1 stands the newest,
# at 2 the one before it.
declare_source(
    Source(
        code="answers",
        label=_("Survey answers"),
        fact="surveys.SurveyAnswer",
        columns=("kind", "number", "points", "occurred_at", "occurred_day"),
        rows=(
            "SELECT f.*, count(number) OVER same AS back FROM ({facts}) f WINDOW same AS"
            " (PARTITION BY customer_id, kind ORDER BY occurred_at DESC, id DESC ROWS UNBOUNDED PRECEDING)"
        ),
    )
)


def _score(kind: str, *, back: int = 1, number: str = "number") -> str:
    """Return SQL for the newest score of a kind, or one before it."""
    return f"max({number}) FILTER (WHERE kind = '{kind}' AND back = {back})"


def _day(kind: str) -> str:
    """Return SQL for the day of the newest score of a kind."""
    return f"max(occurred_day) FILTER (WHERE kind = '{kind}' AND number IS NOT NULL)"


declare(
    Measure(
        code="last_nps",
        label=_("Last NPS answer"),
        unit=Unit.COUNT,
        source="answers",
        help=_("Newest answer to “would you recommend us?”, 0 to 10. Unknown when there never was one."),
        aggregate=_score("nps"),
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="last_nps_day",
        label=_("Day of the last NPS answer"),
        unit=Unit.DAY,
        source="answers",
        help=_("Day on which the customer last answered “would you recommend us?”."),
        aggregate=_day("nps"),
    )
)
declare(
    Measure(
        code="days_since_last_nps",
        label=_("Days since the last NPS answer"),
        unit=Unit.DAYS,
        source="answers",
        help=_("Days that have passed since the last NPS answer. Unknown when there never was one."),
        form=TODAY - Col("last_nps_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="last_csat",
        label=_("Last satisfaction answer"),
        unit=Unit.COUNT,
        source="answers",
        help=_("Newest answer to “how satisfied are you?”, 1 to 5. Unknown when there never was one."),
        aggregate=_score("csat"),
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="csat_before",
        label=_("Satisfaction answer before the last"),
        unit=Unit.COUNT,
        source="answers",
        help=_("The satisfaction answer before the newest one. Unknown with fewer than two."),
        aggregate=_score("csat", back=2),
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="last_csat_day",
        label=_("Day of the last satisfaction answer"),
        unit=Unit.DAY,
        source="answers",
        help=_("Day on which the customer last said how satisfied it is."),
        aggregate=_day("csat"),
    )
)
declare(
    Measure(
        code="csat_change",
        label=_("Change of satisfaction"),
        unit=Unit.COUNT,
        source="answers",
        help=_(
            "Last satisfaction answer minus the one before it, −4 to 4; below 0 it fell. Unknown with fewer "
            "than two."
        ),
        form=Col("last_csat") - Col("csat_before"),
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="days_since_last_csat",
        label=_("Days since the last satisfaction answer"),
        unit=Unit.DAYS,
        source="answers",
        help=_("Days that have passed since the last satisfaction answer. Unknown when there never was one."),
        form=TODAY - Col("last_csat_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="last_ces",
        label=_("Last effort answer"),
        unit=Unit.COUNT,
        source="answers",
        # A five-point scale is spread over seven points: 1, 2.5, 4, 5.5, 7, halves cut off.
        help=_(
            "Newest answer to “it was easy”, 1 to 7; one on five points is read as 1, 2, 4, 5 or 7. Unknown "
            "when there never was one."
        ),
        aggregate=_score("ces", number="CASE WHEN points = 5 THEN (number * 3 - 1) / 2 ELSE number END"),
        is_counted=False,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="last_answer_day",
        label=_("Last survey answer"),
        unit=Unit.DAY,
        source="answers",
        help=_("Day on which the customer last answered any question of a survey."),
        aggregate="max(occurred_day)",
    )
)
declare(
    Measure(
        code="days_since_last_answer",
        label=_("Days since the last survey answer"),
        unit=Unit.DAYS,
        source="answers",
        help=_("Days that have passed since the last answer to a survey. Unknown when there never was one."),
        form=TODAY - Col("last_answer_day"),
        higher_is_worse=True,
    )
)

# --- Asked and not answered ---------------------------------------------------------------------
# ``answered`` counts, from the newest invitation back, those that were answered: it is 0 of all that came
# after the last answer.
declare_source(
    Source(
        code="asked",
        label=_("Survey invitations"),
        fact="surveys.SurveyAsked",
        columns=("occurred_at", "occurred_day", "answered_day"),
        rows=(
            "SELECT f.*, count(answered_day) OVER same AS answered FROM ({facts}) f WINDOW same AS"
            " (PARTITION BY customer_id ORDER BY occurred_at DESC, id DESC ROWS UNBOUNDED PRECEDING)"
        ),
    )
)
declare(
    Measure(
        code="non_response",
        label=_("Invitations without an answer in a row"),
        unit=Unit.COUNT,
        source="asked",
        help=_(
            "Survey invitations since the last answered one that were not answered in 14 days. Unknown for "
            "whom nobody has asked, or only in the last 14 days."
        ),
        aggregate=(
            "CASE WHEN count(answered_day) > 0 OR min(occurred_day) <= %(back_14)s"
            " THEN count(*) FILTER (WHERE answered = 0 AND occurred_day <= %(back_14)s) END"
        ),
        is_counted=False,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="non_response_365d",
        label=_("Invitations without an answer in 12 months"),
        unit=Unit.COUNT,
        source="asked",
        help=_(
            "Survey invitations of the last 365 days that were not answered in 14 days, in a row or not. "
            "Unknown for whom nobody has ever asked."
        ),
        aggregate=(
            "count(*) FILTER (WHERE answered_day IS NULL AND occurred_day <= %(back_14)s"
            " AND occurred_day > %(back_365)s)"
        ),
        window=365,
        is_counted=False,
        higher_is_worse=True,
    )
)
