"""Improvements by the API: the same verbs, the same rights, and nothing of customers one may not see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation
from rest_framework.exceptions import ValidationError

from customers.ground import clock
from customers.models import Customer, User
from retention.api import improvement_shapes
from retention.improving import attaching, telling, watching
from retention.models import ImprovementAction, ImprovementNotice, RiseAlarm
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ComplaintFactory, CustomerFactory, ProductFactory, UserFactory, ago
from tests.retention.improvers import complaint, done, improvement, loop

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


def body(owner: User, **said: Any) -> dict[str, Any]:
    return {
        "title": "Deliver within a day",
        "owner": owner.pk,
        "due_on": "2026-06-11",
        "moves": "complaints",
        "causes": ["late_delivery"],
    } | said


def test_an_improvement_is_planned_changed_begun_and_finished(caller: Any, manager: User) -> None:
    call, product = caller(manager), ProductFactory(code="K1")
    made = call("post", "improvements/", body(manager, cost="12.50", product="K1", lot="L7"))
    assert made.status_code == 201, made.content
    said = made.json()
    assert (said["cost"], said["causes"], said["product"], said["lot"], said["state"], said["feedback"]) == (
        *("12.50", ["late_delivery"], product.code, "L7", "planned", 0),
    )
    path = made["Location"].removeprefix("/api/v1/")
    assert call("post", f"{path}change/", body(manager)).json()["code"] == "match_required"
    changed = call("post", f"{path}change/", body(manager), If_Match=call.get(path)["ETag"])
    assert (changed.json()["product"], changed.json()["cost"]) == (None, None)
    assert call("post", f"{path}begin/", {}).json()["state"] == "running"
    ended = call("post", f"{path}finish/", {"told_en": "Done."}).json()
    assert (ended["state"], ended["ended_on"], ended["told_en"]) == ("done", "2026-05-11", "Done.")
    assert call("post", f"{path}begin/", {}).json()["code"] == "improvement_state"
    assert call("post", f"{path}say/", {"told_en": "x {{y}}"}).json()["code"] == "improvement_text"
    assert call.get(f"{path}outcome/").json() == {"effect": None}


def test_an_improvement_is_dropped_with_its_reason(caller: Any, manager: User) -> None:
    made = improvement(owner=manager)
    call = caller(manager)
    assert call("post", f"improvements/{made.pk}/drop/", {}).status_code == 400
    dropped = call("post", f"improvements/{made.pk}/drop/", {"reason": "Too dear."}).json()
    assert (dropped["state"], dropped["reason"]) == ("dropped", "Too dear.")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"owner": 10**9}, "#/owner"),
        ({"product": "nope"}, "#/product"),
        ({"causes": ["nope"]}, "#/causes/0"),
        ({"moves": "mood"}, "#/moves"),
        ({"due_on": "soon"}, "#/due_on"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(
    caller: Any, manager: User, wrong: dict[str, Any], pointer: str
) -> None:
    answer = caller(manager)("post", "improvements/", body(manager) | wrong)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    refused = caller(manager)("post", "improvements/", body(manager, causes=[]))
    assert (refused.status_code, refused.json()["code"]) == (409, "improvement_refused")
    assert not ImprovementAction.objects.exists()


def test_only_who_may_changes_and_only_leads_tell(
    caller: Any, manager: User, teammate: User, lead: User, analyst: User
) -> None:
    made = done(owner=manager, told_en="x")
    for who, act, status in (
        (teammate, "say", 403),
        (analyst, "say", 403),
        (manager, "say", 200),
        (manager, "tell", 403),
        (lead, "tell", 200),
    ):
        answer = caller(who)(
            "post", f"improvements/{made.pk}/{act}/", {"told_en": "y"} if act == "say" else {}
        )
        assert answer.status_code == status, (who, act)
    assert caller(lead, ["cases:write"])("post", f"improvements/{made.pk}/tell/", {}).status_code == 403


def test_feedback_is_attached_matched_and_taken_off(
    caller: Any, manager: User, customer: Customer, outsider: User
) -> None:
    made, call = improvement(owner=manager), caller(manager)
    path = f"improvements/{made.pk}/"
    said, other = complaint(customer), complaint(customer)
    hidden = complaint(CustomerFactory(owner=outsider))
    attached = call("post", f"{path}attach/", {"complaint": said.pk}).json()
    assert (attached["complaint"], attached["loop"]) == (said.pk, None)
    theirs = loop(source="complaint", complaint=said, customer=customer)
    assert call("post", f"{path}attach/", {"loop": theirs.pk}).json()["id"] == attached["id"]
    assert call("post", f"{path}attach/", {"complaint": hidden.pk}).status_code == 400
    assert call("post", f"{path}attach/", {}).status_code == 400
    assert call("post", f"{path}attach/", {"complaint": said.pk, "loop": theirs.pk}).status_code == 400
    assert call("post", f"{path}match/", {"since": "2026-01-01"}).json() == {"changed": 1}
    rows = call.get(f"{path}feedback/").json()["results"]
    assert {row["complaint"] for row in rows} == {said.pk, other.pk}
    assert call("post", f"{path}detach/", {"piece": rows[0]["id"]}).json() == {"changed": 1}
    kept = attaching.attach(made, complaint=hidden, **WHO)
    assert call("post", f"{path}detach/", {"piece": kept.pk}).status_code == 404
    assert call.get(path).json()["feedback"] == 2
    assert len(call.get(f"{path}feedback/").json()["results"]) == 1
    assert call.get("improvements/999/feedback/").status_code == 404


def test_what_to_attach_is_asked_for_in_the_language_of_the_caller() -> None:
    for language, said in (("en", "either a complaint or a loop"), ("zh-hans", "投诉")):
        with translation.override(language), pytest.raises(ValidationError, match=said) as refusal:
            improvement_shapes.AttachBody().validate({})
        assert refusal.value.get_codes() == ["one_of_two"]


def test_notices_are_those_to_customers_one_may_see(caller: Any, lead: User, outsider: User) -> None:
    person = agreeing(customer=CustomerFactory(owner=lead, team=lead.team, contact=False))
    hidden = agreeing(customer=CustomerFactory(owner=outsider, contact=False))
    made = done(told_en="x")
    for one in (person, hidden):
        attaching.attach(made, complaint=complaint(one.customer, contact=one), **WHO)
    rows = telling.recipients(made, list(telling.people(made)), at=NOW)
    for row in rows:
        telling._tell(made, row, by=None, at=NOW)
    found = caller(lead).get(f"improvements/{made.pk}/notices/").json()["results"]
    assert [(one["contact"], one["state"]) for one in found] == [(person.pk, "written")]
    assert ImprovementNotice.objects.count() == 2


def test_outcome_hides_figures_of_too_few(caller: Any, lead: User) -> None:
    made, one = done(at=NOW - timedelta(days=31)), CustomerFactory()
    for _n in range(29):
        complaint(one, occurred_at=ago(40))
    path = f"improvements/{made.pk}/outcome/"
    few = caller(lead).get(path).json()["effect"]
    assert (few["is_enough"], few["before"], few["difference"]) == (
        False,
        {"n": 29, "value": None, "interval": None},
        None,
    )
    complaint(one, occurred_at=ago(10))
    shown = caller(lead).get(path).json()["effect"]
    assert (shown["kind"], shown["days"], shown["difference"]) == ("complaints", 30, -28.0)


def test_rises_are_listed_taken_up_and_dismissed(caller: Any, lead: User, manager: User) -> None:
    for code in ("K1", "K2"):
        product = ProductFactory(code=code)
        for _n in range(6):
            ComplaintFactory(customer=CustomerFactory(), product=product, occurred_at=ago(5))
    watching.watch(at=NOW)
    call = caller(lead)
    first, second = RiseAlarm.objects.order_by("product__code")
    assert {one["product"] for one in call.get("rises/", state="open").json()["results"]} == {"K1", "K2"}
    assert [one["id"] for one in call.get("rises/", product="K2").json()["results"]] == [second.pk]
    assert caller(manager)("post", f"rises/{first.pk}/take-up/", {}).status_code == 403
    program = UserFactory(role="integration")
    assert caller(program)("post", f"rises/{first.pk}/take-up/", {}).status_code == 403  # owns none
    taken = call("post", f"rises/{first.pk}/take-up/", {}).json()
    assert (taken["owner"], taken["product"], taken["feedback"]) == (lead.pk, "K1", 6)
    assert call("post", f"rises/{first.pk}/take-up/", {}).json()["code"] == "alarm_decided"
    assert call("post", f"rises/{second.pk}/dismiss/", {"reason": "x"}).json()["state"] == "dismissed"


def test_list_takes_the_same_queries_for_one_and_three(
    caller: Any, lead: User, django_assert_max_num_queries: Any
) -> None:
    call = caller(lead)
    for rows in (1, 3):
        for _n in range(rows):
            attaching.attach(improvement(owner=lead), complaint=complaint(CustomerFactory()), **WHO)
        with django_assert_max_num_queries(14):
            assert call.get("improvements/", state="planned").status_code == 200
