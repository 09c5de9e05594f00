"""A complaint opens or joins a recovery case at once: without a rule, a cool-down or a hold-out."""

from __future__ import annotations

from datetime import datetime

from customers.ground import events, outbox
from customers.ground.models import OutboxRow
from customers.models import Complaint
from retention.cases.opening import open_case
from retention.models import CaseMove
from retention.models.rules import CaseKind

HANDLER = "retention.complaint_opens_case"
KINDS = ("complaint.filed", "complaint.reopened")


def subscribe() -> None:
    """Have complaints open cases (called once, when the app is ready)."""
    for kind in KINDS:
        events.subscribe(kind, HANDLER)


@outbox.handler(HANDLER)
def complaint_opens_case(row: OutboxRow, at: datetime) -> None:
    """Open or join a recovery case for the complaint that the event tells of; once for each event.

    Complaints brought in as history, voided or resolved by now open nothing.
    """
    event = row.event
    if event is None or event.data.get("history") or event.data.get("resolved"):
        return
    complaint = Complaint.objects.select_related("customer").get(pk=event.subject_id)
    if complaint.void or complaint.state == Complaint.State.RESOLVED:
        return
    if CaseMove.objects.filter(case__customer=complaint.customer_id, codes__event=event.pk).exists():
        return
    open_case(
        complaint.customer,
        kind=CaseKind.RECOVERY,
        severity=complaint.severity,
        complaint=complaint,
        codes={"event": event.pk},
        by=None,
        at=at,
    )
