"""P8: what belongs to somebody else is not there. Every route with an object × every identity × every verb.

The requests are generated from the routes, of pages and of the API: a new one with an object in its
address fails here until it is said what the object is. Nothing of a foreign object may stand in an
answer, a foreign object must look like one that does not exist, and the tables must be the same
afterwards. What comes in bodies, filters, cursors and keys: ``test_foreign_ids.py``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from customers.access import is_foreign
from customers.models import User
from retention.api.calls import Calls
from retention.models import FollowUpCall
from tests.api import world as worlds
from tests.api.conftest import Caller
from tests.api.world import CANARY, World, is_visible
from tests.test_architecture import routes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

AT_LEAST = 2_000
VERBS = ("get", "head", "options", "post", "put", "patch", "delete")
NOT_THERE = 987_654_321
TURNED_AWAY = {302, 401, 403, 404, 405}
COUNTED = ("ground.RateCounter",)  # calls are counted, whatever becomes of them
OBJECT = re.compile(r"<int:\w+>|\(\?P<\w+>\[0-9\]\{1,18\}\)")

KIND_OF = {  # what the first object in an address is, by what stands before it
    "addresses": "address",
    "attachments": "attachment",
    "attribute-values": "attribute_value",
    "attributes": "attribute",
    "audit-events": "audit",
    "backtests": "backtest",
    "calendar-exceptions": "calendar_exception",
    "calls": "call",
    "cases": "case",
    "causes": "cause",
    "compensations": "compensation",
    "complaints": "complaint",
    "consent-texts": "consent_text",
    "consents": "consent",
    "contact-reservations": "contact_reservation",
    "contacts": "contact",
    "contracts": "contract",
    "customers": "customer",
    "erasures": "erasure",
    "exchange-rates": "rate",
    "feedback": "unknown_feedback",
    "inbox": "unknown_feedback",
    "inbox/files": "feedback_file",
    "handles": "social_handle",
    "imports": "import",
    "interactions": "interaction",
    "interviews": "interview",
    "interview-guides": "interview_guide",
    "loops": "loop",
    "losses": "loss",
    "loyalty-programmes": "loyalty_programme",
    "loyalty/accounts": "points_account",
    "loyalty/adjustments": "points_adjustment",
    "loyalty/benefits": "loyalty_benefit",
    "loyalty/customers": "customer",
    "loyalty/memberships": "membership_plan",
    "loyalty/redemptions": "redemption",
    "loyalty/rewards": "reward",
    "loyalty/shortfalls": "order_earning",
    "loyalty/tiers": "loyalty_tier",
    "objections": "objection",
    "messages": "message",
    "needs": "need",
    "orders": "order",
    "points-accounts": "points_account",
    "points-adjustments": "points_adjustment",
    "points-entries": "points_entry",
    "products": "product",
    "redemptions": "redemption",
    "references": "reference",
    "referrals": "referral",
    "rewards": "reward",
    "rules": "rule",
    "settings/privacy/erasures": "erasure",
    "settings/attributes": "attribute",
    "settings/calendar": "calendar_exception",
    "settings/causes": "cause",
    "settings/channels": "sender",
    "settings/teams": "team",
    "settings/tokens": "token",
    "settings/users": "user",
    "social-handles": "social_handle",
    "surveys": "survey",
    "survey-distributions": "distribution",
    "survey-dispatches": "survey_dispatch",
    "survey-responses": "survey_response",
    "sweeps": "sweep",
    "teams": "team",
    "users": "user",
    "customers/duplicates": "duplicate",
    "customers/merges": "merge",
    "duplicates": "duplicate",
    "improvements": "improvement",
    "improvements/watch": "rise",
    "rises": "rise",
    "imports/recurring": "profile",
    "merges": "merge",
    "reminders": "reminder",
    "renewals": "contract",
    "care": "care_plan",
    "care/plans": "care_plan",
    "changes": "change",
    "changes/customers": "concerned",
    "segments": "segment",
    "silences": "silence",
    "settings/metrics": "usage_metric",
    "invoices": "invoice",
    "indicators": "indicator",
    "indicator-values": "indicator_value",
    "settings/indicators": "indicator",
    "own-measures": "own_measure",
    "settings/measures/own": "own_measure",
    "communities": "community",
    "community-memberships": "community_membership",
    "settings/communities": "community",
    "usage": "usage",
    "competitors": "competitor",
    "competitor-sightings": "competitor_sighting",
    "mentions": "mention",
    "settings/mailboxes": "mailbox",
    "settings/mentions/feeds": "mention_feed",
    "settings/mentions/hooks": "mention_hook",
    "settings/competitors": "competitor",
    "usage-metrics": "usage_metric",
    "warnings": "warning",
    "text-models": "text_model",
    "text-readings": "text_reading",
    "texts": "text_reading",
}

ACTS = {
    "loyalty/accounts": "adjust",
    "loyalty/adjustments": "grant",
    "loyalty/redemptions": "cancel",
    "loyalty/rewards": "retire",
    "loyalty/tiers": "retire",
}
"""One act of those whose word stands in the address."""


@dataclass(frozen=True)
class Route:
    """A route with an object in it."""

    text: str
    kind: str
    callback: Any

    def address(self, pk: int) -> str:
        """Return the address of one object."""
        return "/" + OBJECT.sub(str(pk), self.text, count=1)

    def verbs(self) -> list[str]:
        """Return the verbs that it knows; the others are the same for all, so that one asks for them."""
        access = getattr(self.callback, "api_access", None)
        known = VERBS if access is None else [verb.lower() for verb in ("HEAD", "OPTIONS", *access)]
        return [verb for verb in VERBS if verb in known]

    def lets_in(self, role: str, verb: str, scopes: list[str] | None) -> bool:
        """Say whether this role (and a token of these scopes) may call it at all."""
        access = getattr(self.callback, "api_access", None)
        if access is None:
            return role in self.callback.roles
        allowed = access.get({"head": "GET"}.get(verb, verb.upper()))
        if allowed is None:  # another verb: 405 whoever calls
            return False
        return role in allowed.roles and (scopes is None or allowed.scope in scopes)


@dataclass(frozen=True)
class Identity:
    """Somebody who asks: by session, by token, or without either."""

    name: str
    user: User | None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    headers: dict[str, str] = field(default_factory=dict)
    scopes: list[str] | None = None

    def may_call(self, route: Route, verb: str, *, api: bool) -> bool:
        """Say whether they may call it at all; a program has no session in the API."""
        if self.user is None or (api and self.scopes is None and self.user.role == "integration"):
            return False
        return route.lets_in(self.user.role, verb, self.scopes)

    def ask(self, verb: str, path: str, body: Any) -> Any:
        """Send one request as a page or a program would."""
        headers, sent = dict(self.headers), {}
        if verb not in {"get", "head", "options"}:
            sent = {"data": body}
            if path.startswith("/api/") or verb != "post":
                sent = {"data": json.dumps(body), "content_type": "application/json"}
            headers |= {"Idempotency-Key": uuid.uuid4().hex, "If-Match": "*"}
        return getattr(self.client, verb)(path, **sent, headers=headers)


def by_session(world: World, *names: str) -> list[Identity]:
    found = []
    for name in names:
        client = Client(raise_request_exception=False)
        client.force_login(world.users[name])
        found.append(Identity(f"{name} by session", world.users[name], client))
    return found


def by_token(world: World, name: str, scopes: list[str] | None = None) -> Identity:
    caller = Caller(world.users[name], scopes)
    headers = {"Authorization": f"Bearer {caller.secret}"}
    return Identity(
        f"{name} by token {scopes}", world.users[name], headers=headers, scopes=caller.token.scopes
    )


def object_routes(*, api: bool) -> Iterator[Route]:
    """Yield every own route with an object in it."""
    for route, pattern in routes():
        if (
            "<" not in route
            or is_foreign(pattern.callback)
            or route.startswith("admin/")
            or "<rest>" in route
            or "<str:secret>" in route  # the link is the right itself: tests/customers/test_links.py
            or "<str:token>" in route  # the same: tests/customers/test_public_form.py
            or "<slug:channel>" in route  # a word of ours
            or ("<slug:act>" in route and "<int:" not in route)  # the same, of the one programme
            or "<slug:code>" in route.split("<int:")[0]  # of the company, not of a customer
        ):
            continue
        if route.startswith("api/") == api:
            text = route.replace("^", "").replace("$", "")
            before = OBJECT.split(text.removeprefix("api/v1/"))[0].rstrip("/")
            assert before in KIND_OF, f"what is the object in {route}? say so in KIND_OF"
            yield Route(
                text.replace("<slug:act>", ACTS.get(before, "<slug:act>")), KIND_OF[before], pattern.callback
            )


def plain(response: Any, path: str) -> str:
    """Return an answer without its own address and what differs from request to request."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in {"Content-Length", "Expires"} and not name.startswith("RateLimit")
    }
    text = body.decode("utf-8", "replace") + repr(sorted(headers.items()))
    for own in (headers.get("X-Request-ID", "~"), path, quote(path, safe="")):
        text = text.replace(own, "")
    return re.sub(r"nonce[-=]\S+|csrf\w*['\"]? value=\S+", "", text)


def foreign(world: World, identity: Identity, kind: str) -> list[int]:
    """Return ids of this kind that are none of theirs; those of the company belong to whoever may call."""
    if kind in world.company:
        return world.company[kind][:2]
    return [
        pk for pk in world.north[kind] if identity.user is None or not is_visible(kind, pk, identity.user)
    ] or world.north[kind][:1]


def leaks(world: World, asking: list[Identity], *, api: bool) -> tuple[Counter[int], list[Any]]:
    """Ask for everything that is not theirs; return the statuses, and what was not turned away well."""
    answers: Counter[int] = Counter()
    wrong = []
    for identity in asking:
        for route in object_routes(api=api):
            unknown: dict[str, str] = {}  # by verb: what is said of an id that nobody has
            for pk in foreign(world, identity, route.kind):
                theirs = route.kind in world.company or (
                    identity.user is not None and is_visible(route.kind, pk, identity.user)
                )
                for verb in VERBS if identity is asking[0] else route.verbs():
                    may_call = identity.may_call(route, verb, api=api)
                    if may_call and theirs:
                        continue
                    body = worlds.form_of(world)
                    if api:
                        resource = getattr(route.callback, "cls", None)
                        action = getattr(route.callback, "actions", {}).get(verb)
                        body = worlds.body_of(world, getattr(resource, "examples", {}).get(action))
                    path, none = route.address(pk), route.address(NOT_THERE)
                    response = identity.ask(verb, path, body)
                    if verb not in unknown:
                        unknown[verb] = plain(identity.ask(verb, none, body), none)
                    said, like = plain(response, path), unknown[verb]
                    answers[response.status_code] += 1
                    if (
                        response.status_code not in TURNED_AWAY
                        or CANARY in said
                        or said != like
                        or (may_call and response.status_code not in {404, 405})
                    ):
                        wrong.append((identity.name, verb, path, response.status_code, said, like))
    return answers, wrong


def test_pages_of_what_belongs_to_others_are_not_there(quiet, world):
    asking = by_session(world, "outsider", "south_lead", "integration", "analyst")
    asking.append(Identity("nobody", None))
    before = worlds.digests()
    answers, wrong = leaks(world, asking, api=False)
    print(f"\n{sum(answers.values())} requests to pages, {dict(answers)}")  # noqa: T201
    assert not wrong, "\n".join(map(str, wrong[:20]))
    assert worlds.digests() == before
    assert answers[404] > 50


def test_api_objects_that_belong_to_others_are_not_there(quiet, world):
    asking = [
        by_token(world, "outsider"),
        by_token(world, "south_lead"),
        by_token(world, "analyst"),
        by_token(world, "integration", ["measures:read"]),
        *by_session(world, "outsider", "south_lead", "integration"),
        Identity("nobody", None),
        Identity("a token of nobody's", None, headers={"Authorization": "Bearer liuke_" + "x" * 43}),
    ]
    before = worlds.digests(without=COUNTED)
    answers, wrong = leaks(world, asking, api=True)
    print(f"\n{sum(answers.values())} requests to the API, {dict(answers)}")  # noqa: T201
    assert not wrong, "\n".join(map(str, wrong[:20]))
    assert worlds.digests(without=COUNTED) == before
    assert answers[404] > 300
    assert sum(answers.values()) >= AT_LEAST


def test_a_resource_that_forgets_who_asks_is_found(quiet, world, monkeypatch):
    """The hunt itself: with one guard taken out it must not come back empty."""
    monkeypatch.setattr(Calls, "rows", lambda self: FollowUpCall.objects.all())
    _answers, wrong = leaks(world, [by_token(world, "outsider")], api=True)
    found = {(verb, re.sub(r"\d+", "N", path), status) for _name, verb, path, status, _said, _like in wrong}
    assert {("get", "/api/vN/calls/N/", 200), ("post", "/api/vN/calls/N/log/", 200)} <= found
    assert {path.split("/")[3] for _verb, path, _status in found} == {"calls"}


@pytest.mark.parametrize("api", [False, True], ids=["pages", "API"])
def test_the_same_addresses_show_their_object_to_whom_it_belongs(quiet, world, api):
    owner = by_token(world, "north_lead") if api else by_session(world, "north_lead")[0]
    shown = 0
    for route in object_routes(api=api):
        kind = route.kind
        if kind in world.company or not route.lets_in("team_lead", "get", owner.scopes):
            continue
        if re.search("<(int|slug):", route.address(0)):  # names something more, which has its own tests
            continue
        for pk in world.north[kind]:
            response = owner.ask("get", route.address(pk), {})
            if response.status_code != 405 and is_visible(kind, pk, world.users["north_lead"]):
                assert response.status_code in {200, 302} or "errors" in route.text, route.text
                shown += CANARY in plain(response, route.address(pk))
    assert shown >= (20 if api else 3)
