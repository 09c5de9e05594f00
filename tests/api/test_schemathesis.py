"""P9: whatever a caller sends, the API answers as its own description says, and never with a failure.

Four identities meet the real application: an admin by session, an account manager and a narrow program
by token, and a token that has expired. For every operation requests are made from the description,
right ones and wrong ones; ids are often those of things that exist, so that the verbs are reached.
``LIUKE_FUZZ_EXAMPLES=200`` asks more of each operation.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from customers.ground import clock
from tests.api.conftest import Caller
from tests.api.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.services]

EXAMPLES = int(os.environ.get("LIUKE_FUZZ_EXAMPLES", "2"))
LEAST = {"admin": 60, "account_manager": 40, "program": 8}  # operations that must have been reached
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
TURNED_AWAY = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428]
KNOWN = {  # names in addresses and bodies that ids go by, and what they are ids of
    "customer": "customer",
    "case": "case",
    "cases": "case",
    "contact": "contact",
    "call": "call",
    "rule": "rule",
    "to": "user",
    "assignee": "user",
    "user": "user",
    "owner": "user",
    "team": "team",
    "order": "order",
    "complaint": "complaint",
    "compensation": "compensation",
    "praised": "user",
}
application = get_wsgi_application()


@pytest.fixture
def one_transaction(quiet: None) -> Iterator[None]:
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # they would end the test's transaction
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def papers_of(world: World, identity: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the cookies by which an identity is known."""
    if identity == "admin":
        client = Client()
        client.force_login(world.users["admin"])
        token, name = "c" * 32, django_settings.SESSION_COOKIE_NAME
        return {"X-CSRFToken": token}, {name: client.cookies[name].value, "csrftoken": token}
    caller = {
        "account_manager": lambda: Caller(world.users["owner"]),
        "program": lambda: Caller(world.users["integration"], ["cases:read", "facts:write"]),
        "expired": lambda: Caller(
            world.users["admin"],
            at=clock.real_now() - timedelta(days=9),
            expires_at=clock.real_now() - timedelta(days=1),
        ),
    }[identity]()
    return {"Authorization": f"Bearer {caller.secret}"}, {}


class Asked:
    """What was asked and answered, and what was wrong with it."""

    def __init__(self, world: World, identity: str) -> None:
        self.world = world
        self.headers, self.cookies = papers_of(world, identity)
        self.statuses: Counter[int] = Counter()
        self.answered: set[str] = set()  # the operations that did what was asked
        self.wrong: dict[str, str] = {}

    def operation(self, operation: Any, mode: GenerationMode, examples: int) -> None:
        """Ask one operation many times, every time undone."""

        @given(case=operation.as_strategy(mode), pick=st.randoms(use_true_random=False))
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        def ask(case: Any, pick: Any) -> None:
            is_negative = (
                case.meta.generation.mode.is_negative
            )  # ids put in do not make it so: a file is no text
            self.with_known_ids(case, pick)
            with transaction.atomic():
                self.once(case, is_negative=is_negative)
                transaction.set_rollback(True)

        try:
            ask()
        except Unsatisfiable:
            pass  # this operation takes nothing that could be wrong

    def once(self, case: Any, *, is_negative: bool) -> None:
        """Send a request and note each thing that its answer breaks."""
        headers = {**self.headers}
        if "Idempotency-Key" in (case.headers or {}) and not case.meta.is_negative_at(
            ParameterLocation.HEADER
        ):
            headers["Idempotency-Key"] = uuid.uuid4().hex
        try:
            response = case.call(headers=headers, cookies=self.cookies)
        except Exception as error:  # not even our own handler of failures answered
            self.wrong.setdefault(f"{case.operation.label} no answer", f"{case.as_curl_command()}\n{error!r}")
            return
        self.statuses[response.status_code] += 1
        if response.status_code < 300:
            self.answered.add(case.operation.label)
        for check in CHECKS:
            if check is negative_data_rejection and (not is_negative or is_refused_inside(case, response)):
                continue
            if check is negative_data_rejection and response.status_code == 307:
                continue  # of a merged customer: what is wrong is told where the address leads
            try:
                case.validate_response(response, checks=[check])
            except (Failure, FailureGroup) as failure:
                causes = getattr(failure, "exceptions", [failure])
                place = f"{case.operation.label} {check.__name__} {response.status_code}"
                told = f"{case.as_curl_command()}\n{response.text[:600]}\n"
                self.wrong.setdefault(place, told + "\n".join(str(cause)[:600] for cause in causes))

    def with_known_ids(self, case: Any, pick: Any) -> None:
        """Put ids of things that exist where the description asks for one, three times in four."""
        if pick.random() < 0.25:
            return
        if "If-Match" in (case.headers or {}) and not case.meta.is_negative_at(ParameterLocation.HEADER):
            case.headers["If-Match"] = "*"
        if case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
            for name in case.path_parameters.keys() - {"day"}:
                known = self.ids(KNOWN[name]) if name in KNOWN else ids_in(case.operation.path)
                if known:
                    case.path_parameters[name] = pick.choice(known)
        if isinstance(case.body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
            for name, value in case.body.items():
                known = self.ids(KNOWN.get(name, ""))
                if known and type(value) is int:
                    case.body[name] = pick.choice(known)
                elif known and isinstance(value, list):
                    case.body[name] = [pick.choice(known)]

    def ids(self, kind: str) -> list[Any]:
        """Return ids of this kind, seen and not seen by who asks."""
        world = self.world
        return [*world.north.get(kind, []), *world.south.get(kind, []), *world.company.get(kind, [])]


def ids_in(path: str) -> list[int]:
    """Return ids of what the address of a resource names."""
    named = re.sub(r"{(\w+)}", lambda found: "2026-05-11" if found[1] == "day" else "1", path)
    resource = resolve(named).func.cls
    return list(resource.model._default_manager.order_by("pk").values_list("pk", flat=True)[:5])


def is_refused_inside(case: Any, response: Any) -> bool:
    """Say whether a batch told of each wrong record by itself: that is how it refuses."""
    is_batch = case.operation.path.startswith("/api/v1/batch/") and response.status_code == 200
    return is_batch and response.json()["refused"] > 0


def description() -> Any:
    """Return the description that the application draws of itself."""
    drawn = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    config = schemathesis.Config.from_dict(
        {
            "generation": {"with-security-parameters": False},
            "checks": {"negative_data_rejection": {"expected-statuses": TURNED_AWAY}},
        }
    )
    found = schemathesis.openapi.from_dict(json.loads(json.dumps(drawn, default=str)), config=config)
    found.app = application
    return found


@pytest.mark.parametrize("identity", ["admin", "account_manager", "program", "expired"])
def test_the_api_answers_as_it_is_described(one_transaction, world, identity):
    asked = Asked(world, identity)
    schema = description()
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        for mode in GenerationMode:
            asked.operation(operation, mode, EXAMPLES if identity != "expired" else 1)
    met = dict(sorted(asked.statuses.items()))
    told = f"{len(operations)} operations, {len(asked.answered)} done, {sum(met.values())} requests, {met}"
    print(f"\n{identity}: {told}")  # noqa: T201
    assert not asked.wrong, "\n\n".join(f"== {place}\n{told}" for place, told in asked.wrong.items())
    if identity == "expired":
        assert set(asked.statuses) <= {400, 401, 404, 405, 406}
    else:
        assert len(asked.answered) > LEAST[identity]
