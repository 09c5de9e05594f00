"""Open feedback that was there before loops were, or whose news was lost, gets its loop all the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from customers.ground.models import Event
from customers.models import Complaint, UnknownFeedback
from retention.loop import opening

AT_ONCE = 200
AFTER = timedelta(days=1)
"""What is newer is left to its own news."""
_FILED = ("complaint.filed", "feedback.filed")


def open_missing(*, at: datetime) -> int:
    """Open the loops of open feedback that has none, the oldest first, at most 200 of each; return how many.

    Nobody gets a receipt for what she told us long ago. What was brought in as history stays without, as does
    that of customers who are gone. Side effects as :func:`opening.open_loop`.
    """
    history = Event.objects.filter(
        subject_type=Complaint._meta.label_lower,
        subject_id=OuterRef("pk"),
        kind__in=_FILED,
        data__history=True,
    )
    told = Complaint.objects.filter(
        ~Exists(history),
        state=Complaint.State.OPEN,
        void=False,
        loop=None,
        recorded_at__lte=at - AFTER,
        customer__gone_at=None,
    )
    complaints = list(told.select_related("customer__owner", "contact").order_by("pk")[:AT_ONCE])
    for complaint in complaints:
        opening.open_for_complaint(complaint, tells=False, at=at)
    unknown = UnknownFeedback.objects.filter(
        state=UnknownFeedback.State.OPEN, loop=None, recorded_at__lte=at - AFTER
    )
    nobodys = list(unknown.order_by("pk")[:AT_ONCE])
    for row in nobodys:
        opening.open_for_unknown(row, at=at)
    return len(complaints) + len(nobodys)
