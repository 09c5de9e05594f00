"""Surveys in the API: the same verbs, the document refused at its field, who may do what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import consents
from customers.ground import clock
from customers.models import Message
from surveys import answering, invitations
from surveys.definition import Given
from surveys.models import Invitation, Survey, SurveyDispatch
from tests.factories import NOW, UserFactory
from tests.surveys.documents import nps, question
from tests.surveys.makers import draft, live

pytestmark = pytest.mark.django_db
BODY: dict[str, Any] = {"code": "ask", "name_en": "Ask", "name_zh": "问", "occasion": "other"}


@pytest.fixture
def call(caller, company):
    return caller(UserFactory(role="analyst"))


def test_a_survey_is_made_written_published_closed_and_copied(call):
    made = call("post", "surveys/", {**BODY, "document": {"languages": ["en", "zh-hans"]}})
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    assert [one["code"] for one in made.json()["problems"]] == ["text_missing"] * 2 + ["no_questions"]
    path = made["Location"].removeprefix("/api/v1/")
    refused = call("post", f"{path}publish/", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "survey_incomplete")
    assert call("post", f"{path}save/", {"document": nps()}).json()["code"] == "match_required"
    saved = call("post", f"{path}save/", {"document": nps()}, If_Match=call.get(path)["ETag"]).json()
    assert (saved["document"], saved["is_draft"], saved["problems"]) == (nps(), True, [])
    live_one = call("post", f"{path}publish/", {}).json()
    assert (live_one["status"], live_one["version"], live_one["is_draft"]) == ("live", 1, False)
    versions = call.get(f"{path}versions/").json()["results"]
    assert [(one["number"], one["document"]) for one in versions] == [(1, nps())]
    copied = call("post", f"{path}copy/", {"code": "again", "name_en": "Again", "name_zh": "再问"})
    assert (copied.status_code, copied.json()["document"]) == (201, nps())
    assert call("post", f"{path}close/", {}).json()["status"] == "closed"
    assert [one["code"] for one in call.get("surveys/", status="draft").json()["results"]] == ["again"]


def test_draft_of_a_live_survey_is_thrown_away(call):
    survey = live()
    path = f"surveys/{survey.pk}/"
    changed = nps()
    changed["thanks"] = {}
    call("post", f"{path}save/", {"document": changed}, If_Match=call.get(path)["ETag"])
    assert call.get(path).json()["is_draft"]
    assert call("post", f"{path}discard/", {}).json()["document"] == nps()
    assert call("post", f"{path}discard/", {}).json()["code"] == "survey_unchanged"


def test_document_that_cannot_be_read_is_refused_at_its_field(call):
    wrong = nps()
    question(wrong, "nps")["kind"] = "magic"
    answer = call("post", "surveys/", {**BODY, "document": wrong})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "#/document"
    assert "pages[0].questions[0].kind" in str(error)
    assert not Survey.objects.exists()


def test_code_that_is_taken_is_refused(call):
    live("ask")
    answer = call("post", "surveys/", {**BODY, "document": nps()})
    assert (answer.status_code, answer.json()["code"]) == (409, "survey_code_taken")


def test_account_manager_reads_but_does_not_write(caller, manager):
    call, survey = caller(manager), live()
    assert call.get(f"surveys/{survey.pk}/").status_code == 200
    for act in ("publish", "close", "discard"):
        assert call("post", f"surveys/{survey.pk}/{act}/", {}).status_code == 403
    assert call("post", "surveys/", {**BODY, "document": nps()}).status_code == 403


def test_versions_of_no_survey_are_not_found(call):
    assert call.get("surveys/987654/versions/").status_code == 404


# --- Answers ----------------------------------------------------------------------------------
def test_link_for_a_contact_is_given_once_and_answers_are_read(caller, manager, customer, client, settings):
    call, survey, contact = caller(manager), live(), customer.contacts.get()
    made = call("post", f"surveys/{survey.pk}/invite/", {"contact": contact.pk, "language": "zh-CN"})
    assert (made.status_code, made.json()["language"], made.json()["contact"]) == (201, "zh-hans", contact.pk)
    path = made.json()["address"].removeprefix(settings.PUBLIC_BASE_URL)
    sent = {"page": "0", "asked": "nps", "q.nps": "9", "q.nps.why": "快"}
    assert client.post(path, sent).status_code == 200
    (row,) = call.get("survey-responses/", customer=customer.pk).json()["results"]
    assert (row["score"], row["metric"], row["customer"], row["is_low"]) == (9, "nps", customer.pk, False)
    assert row["answers"] == [
        {"question": "nps", "kind": "nps", "points": 11, "number": 9, "chosen": [], "text": "快"}
    ]
    assert call.get(f"survey-responses/{row['id']}/").json() == row
    assert call.get("survey-responses/", is_low="true").json()["results"] == []


def test_contact_and_answers_of_others_are_unknown(caller, manager, outsider, customer):
    survey, contact = live(), customer.contacts.get()
    refused = caller(outsider)("post", f"surveys/{survey.pk}/invite/", {"contact": contact.pk})
    assert (refused.status_code, Invitation.objects.count()) == (400, 0)
    now = clock.real_now()
    invitation, _token = invitations.invite(survey, contact, by=None, now=now, at=NOW)
    answers = {"nps": Given(number=9)}
    response = answering.submit(invitation, answers=answers, by=None, now=now, at=NOW)
    assert caller(outsider).get("survey-responses/").json()["results"] == []
    assert caller(outsider).get(f"survey-responses/{response.pk}/").status_code == 404
    assert len(caller(manager).get("survey-responses/").json()["results"]) == 1


def test_anonymous_answers_are_read_by_who_sees_everybody(caller, manager, company):
    now = clock.real_now()
    link = invitations.make_open_link(live(), label="Till", by=None, now=now, at=NOW)
    begun = invitations.begin(link, invitations.ticket(link), language="en", now=now)
    answering.submit(begun[0], answers={"nps": Given(number=5)}, by=None, now=now, at=NOW)
    assert caller(manager).get("survey-responses/").json()["results"] == []
    (row,) = caller(UserFactory(role="analyst")).get("survey-responses/").json()["results"]
    assert (row["customer"], row["contact"], row["score"]) == (None, None, 5)


def test_surveyjs_comes_in_with_a_report_and_goes_out(call):
    body = {**BODY, "surveyjs": {"title": "T", "elements": [
        {"type": "rating", "name": "nps", "title": "?", "rateMin": 0, "rateMax": 10},
        {"type": "file", "name": "photo"},
    ]}}  # fmt: skip
    made = call("post", "surveys/import/", body)
    assert made.status_code == 201
    assert [one["path"] for one in made.json()["reports"]] == ["elements[0]", "elements[1]"]
    given = call.get(f"surveys/{made.json()['survey']}/export/").json()
    assert given["surveyjs"]["pages"][0]["elements"][0]["rateMax"] == 10
    refused = call("post", "surveys/import/", {**BODY, "code": "b", "surveyjs": {"title": "T"}})
    assert (refused.status_code, refused.json()["code"]) == (409, "survey_not_surveyjs")


# --- Sending ----------------------------------------------------------------------------------
@pytest.fixture
def daytime():
    """A moment outside the quiet hours, whenever the tests run."""
    clock.fix(NOW)


def agreed(contact):
    said = {"purposes": ["survey"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(contact, **said, by=None, at=NOW - timedelta(days=1))
    return contact


def test_contact_is_asked_by_a_message_once_for_a_key(caller, manager, customer, daytime):
    call, survey, contact = caller(manager), live(), agreed(customer.contacts.get())
    body = {"contact": contact.pk, "channel": "email", "key": "delivery:7", "remind_after": None}
    made = call("post", f"surveys/{survey.pk}/send/", body)
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["reason"], row["contact"], row["remind_after"]) == (
        "sending",
        "",
        contact.pk,
        None,
    )
    assert row["message"] == Message.objects.get().pk and row["invitation"] == Invitation.objects.get().pk
    assert call("post", f"surveys/{survey.pk}/send/", body).json()["id"] == row["id"]
    assert call.get(f"survey-dispatches/{row['id']}/").json() == row
    assert call.get("survey-dispatches/", state="sending", customer=customer.pk).json()["results"] == [row]
    assert call.get("survey-dispatches/", state="closed").json()["results"] == []


def test_why_it_waits_or_is_not_sent_is_given_and_what_waits_is_taken_back(
    caller, manager, customer, daytime
):
    call, survey, contact = caller(manager), live(), customer.contacts.get()
    path = f"surveys/{survey.pk}/send/"
    refused = call("post", path, {"contact": contact.pk, "channel": "sms", "key": "a"}).json()
    assert (refused["state"], refused["reason"], refused["message"]) == ("closed", "no_consent", None)
    agreed(contact)
    call("post", path, {"contact": contact.pk, "channel": "email", "key": "b"})
    waits = call("post", path, {"contact": contact.pk, "channel": "email", "key": "c"}).json()
    assert (waits["state"], waits["waits_for"], waits["remind_after"]) == ("waiting", "limit_reached", 4)
    assert waits["due_at"] is not None
    back = call("post", f"survey-dispatches/{waits['id']}/take-back/", {})
    assert (back.status_code, back.json()["state"], back.json()["reason"]) == (200, "closed", "taken_back")
    again = call("post", f"survey-dispatches/{waits['id']}/take-back/", {})
    assert (again.status_code, again.json()["code"]) == (409, "reservation_ended")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"channel": "phone"}, "channel"),
        ({"key": ""}, "key"),
        ({"key": "x" * 41}, "key"),
        ({"remind_after": 0}, "remind_after"),
        ({"remind_after": 29}, "remind_after"),
        ({"contact": 987654}, "contact"),
    ],
)
def test_wrong_body_is_refused_at_its_field(caller, manager, customer, wrong, field):
    body = {"contact": customer.contacts.get().pk, "channel": "email", "key": "a"} | wrong
    answer = caller(manager)("post", f"surveys/{live().pk}/send/", body)
    assert answer.status_code == 400
    assert field in str(answer.json())
    assert not SurveyDispatch.objects.exists()


def test_survey_that_is_not_live_is_not_sent(caller, manager, customer):
    survey = draft("draft")
    body = {"contact": customer.contacts.get().pk, "channel": "email", "key": "a"}
    answer = caller(manager)("post", f"surveys/{survey.pk}/send/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "survey_not_live")


def test_dispatches_cost_the_same_with_more_of_them(caller, manager, customer, django_assert_max_num_queries):
    call, survey, contact = caller(manager), live(), agreed(customer.contacts.get())
    for number in range(6):
        body = {"contact": contact.pk, "channel": "email", "key": f"k{number}"}
        call("post", f"surveys/{survey.pk}/send/", body)
        if number in (0, 5):
            with django_assert_max_num_queries(12):
                assert len(call.get("survey-dispatches/").json()["results"]) == number + 1
