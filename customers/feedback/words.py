"""What is said of feedback, by its kind: its steps on the timeline, its buttons, its state."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models import Complaint, ComplaintEvent, FeedbackKind

_Step = ComplaintEvent.Kind
STEPS: dict[str, dict[str, Promise | str]] = {
    FeedbackKind.COMPLAINT: {
        _Step.OPENED: _("Complained"),
        _Step.DUE: _("Complaint got another due date"),
        _Step.ACKNOWLEDGED: _("Complaint acknowledged"),
        _Step.RESOLVED: _("Complaint resolved"),
        _Step.REOPENED: _("Complaint reopened"),
    },
    FeedbackKind.SUGGESTION: {
        _Step.RECEIVED: _("Made a suggestion"),
        _Step.DUE: _("Suggestion got another due date"),
        _Step.ACKNOWLEDGED: _("Suggestion acknowledged"),
        _Step.RESOLVED: _("Suggestion decided"),
    },
    FeedbackKind.QUESTION: {
        _Step.RECEIVED: _("Asked a question"),
        _Step.DUE: _("Question got another due date"),
        _Step.ACKNOWLEDGED: _("Question acknowledged"),
        _Step.RESOLVED: _("Question answered"),
    },
    FeedbackKind.PRAISE: {
        _Step.RECEIVED: _("Praised us"),
        _Step.DUE: _("Praise got another due date"),
        _Step.ACKNOWLEDGED: _("Praise acknowledged"),
        _Step.RESOLVED: _("Praise passed on"),
    },
}
RESOLVE: dict[str, Promise | str] = {
    FeedbackKind.COMPLAINT: _("Resolve"),
    FeedbackKind.SUGGESTION: _("Decided"),
    FeedbackKind.QUESTION: _("Answered"),
    FeedbackKind.PRAISE: _("Passed on"),
}
"""What the button says that resolves feedback of a kind."""


def of_step(kind: str, step: str) -> str:
    """Return what a step of feedback of a kind is called."""
    said = STEPS[kind].get(step)
    return str(said if said is not None else _Step(step).label)


def of_state(complaint: Complaint) -> str:
    """Return the state of feedback in the words of its kind."""
    if complaint.state == Complaint.State.OPEN:
        return str(Complaint.State.OPEN.label)
    if complaint.kind == FeedbackKind.COMPLAINT:
        return str(Complaint.State.RESOLVED.label)
    return of_step(complaint.kind, _Step.RESOLVED)
