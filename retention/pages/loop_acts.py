"""What one does on the page of a piece of feedback: each act with its form and its verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from customers.models import User
from retention import loop as looping
from retention.models import LoopClosure
from retention.pages.loop_forms import (
    ActionForm,
    AnswerForm,
    AskForm,
    CauseForm,
    ConfirmForm,
    ContactForm,
    NotSolvedForm,
    WithdrawForm,
)

Verb = Callable[[LoopClosure, dict[str, Any], User, datetime], Any]


@dataclass(frozen=True)
class Act:
    """One thing that one does: its form, its verb, and what is said when it is done."""

    form: Callable[..., forms.Form]
    verb: Verb
    done: Callable[[], str]


ACTS: dict[str, Act] = {
    "contact": Act(
        lambda data, loop, user: ContactForm(data, auto_id="contact_%s"),
        lambda loop, values, by, at: looping.log_contact(loop, **values, by=by, at=at),
        lambda: _("The contact is logged."),
    ),
    "diagnose": Act(
        lambda data, loop, user: CauseForm(data, auto_id="diagnose_%s"),
        lambda loop, values, by, at: looping.diagnose_loop(loop, **values, by=by, at=at),
        lambda: _("The cause is saved."),
    ),
    "act": Act(
        lambda data, loop, user: ActionForm(data, kind=loop.kind, auto_id="act_%s"),
        lambda loop, values, by, at: looping.act(loop, **values, by=by, at=at),
        lambda: _("What was done is saved."),
    ),
    "ask": Act(
        lambda data, loop, user: AskForm(data, auto_id="ask_%s"),
        lambda loop, values, by, at: looping.ask_customer(loop, **values, by=by, at=at),
        lambda: _("The customer is told and asked whether it is solved."),
    ),
    "answer": Act(
        lambda data, loop, user: AnswerForm(data, auto_id="answer_%s"),
        lambda loop, values, by, at: looping.answer_publicly(
            loop, **values, directly=looping.answers_directly(loop), by=by, at=at
        ),
        lambda: _("The answer is recorded. It counts as answered, not as confirmed."),
    ),
    "confirm": Act(
        lambda data, loop, user: ConfirmForm(data, auto_id="confirm_%s"),
        lambda loop, values, by, at: looping.confirm(loop, **values, by=by, at=at),
        lambda: _("Noted: the customer says that it is solved."),
    ),
    "not-solved": Act(
        lambda data, loop, user: NotSolvedForm(data, auto_id="not_solved_%s"),
        lambda loop, values, by, at: looping.not_solved(loop, **values, by=by, at=at),
        lambda: _("Noted: it is not solved. The lead looks after it now."),
    ),
    "withdraw": Act(
        lambda data, loop, user: WithdrawForm(data, auto_id="withdraw_%s"),
        lambda loop, values, by, at: looping.withdraw(loop, **values, by=by, at=at),
        lambda: _("Taken back."),
    ),
    "take": Act(
        lambda data, loop, user: forms.Form(data),
        lambda loop, values, by, at: looping.take_loop(loop, by=by, at=at),
        lambda: _("It is yours now."),
    ),
}
