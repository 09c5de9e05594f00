"""Who gets in: each way in which a token may be no good, and sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from customers import tokens
from customers.ground import clock
from customers.models import ApiToken


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    assert response["Content-Type"] == "application/problem+json"
    assert ("WWW-Authenticate" in response) == (status == 401)


def test_no_token_and_unknown_tokens_are_401(client, company):
    refused(client.get("/api/v1/customers/"), 401, "not_authenticated")
    for said in ("Bearer liuke_wrong", "Bearer ", "Basic dTpw", "liuke_x", "Bearer \u00e9"):
        refused(client.get("/api/v1/customers/", headers={"Authorization": said}), 401, "token_unknown")


def test_expired_token_is_401(program):
    ApiToken.objects.update(
        created_at=clock.real_now() - timedelta(days=2), expires_at=clock.real_now() + timedelta(seconds=30)
    )
    assert program.get("customers/").status_code == 200
    ApiToken.objects.update(expires_at=clock.real_now())
    refused(program.get("customers/"), 401, "token_expired")


def test_revoked_token_is_401_at_once(program, admin):
    assert program.get("customers/").status_code == 200
    assert tokens.revoke(program.token, by=admin, at=clock.real_now())
    refused(program.get("customers/"), 401, "token_revoked")
    assert not tokens.revoke(program.token, by=admin, at=clock.real_now())


def test_token_of_a_locked_account_is_401(program):
    program.user.is_active = False
    program.user.save()
    refused(program.get("customers/"), 401, "user_inactive")


def test_token_is_good_from_its_addresses_only(caller, manager):
    near = caller(manager, addresses=["127.0.0.0/8"])
    far = caller(manager, addresses=["203.0.113.7"])
    assert near.get("customers/").status_code == 200
    answer = far.get("customers/")
    assert (answer.status_code, answer.json()["code"]) == (403, "address_not_allowed")


def test_token_opens_its_scopes_only(caller, lead):
    reader = caller(lead, ["customers:read"])
    assert reader.get("customers/").status_code == 200
    assert reader.get("orders/").json()["code"] == "scope_missing"
    assert reader("post", "customers/", {"name": "New"}).json()["code"] == "scope_missing"
    assert reader.get("me/").json()["token"]["scopes"] == ["customers:read"]


def test_token_never_exceeds_the_role(caller, analyst, outsider, customer):
    assert caller(analyst)("post", "customers/", {"name": "New"}).json()["code"] == "role_not_allowed"
    assert caller(outsider).get(f"customers/{customer.pk}/").status_code == 404
    assert caller(outsider).get("customers/").json()["results"] == []


def test_demoted_user_takes_her_tokens_down_with_her(caller, admin, customer):
    boss = caller(admin)
    assert boss.get("audit-events/").status_code == 200
    admin.role = "account_manager"
    admin.save()
    assert boss.get("audit-events/").status_code == 403
    assert boss.get(f"customers/{customer.pk}/").status_code == 404


def test_session_calls_with_csrf_and_programs_have_no_session(manager, customer, program):
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert client.get(f"/api/v1/customers/{customer.pk}/").status_code == 200
    path, headers = f"/api/v1/customers/{customer.pk}/", {"Idempotency-Key": "k", "If-Match": "*"}
    answer = client.patch(path, {"city": "Wuxi"}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    client.get("/settings/tokens/")
    headers["X-CSRFToken"] = client.cookies["csrftoken"].value
    answer = client.patch(path, {"city": "Wuxi"}, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    client.force_login(program.user)
    assert client.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("path", ["customers/0/", "customers/999999999999999999/"])
def test_missing_things_are_404(program, path):
    refused(program.get(path), 404, "not_found")
