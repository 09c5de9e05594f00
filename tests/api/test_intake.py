"""Feedback from people who are not known, by program: taken in once, followed, seen to in the inbox."""

from __future__ import annotations

from typing import Any

import pytest

from customers.feedback import unknown
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Complaint, Customer, UnknownFeedback, User
from tests.factories import (
    NOW,
    ContactFactory,
    CustomerFactory,
    ProductFactory,
    TeamFactory,
    UserFactory,
    findable,
)

pytestmark = pytest.mark.django_db
SAID: dict[str, Any] = {
    "external_id": "ticket-7",
    "kind": "complaint",
    "text": "Two boxes were wet.",
    "name": "Wu Lan",
    "reach": "wu@example.com",
    "order": "SO-1017",
}


@pytest.fixture(autouse=True)
def _today(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def lead() -> User:
    made: User = UserFactory(role="team_lead", team=TeamFactory())
    return made


def received(number: int = 1, **values: Any) -> UnknownFeedback:
    said = {"kind": "complaint", "text": "The lamp broke.", "source": "form", "at": NOW}
    return unknown.receive_feedback(external_id=f"visit-{number}", **{**said, **values})


def test_it_is_taken_in_once_and_answers_with_the_link(program: Any) -> None:
    ProductFactory(code="P-9")
    first = program("post", "feedback/", {**SAID, "product": "P-9", "occurred_at": "2026-05-10T01:00:00Z"})
    assert first.status_code == 201, first.content
    again = program("post", "feedback/", {**SAID, "text": "Once more."})
    assert (again.status_code, again.json()) == (201, first.json())
    row = UnknownFeedback.objects.get()
    told = first.json()
    assert set(told) == {"id", "state", "respond_by", "link"}
    assert (told["id"], told["state"]) == (row.pk, "open")
    assert told["link"].startswith("http") and "/c/" in told["link"]
    assert (row.text, row.stated_name, row.stated_reach, row.stated_order, row.channel) == (
        *("Two boxes were wet.", "Wu Lan", "wu@example.com", "SO-1017", "web"),
    )
    assert (row.product.code, row.occurred_at.isoformat()) == ("P-9", "2026-05-10T01:00:00+00:00")
    assert AuditEvent.objects.get(act="feedback.receive").actor_id == program.user.pk
    assert first["Location"].endswith(f"/feedback/{row.pk}/")


def test_the_name_that_one_caller_gives_is_not_that_of_another(program: Any, caller: Any, lead: User) -> None:
    received()
    program("post", "feedback/", {**SAID, "external_id": "visit-1"})
    caller(lead)("post", "feedback/", {**SAID, "external_id": "visit-1"})
    assert UnknownFeedback.objects.count() == 3


def test_who_is_known_exactly_is_linked_at_once(program: Any, customer: Customer) -> None:
    ContactFactory(customer=customer, is_main=False, email="wu@example.com")
    findable()
    assert program("post", "feedback/", SAID).json()["state"] == "linked"
    assert Complaint.objects.get().customer == customer


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "rant"}, "kind"),
        ({"text": " "}, "text"),
        ({"reach": "call me"}, "reach"),
        ({"product": "P-0"}, "product"),
        ({"external_id": ""}, "external_id"),
        ({"customer": 1}, "customer"),
    ],
)
def test_what_is_not_as_described_is_refused(program: Any, said: dict[str, Any], field: str) -> None:
    answer = program("post", "feedback/", {**SAID, **said})
    assert answer.status_code == 400 and field in answer.content.decode(), answer.content
    assert not UnknownFeedback.objects.exists()


def test_scopes_and_roles(caller: Any, program: Any, lead: User, manager: User) -> None:
    row = received()
    assert caller(lead, ["facts:write"])("post", "feedback/", SAID).status_code == 403
    assert caller(lead, ["feedback:write"]).get("feedback/").status_code == 403
    assert caller(manager)("post", "feedback/", SAID).status_code == 403
    assert program.get("feedback/").status_code == 403
    assert caller(manager)("post", f"feedback/{row.pk}/assign/", {"to": manager.pk}).status_code == 403


def test_the_inbox_shows_each_what_she_may_see(caller: Any, lead: User, manager: User) -> None:
    first, second = received(1), received(2, kind="question")
    UnknownFeedback.objects.filter(pk=first.pk).update(owner=manager)
    call = caller(lead)
    shown = {one["id"]: one for one in call.get("feedback/", order="respond_by").json()["results"]}
    assert set(shown) == {first.pk, second.pk}
    assert "link" not in shown[first.pk] and shown[first.pk]["owner"] == manager.pk
    found = call.get("feedback/", kind="question", state="open").json()["results"]
    assert [one["id"] for one in found] == [second.pk]
    hers = caller(manager)
    assert [one["id"] for one in hers.get("feedback/").json()["results"]] == [first.pk]
    assert hers.get(f"feedback/{second.pk}/").status_code == 404


def test_it_is_linked_to_a_customer_that_one_sees(caller: Any, manager: User, customer: Customer) -> None:
    row, hidden = received(), CustomerFactory()
    UnknownFeedback.objects.filter(pk=row.pk).update(owner=manager)
    call, path = caller(manager), f"feedback/{row.pk}/link/"
    assert call("post", path, {"customer": hidden.pk}).status_code == 400
    theirs = hidden.contacts.get()
    assert call("post", path, {"customer": customer.pk, "contact": theirs.pk}).status_code == 400
    contact = customer.contacts.get()
    said = {"customer": customer.pk, "contact": contact.pk, "kind": "question"}
    answer = call("post", path, said)
    complaint = Complaint.objects.get()
    assert (answer.status_code, answer.json()["state"]) == (200, "linked")
    assert (complaint.customer, complaint.contact, complaint.kind) == (customer, contact, "question")
    assert answer.json()["complaint"] == complaint.pk
    assert call("post", path, said).json()["code"] == "feedback_ended"


def test_it_is_handled_without_a_customer(caller: Any, lead: User) -> None:
    row, call = received(), caller(lead)
    path = f"feedback/{row.pk}/handle/"
    assert call("post", path, {"answered": "public"}).json()["code"] == "feedback_not_answered"
    assert call("post", path, {"answered": "direct", "words": "x"}).json()["code"] == "feedback_without_reach"
    done = call("post", path, {"answered": "none"})
    assert (done.status_code, done.json()["state"], done.json()["ended_by"]) == (200, "handled", lead.pk)


def test_it_is_given_to_a_colleague_who_works_here(caller: Any, lead: User, manager: User) -> None:
    row, call = received(), caller(lead)
    path = f"feedback/{row.pk}/assign/"
    teammate = UserFactory(team=lead.team)
    gone = UserFactory(team=lead.team, is_active=False)
    assert call("post", path, {"to": gone.pk}).status_code == 400
    assert call("post", path, {"to": teammate.pk}).json()["owner"] == teammate.pk
