"""Interviews and guides by the API: the same verbs, and no quote without consent."""

from __future__ import annotations

from typing import Any

import pytest

from customers.ground import clock
from customers.models import Customer, User
from surveys.models import Guide, Interview
from tests.factories import NOW, UserFactory
from tests.surveys.talks import document, guide, held

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


def test_a_guide_is_made_changed_retired_and_brought_back(caller: Any, lead: User) -> None:
    call = caller(lead)
    names = {"code": "exit", "name_en": "Exit", "name_zh": "离开", "purpose": "exit"}
    made = call("post", "interview-guides/", {**names, "document": document()})
    assert (made.status_code, made.json()["version"], made.json()["document"]) == (201, 1, document())
    path = made["Location"].removeprefix("/api/v1/")
    again = call("post", "interview-guides/", {**names, "document": document()})
    assert (again.status_code, again.json()["code"]) == (409, "guide_code_taken")
    shorter = {**document(), "questions": document()["questions"][:1]}
    assert call("post", f"{path}save/", {"document": shorter}).json()["code"] == "match_required"
    saved = call("post", f"{path}save/", {"document": shorter}, If_Match=call.get(path)["ETag"])
    assert (saved.json()["version"], saved.json()["document"]) == (2, shorter)
    assert call("post", f"{path}retire/", {}).json()["is_retired"] is True
    assert call.get("interview-guides/", is_retired="false").json()["results"] == []
    assert call("post", f"{path}bring-back/", {}).json()["is_retired"] is False


def test_a_guide_that_cannot_be_read_is_refused_at_its_field(caller: Any, lead: User) -> None:
    names = {"code": "exit", "name_en": "Exit", "name_zh": "离开", "purpose": "exit"}
    answer = caller(lead)("post", "interview-guides/", {**names, "document": {"questions": []}})
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert [(one["pointer"], one["code"]) for one in errors] == [("#/document", "guide_document")]
    assert not Guide.objects.exists()


def test_an_interview_is_begun_finished_and_corrected(caller: Any, manager: User, customer: Customer) -> None:
    call, asked = caller(manager), guide()
    body = {"guide": asked.pk, "customer": customer.pk, "contact": customer.contacts.get().pk}
    made = call("post", "interviews/", body)
    assert (made.status_code, made.json()["status"], made.json()["answers"]) == (201, "open", [])
    assert call("post", "interviews/", body).json()["id"] == made.json()["id"]
    path = made["Location"].removeprefix("/api/v1/")
    assert call("post", f"{path}finish/", {"answers": []}).json()["code"] == "interview_empty"
    why = {"question": "why", "chosen": ["price"], "note": "Dear.", "quote": "Too dear."}
    twice = call("post", f"{path}finish/", {"answers": [why, why]})
    assert twice.status_code == 400
    done = call("post", f"{path}finish/", {"answers": [why]}).json()
    assert (done["status"], done["held_at"][:13], done["may_quote"]) == ("done", "2026-05-11T02", None)
    assert done["answers"] == [{**why, "quote": ""}]
    assert call("post", f"{path}finish/", {"answers": [why]}).json()["code"] == "interview_ended"
    agreed = {"answers": [why], "may_quote": True, "agreed_how": "spoken", "agreed_on": "2026-05-11"}
    assert call("post", f"{path}correct/", agreed).json()["code"] == "match_required"
    corrected = call("post", f"{path}correct/", agreed, If_Match=call.get(path)["ETag"]).json()
    assert corrected["answers"] == [why]
    assert (corrected["agreed_how"], corrected["agreed_on"]) == ("spoken", "2026-05-11")


def test_an_interview_that_is_not_held_is_dropped(caller: Any, manager: User, customer: Customer) -> None:
    call = caller(manager)
    made = call("post", "interviews/", {"guide": guide().pk, "customer": customer.pk}).json()
    assert call("post", f"interviews/{made['id']}/drop/", {}).json()["status"] == "dropped"
    assert call("post", f"interviews/{made['id']}/drop/", {}).json()["code"] == "interview_ended"


@pytest.mark.parametrize("field", ["guide", "customer", "contact"])
def test_what_is_not_there_is_refused_at_its_field(
    caller: Any, manager: User, customer: Customer, field: str
) -> None:
    body = {"guide": guide().pk, "customer": customer.pk, field: 10**9}
    answer = caller(manager)("post", "interviews/", body)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"#/{field}"]
    assert not Interview.objects.exists()


def test_lists_are_filtered_and_cost_the_same_for_one_and_three(
    caller: Any, manager: User, customer: Customer, django_assert_max_num_queries: Any
) -> None:
    call = caller(manager)
    first = held(customer, "price", guide=guide("a"))
    assert [row["id"] for row in call.get("interviews/", status="done").json()["results"]] == [first.pk]
    assert call.get("interviews/", purpose="free").json()["results"] == []
    with django_assert_max_num_queries(30) as one:
        call.get("interviews/")
    for code in ("b", "c"):
        held(customer, "price", guide=guide(code))
    with django_assert_max_num_queries(len(one.captured_queries)):
        assert len(call.get("interviews/").json()["results"]) == 3


@pytest.mark.parametrize(("role", "status"), [("analyst", 403), ("integration", 201), ("admin", 201)])
def test_who_may_hold_interviews(caller: Any, customer: Customer, role: str, status: int) -> None:
    call = caller(UserFactory(role=role))
    body = {"guide": guide().pk, "customer": customer.pk}
    assert call("post", "interviews/", body).status_code == status
