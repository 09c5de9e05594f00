"""Loops go with their complaint: another due day, another severity."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.models import Complaint
from retention.loop import moves
from retention.models import LoopClosure, LoopStep


def follow_complaint(complaint_id: int, *, at: datetime) -> bool:
    """Let the loop of a complaint have its deadlines and severity; say whether anything changed.

    The first contact that is still to come is due no later than the complaint says. What was not solved stays
    as grave and as soon as it became by that, or becomes more so. Raises ``LoopMoved``. Side effects: step,
    audit.
    """
    loop = LoopClosure.objects.select_related("complaint").filter(complaint=complaint_id).first()
    if loop is None or loop.complaint is None or not loop.is_open:
        return False
    fields = _wanted(loop, loop.complaint)
    changed = {name: value for name, value in fields.items() if getattr(loop, name) != value}
    if changed:
        moves.note(loop, kind=LoopStep.Kind.REVISED, by=None, at=at, **changed)
    return bool(changed)


def _wanted(loop: LoopClosure, complaint: Complaint) -> dict[str, Any]:
    respond_by = loop.respond_by
    if loop.contacted_at is None and complaint.respond_by is not None:
        respond_by = min(respond_by, complaint.respond_by)
    due_at = max(complaint.due_at or loop.due_at, respond_by)
    if loop.level > 1:
        due_at = min(due_at, loop.due_at)
    severity = complaint.severity if loop.level == 1 else max(complaint.severity, loop.severity)
    return {"respond_by": respond_by, "due_at": due_at, "severity": severity}
