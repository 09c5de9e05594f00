"""Loops that go with what they stand on: complaints, cases, inboxes; and those that were missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.translation import gettext

from customers import complaints, erasure
from customers.feedback.unknown import link_feedback
from customers.ground import events, outbox
from customers.ground.models import Company
from customers.models import Complaint, Customer, Mention, Message, UnknownFeedback, User
from retention import cases, tasks
from retention import loop as looping
from retention.loop import catching_up, opening, owners
from retention.models import CaseMove, FollowUpCall, LoopClosure, LoopStep, RetentionCase
from tests.customers.undoing import bring
from tests.factories import NOW, ContactFactory, CustomerFactory, UserFactory, day
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


# --- An earlier due day --------------------------------------------------------------------------
@pytest.mark.parametrize("is_heard", [False, True])
def test_an_earlier_due_day_brings_the_first_contact_forward_while_it_waits(
    customer: Customer, manager: User, is_heard: bool
) -> None:
    loop = filed(customer)
    if is_heard:
        looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    complaint = Complaint.objects.get()
    complaints.set_due(complaint, due_day=day(NOW), by=manager, at=SOON)
    drained(SOON + timedelta(seconds=1))
    after, sooner = fresh(loop), complaints.end_of_day(day(NOW))
    assert loop.respond_by > sooner
    expected = (loop.respond_by, loop.respond_by) if is_heard else (sooner, sooner)
    assert (after.respond_by, after.due_at) == expected


def test_a_due_day_set_by_mistake_and_back_leaves_the_promise(customer: Customer, manager: User) -> None:
    loop = filed(customer)
    complaint = Complaint.objects.get()
    due = [day(NOW), day(complaint.due_at - timedelta(seconds=1))]
    for number, due_day in enumerate(due):
        moment = SOON + timedelta(minutes=number)
        complaints.set_due(complaint, due_day=due_day, by=manager, at=moment)
        drained(moment + timedelta(seconds=1))
    after = fresh(loop)
    assert (after.respond_by, after.due_at) == (loop.respond_by, loop.due_at)


@pytest.mark.parametrize("field", ["level", "asked_at"])
def test_what_came_back_keeps_its_first_contact_whatever_a_later_due_day_promises(
    customer: Customer, manager: User, field: str
) -> None:
    loop = filed(customer)
    LoopClosure.objects.update(**{field: 2 if field == "level" else NOW})
    Complaint.objects.update(respond_by=loop.respond_by + timedelta(days=2))
    complaints.set_due(Complaint.objects.get(), due_day=day(NOW) + 9, by=manager, at=SOON)
    drained(SOON + timedelta(seconds=1))
    assert fresh(loop).respond_by == loop.respond_by


# --- Another kind --------------------------------------------------------------------------------
FILE = "id,customer,date,text,kind,contact\nR1,C1,2026-05-01,Is it broken?,{kind},\n"


def brought(folder: Path, kind: str) -> LoopClosure:
    bring(folder, "complaints", FILE.format(kind=kind), history=False)
    drained(SOON + timedelta(seconds=1))
    return LoopClosure.objects.get()


def test_what_an_import_says_is_no_complaint_needs_none_and_its_case_closes(
    company: Any, lead: User, tmp_path: Path
) -> None:
    before = brought(tmp_path, "complaint")
    assert before.case is not None and before.case.is_open
    Company.objects.update(language="zh-hans")
    loop = brought(tmp_path, "question")
    assert (loop.pk, loop.kind, loop.case, loop.is_open) == (before.pk, "question", None, True)
    assert kinds(loop)[-1] == "revised"
    case = RetentionCase.objects.get()
    assert (case.status, case.outcome) == ("closed", "not_pursued")
    with translation.override("zh-hans"):  # not that of the worker
        reason = gettext("A file says by now that it is no complaint.")
    assert case.outcome_reason == reason != "A file says by now that it is no complaint."
    assert not FollowUpCall.objects.filter(status="planned").exists()
    assert [one.value for one in looping.missing(loop)] == ["action", "message"]
    again = brought(tmp_path, "complaint")
    assert (again.kind, again.case != case and again.case.is_open) == ("complaint", True)
    assert RetentionCase.objects.count() == 2


def test_a_case_with_other_feedback_or_that_somebody_works_on_stays_open(
    company: Any, lead: User, tmp_path: Path
) -> None:
    loop = brought(tmp_path, "complaint")
    other = filed(loop.customer)
    brought_again = FILE.format(kind="question")
    bring(tmp_path, "complaints", brought_again, history=False)
    drained(SOON + timedelta(seconds=1))
    case = RetentionCase.objects.get()
    assert case.is_open and fresh(loop).case is None and fresh(other).case == case


def test_the_case_of_what_is_a_question_now_can_be_closed_by_hand(
    company: Any, lead: User, tmp_path: Path
) -> None:
    loop = brought(tmp_path, "complaint")
    case = RetentionCase.objects.get()
    cases.assign(case, to=lead, by=lead, at=SOON)
    RetentionCase.objects.update(reason="She is upset.")
    loop = brought(tmp_path, "question")
    case.refresh_from_db()
    assert case.is_open and loop.case is None
    cases.close_case(case, outcome="not_pursued", reason="A question.", by=lead, at=LATER)


def test_a_loop_that_had_ended_learns_its_kind_and_stays_ended(
    company: Any, lead: User, tmp_path: Path
) -> None:
    loop = brought(tmp_path, "complaint")
    looping.confirm(asked(loop, by=lead), words="She said so.", by=lead, at=SOON)
    Complaint.objects.update(state="resolved")
    opening.open_for_complaint(Complaint.objects.get(), at=LATER)
    Complaint.objects.update(kind="question")
    after = opening.open_for_complaint(Complaint.objects.get(), at=LATER)
    assert (after.kind, after.state) == ("question", "confirmed")


# --- Erased --------------------------------------------------------------------------------------
def test_of_an_erased_person_nobody_knew_the_loop_ends_and_keeps_no_word(
    customer: Customer, lead: User, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT, settings.ERASURE_LOG = tmp_path / "media", tmp_path / "erasures.log"
    wu = ContactFactory(is_main=False, customer=customer, email="wu@example.com")
    for reach in ("wu@example.com", "wu@example.net"):
        unknown(stated_reach=reach)
    drained()
    hers, other = LoopClosure.objects.order_by("pk")
    for loop in (hers, other):
        asked(loop, by=lead)
        looping.not_solved(loop, words="Still broken", by=None, at=SOON)
        asked(loop, by=lead)
    told = erasure.export_person(wu, by=None, at=SOON)["tables"]["retention.LoopClosure"]
    assert [one["id"] for one in told] == [hers.pk]
    erasure.erase_person(wu, reason="request", by=None, at=LATER)
    drained(LATER)
    after, same = fresh(hers), fresh(other)
    assert (after.state, after.action_text, after.message_text) == ("withdrawn", "", "")
    assert after.token_hash != hers.token_hash
    assert not LoopStep.objects.filter(loop=hers).exclude(text="").exists()
    assert (same.state, same.token_hash) == ("asked", other.token_hash) and same.action_text
    assert LoopStep.objects.filter(loop=other).exclude(text="").exists()
