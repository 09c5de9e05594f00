"""Changes of the business and crises: planned, announced to whom they concern, followed to the last one."""

from retention.changes.announcing import NobodyConcerned, ToldTooLate, announce
from retention.changes.closing import StillEnrolling, StillWaiting, close_change
from retention.changes.concerned import Impact, concerned, impact
from retention.changes.effect import Effect, effect_of
from retention.changes.following import NotFromThere, counts, set_state
from retention.changes.informing import inform_due
from retention.changes.moving import TRANSITIONS, ChangeMoved, NotAllowed
from retention.changes.nightly import nightly
from retention.changes.planning import ChangeRefused, Plan, plan_change, revise_change

__all__ = [
    "TRANSITIONS",
    "ChangeMoved",
    "ChangeRefused",
    "Effect",
    "Impact",
    "NobodyConcerned",
    "NotAllowed",
    "NotFromThere",
    "Plan",
    "StillEnrolling",
    "StillWaiting",
    "ToldTooLate",
    "announce",
    "close_change",
    "concerned",
    "counts",
    "effect_of",
    "impact",
    "inform_due",
    "nightly",
    "plan_change",
    "revise_change",
    "set_state",
]
