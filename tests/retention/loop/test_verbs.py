"""Working on loops, asking the customer, and her word: what each step needs and does."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from customers import complaints, interactions
from customers.feedback.unknown import NoReach, handle_without_customer, link_feedback
from customers.ground import events, outbox
from customers.ground.models import Event
from customers.models import Cause, Complaint, Contact, Customer, Message, UnknownFeedback, User
from retention import calls, cases
from retention import loop as looping
from retention.cases.diagnosis import CauseRetired
from retention.loop import answering, asking, contacting, figures, owners, policy, working
from retention.models import FollowUpCall, LoopClosure, LoopStep, RetentionCase
from surveys.definition import Given
from surveys.models import SurveyResponse
from tests.factories import NOW, ContactFactory, CustomerFactory, UserFactory
from tests.retention.cases.test_answers import answered, score
from tests.retention.loop.world import (
    SOON,
    WORDS,
    asked,
    drained,
    filed,
    kinds,
    mail_sender,
    mentioned,
    unknown,
    worked,
)
from tests.retention.makers import cause

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def loop(customer: Customer) -> LoopClosure:
    return filed(customer)


def fresh(loop: LoopClosure) -> LoopClosure:
    return LoopClosure.objects.get(pk=loop.pk)


def test_documentation_shows_the_table_of_moves() -> None:
    shown = (Path(__file__).parents[3] / "docs" / "loop.md").read_text()
    drawn = shown.split("```mermaid\n")[1].split("\n```")[0]
    assert drawn == looping.diagram()


# --- What is missing ---------------------------------------------------------------------------
def test_nothing_is_told_before_contact_cause_action_and_message(loop: LoopClosure, manager: User) -> None:
    with pytest.raises(looping.LoopUnfinished) as refusal:
        looping.ask_customer(loop, message=" ", by_hand=True, by=manager, at=SOON)
    assert [one.value for one in looping.missing(loop)] == ["contact", "cause", "action", "message"]
    assert all(word in str(refusal.value) for word in ("contact", "cause", "done", "message"))
    worked(loop, by=manager)
    assert looping.missing(loop, message=WORDS) == []
    with pytest.raises(looping.LoopUnfinished, match="message"):
        looping.ask_customer(loop, message="", by_hand=True, by=manager, at=SOON)
    looping.ask_customer(loop, message=WORDS, by_hand=True, by=manager, at=SOON)
    assert fresh(loop).state == "asked"


@pytest.mark.parametrize("left_out", ["contact", "cause", "action"])
def test_each_of_the_three_is_needed(loop: LoopClosure, manager: User, left_out: str) -> None:
    if left_out != "contact":
        looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    if left_out != "cause":
        looping.diagnose_loop(loop, cause=cause("price"), by=manager, at=SOON)
    if left_out != "action":
        looping.act(loop, action="corrected", text="Done.", by=manager, at=SOON)
    with pytest.raises(looping.LoopUnfinished):
        looping.ask_customer(loop, message=WORDS, by_hand=True, by=manager, at=SOON)
    assert [one.value for one in looping.missing(loop, message=WORDS)] == [left_out]


def test_needs_follow_the_kind() -> None:
    praise, wish = LoopClosure(kind="praise"), LoopClosure(kind="suggestion")
    assert [one.value for one in looping.missing(praise)] == ["action", "message"]
    assert [str(one) for one in looping.ACTIONS["praise"]] == ["thanked"]
    assert [str(one) for one in looping.ACTIONS[wish.kind]] == ["improved", "refused"]


def test_action_fits_the_kind_and_is_said_in_words(loop: LoopClosure, manager: User) -> None:
    with pytest.raises(working.ActionNotForKind):
        looping.act(loop, action="thanked", text="x", by=manager, at=SOON)
    with pytest.raises(working.ActionWithoutWords):
        looping.act(loop, action="corrected", text=" ", by=manager, at=SOON)
    assert kinds(loop) == ["received", "assigned"]


def test_cause_is_the_complaints_too_and_a_retired_one_is_refused(loop: LoopClosure, manager: User) -> None:
    looping.diagnose_loop(loop, cause=cause("price"), by=manager, at=SOON)
    assert Complaint.objects.get().cause == cause("price")
    Cause.objects.filter(code="competitor").update(is_retired=True)
    with pytest.raises(CauseRetired):
        looping.diagnose_loop(loop, cause=cause("competitor"), by=manager, at=SOON)


# --- Contacts ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "is_enough"), [((1, 2, 3), False), ((1, 2, 25), True), ((1, 25), False), ((1, 2, 3, 26), True)]
)
def test_three_attempts_on_two_days_count_as_a_contact(
    loop: LoopClosure, manager: User, hours: tuple[int, ...], is_enough: bool
) -> None:
    for hour in hours:
        at = NOW + hour * HOUR
        looping.log_contact(loop, text="No answer.", reached=False, by=manager, at=at)
    loop = fresh(loop)
    assert (loop.contacted_at is not None) == is_enough
    assert loop.contacted_at == (NOW + hours[-1] * HOUR if is_enough else None)


def test_call_logged_at_the_case_is_the_contact_once(loop: LoopClosure, manager: User) -> None:
    at = NOW + HOUR
    calls.log_call(FollowUpCall.objects.get(), outcome="reached", by=manager, at=at)
    drained(at + HOUR)
    loop = fresh(loop)
    assert (loop.contacted_at, loop.state) == (at, "working")
    assert kinds(loop).count("contacted") == 1


def test_contact_logged_here_stands_once_and_on_the_customers_file(loop: LoopClosure, manager: User) -> None:
    looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    drained(SOON + HOUR)
    assert kinds(loop).count("contacted") == 1
    assert loop.customer is not None and loop.customer.interactions.count() == 1


@pytest.mark.parametrize(
    "said", [{"direction": "in"}, {"reached": False}, {"occurred_at": NOW - HOUR}, {"other": True}]
)
def test_what_is_no_contact_of_ours_leaves_it_open(
    loop: LoopClosure, manager: User, said: dict[str, Any]
) -> None:
    who = CustomerFactory() if said.pop("other", False) else loop.customer
    interactions.log_interaction(who, kind="call", by=manager, at=SOON, **said)
    drained(SOON + HOUR)
    assert fresh(loop).contacted_at is None


def test_acknowledging_the_complaint_is_no_contact(loop: LoopClosure, manager: User) -> None:
    complaints.acknowledge(Complaint.objects.get(), by=manager, at=SOON)
    drained(SOON + HOUR)
    assert (fresh(loop).contacted_at, kinds(loop)) == (None, ["received", "assigned"])


@pytest.mark.parametrize(("whose", "is_contact"), [("hers", True), ("nobodys", True), ("other", False)])
def test_call_with_another_person_is_no_contact_with_who_told_us(
    loop: LoopClosure, manager: User, whose: str, is_contact: bool
) -> None:
    other = ContactFactory(customer=loop.customer, is_main=False)
    contact = {"hers": loop.contact, "nobodys": None, "other": other}[whose]
    interactions.log_interaction(loop.customer, kind="call", contact=contact, by=manager, at=SOON)
    drained(SOON + HOUR)
    assert (fresh(loop).contacted_at is not None) == is_contact


@pytest.mark.parametrize(("when", "is_contact"), [(-HOUR, False), (HOUR, True)])
def test_call_before_it_was_not_solved_that_is_logged_later_is_no_new_contact(
    loop: LoopClosure, manager: User, when: timedelta, is_contact: bool
) -> None:
    asked(loop, by=manager)
    moment = SOON + DAY
    looping.not_solved(loop, by=None, at=moment)
    said = {"occurred_at": moment + when, "at": moment + 2 * HOUR}
    interactions.log_interaction(loop.customer, kind="call", contact=loop.contact, by=manager, **said)
    drained(moment + DAY)
    lacking = {one.value for one in looping.missing(fresh(loop))}
    assert ("contact" not in lacking) == is_contact
    assert (fresh(loop).state == "working") == is_contact


def test_steps_of_before_count_as_before_whenever_they_were_written(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    looping.not_solved(loop, by=None, at=SOON + DAY)
    LoopStep.objects.create(loop=loop, kind="contacted", at=SOON + HOUR)  # written later, as it happened
    assert "contact" in {one.value for one in looping.missing(fresh(loop))}


def test_contact_needs_words(loop: LoopClosure, manager: User) -> None:
    with pytest.raises(contacting.ContactWithoutWords):
        looping.log_contact(loop, text=" ", by=manager, at=SOON)


# --- Asking ------------------------------------------------------------------------------------
def test_asking_sends_one_message_and_resolves_the_complaint(loop: LoopClosure, manager: User) -> None:
    mail_sender()
    worked(loop, by=manager)
    looping.ask_customer(loop, message=WORDS, by=manager, at=SOON)
    message = Message.objects.get()
    assert WORDS in message.text and asking.address_in(message) == looping.status_address(loop)
    assert Complaint.objects.get().state == "resolved"
    with pytest.raises(looping.LoopMoveNotAllowed):
        looping.ask_customer(loop, message=WORDS, by=manager, at=SOON)
    assert Message.objects.count() == 1
    assert Event.objects.filter(kind="loop.asked").count() == 1


def test_without_an_address_it_is_passed_on_by_hand_or_answered_in_public(
    loop: LoopClosure, manager: User
) -> None:
    Contact.objects.update(email="", phone="")
    worked(fresh(loop), by=manager)
    with pytest.raises(asking.NoReplyAddress):
        looping.ask_customer(fresh(loop), message=WORDS, by=manager, at=SOON)
    assert fresh(loop).state == "working" and Complaint.objects.get().state == "open"
    looping.answer_publicly(fresh(loop), words="Answered below the post.", by=manager, at=SOON)
    assert fresh(loop).state == "answered"
    assert not Event.objects.filter(kind="loop.confirmed").exists()


@pytest.mark.parametrize(
    ("change", "is_reachable"),
    [
        ({}, True),  # though no sender is in use
        ({"email": ""}, True),
        ({"phone": ""}, True),
        ({"email": "", "phone": ""}, False),
        ({"erased_at": NOW}, False),
        ({"left_on": NOW.date()}, False),
    ],
)
def test_who_can_be_told_is_not_answered_in_public(
    loop: LoopClosure, manager: User, change: dict[str, Any], is_reachable: bool
) -> None:
    if change:
        Contact.objects.update(**change)
    loop = fresh(loop)
    assert looping.may_answer(loop, at=SOON) != is_reachable
    with pytest.raises(answering.CanBeTold) if is_reachable else nullcontext():
        looping.answer_publicly(loop, words="Answered.", by=manager, at=SOON)
    assert (fresh(loop).state == "answered") != is_reachable
    with pytest.raises(NoReach):
        looping.answer_publicly(loop, words="Answered.", directly=True, by=manager, at=SOON)


def test_somebody_unknown_who_left_an_address_is_answered_there_and_not_in_public(lead: User) -> None:
    row = unknown(stated_reach="me@example.org")
    drained()
    loop = LoopClosure.objects.get()
    assert looping.may_answer(loop, at=SOON)
    with pytest.raises(answering.CanBeTold):
        looping.answer_publicly(loop, words="On our page.", by=lead, at=SOON)
    looping.answer_publicly(loop, words="By mail.", directly=True, by=lead, at=SOON)
    row.refresh_from_db()
    assert (fresh(loop).state, row.state, row.answered) == ("answered", "handled", "direct")


def test_unsigned_answer_with_an_address_is_not_answered_in_public(loop: LoopClosure) -> None:
    unsigned = LoopClosure(response=SurveyResponse(stated_reach="13800000000"))
    assert asking.is_reachable(unsigned, at=SOON)
    assert not looping.may_answer(unsigned, at=SOON)
    assert looping.may_answer(LoopClosure(response=SurveyResponse()), at=SOON)


def test_link_passed_on_by_hand_is_no_contact(customer: Customer, manager: User) -> None:
    loop = filed(customer, kind="question")
    looping.act(loop, action="explained", text="Told how.", by=manager, at=SOON)
    looping.ask_customer(loop, message=WORDS, by_hand=True, by=manager, at=SOON)
    assert (fresh(loop).state, fresh(loop).contacted_at) == ("asked", None)


def test_what_cannot_be_sent_is_not_asked(
    loop: LoopClosure, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_sender()
    worked(loop, by=manager)
    monkeypatch.setattr(asking, "_send", lambda *_args, **_values: None)
    with pytest.raises(asking.NoReplyAddress):
        looping.ask_customer(fresh(loop), message=WORDS, by=manager, at=SOON)
    assert (fresh(loop).state, Complaint.objects.get().state) == ("working", "open")


@pytest.mark.parametrize("verb", ["contact", "diagnose", "act"])
def test_nobody_works_on_what_the_customer_is_asked(loop: LoopClosure, manager: User, verb: str) -> None:
    asked(loop, by=manager)
    with pytest.raises(looping.LoopMoveNotAllowed):
        {
            "contact": lambda: looping.log_contact(loop, text="x", by=manager, at=SOON),
            "diagnose": lambda: looping.diagnose_loop(loop, cause=cause("price"), by=manager, at=SOON),
            "act": lambda: looping.act(loop, action="corrected", text="x", by=manager, at=SOON),
        }[verb]()
    assert fresh(loop).state == "asked"


@pytest.mark.parametrize("state", ["failed", "bounced", "dropped"])
def test_message_that_did_not_arrive_takes_the_question_back(
    loop: LoopClosure, manager: User, state: str
) -> None:
    mail_sender()
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    ended(Message.objects.get(), state, at=SOON)
    assert fresh(loop).state == "working" and Complaint.objects.get().state == "open"
    assert (fresh(loop).level, fresh(loop).contacted_at) == (1, SOON)


def ended(message: Message, state: str, *, at: datetime) -> None:
    """Let a message end, and the worker hear of it."""
    Message.objects.filter(pk=message.pk).update(state=state, ended_at=at)
    events.record("message.ended", customer_id=None, subject=message, occurred_at=at)
    drained(at + HOUR)


def test_message_that_bounces_after_silence_ended_it_takes_it_back_to_work(
    loop: LoopClosure, manager: User
) -> None:
    mail_sender()
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    message = Message.objects.get()
    Message.objects.update(state="sent", ended_at=SOON)
    assert answering.expire(at=SOON + 8 * DAY) == 1
    ended(message, "bounced", at=SOON + 9 * DAY)
    assert (fresh(loop).state, fresh(loop).ended_at) == ("working", None)
    assert Complaint.objects.get().state == "open"


def test_message_that_did_not_arrive_leaves_the_deadline_as_it_was(loop: LoopClosure, manager: User) -> None:
    mail_sender()
    due_at = loop.due_at
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    ended(Message.objects.get(), "bounced", at=SOON + 3 * DAY)
    complaint = Complaint.objects.get()
    assert (fresh(loop).due_at, complaint.due_at, complaint.state) == (due_at, due_at, "open")
    complaints.describe(complaint, severity=3, by=manager, at=SOON + 4 * DAY)
    drained(SOON + 4 * DAY)
    assert (fresh(loop).due_at, fresh(loop).severity) == (due_at, 3)


def test_severity_alone_moves_no_deadline(loop: LoopClosure, manager: User) -> None:
    due_at = loop.due_at
    Complaint.objects.update(due_at=due_at + 9 * DAY)  # its news is still on the way
    complaints.describe(Complaint.objects.get(), severity=3, by=manager, at=SOON)
    drained()
    assert (fresh(loop).due_at, fresh(loop).severity) == (due_at, 3)


@pytest.mark.parametrize("source", ["complaint", "mention"])
def test_message_that_bounces_after_its_case_was_closed_has_one_case_again(
    customer: Customer, manager: User, lead: User, source: str
) -> None:
    mail_sender()
    if source == "mention":
        mentioned(customer)
        drained()
    loop = LoopClosure.objects.get() if source == "mention" else filed(customer)
    Message.objects.all().delete()
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    Message.objects.update(state="sent", ended_at=SOON)
    answering.expire(at=SOON + 8 * DAY)
    first = RetentionCase.objects.get()
    cases.close_case(first, outcome="saved", reason="x", by=lead, at=SOON + 8 * DAY)
    ended(Message.objects.get(), "bounced", at=SOON + 9 * DAY)
    second = RetentionCase.objects.open().get()  # type: ignore[attr-defined]
    assert (fresh(loop).case, second != first, fresh(loop).state) == (second, True, "working")
    assert FollowUpCall.objects.filter(case=second, status="planned").count() == 1


def test_message_that_bounces_while_its_case_is_open_stays_with_it(customer: Customer, manager: User) -> None:
    mail_sender()
    mentioned(customer)
    drained()
    Message.objects.all().delete()
    loop = LoopClosure.objects.get()
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    case = RetentionCase.objects.get()
    steps = case.moves.count()
    ended(Message.objects.get(), "bounced", at=SOON + DAY)
    assert (fresh(loop).case, RetentionCase.objects.get().moves.count()) == (case, steps)


@pytest.mark.parametrize("was_called", [True, False])
def test_message_that_did_not_arrive_was_no_contact(
    customer: Customer, manager: User, was_called: bool
) -> None:
    mail_sender()
    loop = filed(customer, kind="question")
    if was_called:
        looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    looping.act(loop, action="explained", text="Told how.", by=manager, at=SOON)
    looping.ask_customer(loop, message=WORDS, by=manager, at=SOON)
    assert fresh(loop).contacted_at == SOON
    ended(Message.objects.order_by("-pk")[0], "bounced", at=SOON)
    assert fresh(loop).state == "working"
    assert fresh(loop).contacted_at == (SOON if was_called else None)


def test_earlier_message_that_arrived_stays_the_contact(customer: Customer, manager: User) -> None:
    mail_sender()
    loop = filed(customer, kind="question")
    for at in (SOON, SOON + DAY):
        looping.act(loop, action="explained", text="Told how.", by=manager, at=at)
        looping.ask_customer(loop, message=WORDS, by=manager, at=at)
        if at == SOON:
            looping.not_solved(loop, by=None, at=at + HOUR)
    ended(Message.objects.order_by("-pk")[0], "bounced", at=SOON + DAY)
    assert (fresh(loop).state, fresh(loop).contacted_at) == ("working", SOON)


@pytest.mark.parametrize(
    ("sent", "days", "is_ended"), [(None, 20, False), (2, 8, False), (2, 8.9, False), (2, 9, True)]
)
def test_silence_counts_from_when_the_question_left(
    loop: LoopClosure, manager: User, sent: float | None, days: float, is_ended: bool
) -> None:
    mail_sender()
    looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
    if sent is not None:
        Message.objects.update(state="sent", ended_at=SOON + timedelta(days=sent))
    assert answering.expire(at=SOON + timedelta(days=days)) == int(is_ended)
    assert (fresh(loop).state == "unconfirmed") == is_ended


def test_complaint_is_not_resolved_beside_its_loop(loop: LoopClosure, manager: User) -> None:
    with pytest.raises(looping.LoopUnfinished, match="cause"):
        complaints.resolve(Complaint.objects.get(), by=manager, at=SOON)
    assert Complaint.objects.get().state == "open"


# --- Her word ----------------------------------------------------------------------------------
def test_solved_ends_it_and_a_second_press_changes_nothing(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    looping.confirm(loop, by=None, at=SOON)
    looping.confirm(fresh(loop), by=None, at=SOON + HOUR)
    assert (fresh(loop).state, fresh(loop).ended_at) == ("confirmed", SOON)
    assert kinds(loop).count("confirmed") == 1
    assert list(Event.objects.filter(kind="loop.ended").values_list("data__state", flat=True)) == [
        "confirmed"
    ]


def test_two_presses_at_once_are_one_word(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    first, second = fresh(loop), fresh(loop)
    looping.confirm(first, by=None, at=SOON)
    assert looping.confirm(second, by=None, at=SOON + HOUR).state == "confirmed"
    assert (kinds(loop).count("confirmed"), fresh(loop).ended_at) == (1, SOON)


def test_solved_after_not_solved_was_pressed_at_once_is_refused(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    stale = fresh(loop)
    looping.not_solved(fresh(loop), by=None, at=SOON)
    with pytest.raises(looping.LoopMoved):
        looping.confirm(stale, by=None, at=SOON)


def test_colleague_who_was_told_says_how_and_is_counted_apart(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    with pytest.raises(answering.ConfirmedWithoutWords):
        looping.confirm(loop, words=" ", by=manager, at=SOON)
    looping.confirm(loop, words="On the phone, today.", by=manager, at=SOON)
    assert (fresh(loop).state, fresh(loop).confirmed_by_us) == ("confirmed", True)
    assert LoopStep.objects.get(kind="confirmed").text == "On the phone, today."
    whole = figures.read(LoopClosure.objects.all(), ["source"])["source"].whole
    assert (whole.confirmed, whole.confirmed_by_us) == (0, 1)
    looping.not_solved(fresh(loop), by=None, at=SOON + HOUR)
    assert not fresh(loop).confirmed_by_us


def test_her_own_press_counts_as_hers(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    looping.confirm(loop, by=None, at=SOON)
    whole = figures.read(LoopClosure.objects.all(), ["source"])["source"].whole
    assert (whole.confirmed, whole.confirmed_by_us, fresh(loop).confirmed_by_us) == (1, 0, False)


def test_what_was_not_solved_is_in_time_only_by_its_first_deadline(
    loop: LoopClosure, manager: User, lead: User
) -> None:
    first = loop.due_at
    late = first + DAY
    asked(loop, by=manager)
    looping.not_solved(fresh(loop), by=None, at=late)
    asked(fresh(loop), by=lead, at=late + HOUR)
    looping.not_solved(fresh(loop), by=None, at=late + 2 * HOUR)
    asked(fresh(loop), by=lead, at=late + 3 * HOUR)
    now = fresh(loop)
    assert now.first_due_at == first and late + 3 * HOUR < now.due_at
    whole = figures.read(LoopClosure.objects.all(), ["source"])["source"].whole
    assert (whole.received, whole.solved_in_time) == (1, 0)


def test_wish_to_be_called_that_is_not_solved_has_a_case_again(customer: Customer, manager: User) -> None:
    from tests.retention.cases.test_answers import CALL
    from tests.surveys.documents import nps, question

    document = nps()
    del question(document, "call")["visible_if"]
    answered(customer.contacts.get(is_main=True), document, nps=Given(number=10), call=CALL)
    loop = asked(LoopClosure.objects.get(), by=manager)
    looping.confirm(loop, by=None, at=SOON)
    cases.close_case(RetentionCase.objects.get(), outcome="saved", reason="x", by=manager, at=SOON)
    looping.not_solved(fresh(loop), by=None, at=SOON + DAY)
    assert fresh(loop).case == RetentionCase.objects.open().get()  # type: ignore[attr-defined]


def test_question_without_a_case_gets_none_when_it_is_not_solved(customer: Customer, manager: User) -> None:
    loop = asked(filed(customer, kind="question"), by=manager)
    looping.not_solved(loop, by=None, at=SOON)
    assert not RetentionCase.objects.exists()


def test_nobody_confirms_before_she_was_asked(loop: LoopClosure) -> None:
    for verb in (looping.confirm, looping.not_solved):
        with pytest.raises(looping.LoopMoveNotAllowed):
            verb(loop, by=None, at=SOON)


def test_not_solved_goes_to_the_lead_graver_and_sooner_with_its_case_and_complaint_open(
    loop: LoopClosure, manager: User, lead: User
) -> None:
    asked(loop, by=manager)
    Complaint.objects.update(due_at=None)
    looping.not_solved(loop, words="Broken again.", by=None, at=SOON)
    drained(SOON + HOUR)
    loop = fresh(loop)
    assert (loop.state, loop.level, loop.owner, loop.severity, loop.reopened) == ("assigned", 2, lead, 3, 1)
    assert loop.due_at < NOW + 3 * DAY
    assert (loop.action, loop.message_text, loop.ended_at) == ("", "", None)
    assert Complaint.objects.get().state == "open"
    case = RetentionCase.objects.get()
    assert (case.severity, loop.case) == (3, case) and case.due_at <= SOON + timedelta(hours=6)
    assert LoopStep.objects.get(kind="not_solved").text == "Broken again."
    assert [one.value for one in looping.missing(loop)] == ["contact", "action", "message"]
    assert Event.objects.filter(kind="loop.not_solved").count() == 1


def test_not_solved_after_the_case_was_closed_opens_a_new_one(loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    answering.expire(at=SOON + 8 * DAY)
    cases.close_case(RetentionCase.objects.get(), outcome="saved", reason="x", by=manager, at=SOON + 8 * DAY)
    looping.not_solved(fresh(loop), by=None, at=SOON + 9 * DAY)
    drained(SOON + 9 * DAY)
    assert fresh(loop).case == RetentionCase.objects.open().get() != RetentionCase.objects.first()  # type: ignore[attr-defined]


def test_complaint_opened_again_on_its_page_takes_its_loop_along(
    loop: LoopClosure, manager: User, lead: User
) -> None:
    asked(loop, by=manager)
    complaints.reopen(Complaint.objects.get(), by=manager, at=SOON)
    drained(SOON + HOUR)
    assert (fresh(loop).owner, fresh(loop).level) == (lead, 2)


@pytest.mark.parametrize("end", ["answered", "withdrawn"])
def test_complaint_opened_again_after_its_loop_ended_otherwise_has_its_loop_again(
    loop: LoopClosure, manager: User, lead: User, end: str
) -> None:
    if end == "answered":
        Contact.objects.update(email="", phone="")
        looping.answer_publicly(fresh(loop), words="On our page.", by=manager, at=SOON)
    else:
        looping.withdraw(loop, reason="Filed twice.", by=lead, at=SOON)
    with pytest.raises(looping.LoopEnded):
        looping.not_solved(fresh(loop), by=None, at=SOON)  # no button does that
    complaints.reopen(Complaint.objects.get(), by=manager, at=SOON + HOUR)
    drained(SOON + 2 * HOUR)
    now = fresh(loop)
    assert (now.state, now.level, now.owner, now.ended_at) == ("assigned", 2, lead, None)
    with pytest.raises(looping.LoopUnfinished):
        complaints.resolve(Complaint.objects.get(), by=manager, at=SOON + 2 * HOUR)


@pytest.mark.parametrize(
    ("role", "kind", "may"),
    [
        ("account_manager", "complaint", False),
        ("team_lead", "complaint", True),
        ("admin", "complaint", True),
        ("account_manager", "question", True),
    ],
)
def test_only_leads_take_back_what_a_known_customer_complained_about(
    customer: Customer, role: str, kind: str, may: bool
) -> None:
    loop, user = filed(customer, kind=kind), UserFactory(role=role)
    with nullcontext() if may else pytest.raises(answering.WithdrawnByLead):
        looping.withdraw(loop, reason="Filed twice.", by=user, at=SOON)
    assert (fresh(loop).state == "withdrawn") == may == looping.may_withdraw(user, loop)


@pytest.mark.parametrize(("days", "is_ended"), [(6.9, False), (7, True)])
def test_silence_ends_it_unconfirmed(loop: LoopClosure, manager: User, days: float, is_ended: bool) -> None:
    asked(loop, by=manager)
    assert answering.expire(at=SOON + timedelta(days=days)) == int(is_ended)
    assert fresh(loop).state == ("unconfirmed" if is_ended else "asked")


def test_company_says_how_long_silence_lasts_and_a_late_word_counts(
    loop: LoopClosure, manager: User, admin: User
) -> None:
    policy.set_policy(silent_days=2, by=admin, at=NOW)
    asked(loop, by=manager)
    assert answering.expire(at=SOON + 2 * DAY) == 1
    looping.confirm(fresh(loop), by=None, at=SOON + 3 * DAY)
    assert fresh(loop).state == "confirmed"


def test_withdrawn_needs_a_reason_and_handles_what_nobody_known_wrote(lead: User) -> None:
    unknown()
    drained()
    loop = LoopClosure.objects.get()
    with pytest.raises(answering.WithdrawnWithoutReason):
        looping.withdraw(loop, reason="", by=lead, at=SOON)
    looping.withdraw(loop, reason="Spam.", by=lead, at=SOON)
    row = UnknownFeedback.objects.get()
    assert (row.state, row.ended_by) == ("handled", lead)
    with pytest.raises(looping.LoopEnded):
        looping.act(fresh(loop), action="corrected", text="x", by=lead, at=SOON)


@pytest.mark.parametrize(("answer", "state"), [("public", "answered"), ("none", "withdrawn")])
def test_feedback_handled_in_the_inbox_is_answered_and_never_confirmed(
    lead: User, answer: str, state: str
) -> None:
    row = unknown()
    drained()
    handle_without_customer(row, answered=answer, words="We wrote on our page.", by=lead, at=SOON)
    drained(SOON + HOUR)
    assert fresh(LoopClosure.objects.get()).state == state


def asked_unknown(lead: User, **values: Any) -> LoopClosure:
    unknown(**values)
    drained()
    return asked(LoopClosure.objects.get(), by=lead)


@pytest.mark.parametrize(("answer", "state"), [("public", "answered"), ("none", "withdrawn")])
def test_feedback_asked_by_hand_may_still_be_handled_in_the_inbox(
    lead: User, answer: str, state: str
) -> None:
    loop = asked_unknown(lead)
    row = UnknownFeedback.objects.get()
    handle_without_customer(row, answered=answer, words="We wrote on our page.", by=lead, at=SOON)
    drained(SOON + HOUR)
    assert fresh(loop).state == state
    assert not outbox.OutboxRow.objects.filter(done_at=None).exists()


@pytest.mark.parametrize("reach", ["", "me@example.org"])
@pytest.mark.parametrize("end", ["confirmed", "unconfirmed"])
def test_feedback_that_came_to_its_end_leaves_the_inbox(lead: User, end: str, reach: str) -> None:
    loop = asked_unknown(lead, stated_reach=reach)
    if end == "confirmed":
        looping.confirm(loop, by=None, at=SOON)
    else:
        answering.expire(at=SOON + 8 * DAY)
    drained(SOON + 9 * DAY)
    row = UnknownFeedback.objects.get()
    answer = "direct" if reach else "general"
    assert (fresh(loop).state, row.state, row.answered, row.answer_text) == (end, "handled", answer, WORDS)


def test_not_solved_right_after_solved_is_not_ended_by_the_inbox(lead: User) -> None:
    loop = asked_unknown(lead)
    looping.confirm(loop, by=None, at=SOON)
    looping.not_solved(loop, by=None, at=SOON + HOUR)
    drained(SOON + 2 * HOUR)  # only now it is told that the inbox is done with it
    assert fresh(loop).state == "assigned"


def linked(customer: Customer, *, by: User) -> None:
    """Link the feedback to a customer as an import or a race may: its loop went on meanwhile."""
    UnknownFeedback.objects.update(state="open", ended_at=None, answered="")
    contact = customer.contacts.get()
    link_feedback(UnknownFeedback.objects.get(), customer=customer, contact=contact, by=by, at=SOON + HOUR)
    drained(SOON + 2 * HOUR)


@pytest.mark.parametrize("end", ["confirmed", "unconfirmed", "answered", "withdrawn"])
def test_ended_loop_whose_feedback_becomes_an_open_complaint_goes_on(
    customer: Customer, lead: User, end: str
) -> None:
    unknown()
    drained()
    loop = LoopClosure.objects.get()
    if end in ("confirmed", "unconfirmed"):
        asked(loop, by=lead)
    if end == "confirmed":
        looping.confirm(loop, by=None, at=SOON)
    elif end == "unconfirmed":
        answering.expire(at=SOON + 8 * DAY)
    elif end == "answered":
        looping.answer_publicly(loop, words="On our page.", by=lead, at=SOON)
    else:
        looping.withdraw(loop, reason="Spam.", by=lead, at=SOON)
    linked(customer, by=lead)
    now = fresh(loop)
    assert (now.state, now.level, now.customer, now.ended_at) == ("assigned", 1, customer, None)
    assert (now.complaint, now.case) == (Complaint.objects.get(), RetentionCase.objects.get())
    assert (now.action, now.message_text, kinds(loop).count("linked")) == ("", "", 1)
    assert Complaint.objects.get().state == "open"


def test_asked_loop_whose_feedback_becomes_a_complaint_resolves_it(customer: Customer, lead: User) -> None:
    loop = asked_unknown(lead)
    linked(customer, by=lead)
    assert (fresh(loop).state, Complaint.objects.get().state) == ("asked", "resolved")


# --- The case ----------------------------------------------------------------------------------
def test_two_complaints_and_a_low_answer_close_their_case_only_when_all_three_are_confirmed(
    customer: Customer, manager: User, lead: User
) -> None:
    mail_sender()
    contact = customer.contacts.get(is_main=True)
    first, second = filed(customer), filed(customer, text="And it was late.")
    answered(contact, nps=score(2))
    third = LoopClosure.objects.get(source="response")
    case = RetentionCase.objects.get()
    assert {one.case for one in (first, second, third)} == {case}
    receipts = Message.objects.count()
    assert receipts == 3

    def close() -> None:
        cases.close_case(RetentionCase.objects.get(), outcome="saved", reason="Stays.", by=lead, at=SOON)

    for number, loop in enumerate((first, second, third)):
        with pytest.raises((cases.LoopsOpen, cases.ComplaintOpen)):
            close()
        loop = fresh(loop)
        looping.ask_customer(worked(loop, by=manager), message=WORDS, by=manager, at=SOON)
        with pytest.raises((cases.LoopsOpen, cases.ComplaintOpen)):
            close()
        if number == 1:
            looping.not_solved(loop, by=None, at=SOON)
            drained(SOON + HOUR)
            again = worked(fresh(loop), by=lead, at=SOON + HOUR)
            looping.ask_customer(again, message="Now it is.", by=lead, at=SOON + HOUR)
        looping.confirm(fresh(loop), by=None, at=SOON + HOUR)
    assert Message.objects.count() - receipts == 4  # three, and one more for what was not solved
    assert LoopClosure.objects.filter(state="confirmed").count() == 3
    close()
    assert RetentionCase.objects.get().status == "closed"


def test_refusal_to_close_a_case_names_its_feedback(loop: LoopClosure, manager: User) -> None:
    with pytest.raises(cases.LoopsOpen, match=f"no. {loop.pk}, complaint"):
        cases.close_case(RetentionCase.objects.get(), outcome="lost", reason="x", by=manager, at=SOON)


# --- Owners ------------------------------------------------------------------------------------
def test_assigning_is_for_those_who_work_here(loop: LoopClosure, lead: User, analyst: User) -> None:
    with pytest.raises(owners.MayNotOwn):
        looping.assign_loop(loop, to=analyst, by=lead, at=SOON)
    gone = UserFactory(is_active=False)
    with pytest.raises(owners.MayNotOwn):
        looping.assign_loop(loop, to=gone, by=lead, at=SOON)
    looping.assign_loop(loop, to=lead, by=lead, at=SOON)
    looping.assign_loop(loop, to=lead, by=lead, at=SOON)
    assert kinds(loop) == ["received", "assigned", "assigned"]


@pytest.mark.parametrize(
    ("who", "is_owned", "may"),
    [("teammate", True, False), ("teammate", False, True), ("lead", True, True), ("analyst", False, False)],
)
def test_only_who_gives_them_out_takes_what_somebody_has(
    loop: LoopClosure, request: pytest.FixtureRequest, who: str, is_owned: bool, may: bool
) -> None:
    user, before = request.getfixturevalue(who), loop.owner
    stale = fresh(loop)
    LoopClosure.objects.update(owner=before if is_owned else None)
    assert looping.may_take(user, fresh(loop)) == may
    refused = pytest.raises((owners.HasOwner, owners.MayNotOwn))
    with nullcontext() if may else refused:
        looping.take_loop(stale, by=user, at=SOON)
    assert fresh(loop).owner == (user if may else before if is_owned else None)


def test_manager_does_not_take_back_what_went_to_the_lead(
    loop: LoopClosure, manager: User, lead: User
) -> None:
    looping.not_solved(asked(loop, by=manager), by=None, at=SOON)
    with pytest.raises(owners.HasOwner, match=str(lead)):
        looping.take_loop(fresh(loop), by=manager, at=SOON)
    assert (fresh(loop).owner, looping.may_take(lead, fresh(loop))) == (lead, False)


def test_loops_of_leavers_go_to_whom_they_belong(loop: LoopClosure, manager: User, lead: User) -> None:
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert looping.give_unowned(at=SOON) == 1
    assert fresh(loop).owner == lead
    assert looping.give_unowned(at=SOON) == 0


def test_loop_of_nobody_keeps_none_after_it_without_an_owner(customer: Customer, manager: User) -> None:
    nobodys, known = filed(CustomerFactory(owner=None)), filed(customer)
    LoopClosure.objects.filter(pk=nobodys.pk).update(owner=None, case=None, due_at=NOW)
    LoopClosure.objects.filter(pk=known.pk).update(owner=None, due_at=NOW + HOUR)
    User.objects.filter(role__in=["team_lead", "admin"]).update(is_active=False)
    assert looping.give_unowned(at=SOON) == 1
    assert (fresh(nobodys).owner, fresh(known).owner) == (None, manager)


def test_loop_that_moves_meanwhile_keeps_no_case_from_being_given(
    customer: Customer, manager: User, teammate: User, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = filed(customer), filed(customer)
    real = owners.assign_loop

    def moving(loop: LoopClosure, **said: Any) -> LoopClosure:
        if loop.pk == first.pk:
            LoopStep.objects.create(loop=loop, kind="assigned", at=SOON)
            raise looping.LoopMoved(state="working")
        return real(loop, **said)

    monkeypatch.setattr(owners, "assign_loop", moving)
    case = RetentionCase.objects.get(customer=customer)
    assert {first.case, second.case} == {case}
    before = LoopStep.objects.filter(loop=first).count()
    cases.assign(case, to=teammate, by=lead, at=SOON)
    case.refresh_from_db()
    assert (case.assignee, fresh(first).owner, fresh(second).owner) == (teammate, manager, teammate)
    assert LoopStep.objects.filter(loop=first).count() == before  # what it began to write went back


def test_good_answer_with_a_wish_needs_no_cause(customer: Customer, manager: User) -> None:
    from tests.retention.cases.test_answers import CALL
    from tests.surveys.documents import nps, question

    document = nps()
    del question(document, "call")["visible_if"]
    answered(customer.contacts.get(is_main=True), document, nps=Given(number=10), call=CALL)
    assert LoopClosure.objects.get().kind == "question"


def test_mention_of_nobody_is_answered_in_public(lead: User) -> None:
    mentioned()
    drained()
    loop = LoopClosure.objects.get()
    looping.answer_publicly(loop, words="Answered there.", by=lead, at=SOON)
    assert fresh(loop).state == "answered"
