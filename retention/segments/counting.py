"""How many belong to each segment: a row a day, so that its course can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from customers import company
from customers.ground import events, outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from retention.models import Segment, SegmentCount
from retention.rules import terms
from retention.rules.conditions import Terms
from retention.segments.membership import members

DAYS_SHOWN = 30
HANDLER = "retention.list_is_counted"


def subscribe() -> None:
    """Have the segment of a list counted when somebody changed it (called once, when the app is ready)."""
    events.subscribe("list.changed", HANDLER)


@outbox.handler(HANDLER)
def list_is_counted(row: OutboxRow, at: datetime) -> None:
    """Count the segment of the list that the event tells of, whoever changed it, by hand or by file."""
    if row.event is not None:
        for segment in Segment.objects.filter(list=row.event.subject_id, retired_at=None):
            note_count(segment, at=at)


def note_count(segment: Segment, *, at: datetime, known: Terms | None = None) -> int | None:
    """Count who belongs to a segment now and keep it as the day's; return it.

    Returns ``None``, and keeps nothing, when the condition no longer stands.
    """
    try:
        with members(segment, at=at, known=known) as found:
            number = found.count()
    except Refused:
        return None
    SegmentCount.objects.update_or_create(
        segment=segment, day=company.today(at).number, defaults={"customers": number}
    )
    return number


def note_counts(*, at: datetime) -> int:
    """Keep the day's count of every segment that has none yet and is not retired; return how many.

    Repeats nothing: a worker that died goes on with what is left.
    """
    today = company.today(at).number
    left = Segment.objects.filter(retired_at=None).exclude(counts__day=today).select_related("list")
    rows, known = list(left), terms.known()
    return sum(note_count(segment, at=at, known=known) is not None for segment in rows)


def course_of(segments: Sequence[Segment], *, at: datetime) -> dict[int, list[int | None]]:
    """Return the counts of the last days by segment, oldest first, ``None`` where none was kept."""
    today = company.today(at).number
    first = today - DAYS_SHOWN + 1
    found: dict[int, list[int | None]] = {segment.pk: [None] * DAYS_SHOWN for segment in segments}
    kept = SegmentCount.objects.filter(segment__in=found, day__gte=first, day__lte=today)
    for pk, day, number in kept.values_list("segment_id", "day", "customers"):
        found[pk][day - first] = number
    return found
