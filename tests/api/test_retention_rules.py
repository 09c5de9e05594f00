"""Rules, measures, timeline, losses and sweeps in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers.ground import clock
from retention import measures
from retention.measures import compute
from retention.models import RuleVersion, WarningRule
from tests.factories import NOW, ContractFactory, InteractionFactory, OrderFactory
from tests.retention import makers

pytestmark = pytest.mark.django_db
CONDITION = {"measure": "orders_90d", "op": ">=", "value": 4}
RULE = {"code": "many-orders", "name_en": "Many orders", "name_zh": "订单多", "condition": CONDITION}


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def test_an_admin_writes_a_rule_and_switches_it(caller, admin):
    call = caller(admin)
    made = call("post", "rules/", RULE)
    assert made.status_code == 201, made.content
    assert made.json()["sentence"]["zh"].endswith("至少为 4。")
    rule = WarningRule.objects.get(code="many-orders")
    assert (rule.is_enabled, rule.condition) == (False, CONDITION)
    assert call("post", f"rules/{rule.pk}/enable/", {"open_existing": False}).json()["is_enabled"] is True
    assert call("post", f"rules/{rule.pk}/disable/").json()["is_enabled"] is False


def test_a_code_is_taken_once(caller, admin):
    call = caller(admin)
    call("post", "rules/", RULE)
    again = call("post", "rules/", RULE)
    assert (again.status_code, again.json()["code"]) == (409, "rule_code_taken")


def test_a_rule_is_revised_by_whoever_read_it(caller, admin):
    call = caller(admin)
    path = call("post", "rules/", RULE)["Location"].removeprefix("/api/v1/")
    wanted = {"condition": {**CONDITION, "value": 5}}
    assert call("post", f"{path}revise/", wanted).json()["code"] == "match_required"
    seen = call.get(path)["ETag"]
    assert call("post", f"{path}revise/", wanted, If_Match=seen).json()["version"] == 2
    assert call("post", f"{path}revise/", wanted, If_Match=seen).json()["code"] == "stale"
    assert RuleVersion.objects.filter(rule__code="many-orders").count() == 2


@pytest.mark.parametrize(
    "condition",
    [{}, {"measure": "shoe_size", "op": ">", "value": 1}, {"all": []}, {"measure": "orders_90d"}, []],
)
def test_a_condition_that_cannot_stand_is_refused_at_its_place(caller, admin, condition):
    refused = caller(admin)("post", "rules/", {**RULE, "condition": condition})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"].startswith("#/condition")
    assert not WarningRule.objects.filter(code="many-orders").exists()


def test_a_number_with_a_point_stands_in_a_condition_as_it_was_written(caller, admin):
    condition = {"measure": "orders_90d", "op": "<", "factor": 0.25, "other": "orders_180d"}
    made = caller(admin)("post", "rules/", {**RULE, "condition": condition})
    assert made.status_code == 201, made.content
    assert made.json()["condition"]["factor"] == "0.25"


@pytest.mark.parametrize("role", ["lead", "analyst", "manager"])
def test_only_admins_write_rules(caller, request, role):
    call = caller(request.getfixturevalue(role))
    assert call("post", "rules/", RULE).status_code == 403
    assert call.get("rules/").status_code == (403 if role == "manager" else 200)


def test_measures_come_with_their_units(caller, manager, customer):
    OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=3))
    ContractFactory(customer=customer)
    compute.refresh(as_of=NOW)
    found = caller(manager).get(f"customers/{customer.pk}/measures/").json()
    assert set(found["values"]) == set(measures.every())
    some = {code: found["values"][code] for code in ("orders_90d", "spend_90d", "last_order_day")}
    assert some == {"orders_90d": 1, "spend_90d": "100.00", "last_order_day": "2026-05-08"}
    listed = caller(manager).get("measures/").json()["results"]
    assert [row["code"] for row in listed] == list(measures.every())


def test_a_year_comes_by_month(caller, manager, customer):
    OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=3))
    months = caller(manager).get(f"customers/{customer.pk}/history/").json()["months"]
    assert len(months) == 12
    assert months[-1] == {"month": "2026-05", "orders": 1, "spend": "100.00", "contacts": 0, "complaints": 0}


def test_the_timeline_is_paged(caller, manager, outsider, customer):
    for number in range(5):
        InteractionFactory(customer=customer, occurred_at=NOW - timedelta(days=number))
    call, keys, path = caller(manager), [], f"customers/{customer.pk}/timeline/?page_size=2"
    while path:
        answer = call.get(path).json()
        keys += [row["key"] for row in answer["results"]]
        path = (answer["next"] or "").partition("/api/v1/")[2]
    assert len(keys) == len(set(keys)) == 6  # with the first ownership
    assert call.get(f"customers/{customer.pk}/timeline/", cursor="x").status_code == 400
    assert caller(outsider).get(f"customers/{customer.pk}/timeline/").status_code == 404


def test_sweeps_are_for_those_who_see_the_page(caller, admin, manager):
    run = makers.make_run()
    assert caller(admin).get(f"sweeps/{run.pk}/").json()["day"] == "2026-05-11"
    assert caller(manager).get("sweeps/").status_code == 403
