"""Reminders: set by oneself for oneself, moved, done."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Customer, Reminder, User

LONGEST_AHEAD = timedelta(days=3 * 366)


class NothingToThinkOf(Refused):
    code = "reminder_without_text"
    message = _("Write what you want to be reminded of.")


class ReminderPast(Refused):
    code = "reminder_in_the_past"
    message = _("That moment has passed. Choose when you want to be reminded, later than now.")


class ReminderTooFar(Refused):
    code = "reminder_too_far"
    message = _("That moment is more than three years away. Choose an earlier one.")


class ReminderDone(Refused):
    code = "reminder_done"
    message = _("This reminder is done already. Set a new one.")


def set_reminder(
    user: User,
    *,
    text: str,
    due_at: datetime,
    customer: Customer | None = None,
    by: User | None,
    at: datetime,
) -> Reminder:
    """Set a reminder for ``user``; return it.

    Args:
        customer: whom it is about, if anybody.

    Raises :class:`NothingToThinkOf`, :class:`ReminderPast`, :class:`ReminderTooFar`. Side effects: audit
    ``reminder.set``.
    """
    text = text.strip()
    if not text:
        raise NothingToThinkOf()
    _refuse_unless_near(due_at, at=at)
    with transaction.atomic():
        reminder = Reminder.objects.create(user=user, customer=customer, text=text, due_at=due_at, made_at=at)
        _note("reminder.set", reminder, by=by, at=at)
    return reminder


def move_reminder(reminder: Reminder, *, due_at: datetime, by: User | None, at: datetime) -> Reminder:
    """Move a reminder to another moment; raise :class:`ReminderDone` and what :func:`set_reminder` does."""
    _refuse_unless_near(due_at, at=at)
    return _change(reminder, "reminder.move", by=by, at=at, due_at=due_at)


def finish_reminder(reminder: Reminder, *, by: User | None, at: datetime) -> Reminder:
    """Note that a reminder is done; raise :class:`ReminderDone` when it is already."""
    return _change(reminder, "reminder.finish", by=by, at=at, done_at=at)


def _change(reminder: Reminder, act: str, *, by: User | None, at: datetime, **values: datetime) -> Reminder:
    with transaction.atomic():
        if not Reminder.objects.filter(pk=reminder.pk, done_at__isnull=True).update(**values):
            raise ReminderDone()
        reminder.refresh_from_db()
        _note(act, reminder, by=by, at=at)
    return reminder


def _note(act: str, reminder: Reminder, *, by: User | None, at: datetime) -> None:
    audit.record(act, obj=reminder, by=by, at=at, customer_id=reminder.customer_id)


def _refuse_unless_near(due_at: datetime, *, at: datetime) -> None:
    if due_at <= at:
        raise ReminderPast()
    if due_at > at + LONGEST_AHEAD:
        raise ReminderTooFar()
