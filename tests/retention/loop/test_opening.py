"""Opening loops: one for each piece of feedback, with owner, deadline, case and receipt."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers import complaints, mentions, tracking
from customers.feedback.unknown import assign_feedback
from customers.ground import events, outbox
from customers.models import Complaint, Customer, Message, User
from retention import cases
from retention import loop as looping
from retention.loop import opening, owners
from retention.models import FollowUpCall, LoopClosure, RetentionCase
from surveys.definition import Given
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.retention.cases.test_answers import CALL, DUE, answered, score
from tests.retention.loop.world import SOON, drained, filed, kinds, mail_sender, mentioned, unknown

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(customer: Customer) -> Any:
    return customer.contacts.get(is_main=True)


def test_complaint_opens_one_loop_with_the_holder_of_its_case(customer: Customer, manager: User) -> None:
    loop = filed(customer, severity=3)
    case = RetentionCase.objects.get()
    assert (loop.source, loop.kind, loop.state, loop.severity) == ("complaint", "complaint", "assigned", 3)
    assert (loop.case, loop.owner, loop.team) == (case, manager, manager.team)
    assert kinds(loop) == ["received", "assigned"]
    assert loop.respond_by > NOW and loop.due_at >= loop.respond_by


def test_news_told_twice_open_one_loop(customer: Customer) -> None:
    loop = filed(customer)
    events.record("complaint.filed", customer_id=customer.pk, subject=loop.complaint, occurred_at=NOW)
    drained()
    assert opening.open_for_complaint(loop.complaint, at=SOON) == loop  # type: ignore[arg-type]
    assert LoopClosure.objects.count() == 1 and kinds(loop) == ["received", "assigned"]


def test_promise_to_the_customer_is_the_deadline_and_moves_the_call_forward(customer: Customer) -> None:
    promised = NOW + timedelta(hours=1)
    complaint = complaints.file_complaint(customer, text="Broken.", by=None, at=NOW)
    Complaint.objects.update(respond_by=promised)
    drained()
    loop = LoopClosure.objects.get(complaint=complaint)
    assert loop.respond_by == promised
    assert FollowUpCall.objects.get().due_at == promised == RetentionCase.objects.get().due_at


@pytest.mark.parametrize("kind", ["suggestion", "question", "praise"])
def test_other_kinds_have_a_loop_of_the_account_manager_and_no_case(
    customer: Customer, manager: User, kind: str
) -> None:
    complaint = Complaint.objects.create(
        customer=customer, kind=kind, occurred_at=NOW, occurred_day=1, recorded_at=NOW, text="x"
    )
    events.record("feedback.filed", customer_id=customer.pk, subject=complaint, occurred_at=NOW)
    drained()
    loop = LoopClosure.objects.get()
    assert (loop.kind, loop.owner, loop.case) == (kind, manager, None)
    assert not RetentionCase.objects.exists()


@pytest.mark.parametrize("data", [{"history": True}, {"resolved": True}])
def test_history_and_what_was_resolved_already_open_none(customer: Customer, data: dict[str, Any]) -> None:
    complaint = complaints.file_complaint(customer, text="Old.", by=None, at=NOW)
    outbox.OutboxRow.objects.all().delete()
    events.record("complaint.filed", customer_id=customer.pk, subject=complaint, occurred_at=NOW, data=data)
    drained()
    assert not LoopClosure.objects.exists()


def test_low_answer_with_a_wish_is_due_when_it_was_promised(contact: Any, manager: User) -> None:
    response = answered(contact, nps=score(3), call=CALL)
    loop = LoopClosure.objects.get()
    assert (loop.response, loop.contact, loop.owner) == (response, contact, manager)
    assert (loop.respond_by, loop.kind, loop.severity) == (DUE, "complaint", 3)
    assert loop.case == RetentionCase.objects.get()


def test_good_answer_opens_none(contact: Any) -> None:
    answered(contact, nps=Given(number=9))
    assert not LoopClosure.objects.exists()


def test_negative_mention_of_a_customer_opens_its_case_and_one_of_nobody_goes_to_a_lead(
    customer: Customer, manager: User, lead: User
) -> None:
    mine, nobodys = mentioned(customer), mentioned()
    mentioned(customer, sentiment="positive")
    drained()
    assert set(LoopClosure.objects.values_list("mention", "owner", "case")) == {
        (mine.pk, manager.pk, RetentionCase.objects.get().pk),
        (nobodys.pk, lead.pk, None),
    }


def test_mention_that_is_matched_later_goes_to_the_customers_manager(
    customer: Customer, manager: User, lead: User
) -> None:
    mention = mentioned()
    drained()
    mention.customer = customer
    mention.save()
    events.record("mention.matched", customer_id=customer.pk, subject=mention, occurred_at=NOW)
    drained()
    loop = LoopClosure.objects.get()
    assert (loop.owner, loop.customer, loop.case) == (manager, customer, RetentionCase.objects.get())
    assert kinds(loop) == ["received", "assigned", "linked", "assigned"]


def test_loop_of_a_removed_mention_is_taken_back_and_goes_on_when_it_is_entered_again(lead: User) -> None:
    post = {
        "platform": "weibo",
        "external_id": "w1",
        "text": "Never again.",
        "rating": Decimal(1),
        "by": lead,
    }
    mention = mentions.record_mention(**post, at=NOW)
    drained()
    later = NOW + timedelta(hours=1)
    mentions.remove_mention(mention, by=lead, at=later)
    drained(later + timedelta(seconds=1))
    loop = LoopClosure.objects.get()
    assert (loop.state, loop.ended_at) == ("withdrawn", later)
    mentions.record_mention(**post, at=later + timedelta(hours=1))
    drained(later + timedelta(hours=2))
    loop.refresh_from_db()
    assert (loop.state, loop.owner, loop.ended_at) == ("assigned", lead, None)
    assert kinds(loop) == ["received", "assigned", "withdrawn", "received"]


def test_what_a_person_ended_stays_ended_when_the_mention_is_removed_or_told_of_twice(lead: User) -> None:
    mention = mentioned()
    drained()
    loop = LoopClosure.objects.get()
    looping.answer_publicly(loop, words="Said there.", by=lead, at=SOON)
    mentions.remove_mention(mention, by=lead, at=SOON)
    drained(SOON + timedelta(seconds=1))
    assert LoopClosure.objects.get().state == "answered"
    other = mentioned()
    drained()
    taken = LoopClosure.objects.get(mention=other)
    looping.withdraw(taken, reason="A test.", by=lead, at=SOON)
    events.record("mention.recorded", customer_id=None, subject=other, occurred_at=NOW)
    drained(SOON + timedelta(seconds=1))
    taken.refresh_from_db()
    assert taken.state == "withdrawn"


def test_feedback_of_somebody_unknown_goes_to_the_lead_with_fewest_and_keeps_its_link(lead: User) -> None:
    other = UserFactory(role="team_lead")
    for _n in range(2):
        unknown()
        drained()
    assert set(LoopClosure.objects.values_list("owner", flat=True)) == {lead.pk, other.pk}
    loop = LoopClosure.objects.select_related("unknown").first()
    assert loop is not None and loop.unknown is not None
    assert (loop.salt, loop.token_hash) == (loop.unknown.salt, loop.unknown.token_hash)
    assert (loop.respond_by, loop.due_at) == (loop.unknown.respond_by, loop.unknown.due_at)


@pytest.mark.parametrize("was_open", [True, False])
def test_feedback_that_is_linked_goes_on_in_one_loop_with_the_same_link(
    customer: Customer, manager: User, lead: User, was_open: bool
) -> None:
    row = unknown()
    if was_open:
        drained()
    complaint = complaints.file_complaint(customer, text=row.text, occurred_at=NOW, by=lead, at=NOW)
    row.state, row.complaint = "linked", complaint
    row.save()
    drained()
    loop = LoopClosure.objects.get()
    assert (loop.source, loop.complaint, loop.unknown, loop.owner) == ("complaint", complaint, None, manager)
    assert (loop.salt, loop.respond_by) == (row.salt, row.respond_by)
    assert loop.token_hash == tracking.hash_of(tracking.token_of(row.salt))


def test_without_an_account_manager_the_teams_lead_gets_it(lead: User) -> None:
    UserFactory(role="team_lead")
    customer = CustomerFactory(team=lead.team)
    assert filed(customer).owner_id in {lead.pk, RetentionCase.objects.get().assignee_id}


def test_receipt_goes_once_to_whom_we_can_reach(customer: Customer) -> None:
    mail_sender()
    loop = filed(customer)
    drained()
    message = Message.objects.get()
    assert message.purpose == "service" and "{{loop_link}}" in message.text
    assert loop.token_hash not in message.text and loop.salt not in message.text


def test_no_receipt_without_a_way_out(customer: Customer) -> None:
    filed(customer)
    assert not Message.objects.exists()


def test_two_complaints_join_one_case_and_each_has_its_loop(customer: Customer) -> None:
    first, second = filed(customer, severity=1), filed(customer, severity=3)
    assert first.case == second.case == RetentionCase.objects.get()
    assert RetentionCase.objects.get().severity == 3 and first != second


def test_loop_follows_the_case_to_its_new_holder(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    loop = filed(customer)
    assert loop.owner == manager
    cases.assign(RetentionCase.objects.get(), to=teammate, by=lead, at=SOON)
    loop.refresh_from_db()
    assert loop.owner == teammate and kinds(loop)[-1] == "assigned"


def test_inbox_and_loop_of_somebody_unknown_have_one_owner(company: Any, lead: User) -> None:
    admin, other = UserFactory(role="admin"), UserFactory(role="team_lead")
    row = unknown()
    assign_feedback(row, to=admin, by=admin, at=NOW)
    drained()
    loop = LoopClosure.objects.get()
    assert loop.owner == admin  # who had it before the loop was there
    owners.assign_loop(loop, to=other, by=admin, at=NOW)
    row.refresh_from_db()
    assert row.owner == other
    assign_feedback(row, to=lead, by=admin, at=NOW)
    drained()
    loop.refresh_from_db()
    assert loop.owner == lead


def test_history_opens_nothing_and_a_mention_that_turns_negative_does(customer: Customer) -> None:
    row = mentioned(customer, sentiment="neutral")
    drained()
    row.sentiment = "negative"
    row.save()
    for kind, data in (("mention.recorded", {"negative": True, "history": True}), ("mention.judged", {})):
        assert LoopClosure.objects.count() == 0
        events.record(kind, customer_id=customer.pk, subject=row, occurred_at=NOW, data=data)
        drained()
    assert LoopClosure.objects.get().mention == row


def test_mention_that_is_somebody_elses_after_all_goes_with_its_loop(customer: Customer) -> None:
    row, other = mentioned(customer), CustomerFactory()
    drained()
    for whose in (other, None):
        row.customer = whose
        row.save()
        events.record("mention.matched", customer_id=row.customer_id, subject=row, occurred_at=NOW)
        drained()
        loop = LoopClosure.objects.get()
        assert loop.customer == whose
        assert (loop.case.customer if loop.case else None) == whose
