"""A low answer, or a wish to be called, opens or joins a case with the call by the promised moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers.ground import clock, events, outbox
from customers.models import Contact, Customer, User
from retention import calls, cases
from retention.models import CaseMove, FollowUpCall, RetentionCase
from retention.timeline import timeline
from surveys import answering, invitations
from surveys.definition import Given
from surveys.models import SurveyResponse
from tests.factories import NOW
from tests.surveys.documents import every, nps, question
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
DUE = datetime.fromisoformat("2026-05-11T10:00:00+00:00")  # Monday 18:00 in Shanghai
CALL = Given(chosen=("20260511T0530Z",))
LATE = Given(chosen=("20260513T0100Z",))  # Wednesday 09:00–12:00


@pytest.fixture
def contact(customer: Customer) -> Contact:
    return customer.contacts.get(is_main=True)


def answered(contact: Contact, document: Any = None, **answers: Given) -> SurveyResponse:
    survey = live(f"s{SurveyResponse.objects.count()}", document=document or nps())
    now = clock.real_now()
    invitation, _token = invitations.invite(survey, contact, by=None, now=now, at=NOW)
    response = answering.submit(invitation, answers=answers, by=None, now=now, at=NOW)
    while outbox.drain(at=NOW + timedelta(seconds=1)):
        pass
    return response


def score(n: int, text: str = "") -> Given:
    return Given(number=n, text=text)


def test_low_score_with_a_wish_opens_a_case_with_the_call_by_the_promised_moment(
    contact: Contact, manager: User
) -> None:
    response = answered(contact, nps=score(3, "Late"), call=CALL)
    case = RetentionCase.objects.get()
    assert (case.customer_id, case.kind, case.severity, case.assignee) == (
        contact.customer_id, "recovery", 3, manager,
    )  # fmt: skip
    call = FollowUpCall.objects.get()
    assert (call.due_at, case.due_at, call.assignee) == (DUE, DUE, manager)
    assert "NPS 3" in call.reason
    assert "Asked to be called" in call.reason
    assert "Late" not in case.reason  # words stay where erasure reaches them
    opened = CaseMove.objects.get(kind="opened")
    assert opened.codes["response"] == response.pk


def test_low_score_alone_opens_a_case_within_the_usual_time(contact: Contact) -> None:
    answered(contact, nps=score(6))
    case = RetentionCase.objects.get()
    assert (case.severity, FollowUpCall.objects.count()) == (2, 1)
    assert case.due_at > NOW


@pytest.mark.parametrize("answers", [{"nps": score(7)}, {"nps": score(10)}])
def test_good_score_opens_nothing(contact: Contact, answers: dict[str, Given]) -> None:
    answered(contact, **answers)
    assert not RetentionCase.objects.exists()


@pytest.mark.parametrize(("number", "opens"), [(2, True), (3, False)])
def test_satisfaction_of_two_of_five_is_low(contact: Contact, number: int, opens: bool) -> None:
    answered(contact, every(), ces=score(5), csat=score(number))
    assert RetentionCase.objects.exists() == opens


def test_survey_may_say_what_is_low(contact: Contact) -> None:
    document = every()
    question(document, "csat")["alarm_at"] = None
    question(document, "ces")["alarm_at"] = 3
    answered(contact, document, ces=score(4), csat=score(1))
    assert not RetentionCase.objects.exists()
    answered(contact, document, ces=score(3), csat=score(5))
    assert RetentionCase.objects.exists()


def test_wish_to_be_called_after_a_good_score_opens_one_too(contact: Contact) -> None:
    document = nps()
    del question(document, "call")["visible_if"]
    answered(contact, document, nps=score(10), call=CALL)
    assert FollowUpCall.objects.get().due_at == DUE


def test_answer_joins_an_open_case_and_the_sooner_deadline_stays(contact: Contact, manager: User) -> None:
    earlier = NOW - timedelta(hours=1)
    case = cases.open_case(contact.customer, kind="save", severity=1, reason="Silent", by=manager, at=earlier)
    sooner = NOW + timedelta(hours=1)
    calls.plan_call(case, due_at=sooner, by=manager, at=earlier)
    answered(contact, nps=score(3), call=LATE)
    case.refresh_from_db()
    assert (case.kind, case.severity) == ("recovery", 3)
    assert FollowUpCall.objects.get().due_at == sooner == case.due_at


def test_answer_moves_a_later_call_of_an_open_case_to_the_promised_moment(
    contact: Contact, manager: User
) -> None:
    earlier = NOW - timedelta(hours=1)
    case = cases.open_case(contact.customer, kind="save", severity=1, reason="Silent", by=manager, at=earlier)
    calls.plan_call(case, due_at=NOW + timedelta(days=3), by=manager, at=earlier)
    answered(contact, nps=score(3), call=CALL)
    assert FollowUpCall.objects.get().due_at == DUE


def test_whoever_wanted_no_calls_and_asks_for_one_is_called(contact: Contact, manager: User) -> None:
    case = cases.open_case(
        contact.customer, kind="save", severity=1, reason="Silent", by=manager, at=NOW - timedelta(days=2)
    )
    planned = FollowUpCall.objects.get(case=case, status="planned")
    calls.log_call(planned, outcome="do_not_call", by=manager, at=NOW - timedelta(days=1))
    answered(contact, nps=score(3))
    assert not FollowUpCall.objects.filter(status="planned").exists()
    answered(contact, nps=score(3), call=CALL)
    assert FollowUpCall.objects.get(status="planned").due_at == DUE


def test_event_that_is_handled_twice_opens_once(contact: Contact) -> None:
    response = answered(contact, nps=score(3), call=CALL)
    event = response.survey.responses.get() and events.Event.objects.get(kind=answering.EVENT)
    moves = CaseMove.objects.count()
    row = outbox.row("retention.answer_opens_case", event=event, due_at=NOW, dedupe_key="again")
    from retention.cases.answers import answer_opens_case

    answer_opens_case(row, NOW + timedelta(minutes=1))
    assert CaseMove.objects.count() == moves


def test_anonymous_answer_opens_nothing(company: Any) -> None:
    now = clock.real_now()
    link = invitations.make_open_link(live(), label="Till", by=None, now=now, at=NOW)
    begun = invitations.begin(link, invitations.ticket(link), language="en", now=now)
    assert begun is not None
    answering.submit(begun[0], answers={"nps": score(0)}, by=None, now=now, at=NOW)
    while outbox.drain(at=NOW + timedelta(seconds=1)):
        pass
    assert not RetentionCase.objects.exists()


def test_timeline_tells_the_answer_in_the_customers_words(contact: Contact, manager: User) -> None:
    answered(contact, nps=score(3, "Late again"), call=CALL)
    entries = timeline(contact.customer, user=manager).entries
    (told,) = [entry for entry in entries if entry.kind == "survey"]
    assert told.title == "Answered the survey “Survey s0”: NPS 3 – asked to be called"
    assert told.text == "Late again"
