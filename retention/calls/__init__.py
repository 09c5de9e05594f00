"""Follow-up calls: planned in working time, logged with an outcome, tried again by a cadence."""

from retention.calls.attempts import (
    AlreadyLogged,
    Hint,
    Logged,
    NoCallAfterThat,
    NoNextMoment,
    hint,
    hint_of,
    log_call,
    log_unplanned,
    with_hint,
)
from retention.calls.cadence import MOST_ATTEMPTS, next_attempt
from retention.calls.due import Due, assign_due, escalate_overdue
from retention.calls.planning import CustomerWantsNoCalls, DueInThePast, DueTooFar, plan_call, promise_call

__all__ = [
    "MOST_ATTEMPTS",
    "AlreadyLogged",
    "CustomerWantsNoCalls",
    "Due",
    "DueInThePast",
    "DueTooFar",
    "Hint",
    "Logged",
    "NoCallAfterThat",
    "NoNextMoment",
    "assign_due",
    "escalate_overdue",
    "hint",
    "hint_of",
    "log_call",
    "log_unplanned",
    "next_attempt",
    "plan_call",
    "promise_call",
    "with_hint",
]
