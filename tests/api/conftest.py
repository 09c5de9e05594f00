"""Callers: programs with tokens of any scope, and what they say."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from customers import tokens
from customers.ground import clock
from customers.ground.api import scopes, throttles
from customers.models import User
from tests.api.world import World, build
from tests.factories import UserFactory


class Caller:
    """A program that calls the API as ``user`` with a token of ``scopes`` (all of them unless given)."""

    def __init__(self, user: User, given: list[str] | None = None, **token: Any) -> None:
        now = clock.real_now()
        self.user = user
        self.token, self.secret = tokens.create_token(
            user,
            name="test",
            scopes=list(scopes.every()) if given is None else given,
            **{"expires_at": now + timedelta(days=1), "by": user, "at": now, **token},
        )
        self.client = Client()

    def __call__(
        self, method: str, path: str, data: Any = None, *, key: str | None = "", **headers: str
    ) -> Any:
        """Call ``/api/v1/`` + path; an unsafe call gets a key of its own unless ``key`` says otherwise."""
        sent = {
            "Authorization": f"Bearer {self.secret}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        if method not in {"get", "head"} and key is not None:
            sent["Idempotency-Key"] = key or uuid.uuid4().hex
        if method in {"get", "head"}:
            return getattr(self.client, method)(f"/api/v1/{path}", data, headers=sent)
        return getattr(self.client, method)(
            f"/api/v1/{path}", data, content_type="application/json", headers=sent
        )

    def get(self, path: str, **query: Any) -> Any:
        """Read."""
        return self("get", path, query or None)


@pytest.fixture(autouse=True)
def _fresh_counters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count afresh, and let one minute last for a whole test: a new one costs two statements more."""
    monkeypatch.setattr(throttles, "MINUTE", 10**6)
    throttles.forget()
    yield
    throttles.forget()


@pytest.fixture
def quiet(settings: Any) -> Iterator[None]:
    """No limits and no log, for thousands of calls of which most are turned away."""
    settings.API_CALLS_A_MINUTE = {"token": 10**9, "address": 10**9}
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(db: None) -> World:
    """The company of two teams with canaries in everything that is North's."""
    return build()


@pytest.fixture
def caller() -> Callable[..., Caller]:
    """Make a caller of a user: ``caller(manager)``, ``caller(lead, ["cases:read"])``."""
    return Caller


@pytest.fixture
def program(company: Any) -> Caller:
    """A program (role integration) with every scope."""
    return Caller(UserFactory(username="program", role="integration"))
