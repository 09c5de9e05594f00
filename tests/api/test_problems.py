"""Every refusal is a problem: its status, its code, its language."""

from __future__ import annotations

import json

import pytest

from customers.customers import NoName
from customers.ground.api.problems import CODES
from customers.models import Customer


def problem(response, status, code):
    said = response.json()
    assert (response.status_code, said["code"], said["status"]) == (status, code, status), said
    assert response["Content-Type"] == "application/problem+json"
    assert said["type"] == f"urn:liuke:problem:{code}"
    assert said["request_id"] == response["X-Request-ID"]
    assert said["detail"]
    return said


def raw(program, body, *, method="post", path="customers/", kind="application/json"):
    return program.client.generic(
        method,
        f"/api/v1/{path}",
        body,
        content_type=kind,
        headers={"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "raw"},
    )


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"name": NaN}',
        '{"name": 1e999999999999999999999}',
        '{"name": 1e3000000}',
        '{"name": 0.' + "1" * 500 + "}",
        "[" * 100_000,
        '{"name": "a\\u0000b"}',
        '{"name": "\\ud800"}',
        '{"\\udfff": 1}',
        b"\xff\xfe{",
        '{"since": ' + "1" * 5000 + "}",
    ],
)
def test_malformed_json_is_400(program, body):
    problem(raw(program, body), 400, "malformed_json")
    assert not Customer.objects.exists()


def test_whole_half_characters_and_backslashes_are_fine(program):
    answer = raw(program, '{"name": "\\ud83d\\ude00 \\\\u0000"}')
    assert answer.status_code == 201
    assert Customer.objects.get().name == "😀 \\u0000"


@pytest.mark.parametrize("body", ["[]", '"x"', "null", "5"])
def test_json_of_another_shape_is_400(program, body):
    problem(raw(program, body), 400, "validation_failed")


def test_each_wrong_field_is_named_by_a_pointer(program):
    body = {"name": "", "kind": "dog", "status": "x", "contact": {"email": "no"}, "since": "31/12/2026"}
    said = problem(program("post", "customers/", body), 400, "validation_failed")
    assert {e["pointer"]: e["code"] for e in said["errors"]} == {"#/status": "unknown_field"}
    del body["status"]
    said = problem(program("post", "customers/", body), 400, "validation_failed")
    assert {e["pointer"]: e["code"] for e in said["errors"]} == {
        "#/name": "blank",
        "#/kind": "invalid_choice",
        "#/since": "invalid",
        "#/contact/name": "required",
        "#/contact/email": "invalid",
    }
    said = problem(
        program("post", "orders/", {"customer": 1, "lines": [{"quantity": "x"}]}), 400, "validation_failed"
    )
    assert {e["pointer"] for e in said["errors"]} == {"#/lines/0/quantity", "#/lines/0/unit_price"}


def test_numbers_too_large_for_any_database_are_400(program):
    said = problem(
        program("post", "interactions/", {"customer": 10**30, "kind": "call"}), 400, "validation_failed"
    )
    assert said["errors"][0]["pointer"] == "#/customer"
    problem(program.get("orders/", customer="9" * 30), 400, "bad_parameter")


def test_moments_need_their_offset_and_a_sane_year(program, customer):
    for moment in ("2026-05-11T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        body = {"customer": customer.pk, "kind": "call", "occurred_at": moment}
        said = problem(program("post", "interactions/", body), 400, "validation_failed")
        assert said["errors"][0]["pointer"] == "#/occurred_at"
        problem(program.get("orders/", occurred_since=moment), 400, "bad_parameter")


def test_refusal_of_the_product_is_409_with_its_code(program, customer):
    body = {"customer": customer.pk, "kind": "call", "occurred_at": "2190-01-01T00:00:00Z"}
    problem(program("post", "interactions/", body), 409, "in_the_future")


def test_other_statuses(program, client, company):
    problem(client.get("/api/nowhere"), 404, "not_found")
    problem(client.post("/api/v1/customers"), 404, "not_found")  # without the last stroke
    refused = program("delete", "customers/")
    problem(refused, 405, "method_not_allowed")
    assert refused["Allow"] == "GET, HEAD, POST"
    problem(program("post", "customers/", {"name": "x"}, Accept="text/html"), 406, "not_acceptable")
    problem(raw(program, "name=x", kind="application/x-www-form-urlencoded"), 415, "unsupported_media_type")
    problem(raw(program, '{"name": "' + "x" * 6_000_000 + '"}'), 413, "too_large")


def test_failure_is_500_and_tells_nothing(program, monkeypatch):
    monkeypatch.setattr("customers.customers.create_customer", lambda **_: 1 / 0)
    program.client.raise_request_exception = False
    said = problem(program("post", "customers/", {"name": "x"}), 500, "failed")
    assert "division" not in json.dumps(said)


def test_what_no_view_answers_is_a_problem_too(program, client, company, settings, monkeypatch):
    problem(client.get("/api/v1/me/", headers={"Host": "evil.example"}), 400, "bad_request")
    monkeypatch.setattr("customers.access.is_foreign", lambda view: 1 / 0)
    monkeypatch.delattr("config.api.nothing_here.roles")
    client.raise_request_exception = False
    problem(client.get("/api/v1/nowhere/"), 500, "failed")
    monkeypatch.setattr("customers.access.is_foreign", lambda view: False)
    problem(client.get("/api/v1/nowhere/"), 403, "permission_denied")  # nobody declared it
    assert "json" not in client.get("/nowhere/")["Content-Type"]


def test_problems_speak_the_callers_language(program):
    english = program.get("orders/", nothing="1").json()
    chinese = program("get", "orders/", {"nothing": "1"}, Accept_Language="zh-CN").json()
    assert english["code"] == chinese["code"] == "bad_parameter"
    assert english["detail"] != chinese["detail"]
    assert english["errors"][0]["message"] != chinese["errors"][0]["message"]


def test_company_missing_is_409(db, caller):
    from tests.factories import UserFactory

    answer = caller(UserFactory(role="integration")).get("company/")
    problem(answer, 409, "no_company")


def test_codes_have_the_status_that_they_say():
    assert all(400 <= status < 600 and code.isascii() for code, (status, _meaning) in CODES.items())
    assert NoName.code not in CODES
