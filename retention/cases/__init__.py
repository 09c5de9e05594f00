"""Cases: opened once per customer, given to somebody, worked, closed; every move kept."""

from retention.cases.asking import plan_call_with
from retention.cases.closing import (
    ComplaintOpen,
    LoopsOpen,
    OutcomeReasonMissing,
    close_case,
    complaints_of,
    recovered_by_itself,
)
from retention.cases.diagnosis import CauseRetired, MainCauseMissing, diagnose
from retention.cases.dismissing import DismissedAlready, NotTold, dismiss
from retention.cases.holders import (
    HeldAlready,
    MayNotHold,
    assign,
    assign_many,
    may_assign,
    may_work,
    take,
    unassign,
    why_assigned,
)
from retention.cases.moves import (
    TRANSITIONS,
    CaseClosed,
    MovedMeanwhile,
    NotAllowed,
    diagram,
    move_to,
)
from retention.cases.opening import ReasonMissing, open_case, open_for_warnings
from retention.cases.recovery import grant_points, room_for

__all__ = [
    "TRANSITIONS",
    "CaseClosed",
    "CauseRetired",
    "ComplaintOpen",
    "DismissedAlready",
    "HeldAlready",
    "LoopsOpen",
    "MainCauseMissing",
    "MayNotHold",
    "MovedMeanwhile",
    "NotAllowed",
    "NotTold",
    "OutcomeReasonMissing",
    "ReasonMissing",
    "assign",
    "assign_many",
    "close_case",
    "complaints_of",
    "diagnose",
    "diagram",
    "dismiss",
    "grant_points",
    "may_assign",
    "may_work",
    "move_to",
    "open_case",
    "open_for_warnings",
    "plan_call_with",
    "recovered_by_itself",
    "room_for",
    "take",
    "unassign",
    "why_assigned",
]
