"""Loops go with their complaint: another due day, another severity."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.models import Complaint
from retention.loop import moves
from retention.models import LoopClosure, LoopStep


def follow_complaint(complaint_id: int, *, at: datetime) -> bool:
    """Let the loop of a complaint have its deadline and severity; say whether anything changed.

    What was not solved stays as grave and as soon as it became by that, or becomes more so. Raises
    ``LoopMoved``. Side effects: step, audit.
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
    due_at = max(complaint.due_at or loop.due_at, loop.respond_by)
    if loop.level == 1:
        return {"due_at": due_at, "severity": complaint.severity}
    return {"due_at": min(due_at, loop.due_at), "severity": max(complaint.severity, loop.severity)}
