"""Every route × role × verb: who may call what stands in docs/permissions.md, and it is so.

The page is the reviewed table; a route that is not in it fails, and so does a row without a route.
Rewrite it after a deliberate change: ``LIUKE_WRITE_DOCS=1 pytest tests/test_permissions.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from customers import tokens
from customers.access import PUBLIC, is_foreign
from customers.ground import clock
from customers.ground.api import scopes, throttles
from customers.ground.api.access import Access
from customers.models.people import Role
from tests.factories import UserFactory
from tests.test_architecture import routes

pytestmark = pytest.mark.slow  # asks of no database what another would answer otherwise: once is enough

PAGE = Path(settings.BASE_DIR) / "docs" / "permissions.md"
ROLES = [*Role.values, PUBLIC]
EXAMPLES = {"day": "2026-05-11"}
# Called with a token of its own kind: tests/customers/test_recurring.py.
OWN_SIGN_IN = {"api/v1/imports/recurring/"}
HEAD = """# Who may open what

Checked route by route for every role by `tests/test_permissions.py`. Within a route, objects come only
through `visible_to(user)`: what belongs to somebody else answers 404.

| route | """


API_HEAD = """
## The API

A call needs the role of its user **and**, if it brings a token, the scope. Every address of the API is here.

| call | scope | """


def plain(route: str) -> str:
    return re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", route).replace("\\", "").replace("^", "").replace("$", "")


def api_routes() -> dict[str, dict[str, Access]]:
    return {
        plain(route): pattern.callback.api_access
        for route, pattern in routes()
        if hasattr(pattern.callback, "api_access")
    }


def api_table() -> str:
    lines = [API_HEAD + " | ".join(Role.values) + " |", "|---|---|" + "---|" * len(Role.values)]
    for route, calls in sorted(api_routes().items()):
        for verb, access in sorted(calls.items()):
            ticks = " | ".join("✓" if role in access.roles else "" for role in Role.values)
            lines.append(f"| `{verb} /{route}` | `{access.scope or 'any'}` | {ticks} |")
    return "\n".join(lines) + "\n"


def own_routes() -> dict[str, frozenset[str]]:
    return {
        plain(route): pattern.callback.roles
        for route, pattern in routes()
        if hasattr(pattern.callback, "roles") and not is_foreign(pattern.callback)
    }


def table() -> str:
    lines = [HEAD + " | ".join(ROLES) + " |", "|---|" + "---|" * len(ROLES)]
    lines += [
        f"| `/{route}` | " + " | ".join("✓" if role in roles else "" for role in ROLES) + " |"
        for route, roles in sorted(own_routes().items())
    ]
    return "\n".join(lines) + "\n"


def test_the_table_of_permissions_is_what_the_routes_declare():
    if os.environ.get("LIUKE_WRITE_DOCS"):
        PAGE.write_text(table() + api_table())
    assert PAGE.read_text() == table() + api_table()


def addresses() -> list[tuple[str, frozenset[str], str]]:
    """Return every own route with an address that names an object which does not exist."""
    found = []
    for route, pattern in routes():
        if hasattr(pattern.callback, "roles") and not is_foreign(pattern.callback):
            path = re.sub(r"<(?:(\w+):)?\w+>", lambda m: {"int": "0"}.get(m.group(1), "x"), plain(route))
            found.append((route, pattern.callback.roles, "/" + path))
    return found


def calls() -> list[tuple[str, Access, str]]:
    """Return every call of the API, with an address that names an object which does not exist."""
    return [
        (verb, access, "/" + re.sub(r"<(\w+)>", lambda m: EXAMPLES.get(m[1], "0"), route))
        for route, answers in sorted(api_routes().items())
        for verb, access in answers.items()
        if verb != "HEAD" and route not in OWN_SIGN_IN
    ]


def bearer(role: str, given: list[str]) -> dict[str, str]:
    now = clock.real_now()
    user = UserFactory(role=role)
    _token, secret = tokens.create_token(
        user, name="t", scopes=given, expires_at=now + timedelta(days=1), by=user, at=now
    )
    return {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}


def test_every_view_of_the_api_declares_who_may_call_it():
    undeclared = [
        route
        for route, pattern in routes()
        if route.startswith("api/") and not {"roles", "api_access"} & set(vars(pattern.callback))
    ]
    assert undeclared == []
    assert len(calls()) > 80  # the API was found


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role.values)
def test_each_role_may_call_just_what_the_table_says(client, company, settings, role):
    settings.API_CALLS_A_MINUTE = {"token": 10**6, "address": 10**6}
    throttles.forget()
    headers, wrong = bearer(role, list(scopes.every())), []
    for verb, access, path in calls():
        answer = client.generic(verb, path, "{}", content_type="application/json", headers=headers)
        refused = answer.status_code == 403
        if answer.status_code >= 500 or refused == (role in access.roles):
            wrong.append((verb, path, answer.status_code))
        if refused and answer.json()["code"] != "role_not_allowed":
            wrong.append((verb, path, answer.json()["code"]))
    assert wrong == []


def _who(roles: Collection[str]) -> str:
    """Return an admin where one may call, else a program."""
    return "admin" if "admin" in roles else "integration"


@pytest.mark.django_db
def test_each_call_needs_its_scope_and_no_other(client, company, settings):
    settings.API_CALLS_A_MINUTE = {"token": 10**6, "address": 10**6}
    throttles.forget()
    wrong, every = [], list(scopes.every())
    for scope in every:
        mine = [call for call in calls() if call[1].scope == scope]
        for role in {_who(access.roles) for _verb, access, _path in mine}:
            only, lacking = bearer(role, [scope]), bearer(role, [s for s in every if s != scope])
            for verb, access, path in mine:
                if _who(access.roles) != role:
                    continue
                for headers, refused in ((only, False), (lacking, True)):
                    answer = client.generic(
                        verb, path, "{}", content_type="application/json", headers=headers
                    )
                    if (answer.status_code == 403) != refused:
                        wrong.append((scope, verb, path, answer.status_code))
    assert wrong == []


@pytest.mark.django_db
def test_nobody_calls_without_signing_in(client, company, settings):
    settings.API_CALLS_A_MINUTE = {"token": 10**6, "address": 10**6}
    throttles.forget()
    wrong = [
        (verb, path)
        for verb, _access, path in calls()
        if client.generic(verb, path, "{}", content_type="application/json").status_code != 401
    ]
    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["get", "post"])
@pytest.mark.parametrize("role", Role.values)
def test_each_role_may_do_just_what_the_table_says(client, company, role, verb):
    client.force_login(UserFactory(role=role))
    wrong = []
    for route, roles, path in addresses():
        status = getattr(client, verb)(path).status_code
        allowed = PUBLIC in roles or role in roles
        if status >= 500 or (status == 403) == allowed:
            # a view may refuse the verb before it looks at the role
            if not (status == 405 and not allowed):
                wrong.append((route, status))
    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["get", "post"])
def test_nobody_gets_in_without_signing_in(client, company, verb):
    login = reverse(settings.LOGIN_URL)
    wrong = []
    for route, roles, path in addresses():
        response = getattr(client, verb)(path)
        turned_away = response.status_code in {302, 401, 403, 405} and (
            response.status_code != 302 or response["Location"].startswith(login)
        )
        if PUBLIC not in roles and not turned_away:
            wrong.append((route, response.status_code))
    assert wrong == []
