"""P8, the other ways in: ids in bodies and filters, cursors, ETags and keys of somebody else open nothing.

Generated from what the resources declare: every id in every body, every filter by id or text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework import serializers

from customers.ground.api import filters
from tests.api import world as worlds
from tests.api.test_foreign_objects import COUNTED, NOT_THERE, OBJECT, Identity, by_token
from tests.api.world import CANARY, World, is_visible
from tests.test_architecture import routes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

KINDS = {  # names of fields and parameters that hold ids, and of what
    "account": "points_account",
    "assignee": "user",
    "case": "case",
    "loop": "loop",
    "cases": "case",
    "complaint": "complaint",
    "contact": "contact",
    "contacts": "contact",
    "customer": "customer",
    "customers": "customer",
    "merged": "customer",
    "order": "order",
    "payment": "payment",
    "praised": "user",
    "referrer": "points_account",
    "other": "customer",
    "owner": "user",
    "successor": "contact",
    "survivor": "customer",
    "to": "user",
    "user": "user",
}
# of the company: known to all; ``object_id`` is for admins alone, who see everybody
NO_OBJECTS = {
    "attribute",
    "birth_day",
    "birth_month",
    "birth_year",
    "audience_id",  # a segment: of the company
    "backtest",  # of the company
    "capacity",
    "cases_a_day",
    "holdout_share",
    "programme_share",
    "cause",
    "comparison",  # a place in a condition
    "count",  # of stock
    "days",
    "competitor",
    "guide",
    "into",
    "liuke_rules",  # the version of a file's format
    "minutes_per_call",
    "most",
    "object_id",
    "parent",
    "plan",  # a care plan: of the company
    "points",
    "piece",  # of an improvement: what one may see of it
    "per_customer",  # times
    "per_day",
    "programme",  # of the company
    "product",
    "quiet_ends",
    "quiet_starts",
    "remind_after",
    "reward",  # of the company
    "share",
    "steps",
    "stock",
    "survey",
    "team",
    "text",
    "tier",  # of the company
    "version",
}
SHOWN = {("/api/v1/feedback/", "owner")}  # stands in rows of nobody's customer, which every lead sees
ASKING = ("outsider", "south_lead")


def actions() -> Iterator[tuple[str, str, Any, str]]:
    """Yield every unsafe action of the API: its address with South's object, its verb, resource and name."""
    for route, pattern in routes():
        if route.startswith("api/v1/") and hasattr(pattern.callback, "actions"):
            for verb, action in sorted(pattern.callback.actions.items()):
                yield "/" + re.sub(r"[\^$]", "", route), verb, pattern.callback.cls, action


def id_fields(takes: type[serializers.Serializer[Any]]) -> Iterator[str]:
    """Yield the names of the fields of a body that hold ids; one that nobody has classified fails here."""
    for name, made in takes().fields.items():
        if name in KINDS:
            yield name
        plain = isinstance(made, serializers.IntegerField) and not name.endswith(("_days", "_minutes"))
        related = isinstance(made, serializers.RelatedField)
        assert name in KINDS or name in NO_OBJECTS or not (plain or related), f"what is {name} of {takes}?"


def hidden_from(identity: Identity, kind: str, world: World) -> list[int]:
    """Return North's ids of this kind that they may not see."""
    return [pk for pk in world.north[kind] if not is_visible(kind, pk, identity.user)]


def said(response: Any, pk: int) -> tuple[int, str]:
    """Return an answer without the id that was asked for and the request's own."""
    text = response.content.decode()
    text = re.sub(r'"request_id":"[^"]*"', "", text)
    return response.status_code, re.sub(rf"\b{pk}\b", "", text)


def test_ids_in_bodies_that_belong_to_others_answer_as_if_they_were_not_there(quiet, world):
    before, answers, wrong = worlds.digests(without=COUNTED), Counter(), []
    for name in ASKING:
        identity = by_token(world, name)
        before = worlds.digests(without=COUNTED)
        for path, verb, resource, action in actions():
            takes = resource.takes.get(action)
            if takes is None or verb in {"get", "head"}:
                continue
            first = path.removeprefix("/api/v1/").split("/")[0]
            own = world.south.get(first.removesuffix("s"), [1])[0]
            address = OBJECT.sub(str(own), path, count=1)
            example = worlds.body_of(world, resource.examples.get(action))
            for field in id_fields(takes):
                kind = KINDS[field]
                for pk in hidden_from(identity, kind, world):
                    many = field in {"cases", "contacts", "customers"}
                    asked = identity.ask(verb, address, {**example, field: [pk] if many else pk})
                    none = [NOT_THERE] if many else NOT_THERE
                    like = identity.ask(verb, address, {**example, field: none})
                    answers[asked.status_code] += 1
                    if (
                        asked.status_code not in {400, 403, 404}
                        or said(asked, pk) != said(like, NOT_THERE)
                        or CANARY in asked.content.decode()
                    ):
                        wrong.append((name, verb, address, field, said(asked, pk), said(like, NOT_THERE)))
        assert worlds.digests(without=COUNTED) == before
    print(f"\n{sum(answers.values())} bodies with foreign ids, {dict(answers)}")  # noqa: T201
    assert not wrong, "\n".join(map(str, wrong))
    assert answers[400] >= 20


def test_filters_by_what_belongs_to_others_find_what_unknown_ones_find(quiet, world):
    answers, wrong = Counter(), []
    for name in ASKING:
        identity = by_token(world, name)
        for path, verb, resource, action in actions():
            if action != "list" or verb != "get" or OBJECT.search(path):
                continue
            for field, made in (
                resource.filterset_class.base_filters if resource.filterset_class else {}
            ).items():
                if (path, field) in SHOWN:
                    continue
                if isinstance(made, filters.IdFilter) and field in KINDS:
                    hidden = [
                        pk
                        for pk in world.north[KINDS[field]]
                        if not is_visible(KINDS[field], pk, identity.user)
                    ]
                    asked = [(pk, NOT_THERE) for pk in hidden]
                elif isinstance(made, filters.TextFilter):
                    asked = [(word, "z" * len(word)) for word in sorted(world.canaries)[:12]]
                else:
                    continue
                for value, unknown in asked:
                    found = identity.client.get(path, {field: value}, headers=identity.headers)
                    like = identity.client.get(path, {field: unknown}, headers=identity.headers)
                    answers[found.status_code] += 1
                    if said(found, value) != said(like, unknown) or (
                        found.status_code == 200 and found.json()["results"]
                    ):
                        wrong.append((name, path, field, value, found.content[:300]))
    print(f"\n{sum(answers.values())} filters by foreign values, {dict(answers)}")  # noqa: T201
    assert not wrong, "\n".join(map(str, wrong))
    assert answers[200] > 150


def test_lists_and_their_pages_hold_nothing_of_others(quiet, world):
    """Every list, in every order, page by page; also with the cursor of somebody who sees more."""
    pages = 0
    sees_all = by_token(world, "admin")
    for name in ASKING:
        identity = by_token(world, name)
        for path, verb, resource, action in actions():
            if action != "list" or verb != "get" or OBJECT.search(path):
                continue
            for order in resource.orders:
                asked = {"page_size": 1} | ({"order": order} if len(resource.orders) > 1 else {})
                foreign_cursors = [sees_all.client.get(path, asked, headers=sees_all.headers)]
                starts = [path + "?" + "&".join(f"{k}={v}" for k, v in asked.items())]
                starts += [page.json()["next"] for page in foreign_cursors if page.status_code == 200]
                for start in filter(None, starts):
                    address: str | None = start
                    while address and pages < 3_000:
                        answer = identity.client.get(address, headers=identity.headers)
                        pages += 1
                        assert answer.status_code in {200, 403}, (address, answer.content)
                        assert CANARY not in answer.content.decode(), (name, address)
                        address = answer.json().get("next")
    print(f"\n{pages} pages of lists")  # noqa: T201
    assert pages > 150


def test_an_etag_of_somebody_else_tells_nothing(quiet, world):
    owner, other = by_token(world, "owner"), by_token(world, "outsider")
    for path in ("customers", "cases"):
        address = f"/api/v1/{path}/{world.north[path.removesuffix('s')][0]}/"
        tag = owner.client.get(address, headers=owner.headers)["ETag"]
        known = {"If-None-Match": tag}
        assert owner.client.get(address, headers={**owner.headers, **known}).status_code == 304
        answer = other.client.get(address, headers={**other.headers, **known})
        assert (answer.status_code, answer.has_header("ETag")) == (404, False)
    change = {"city": "Elsewhere"}
    address = f"/api/v1/customers/{world.north['customer'][0]}/"
    for tag in ('"wrong"', "*"):
        headers = {**other.headers, "If-Match": tag, "Idempotency-Key": "k" + tag[:2]}
        answer = other.client.patch(
            address, json.dumps(change), content_type="application/json", headers=headers
        )
        assert answer.status_code == 404


def test_a_key_of_somebody_else_replays_nothing(quiet, world):
    """The same call with the same key by another user is that user's own call."""
    owner, other = by_token(world, "owner"), by_token(world, "outsider")
    address = f"/api/v1/cases/{world.north['case'][0]}/log-call/"
    body = json.dumps({"outcome": "reached", "note": world.canary()})
    for identity, status in ((owner, 200), (other, 404), (owner, 200)):
        headers = {**identity.headers, "Idempotency-Key": "shared-key"}
        answer = identity.client.post(address, body, content_type="application/json", headers=headers)
        assert answer.status_code == status, answer.content
        assert (CANARY in answer.content.decode()) == (status == 200)
    assert answer["Idempotency-Replayed"] == "true"


def test_the_world_has_something_to_leak(world: World):
    assert len(world.canaries) > 30
    assert all(world.north[kind] for kind in set(KINDS.values()))
