"""Two at once: the same news handled twice, her word against the clock, a question against a reopening."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from customers import complaints
from customers.ground.models import OutboxRow
from customers.mentions import matching
from customers.models import Complaint, Customer, Mention, Message, User
from retention import loop as looping
from retention.cases.holders import hold_desk
from retention.loop import answering, following, handling, opening, owners
from retention.models import LoopClosure, LoopStep, RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, UserFactory
from tests.retention.loop.world import SOON, WORDS, asked, drained, filed, mail_sender, mentioned, worked
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
TURNS = range(5)


@pytest.fixture
def manager() -> User:
    CompanyFactory()
    made: User = UserFactory()
    return made


@pytest.fixture
def customer(manager: User) -> Customer:
    UserFactory(role="team_lead")
    made: Customer = CustomerFactory(owner=manager)
    return made


def again(loop: LoopClosure) -> LoopClosure:
    return LoopClosure.objects.get(pk=loop.pk)


@pytest.mark.parametrize("turn", TURNS)
def test_four_handlers_of_one_complaint_open_one_loop_one_case_and_send_one_receipt(
    customer: Customer, turn: int
) -> None:
    mail_sender()
    contact = customer.contacts.get(is_main=True)
    complaint = complaints.file_complaint(customer, text="Broken.", contact=contact, by=None, at=NOW)

    def handle() -> Any:
        return opening.open_for_complaint(Complaint.objects.get(pk=complaint.pk), at=SOON)

    results = race(*[handle] * 4)
    assert {type(one) for one in results} == {LoopClosure}, results
    assert len({one.pk for one in results}) == LoopClosure.objects.count() == 1
    assert (RetentionCase.objects.count(), Message.objects.count()) == (1, 1)
    assert LoopStep.objects.filter(kind="received").count() == 1


@pytest.mark.parametrize("turn", TURNS)
def test_her_word_and_the_clock_give_one_end_and_her_word_counts(
    customer: Customer, manager: User, turn: int
) -> None:
    loop = asked(filed(customer), by=manager)
    late = SOON + timedelta(days=8)
    mine = again(loop)
    race(lambda: looping.confirm(mine, by=None, at=late), lambda: answering.expire(at=late))
    ended = again(loop)
    if ended.state == "unconfirmed":  # the clock was first; a press a moment later still counts
        looping.confirm(ended, by=None, at=late)
    assert again(loop).state == "confirmed"
    assert LoopStep.objects.filter(loop=loop, kind="confirmed").count() == 1


@pytest.mark.parametrize("turn", TURNS)
def test_two_presses_at_once_are_one_word(customer: Customer, manager: User, turn: int) -> None:
    loop = asked(filed(customer), by=manager)
    both = [again(loop), again(loop)]
    results = race(*[lambda one=one: looping.confirm(one, by=None, at=SOON) for one in both])
    assert [type(one) for one in results] == [LoopClosure] * 2, results
    assert LoopStep.objects.filter(loop=loop, kind="confirmed").count() == 1


@pytest.mark.parametrize("turn", TURNS)
def test_two_who_take_what_nobody_has_leave_it_with_the_first(
    customer: Customer, manager: User, turn: int
) -> None:
    loop, other = filed(customer), UserFactory()
    LoopClosure.objects.update(owner=None)
    pairs = [(again(loop), user) for user in (manager, other)]
    results = race(*[lambda one=one, by=by: looping.take_loop(one, by=by, at=SOON) for one, by in pairs])
    assert len([one for one in results if isinstance(one, owners.HasOwner)]) == 1, results
    assert again(loop).owner in (manager, other)


@pytest.mark.parametrize("turn", TURNS)
def test_her_word_does_not_end_what_is_matched_to_another_at_once(
    customer: Customer, manager: User, turn: int
) -> None:
    row = mentioned(customer)
    loop = opening.open_for_mention(row, at=SOON)
    asked(loop, by=manager)
    other, mine = CustomerFactory(owner=manager), again(loop)
    Mention.objects.update(customer=other)

    def match() -> Any:
        return opening.open_for_mention(Mention.objects.get(pk=row.pk), at=SOON)

    race(match, lambda: looping.confirm(mine, by=None, at=SOON))
    now = again(loop)
    assert now.customer == other and (now.state, now.message_text) in {("assigned", ""), ("confirmed", "")}


def test_news_that_waits_for_a_matching_learns_of_it(
    customer: Customer, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read while somebody else held the loop is old by the time it is one's own."""
    row = mentioned()
    drained()
    other, may_match, is_read = CustomerFactory(owner=manager), threading.Event(), threading.Event()

    def match() -> None:
        with transaction.atomic():
            hold_desk()
            may_match.set()
            assert is_read.wait(timeout=20)
            matching.match_mention(row, customer=other, by=None, at=SOON)
            opening.open_for_mention(row, at=SOON)

    def hear() -> None:
        assert may_match.wait(timeout=20)
        with transaction.atomic():
            handling.mention_opens_loop(news, SOON)

    true_desk = handling.hold_desk

    def hold() -> None:
        is_read.set()
        true_desk()

    news = OutboxRow.objects.select_related("event").get(handler=handling.MENTION)
    LoopClosure.objects.filter(mention=row).update(customer=customer)
    Mention.objects.update(customer=customer)
    row.refresh_from_db()
    monkeypatch.setattr(handling, "hold_desk", hold)
    results = race(match, hear)
    assert results == [None, None]
    now = LoopClosure.objects.get()
    assert (now.customer, Mention.objects.get().customer) == (other, other)
    assert LoopStep.objects.filter(loop=now, kind="rematched").count() == 1


@pytest.mark.parametrize("turn", TURNS)
def test_solved_and_not_solved_at_once_leave_one_word(customer: Customer, manager: User, turn: int) -> None:
    loop = asked(filed(customer), by=manager)
    one, other = again(loop), again(loop)
    results = race(
        lambda: looping.confirm(one, by=None, at=SOON), lambda: looping.not_solved(other, by=None, at=SOON)
    )
    refused = [each for each in results if isinstance(each, Exception)]
    assert len(refused) == 1 and isinstance(refused[0], looping.LoopMoved), results
    now = again(loop)
    assert now.state in {"confirmed", "assigned"}
    assert Complaint.objects.get().state == ("resolved" if now.state == "confirmed" else "open")


@pytest.mark.parametrize("turn", TURNS)
def test_two_who_ask_send_one_message(customer: Customer, manager: User, turn: int) -> None:
    mail_sender()
    loop = worked(filed(customer), by=manager)
    before = Message.objects.count()
    both = [again(loop), again(loop)]
    results = race(
        *[lambda one=one: looping.ask_customer(one, message=WORDS, by=manager, at=SOON) for one in both]
    )
    assert len([one for one in results if isinstance(one, looping.LoopMoved)]) == 1, results
    assert Message.objects.count() == before + 1


@pytest.mark.parametrize("turn", TURNS)
def test_complaint_reopened_while_she_says_not_solved_goes_up_one_level_once(
    customer: Customer, manager: User, turn: int
) -> None:
    loop = asked(filed(customer), by=manager)
    mine, complaint = again(loop), Complaint.objects.get()

    def reopen() -> Any:
        complaints.reopen(complaint, by=manager, at=SOON)
        return following.reopened_by_us(again(loop), at=SOON)

    race(reopen, lambda: looping.not_solved(mine, by=None, at=SOON))
    now = again(loop)
    assert (now.level, now.reopened, Complaint.objects.get().state) == (2, 1, "open")
