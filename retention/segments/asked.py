"""Which surveys are distributed to a segment."""

from __future__ import annotations

from retention.models import Segment
from surveys.models import Distribution

AUDIENCE = "segment"


def distributions_of(segment: Segment) -> list[Distribution]:
    """Return the distributions of surveys to this segment that are not ended."""
    rows = Distribution.objects.filter(audience=AUDIENCE, audience_id=segment.pk)
    return list(rows.exclude(status=Distribution.Status.ENDED).order_by("id"))
