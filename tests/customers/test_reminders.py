"""Reminders: one's own, for a moment to come; set alone or with the next step of a contact."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import interactions, reminders
from customers.ground.models import AuditEvent
from customers.models import Interaction, Reminder
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


def texts(found):
    return [reminder.text for reminder in found]


def test_set_reminder_is_seen_by_its_owner_alone(manager, teammate, admin, customer):
    reminders.set_reminder(
        manager, text=" Send the list ", due_at=LATER, customer=customer, by=manager, at=NOW
    )
    assert texts(Reminder.objects.visible_to(manager)) == ["Send the list"]
    assert not Reminder.objects.visible_to(teammate).exists()
    assert not Reminder.objects.visible_to(admin).exists()
    assert AuditEvent.objects.filter(act="reminder.set", customer_id=customer.pk).count() == 1


@pytest.mark.parametrize(
    ("text", "due_at", "refusal"),
    [
        ("  ", LATER, reminders.NothingToThinkOf),
        ("x", NOW, reminders.ReminderPast),
        ("x", NOW + reminders.LONGEST_AHEAD + timedelta(seconds=1), reminders.ReminderTooFar),
    ],
)
def test_set_reminder_refuses_what_means_nothing(manager, text, due_at, refusal):
    with pytest.raises(refusal):
        reminders.set_reminder(manager, text=text, due_at=due_at, by=manager, at=NOW)
    assert not Reminder.objects.exists()


def test_set_reminder_takes_the_last_moment_that_is_near_enough(manager):
    reminders.set_reminder(manager, text="x", due_at=NOW + reminders.LONGEST_AHEAD, by=manager, at=NOW)


def test_due_are_those_whose_moment_has_come_and_that_wait(manager):
    for text, hours in (("now", 1), ("not yet", 2), ("done", 1)):
        reminders.set_reminder(manager, text=text, due_at=NOW + timedelta(hours=hours), by=manager, at=NOW)
    reminders.finish_reminder(Reminder.objects.get(text="done"), by=manager, at=NOW)
    assert texts(Reminder.objects.due(NOW + timedelta(hours=1))) == ["now"]
    assert texts(Reminder.objects.waiting()) == ["now", "not yet"]


def test_finish_reminder_refuses_a_second_time_and_so_does_moving(manager):
    reminder = reminders.set_reminder(manager, text="x", due_at=LATER, by=manager, at=NOW)
    reminders.move_reminder(reminder, due_at=LATER + timedelta(days=1), by=manager, at=NOW)
    assert reminder.due_at == LATER + timedelta(days=1)
    reminders.finish_reminder(reminder, by=manager, at=LATER)
    for again in (
        lambda: reminders.finish_reminder(reminder, by=manager, at=LATER + timedelta(hours=1)),
        lambda: reminders.move_reminder(reminder, due_at=LATER + timedelta(days=9), by=manager, at=LATER),
    ):
        with pytest.raises(reminders.ReminderDone):
            again()
    reminder.refresh_from_db()
    assert reminder.done_at == LATER


def log(customer, by, **said):
    return interactions.log_interaction(
        customer, kind=Interaction.Kind.VISIT, text="Met.", by=by, at=NOW, **said
    )


def test_log_interaction_reminds_of_the_next_step_when_a_moment_is_given(manager, customer):
    fact = log(customer, manager, next_step=" Bring samples ", next_at=LATER)
    reminder = Reminder.objects.get()
    assert (fact.next_step, reminder.text, reminder.due_at) == ("Bring samples", "Bring samples", LATER)
    assert (reminder.user, reminder.customer) == (manager, customer)


def test_log_interaction_keeps_a_next_step_without_a_reminder(manager, customer):
    assert log(customer, manager, next_step="They call back").next_step == "They call back"
    assert not Reminder.objects.exists()


def test_log_interaction_writes_nothing_when_the_next_step_is_refused(manager, customer):
    for said in ({"next_at": LATER}, {"next_step": "x", "next_at": NOW}):
        with pytest.raises((interactions.NoNextStep, reminders.ReminderPast)):
            log(customer, manager, **said)
    assert not Interaction.objects.exists() and not Reminder.objects.exists()
