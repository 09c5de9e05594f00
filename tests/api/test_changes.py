"""Changes of the business in the API: planned, counted, announced, followed, closed."""

from __future__ import annotations

import pytest

from customers.ground import clock
from retention.models import BusinessChange, ConcernedCustomer, ConcernedStep
from tests.factories import NOW, ContractFactory, CustomerFactory, ProductFactory
from tests.retention.changes.makers import announced, bought, enrolled, give_value, row_of

pytestmark = pytest.mark.django_db
CHANGE = {
    "kind": "withdrawn",
    "title_en": "The blue pump goes",
    "scope": "products",
    "products": ["PUMP-1"],
    "notice_on": "2026-05-11",
    "effect_on": "2026-06-10",
    "explanation_en": "The maker gives it up.",
}


@pytest.fixture(autouse=True)
def _today(company):
    clock.fix(NOW)


@pytest.fixture
def pump(customer):
    product = ProductFactory(code="PUMP-1", name="Blue pump")
    bought(customer, product)
    return product


def test_planned_counted_announced_followed_and_closed(caller, admin, pump, customer):
    call = caller(admin)
    give_value(customer, tier="A", margin=123450)
    ContractFactory(customer=customer, value=90000)
    made = call("post", "changes/", {**CHANGE, "calls_margin": "99.90", "words": ["leak"]})
    assert made.status_code == 201, made.content
    said, path = made.json(), made["Location"].removeprefix("/api/v1/")
    assert (said["state"], said["products"], said["calls_margin"], said["effect_on"]) == (
        "draft",
        ["PUMP-1"],
        "99.90",
        "2026-06-10",
    )
    assert call.get(f"{path}impact/").json() == {
        "customers": 1,
        "margin": "1234.50",
        "called": 1,
        "contracts": 1,
        "contract_value": "900.00",
        "open_cases": 0,
        "tiers": [{"tier": "A", "customers": 1, "margin": "1234.50", "called": 1}],
    }
    assert call("post", f"{path}revise/", CHANGE).json()["code"] == "match_required"
    revised = call("post", f"{path}revise/", {**CHANGE, "title_zh": "蓝泵"}, If_Match=call.get(path)["ETag"])
    assert (revised.json()["title_zh"], revised.json()["words"]) == ("蓝泵", [])
    assert call("post", f"{path}announce/").json()["state"] == "announced"
    early = call("post", f"{path}close/", {})
    assert (early.status_code, early.json()["code"]) == (409, "change_still_enrolling")
    enrolled(BusinessChange.objects.get(pk=said["id"]), at=clock.now())
    again = call("post", f"{path}announce/")
    assert (again.status_code, again.json()["code"]) == (409, "change_move_not_allowed")
    (row,) = call.get("changes/customers/", change=said["id"]).json()["results"]
    assert (row["customer"], row["state"], row["margin_365d"]) == (customer.pk, "to_inform", "1234.50")
    waiting = call("post", f"{path}close/", {})
    assert (waiting.status_code, waiting.json()["code"]) == (409, "change_still_waiting")
    follow = f"changes/customers/{row['id']}/follow/"
    assert call("post", follow, {"state": "objects"}).json()["code"] == "concerned_note_missing"
    assert call("post", follow, {"state": "accepts", "note": "Fine."}).json()["state"] == "accepts"
    assert call("post", follow, {"state": "informed"}).json()["code"] == "concerned_step"
    assert ConcernedStep.objects.get().note == "Fine."
    effect = call.get(f"{path}effect/").json()
    assert (effect["days"], effect["concerned"]) == (None, None)
    assert call("post", f"{path}close/", {}).json()["state"] == "closed"


@pytest.mark.parametrize(
    ("wrong", "status", "where"),
    [
        ({"products": ["NO"]}, 400, "#/products/0"),
        ({"effect_on": "2026-05-10"}, 409, "change_plan"),
        ({"kind": "fate"}, 400, "#/kind"),
        ({"scope": "listed"}, 409, "change_plan"),
        ({"calls_margin": "-1"}, 400, "#/calls_margin"),
        ({"customers": [10**6]}, 400, "#/customers"),
        ({"colour": "red"}, 400, "#/colour"),
    ],
)
def test_a_plan_that_cannot_stand_is_refused_at_its_place(caller, admin, pump, wrong, status, where):
    refused = caller(admin)("post", "changes/", {**CHANGE, **wrong})
    assert refused.status_code == status and where in refused.content.decode()
    assert not BusinessChange.objects.exists()


def test_each_counts_and_follows_her_own_customers(caller, manager, outsider, pump, customer):
    theirs = CustomerFactory(owner=outsider)
    bought(theirs, pump)
    change = announced(products=[pump])
    call = caller(manager)
    rows = call.get("changes/customers/").json()["results"]
    assert [row["customer"] for row in rows] == [customer.pk]
    assert call.get(f"changes/{change.pk}/impact/").json()["customers"] == 1
    hidden = row_of(change, theirs).pk
    assert call("post", f"changes/customers/{hidden}/follow/", {"state": "left"}).status_code == 404
    assert ConcernedCustomer.objects.get(pk=hidden).state == "to_inform"


@pytest.mark.parametrize(
    ("who", "verb", "path"),
    [
        ("manager", "post", "changes/"),
        ("manager", "post", "changes/{pk}/revise/"),
        ("lead", "post", "changes/{pk}/announce/"),
        ("lead", "post", "changes/{pk}/close/"),
        ("manager", "get", "changes/{pk}/effect/"),
        ("analyst", "post", "changes/customers/{row}/follow/"),
    ],
)
def test_who_may_not_is_refused(request, caller, pump, customer, who, verb, path):
    change = announced(products=[pump])
    call = caller(request.getfixturevalue(who))
    found = path.format(pk=change.pk, row=row_of(change, customer).pk)
    assert call(verb, found, None if verb == "get" else {}).status_code == 403


def test_reading_needs_its_scope_and_writing_the_other(caller, admin, pump):
    change = announced(products=[pump])
    assert caller(admin, ["changes:write"]).get("changes/").status_code == 403
    read = caller(admin, ["changes:read"])
    assert [row["id"] for row in read.get("changes/", state="announced").json()["results"]] == [change.pk]
    assert read("post", f"changes/{change.pk}/close/", {"reason": "x"}).status_code == 403
