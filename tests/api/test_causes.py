"""The catalogue of causes by API: read by all, changed by admins."""

from __future__ import annotations

import pytest

from customers.models import Cause
from retention import cases
from tests.factories import NOW
from tests.retention import makers


def code(row: dict) -> str:
    return row["code"]


def test_an_admin_adds_renames_moves_and_retires_a_cause(caller, admin):
    call = caller(admin)
    new = call("post", "causes/", {"name_en": "Parking", "name_zh": "停车不便", "parent": "price"})
    assert (new.status_code, new.json()["code"], new.json()["parent"]) == (201, "parking", "price")
    at = f"causes/{new.json()['id']}/"
    moved = call("post", f"{at}move/", {"steps": -9})
    assert moved.json()["position"] == 1
    tag = call.get(at)["ETag"]
    named = call("patch", at, {"name_en": "No parking"}, If_Match=tag)
    assert (named.json()["name_en"], named.json()["name_zh"]) == ("No parking", "停车不便")
    assert call("patch", at, {"name_en": "Late"}, If_Match=tag).status_code in {409, 412}
    assert call("post", f"{at}retire/").json()["is_retired"] is True
    assert call("post", f"{at}bring-back/").json()["is_retired"] is False


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"name_en": "price raised", "name_zh": "新", "parent": "price"}, "cause_name_taken"),
        ({"name_en": "New", "name_zh": "新", "parent": "outage"}, "cause_too_deep"),
    ],
)
def test_what_the_catalogue_refuses_is_a_problem(caller, admin, body, refused):
    answer = caller(admin)("post", "causes/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, refused)


def test_unknown_is_not_retired_and_no_one_but_an_admin_changes(caller, admin, lead):
    unknown = Cause.objects.get(code="unknown").pk
    answer = caller(admin)("post", f"causes/{unknown}/retire/")
    assert (answer.status_code, answer.json()["code"]) == (409, "cause_stays")
    assert caller(lead)("post", f"causes/{unknown}/retire/").status_code == 403


def test_a_diagnosis_keeps_what_the_customer_says_apart(caller, customer, manager):
    case = makers.make_case(customer)
    said = {"churn_type": "active", "causes": ["price"], "stated": ["moved_away", "price"]}
    shown = caller(manager)("post", f"cases/{case.pk}/diagnose/", said).json()
    assert [code(row) for row in shown["causes"]] == ["price"]
    assert {code(row) for row in shown["stated_causes"]} == {"moved_away", "price"}
    kept = caller(manager)("post", f"cases/{case.pk}/diagnose/", {**said, "stated": ["nothing"]})
    assert kept.status_code == 400
    case.refresh_from_db()
    cases.diagnose(case, churn_type="active", causes=[], stated=[], by=manager, at=NOW)
    assert caller(manager).get(f"cases/{case.pk}/").json()["stated_causes"] == []
