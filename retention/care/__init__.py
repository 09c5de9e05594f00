"""Care: birthdays, anniversaries, festivals and thanks, with consent, within the budget, with a hold-out."""

from retention.care.effect import Effect, counts_of, effect_of
from retention.care.finding import close_late, find_due, nightly
from retention.care.greeting import greet_due
from retention.care.planning import (
    CareMoved,
    CarePlanRefused,
    CareStarted,
    CodeTaken,
    Said,
    change_plan,
    create_plan,
    pause_plan,
    said_of,
    start_plan,
)
from retention.care.upcoming import Upcoming, upcoming

__all__ = [
    "CareMoved",
    "CarePlanRefused",
    "CareStarted",
    "CodeTaken",
    "Effect",
    "Said",
    "Upcoming",
    "change_plan",
    "close_late",
    "counts_of",
    "create_plan",
    "effect_of",
    "find_due",
    "greet_due",
    "nightly",
    "pause_plan",
    "said_of",
    "start_plan",
    "upcoming",
]
