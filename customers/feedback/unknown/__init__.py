"""Feedback from somebody unknown: received, taken by a colleague, linked to a customer or handled without.

Whose address or number is known exactly is linked in the same act, so that it never waits in the inbox.
"""

from customers.feedback.unknown.handling import (
    Answer,
    CannotOwn,
    FeedbackEnded,
    HasReach,
    NoReach,
    NotAnswered,
    State,
    assign_feedback,
    handle_without_customer,
)
from customers.feedback.unknown.linking import create_customer_from, link_feedback
from customers.feedback.unknown.receiving import (
    ERASED,
    LONGEST,
    MOST_A_DAY,
    PROGRAM,
    NothingSaid,
    receive_feedback,
)

__all__ = [
    "ERASED",
    "LONGEST",
    "MOST_A_DAY",
    "PROGRAM",
    "Answer",
    "CannotOwn",
    "FeedbackEnded",
    "HasReach",
    "NoReach",
    "NotAnswered",
    "NothingSaid",
    "State",
    "assign_feedback",
    "create_customer_from",
    "handle_without_customer",
    "link_feedback",
    "receive_feedback",
]
