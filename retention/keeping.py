"""How long the words of cases and calls are kept: this app's classes of ``customers.keeping``."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from customers.keeping import DataClass, register, texts
from retention.models import ConcernedStep, FollowUpCall, LoopClosure, LoopStep, RetentionCase

_OF_LOOPS = texts(LoopClosure, "action_text", "message_text", moment="ended_at")
_OF_STEPS = texts(LoopStep, "text", moment="loop__ended_at")


def _loops(before: datetime, most: int, at: datetime) -> int:
    """Empty what was written in loops that ended before then, and in their steps."""
    return _OF_LOOPS(before, most, at) + _OF_STEPS(before, most, at)


def register_all() -> None:
    """Enter the classes (in ``ready()``)."""
    register(
        DataClass(
            "cases",
            _("What was written in closed cases"),
            _("Why the case was opened and why it ended; kind, causes and outcome stay."),
            None,
            texts(RetentionCase, "reason", "outcome_reason", moment="closed_at"),
        )
    )
    register(
        DataClass(
            "calls",
            _("Notes of calls"),
            _("The text; when and with what outcome stays."),
            None,
            texts(FollowUpCall, "note", moment="done_at"),
        )
    )
    register(
        DataClass(
            "change_steps",
            _("Notes of followed changes"),
            _("The text; which customer came how far, and when, stays."),
            None,
            texts(ConcernedStep, "note", moment="at"),
        )
    )
    register(
        DataClass(
            "loops",
            _("What was written in feedback that has ended"),
            _("Notes, what was done and what was told; steps, causes and deadlines stay."),
            24,
            _loops,
        )
    )
