"""Every route × role × verb: who may call what stands in docs/permissions.md, and it is so.

The page is the reviewed table; a route that is not in it fails, and so does a row without a route.
Rewrite it after a deliberate change: ``LIUKE_WRITE_DOCS=1 pytest tests/test_permissions.py``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from customers.access import PUBLIC, is_foreign
from customers.models.people import Role
from tests.factories import UserFactory
from tests.test_architecture import routes

PAGE = Path(settings.BASE_DIR) / "docs" / "permissions.md"
ROLES = [*Role.values, PUBLIC]
HEAD = """# Who may open what

Checked route by route for every role by `tests/test_permissions.py`. Within a route, objects come only
through `visible_to(user)`: what belongs to somebody else answers 404.

| route | """


def own_routes() -> dict[str, frozenset[str]]:
    return {
        re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", route).replace("\\", ""): pattern.callback.roles
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
        PAGE.write_text(table())
    assert PAGE.read_text() == table()


def addresses() -> list[tuple[str, frozenset[str], str]]:
    """Return every own route with an address that names an object which does not exist."""
    found = []
    for route, pattern in routes():
        if hasattr(pattern.callback, "roles") and not is_foreign(pattern.callback):
            path = re.sub(r"<(?:(\w+):)?\w+>", lambda m: {"int": "0"}.get(m.group(1), "x"), route)
            found.append((route, pattern.callback.roles, "/" + path))
    return found


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
