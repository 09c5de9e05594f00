"""What the timeline tells of surveys that were answered."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, gettext

from retention.timeline.places import Entry
from retention.timeline.sources import Source, Told, entry_of
from surveys.models import SurveyResponse

_RESPONSE = ("survey__name_en", "survey__name_zh", "metric", "score", "is_low", "wants_call", "comment")


def sources(facts: dict[str, Any]) -> dict[str, Source]:
    """Return the source; ``facts`` narrows it to what stands of one customer."""
    rows = SurveyResponse.objects.filter(**facts)
    return {"survey": Source(rows, "occurred_at", _RESPONSE, _response)}


def _response(row: Told) -> Entry:
    chinese = (get_language() or "").startswith("zh")
    values = {"survey": row.survey__name_zh if chinese else row.survey__name_en, "score": row.score}
    values["metric"] = row.metric.upper()
    if row.score is None:
        title = gettext("Answered the survey “%(survey)s”")
    else:
        title = gettext("Answered the survey “%(survey)s”: %(metric)s %(score)s")
    if row.wants_call:
        title = gettext("%(answered)s – asked to be called") % {"answered": title}
    return entry_of("survey", row, "survey", title % values, text=row.comment)
