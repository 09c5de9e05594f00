"""P8: what belongs to somebody else is not there. Every route with an object × every identity × every verb.

The requests are generated from the routes: a new one with an object in its address fails here until it
is said what the object is. Nothing of the foreign object may stand in an answer, a foreign object must
look like one that does not exist, and the tables must be the same afterwards.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from customers.access import is_foreign
from customers.models import User
from tests.api import world as worlds
from tests.api.world import CANARY, World, is_visible
from tests.test_architecture import routes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

AT_LEAST = 2_000
VERBS = ("get", "head", "options", "post", "put", "patch", "delete")
NOT_THERE = 987_654_321
TURNED_AWAY = {302, 401, 403, 404, 405}

KIND_OF = {  # what the first object in an address is, by what stands before it
    "cases": "case",
    "customers": "customer",
    "complaints": "complaint",
    "imports": "import",
    "rules": "rule",
    "settings/teams": "team",
    "settings/users": "user",
}


@dataclass(frozen=True)
class Identity:
    """Somebody who asks: by session, by token, or without either."""

    name: str
    user: User | None
    client: Client
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, verb: str, path: str, form: dict[str, Any]) -> Any:
        """Send one request as a page would."""
        data = {} if verb in {"get", "head", "options"} else {"data": form}
        if verb in {"put", "patch", "delete"}:
            data = {"data": json.dumps(form), "content_type": "application/json"}
        return getattr(self.client, verb)(path, **data, headers=self.headers)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    logging.disable(logging.ERROR)  # thousands of lines about requests that were turned away
    yield worlds.build()
    logging.disable(logging.NOTSET)


def by_session(world: World, *names: str) -> list[Identity]:
    found = []
    for name in names:
        client = Client(raise_request_exception=False)
        client.force_login(world.users[name])
        found.append(Identity(f"{name} by session", world.users[name], client))
    return found


def object_routes(*, api: bool) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield every own route with an object in it: the route, the kind of its object, who may call it."""
    for route, pattern in routes():
        if "<" not in route or is_foreign(pattern.callback) or route.startswith("admin/"):
            continue
        if route.startswith("api/") == api:
            before = route.removeprefix("api/v1/").partition("/<")[0]
            assert before in KIND_OF, f"what is the object in {route}? say so in KIND_OF"
            yield route, KIND_OF[before], pattern.callback.roles


def address(route: str, pk: int) -> str:
    return "/" + re.sub(r"<[^>]*>", str(pk), route, count=1)


def plain(response: Any, path: str) -> str:
    """Return an answer without its own address and what differs from request to request."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    text = body.decode("utf-8", "replace") + repr(sorted(headers.items()))
    for own in (headers.get("X-Request-ID", "~"), path, quote(path, safe="")):
        text = text.replace(own, "")
    return re.sub(r"nonce[-=]\S+|csrf\w*['\"]? value=\S+", "", text)


def test_what_belongs_to_another_team_is_not_there(world):
    asking = by_session(world, "outsider", "south_lead", "integration", "analyst")
    asking.append(Identity("nobody", None, Client(raise_request_exception=False)))
    form = worlds.form_of(world, world.users["outsider"])
    before, answers, wrong = worlds.digests(), Counter(), []
    for identity in asking:
        for route, kind, roles in object_routes(api=False):
            may_call = identity.user is not None and identity.user.role in roles
            for pk in (world.north.get(kind) or world.company[kind])[:3]:
                if may_call and (kind in world.company or is_visible(kind, pk, identity.user)):
                    continue
                for verb in VERBS:
                    path = address(route, pk)
                    response = identity.ask(verb, path, form)
                    said = plain(response, path)
                    answers[response.status_code] += 1
                    none = address(route, NOT_THERE)
                    like = plain(identity.ask(verb, none, form), none)
                    if (
                        response.status_code not in TURNED_AWAY
                        or CANARY in said
                        or said != like
                        or (may_call and response.status_code not in {404, 405})
                    ):
                        wrong.append((identity.name, verb, path, response.status_code, said == like))
    print(f"\n{sum(answers.values())} requests to pages, {dict(answers)}")  # noqa: T201
    assert wrong == []
    assert worlds.digests() == before
