"""Loops: each piece of feedback brought to its end, which the customer decides (decision 13)."""

from retention.loop.answering import (
    answer_publicly,
    answers_directly,
    confirm,
    expire,
    may_answer,
    may_withdraw,
    not_solved,
    withdraw,
)
from retention.loop.asking import ask_customer, reply_way, status_address
from retention.loop.catching_up import open_missing
from retention.loop.contacting import log_contact
from retention.loop.missing import ACTIONS, LoopUnfinished, Need, missing
from retention.loop.moves import TRANSITIONS, LoopEnded, LoopMoved, LoopMoveNotAllowed, diagram
from retention.loop.opening import (
    open_for_complaint,
    open_for_mention,
    open_for_response,
    open_for_unknown,
)
from retention.loop.owners import assign_loop, give_unowned, may_assign, may_take, may_work, take_loop
from retention.loop.working import act, diagnose_loop

__all__ = [
    "ACTIONS",
    "TRANSITIONS",
    "LoopEnded",
    "LoopMoveNotAllowed",
    "LoopMoved",
    "LoopUnfinished",
    "Need",
    "act",
    "answer_publicly",
    "answers_directly",
    "ask_customer",
    "assign_loop",
    "confirm",
    "diagnose_loop",
    "diagram",
    "expire",
    "give_unowned",
    "log_contact",
    "may_answer",
    "may_assign",
    "may_take",
    "may_withdraw",
    "may_work",
    "missing",
    "not_solved",
    "open_for_complaint",
    "open_for_mention",
    "open_for_response",
    "open_for_unknown",
    "open_missing",
    "reply_way",
    "status_address",
    "take_loop",
    "withdraw",
]
