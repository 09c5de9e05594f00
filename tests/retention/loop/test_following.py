"""Loops that go with what they stand on: complaints, cases, inboxes; and those that were missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import complaints
from customers.feedback.unknown import link_feedback
from customers.ground import events, outbox
from customers.models import Complaint, Customer, Mention, Message, UnknownFeedback, User
from retention import cases, tasks
from retention import loop as looping
from retention.loop import catching_up, opening, owners
from retention.models import CaseMove, FollowUpCall, LoopClosure, RetentionCase
from tests.factories import NOW, CustomerFactory, UserFactory, day
from tests.retention.loop.world import (
    SOON,
    asked,
    drained,
    filed,
    kinds,
    mail_sender,
    mentioned,
    unknown,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOW + 2 * DAY


def fresh(loop: LoopClosure) -> LoopClosure:
    return LoopClosure.objects.get(pk=loop.pk)


def linked(row: UnknownFeedback, customer: Customer, *, by: User, **said: Any) -> LoopClosure:
    row.refresh_from_db()
    complaint = link_feedback(row, customer=customer, contact=None, by=by, at=SOON, **said)
    drained(SOON + timedelta(seconds=1))
    return LoopClosure.objects.get(complaint=complaint)


# --- What somebody unknown wrote ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "action", "kept"), [("praise", "thanked", ""), ("suggestion", "refused", "refused")]
)
def test_linked_as_another_kind_it_needs_what_that_kind_needs(
    customer: Customer, lead: User, kind: str, action: str, kept: str
) -> None:
    row = unknown(kind=kind)
    drained()
    looping.act(LoopClosure.objects.get(), action=action, text="Said so.", by=lead, at=SOON)
    loop = linked(row, customer, kind="complaint", by=lead)
    assert (loop.kind, loop.action, bool(loop.action_text)) == ("complaint", kept, bool(kept))
    assert "cause" in [one.value for one in looping.missing(loop)]


def test_what_was_not_solved_stays_with_the_lead_when_it_is_linked(
    customer: Customer, manager: User, lead: User
) -> None:
    row = unknown()
    drained()
    before = LoopClosure.objects.get()
    asked(before, by=lead)
    looping.not_solved(before, by=None, at=SOON)
    loop = linked(row, customer, by=lead)
    assert (loop.level, loop.owner, loop.customer) == (2, lead, customer)


def test_news_of_the_inbox_do_not_take_from_the_lead_what_was_not_solved(company: Any, lead: User) -> None:
    other = UserFactory(role="admin")
    row = unknown(owner=other)
    drained()
    loop = LoopClosure.objects.get()
    assert loop.owner == other
    asked(loop, by=other)
    looping.not_solved(loop, by=None, at=SOON)
    assert fresh(loop).owner == lead
    events.record("feedback.assigned", customer_id=None, subject=row, occurred_at=SOON)
    drained()
    assert fresh(loop).owner == lead


# --- Mentions ----------------------------------------------------------------------------------
def test_bad_mention_joins_the_open_case_with_its_severity_and_its_call(
    customer: Customer, manager: User
) -> None:
    case = cases.open_case(customer, kind="save", severity=1, reason="Quiet.", by=manager, at=NOW)
    FollowUpCall.objects.update(due_at=NOW + 9 * DAY)
    mentioned(customer)
    drained()
    case = RetentionCase.objects.get(pk=case.pk)
    loop = LoopClosure.objects.get()
    assert (case.severity, case.kind, loop.case) == (2, "recovery", case)
    assert CaseMove.objects.get(kind="joined").codes["mention"] == loop.mention_id
    assert FollowUpCall.objects.get().due_at <= loop.respond_by
    events.record("mention.judged", customer_id=customer.pk, subject=loop.mention, occurred_at=NOW)
    drained()
    assert CaseMove.objects.filter(kind="joined").count() == 1


# --- Held in one order -------------------------------------------------------------------------
def test_desk_is_held_before_anything_else_of_a_loop(
    customer: Customer, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    true_desk = opening.hold_desk

    def hold() -> None:
        seen.append([query["sql"] for query in queries.captured_queries])
        true_desk()

    monkeypatch.setattr(opening, "hold_desk", hold)
    complaint = complaints.file_complaint(customer, text="x", by=None, at=NOW)
    with CaptureQueriesContext(connection) as queries:
        opening.open_for_complaint(complaint, at=SOON)
    assert seen and not [sql for sql in seen[0] if "customers_unknownfeedback" in sql]
    mention = mentioned()
    drained()
    Mention.objects.update(customer=customer)
    mention.refresh_from_db()
    seen.clear()
    with CaptureQueriesContext(connection) as queries:
        opening.open_for_mention(mention, at=SOON)
    assert seen and not [sql for sql in seen[0] if "retention_loopclosure" in sql]


# --- Complaints that change --------------------------------------------------------------------
def test_another_due_day_and_severity_are_the_loops_too(customer: Customer, manager: User) -> None:
    loop = filed(customer, severity=1)
    complaint = Complaint.objects.get()
    complaints.set_due(complaint, due_day=day(NOW) + 30, by=manager, at=SOON)
    drained()
    assert fresh(loop).due_at == complaints.end_of_day(day(NOW) + 30)
    complaints.describe(complaint, severity=3, by=manager, at=SOON)
    drained()
    assert (fresh(loop).severity, kinds(loop)[-2:]) == (3, ["revised", "revised"])
    complaints.describe(complaint, lot="L1", by=manager, at=SOON)
    drained()
    assert kinds(loop).count("revised") == 2


def test_what_was_not_solved_does_not_become_later_or_less_grave(customer: Customer, manager: User) -> None:
    loop = filed(customer, severity=2)
    asked(loop, by=manager)
    looping.not_solved(loop, by=None, at=SOON)
    drained()
    due_at, complaint = fresh(loop).due_at, Complaint.objects.get()
    complaints.set_due(complaint, due_day=day(NOW) + 30, by=manager, at=SOON)
    complaints.describe(complaint, severity=1, by=manager, at=SOON)
    drained()
    assert (fresh(loop).due_at, fresh(loop).severity) == (due_at, 3)


def test_suggestion_follows_too_and_what_has_ended_does_not(customer: Customer, lead: User) -> None:
    loop, ended = (filed(customer, kind="suggestion") for _n in range(2))
    looping.withdraw(ended, reason="Twice.", by=lead, at=SOON)
    for each in (loop, ended):
        Complaint.objects.filter(pk=each.complaint_id).update(severity=3)
        events.record("feedback.described", customer_id=None, subject=each.complaint, occurred_at=SOON)
    drained()
    assert (fresh(loop).severity, fresh(ended).severity) == (3, 2)


# --- Owners ------------------------------------------------------------------------------------
def test_loop_that_moved_on_does_not_keep_a_case_from_its_new_holder(
    customer: Customer, teammate: User, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = filed(customer), filed(customer)
    true_assign = owners.assign_loop

    def assign(loop: LoopClosure, **said: Any) -> LoopClosure:
        if loop.pk == first.pk:
            raise looping.LoopMoved(state="x")
        return true_assign(loop, **said)

    monkeypatch.setattr(owners, "assign_loop", assign)
    cases.assign(RetentionCase.objects.get(), to=teammate, by=lead, at=SOON)
    assert RetentionCase.objects.get().assignee == teammate
    assert fresh(first).owner != teammate and fresh(second).owner == teammate


def test_loop_that_finds_nobody_does_not_stand_before_the_others(
    customer: Customer, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = filed(customer), filed(customer)
    LoopClosure.objects.update(owner=None)
    LoopClosure.objects.update(case=None)
    LoopClosure.objects.filter(pk=first.pk).update(level=2)  # for a lead, and there is none
    monkeypatch.setattr(owners, "lead_for", lambda team_id: None)
    assert looping.give_unowned(at=SOON) == 1
    assert (fresh(first).owner, fresh(second).owner) == (None, manager)


# --- What was missing --------------------------------------------------------------------------
def test_feedback_that_was_open_before_loops_were_gets_them_without_a_receipt(
    customer: Customer, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_sender()
    contact = customer.contacts.get(is_main=True)
    told = [
        complaints.file_complaint(customer, text="x", contact=contact, by=None, at=NOW) for _n in range(2)
    ]
    done = complaints.file_complaint(customer, text="x", by=None, at=NOW)
    gone = complaints.file_complaint(CustomerFactory(), text="x", by=None, at=NOW)
    old = complaints.file_complaint(customer, text="Old.", by=None, at=NOW)
    void = complaints.file_complaint(customer, text="x", by=None, at=NOW)
    complaints.resolve(done, by=None, at=SOON)
    Customer.objects.filter(pk=gone.customer_id).update(gone_at=NOW)
    Complaint.objects.filter(pk=void.pk).update(void=True)
    row, handled = unknown(), unknown(state="handled", answered="none", ended_at=NOW)
    outbox.OutboxRow.objects.all().delete()
    events.record("complaint.filed", customer_id=None, subject=old, occurred_at=NOW, data={"history": True})
    outbox.OutboxRow.objects.all().delete()
    assert catching_up.open_missing(at=NOW + timedelta(hours=23)) == 0  # their own news may be on the way
    monkeypatch.setattr(catching_up, "AT_ONCE", 1)
    assert [catching_up.open_missing(at=LATER) for _n in range(3)] == [2, 1, 0]
    loops = LoopClosure.objects.all()
    assert {loop.complaint_id for loop in loops} == {*[one.pk for one in told], None}
    assert {loop.unknown_id for loop in loops} == {row.pk, None} and handled.pk != row.pk
    assert not Message.objects.exists()


def test_task_opens_what_is_missing(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    complaints.file_complaint(customer, text="x", by=None, at=NOW)
    outbox.OutboxRow.objects.all().delete()
    monkeypatch.setattr("customers.ground.clock.now", lambda: LATER)
    tasks.see_to_loops()
    assert LoopClosure.objects.count() == 1
