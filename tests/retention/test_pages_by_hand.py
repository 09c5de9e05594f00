"""What people enter by hand on a customer's page: contacts with a next step, calls, reminders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from customers import reminders
from customers.ground import clock
from customers.models import Contact, Interaction, Reminder
from retention import cases
from retention.models import FollowUpCall, RetentionCase
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def address(name, *args):
    return reverse(f"retention:{name}", args=args)


def local(moment):
    return (moment + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")  # in Shanghai


# --- A visit on the phone -----------------------------------------------------------------------
def test_log_a_visit_takes_kind_text_and_next_step_and_shows_at_once(client, manager, customer):
    who = Contact.objects.create(customer=customer, name="Zhang San", created_at=NOW, updated_at=NOW)
    client.force_login(manager)
    said = {"kind": "visit", "contact": who.pk, "text": "They test a rival.", "next_step": "Send offer"}
    answer = client.post(
        address("customer_interaction", customer.pk), {**said, "remind": "3", "reached": "on"}, follow=True
    )
    page = answer.content.decode()
    assert "They test a rival." in page and "with Zhang San" in page and "next: Send offer" in page
    fact = Interaction.objects.get()
    assert (fact.kind, fact.direction, fact.reached, fact.by) == ("visit", "out", True, manager)
    # in three days at nine: Thursday, in Shanghai
    assert Reminder.objects.get().due_at.isoformat() == "2026-05-14T01:00:00+00:00"


def test_log_a_contact_reminds_on_a_working_day(client, manager, customer):
    clock.forget()
    client.force_login(manager)
    said = {"kind": "call", "text": "x", "next_step": "y", "reached": "on"}
    client.post(address("customer_interaction", customer.pk), {**said, "remind": "30"})
    due = Reminder.objects.get().due_at
    assert due.weekday() < 5  # 30 days from Monday is a Wednesday; the calendar has no holiday there
    assert due.isoformat() == "2026-06-10T01:00:00+00:00"


def test_log_a_contact_keeps_what_was_entered_when_it_is_refused(client, manager, customer):
    client.force_login(manager)
    answer = client.post(
        address("customer_interaction", customer.pk), {"kind": "visit", "text": "Kept text", "remind": "1"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422 and "Kept text" in page and "Say what the next step is" in page
    assert not Interaction.objects.exists()


def test_log_a_contact_opens_what_is_folded_away_when_it_is_wrong_there(client, manager, customer):
    client.force_login(manager)
    said = {"kind": "call", "text": "x", "occurred_at": "1066-10-14T12:00"}
    page = client.post(address("customer_interaction", customer.pk), said).content.decode()
    assert '<details class="fold field-full" open>' in page


# --- A call, with a reason ----------------------------------------------------------------------
def test_plan_a_call_opens_a_case_that_bears_the_reason(client, manager, customer):
    client.force_login(manager)
    due = NOW + timedelta(days=1)
    client.post(address("customer_plan", customer.pk), {"due_at": local(due), "reason": "New prices"})
    call = FollowUpCall.objects.get()
    assert (call.reason, call.due_at, call.case.reason) == ("New prices", due, "New prices")
    assert (call.case.kind, call.case.severity, call.case.assignee) == ("save", 1, manager)
    assert "New prices" in client.get(address("case", call.case.pk)).content.decode()


def test_plan_a_call_moves_the_planned_one_of_an_open_case(manager, customer):
    case = cases.open_case(customer, kind="recovery", severity=3, reason="Angry", by=manager, at=NOW)
    due = NOW + timedelta(days=2)
    call = cases.plan_call_with(customer, due_at=due, reason="Apologise", by=manager, at=NOW)
    assert FollowUpCall.objects.get() == call and (call.due_at, call.reason) == (due, "Apologise")
    case.refresh_from_db()
    assert (case.kind, case.severity, case.reason, case.due_at) == ("recovery", 3, "Angry", due)


@pytest.mark.parametrize("said", [{"reason": ""}, {"due_at": ""}, {"due_at": local(NOW - timedelta(days=1))}])
def test_plan_a_call_opens_nothing_when_it_is_refused(client, manager, customer, said):
    client.force_login(manager)
    good = {"due_at": local(NOW + timedelta(days=1)), "reason": "x"}
    assert client.post(address("customer_plan", customer.pk), {**good, **said}).status_code == 422
    assert not RetentionCase.objects.exists()


# --- Reminders ----------------------------------------------------------------------------------
def test_a_reminder_stands_on_the_customers_page_and_on_the_first_page(client, manager, customer):
    client.force_login(manager)
    said = {"text": "Ask about the fair", "due_at": local(NOW + timedelta(hours=3))}
    client.post(address("customer_reminder", customer.pk), said)
    for page in (address("customer", customer.pk), address("home"), address("reminder_list")):
        assert "Ask about the fair" in client.get(page).content.decode()
    done = address("reminder_done", Reminder.objects.get().pk)
    assert client.post(done, {"next": address("home")}).url == address("home")
    assert "Ask about the fair" not in client.get(address("home")).content.decode()
    assert "Ask about the fair" in client.get(address("reminder_list") + "?state=done").content.decode()


def test_reminders_of_others_are_not_there(client, manager, teammate, customer):
    reminder = reminders.set_reminder(
        manager, text="Secret", due_at=NOW + timedelta(days=1), customer=customer, by=manager, at=NOW
    )
    client.force_login(teammate)
    assert "Secret" not in client.get(address("reminder_list")).content.decode()
    for name in ("reminder_done", "reminder_move"):
        assert client.post(address(name, reminder.pk), {"due_at": local(NOW)}).status_code == 404


def test_done_returns_to_pages_of_ours_only(client, manager):
    reminder = reminders.set_reminder(manager, text="x", due_at=NOW + timedelta(days=1), by=manager, at=NOW)
    client.force_login(manager)
    answer = client.post(address("reminder_done", reminder.pk), {"next": "https://evil.example/"})
    assert answer.url == address("reminder_list")


def test_move_says_what_is_wrong_and_moves_otherwise(client, manager):
    reminder = reminders.set_reminder(manager, text="x", due_at=NOW + timedelta(days=1), by=manager, at=NOW)
    client.force_login(manager)
    move = address("reminder_move", reminder.pk)
    assert "has passed" in client.post(move, {"due_at": local(NOW)}, follow=True).content.decode()
    client.post(move, {"due_at": local(NOW + timedelta(days=5))})
    reminder.refresh_from_db()
    assert reminder.due_at == NOW + timedelta(days=5)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_reminder_list_takes_the_same_queries(
    client, manager, count, language, django_assert_max_num_queries
):
    manager.language = language
    manager.save()
    for n in range(count):
        one = CustomerFactory(owner=manager)
        due = NOW + timedelta(days=n + 1)
        reminders.set_reminder(manager, text=f"Note {n}", due_at=due, customer=one, by=manager, at=NOW)
    client.force_login(manager)
    clock.now()
    with django_assert_max_num_queries(8):
        page = client.get(address("reminder_list")).content.decode()
    assert page.count("Note ") >= count
    assert ("我的提醒" in page) == (language == "zh-hans")


def test_analysts_have_no_reminders(client, analyst):
    client.force_login(analyst)
    assert client.get(address("reminder_list")).status_code == 403
    assert client.get(address("home")).status_code == 200
