"""Was history taken back since a result was counted?"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from customers.models import HistoryTakenBack


def history_taken_back(*, since: datetime, before: datetime) -> datetime | None:
    """Return when history was last taken back after a result was counted; ``None`` if it still holds.

    Args:
        since: the real time at which the result was counted (the greatest ``ingested_at`` it saw).
        before: the latest moment that it is about; facts recorded from then on did not count for it.
    """
    rows = HistoryTakenBack.objects.filter(noted_at__gt=since, recorded_from__lt=before)
    found: datetime | None = rows.aggregate(last=Max("at"))["last"]
    return found
