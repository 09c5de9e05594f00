"""Mentions that are somebody else's after all: their loops begin anew, and nobody sees another's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import interactions, mentions, tracking
from customers.ground import clock, events
from customers.ground.models import Company
from customers.mentions import matching
from customers.models import Contact, Customer, Mention, Message, User
from retention import loop as looping
from retention.cases.opening import Grounds, open_for
from retention.loop import answering, asking, erasing, opening
from retention.models import FollowUpCall, LoopClosure, LoopStep, RetentionCase
from tests.factories import NOW, ContactFactory, CustomerFactory, UserFactory
from tests.retention.loop.world import (
    SOON,
    WORDS,
    asked,
    drained,
    filed,
    kinds,
    mail_sender,
    mentioned,
    worked,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THEN = NOW + HOUR


@pytest.fixture
def other(company: Any) -> Customer:
    made: Customer = CustomerFactory(owner=UserFactory(), contact__email="b@example.org")
    return made


@pytest.fixture
def loop(customer: Customer) -> LoopClosure:
    mentioned(customer)
    drained()
    return LoopClosure.objects.get()


def matched(whose: Customer | None, contact: Contact | None = None, *, at: datetime = THEN) -> LoopClosure:
    """Say whose the mention is, and let the worker hear of it."""
    row = Mention.objects.get()
    if whose is None:
        matching.unmatch_mention(row, by=None, at=at)
    else:
        matching.match_mention(row, customer=whose, contact=contact, by=None, at=at)
    drained(at)
    return LoopClosure.objects.get()


def lacking(loop: LoopClosure) -> list[str]:
    return [one.value for one in looping.missing(loop, message=WORDS)]


def page(client: Client, salt: str) -> int:
    return client.get(reverse("retention:loop_status", args=[tracking.token_of(salt)])).status_code


@pytest.mark.parametrize("far", ["received", "worked", "asked", "not solved"])
@pytest.mark.parametrize("to_nobody", [False, True])
def test_it_begins_anew_with_the_other_customer(
    loop: LoopClosure, other: Customer, manager: User, lead: User, far: str, to_nobody: bool
) -> None:
    first = (loop.due_at, loop.respond_by, loop.received_at)
    if far != "received":
        (worked if far == "worked" else asked)(loop, by=manager)
    if far == "not solved":
        looping.not_solved(loop, words="Still broken.", by=None, at=SOON)
    now = matched(None if to_nobody else other)
    assert (now.customer, now.contact and now.contact.customer) == (
        (None, None) if to_nobody else (other, other)
    )
    assert (now.case and now.case.customer, now.owner) == (
        (None, lead) if to_nobody else (other, other.owner)
    )
    assert (now.state, now.level, now.reopened, now.severity) == ("assigned", 1, 0, 2)
    assert (now.due_at, now.respond_by, now.received_at, now.first_due_at) == (*first, None)
    assert (now.contacted_at, now.asked_at, now.asked_message) == (None, None, None)
    assert (now.action, now.action_text, now.message_text) == ("", "", "")
    assert set(LoopStep.objects.values_list("text", flat=True)) == {""}
    assert kinds(now).count("rematched") == 1 and kinds(now).count("linked") == (not to_nobody)
    assert lacking(now) == (["contact", "cause", "action"] if far == "received" else ["contact", "action"])
    with pytest.raises(looping.LoopUnfinished):
        looping.ask_customer(now, message=WORDS, by_hand=True, by=lead, at=THEN)
    assert answering.expire(at=THEN + 90 * DAY) == 0


@pytest.mark.parametrize("far", ["worked", "asked"])
def test_what_was_done_for_whoever_posted_stays_when_it_is_known_who_that_is(
    customer: Customer, lead: User, far: str
) -> None:
    mentioned()
    drained()
    before = LoopClosure.objects.get()
    (worked if far == "worked" else asked)(before, by=lead)
    now = matched(customer)
    assert (now.customer, now.state) == (customer, "working" if far == "worked" else "asked")
    assert (now.contacted_at, bool(now.action), now.salt) == (SOON, True, before.salt)
    assert "rematched" not in kinds(now) and lacking(now) == []


def test_only_what_is_done_with_the_other_customer_counts(
    loop: LoopClosure, other: Customer, manager: User
) -> None:
    for hours in (0, 1):
        looping.log_contact(loop, text="x", reached=False, by=manager, at=SOON + timedelta(minutes=hours))
    at = NOW + DAY
    now = matched(other, at=at)
    interactions.log_interaction(other, kind="call", occurred_at=at - HOUR, by=manager, at=at + HOUR)
    drained(at + HOUR)
    assert "contact" in lacking(LoopClosure.objects.get())  # it was about something else
    looping.log_contact(now, text="x", reached=False, by=manager, at=at + HOUR)
    assert "contact" in lacking(now)  # two of the three attempts were made with the first
    interactions.log_interaction(other, kind="call", by=manager, at=at + 2 * HOUR)
    drained(at + 2 * HOUR)
    assert "contact" not in lacking(LoopClosure.objects.get())


def test_who_works_on_it_this_moment_does_not_write_into_the_loop_of_another(
    loop: LoopClosure, other: Customer, manager: User
) -> None:
    matched(other)
    with pytest.raises(looping.LoopMoved):
        looping.log_contact(loop, text="Talked to the first.", by=manager, at=THEN)
    assert LoopClosure.objects.get().contacted_at is None


@pytest.mark.parametrize("first", ["its customer", "nobody"])
def test_news_that_was_read_before_it_was_matched_takes_nothing_from_the_other(
    customer: Customer, other: Customer, manager: User, first: str
) -> None:
    mentioned(customer if first == "its customer" else None)
    drained()
    stale = Mention.objects.get()
    now = matched(other)
    worked(now, by=manager, at=THEN)
    before = LoopClosure.objects.filter(pk=now.pk).values().get()
    loop = opening.open_for_mention(stale, at=THEN + HOUR)
    assert loop.customer == other and LoopClosure.objects.filter(pk=now.pk).values().get() == before
    assert (before["action_text"], before["contacted_at"]) == ("Sent a new one.", THEN)


@pytest.mark.parametrize("far", ["received", "asked"])
def test_link_of_the_first_customer_leads_nowhere(
    client: Client, customer: Customer, other: Customer, manager: User, far: str
) -> None:
    clock.fix(THEN)
    mail_sender()
    mentioned(customer, contact=customer.contacts.get())
    drained()
    loop = LoopClosure.objects.get()
    if far == "asked":
        looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    theirs = list(Message.objects.all())
    assert {asking.address_in(one) for one in theirs} == {looping.status_address(loop)}
    now = matched(other, other.contacts.get())
    assert (page(client, loop.salt), page(client, now.salt)) == (404, 200)
    assert [asking.address_in(one) for one in theirs] == [""] * len(theirs)  # so it does not leave any more
    receipt = Message.objects.exclude(pk__in=[one.pk for one in theirs]).get()
    assert (receipt.contact, asking.address_in(receipt)) == (
        other.contacts.get(),
        looping.status_address(now),
    )
    assert WORDS not in client.get(looping.status_address(now)).text
    Message.objects.update(state="dropped", ended_at=THEN)
    assert [asking.loop_not_reached(one.pk) for one in theirs] == [None] * len(theirs)


def test_each_has_a_receipt_and_who_was_the_first_after_all_has_another(
    customer: Customer, other: Customer
) -> None:
    mail_sender()
    one, two = customer.contacts.get(), other.contacts.get()
    mentioned(customer, contact=one)
    drained()
    for hour, contact in enumerate((two, one), 1):
        matched(contact.customer, contact, at=NOW + hour * HOUR)
        drained(NOW + hour * HOUR)
    told = Message.objects.order_by("pk")
    assert [message.contact for message in told] == [one, two, one]
    assert [bool(asking.address_in(message)) for message in told] == [False, False, True]


@pytest.mark.parametrize("told", [True, False])
def test_loop_learns_who_of_the_company_wrote(company: Any, manager: User, told: bool) -> None:
    mail_sender()
    firm = CustomerFactory(kind="company", owner=manager)
    main = firm.contacts.get()
    writer = ContactFactory(customer=firm, is_main=False, email="x@example.org")
    mentioned(firm)
    drained()
    loop = LoopClosure.objects.get()
    assert (loop.contact, Message.objects.count()) == (main, 0)
    looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    now = matched(firm, writer if told else None)
    assert (now.contact, now.state, now.contacted_at) == (writer if told else main, "working", SOON)
    assert [message.contact for message in Message.objects.all()] == ([writer] if told else [])
    assert kinds(now).count("linked") == told and RetentionCase.objects.count() == 1


# --- The case of the first customer -----------------------------------------------------------
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_case_of_the_first_customer_closes_with_its_planned_call(
    company: Any, loop: LoopClosure, other: Customer, language: str
) -> None:
    Company.objects.update(language=language)
    first = loop.case
    assert first is not None and FollowUpCall.objects.get().status == "planned"
    now = matched(other)
    first.refresh_from_db()
    assert (first.is_open, first.outcome, bool(now.case and now.case.is_open)) == (False, "not_pursued", True)
    assert first.outcome_reason == (
        "The post is somebody else's after all." if language == "en" else "这条帖子其实是别人发的。"
    )
    assert FollowUpCall.objects.get(case=first).status == "cancelled"
    assert FollowUpCall.objects.get(case=now.case).status == "planned"


@pytest.mark.parametrize("by", ["complaint", "change", "person"])
def test_case_of_the_first_customer_stays_with_another_reason(
    customer: Customer, loop: LoopClosure, other: Customer, by: str
) -> None:
    first = loop.case
    assert first is not None
    if by == "complaint":
        assert filed(customer, at=SOON).case == first
    elif by == "change":
        grounds = Grounds(
            customer_id=customer.pk, kind="save", severity=2, within=DAY, reason="", codes={"change": 1}
        )
        assert [case.pk for case in open_for([grounds], at=SOON)] == [first.pk]
    else:
        RetentionCase.objects.update(reason="She called, too.")
    matching.match_mention(Mention.objects.get(), customer=other, by=None, at=THEN)
    drained(THEN)
    assert LoopClosure.objects.get(pk=loop.pk).customer == other
    first.refresh_from_db()
    assert first.is_open and FollowUpCall.objects.get(case=first).status == "planned"


# --- What has ended ------------------------------------------------------------------------------
def test_ended_loop_of_nobody_is_the_customers_and_is_erased_with_her(customer: Customer, lead: User) -> None:
    mentioned()
    drained()
    loop = LoopClosure.objects.get()
    looping.answer_publicly(loop, words="Dear Mr Wang, …", by=lead, at=SOON)
    contact = customer.contacts.get()
    now = matched(customer, contact)
    assert (now.customer, now.contact, now.state, now.ended_at) == (customer, contact, "answered", SOON)
    assert now.message_text == "Dear Mr Wang, …" and not RetentionCase.objects.exists()
    erasing.erase("customer", customer.pk)
    now.refresh_from_db()
    assert now.message_text == ""
    assert set(LoopStep.objects.values_list("text", flat=True)) == {""}


def test_ended_loop_keeps_its_end_and_none_of_the_first_customers_words(
    client: Client, loop: LoopClosure, other: Customer, manager: User
) -> None:
    looping.confirm(asked(loop, by=manager), by=None, at=SOON)
    now = matched(other)
    assert (now.customer, now.state, now.ended_at, now.asked_at) == (other, "confirmed", SOON, SOON)
    assert (now.message_text, now.action_text, now.case) == ("", "", None)
    assert set(LoopStep.objects.values_list("text", flat=True)) == {""}
    assert page(client, loop.salt) == 404
    assert (matched(None, at=THEN + HOUR).customer, now.state) == (None, "confirmed")


def test_ended_loop_learns_who_of_the_company_wrote(company: Any, lead: User) -> None:
    firm = CustomerFactory(kind="company", contact__email="", contact__phone="")
    writer = ContactFactory(customer=firm, is_main=False)
    mentioned(firm)
    drained()
    looping.answer_publicly(LoopClosure.objects.get(), words="Answered there.", by=lead, at=SOON)
    now = matched(firm, writer)
    assert (now.contact, now.state, now.message_text) == (writer, "answered", "Answered there.")


def test_removed_post_that_is_entered_again_as_anothers_begins_anew(
    loop: LoopClosure, other: Customer, manager: User
) -> None:
    asked(loop, by=manager)
    mention = Mention.objects.get()
    mentions.remove_mention(mention, by=manager, at=THEN)
    drained(THEN)
    assert LoopClosure.objects.get().state == "withdrawn"
    Mention.objects.update(void=False, customer=other)
    mention.refresh_from_db()
    events.record("mention.recorded", customer_id=other.pk, subject=mention, occurred_at=THEN)
    drained(THEN + HOUR)
    looping.give_unowned(at=THEN + HOUR)
    now = LoopClosure.objects.get()
    assert (now.customer, now.state, now.owner, now.ended_at) == (other, "assigned", other.owner, None)
    assert (now.case and now.case.customer, now.contacted_at, lacking(now)) == (
        other,
        None,
        ["contact", "action"],
    )


def test_what_a_person_took_back_stays_so_when_it_is_found_to_be_anothers(
    loop: LoopClosure, other: Customer, lead: User
) -> None:
    looping.withdraw(loop, reason="A test.", by=lead, at=SOON)
    now = matched(other)
    assert (now.customer, now.state, kinds(now)[-1]) == (other, "withdrawn", "rematched")
    assert LoopStep.objects.get(kind="withdrawn").text == "A test."


def test_message_on_its_way_does_not_carry_the_link_of_an_ended_loop_to_the_first(
    customer: Customer, other: Customer, lead: User
) -> None:
    mail_sender()
    mentioned(customer, contact=customer.contacts.get())
    drained()
    message = Message.objects.get()
    assert asking.address_in(message)
    looping.withdraw(LoopClosure.objects.get(), reason="A test.", by=lead, at=SOON)
    matched(other)
    assert asking.address_in(message) == ""
