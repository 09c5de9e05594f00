"""The state of complaints for pages follows from their steps, also when steps were taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers import company
from customers.batch.complaints import CACHES, follow_steps
from customers.models import Complaint, ComplaintEvent


def follow(model: type[Any], ids: list[int], at: datetime) -> None:
    """Bring the caches of the complaints concerned up to date (a follower of ``movers``)."""
    if model is not ComplaintEvent:
        return
    concerned = ComplaintEvent.objects.filter(pk__in=ids).values("complaint_id")
    steps: dict[int, list[ComplaintEvent]] = {}
    for step in ComplaintEvent.objects.filter(complaint_id__in=concerned).order_by("occurred_at", "id"):
        steps.setdefault(step.complaint_id, []).append(step)
    zone = company.current().time_zone
    changed = [
        complaint
        for complaint in Complaint.objects.filter(pk__in=list(steps), void=False)
        if follow_steps(complaint, steps[complaint.pk], zone=zone)
    ]
    if changed:
        Complaint.objects.bulk_update(changed, CACHES, batch_size=200)
