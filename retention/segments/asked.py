"""Which surveys are distributed to a segment, and which care plans greet it."""

from __future__ import annotations

from retention.models import CarePlan, Segment
from surveys.models import Distribution

AUDIENCE = "segment"


def distributions_of(segment: Segment) -> list[Distribution]:
    """Return the distributions of surveys to this segment that are not ended."""
    rows = Distribution.objects.filter(audience=AUDIENCE, audience_id=segment.pk)
    return list(rows.exclude(status=Distribution.Status.ENDED).order_by("id"))


def plans_of(segment: Segment) -> list[CarePlan]:
    """Return the care plans that greet this segment alone."""
    return list(CarePlan.objects.filter(segment=segment).order_by("id"))
