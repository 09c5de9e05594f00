"""Liveness, readiness, and the headers that every answer carries."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from django.db import DatabaseError
from django.test import Client

from config import health

STRICT = (
    "default-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "script-src 'self'",
)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens: bound, never listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def assert_strict(policy: str) -> None:
    for directive in STRICT:
        assert directive in policy
    assert "unsafe" not in policy


def test_healthz_answers_everybody_without_the_database(client: Client) -> None:
    # No database mark: a query would fail this test.
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert "no-store" in answer["Cache-Control"]
    assert_strict(answer["Content-Security-Policy"])


def test_healthz_refuses_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_readyz_is_ok_when_database_and_migrations_are(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["database"] == "ok"


@pytest.mark.django_db
def test_readyz_is_degraded_with_200_when_the_broker_is_silent(
    client: Client, settings, deaf_port: int
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{deaf_port}/0"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "checks": {"database": "ok", "broker": "unreachable"}}


@pytest.mark.django_db
def test_readyz_is_503_when_a_migration_is_missing(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_args: ["one"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "migrations missing"


@pytest.mark.django_db
def test_readyz_is_503_when_the_database_is_gone(client: Client, monkeypatch) -> None:
    def gone(*_args: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(health, "MigrationExecutor", gone)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unready"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/", "/admin/login/"])
def test_pages_carry_the_strict_policy(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (200, 302)
    assert_strict(answer["Content-Security-Policy"])
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_not_found_carries_the_strict_policy(client: Client) -> None:
    answer = client.get("/there-is-no-such-page/")
    assert answer.status_code in (302, 404)
    assert_strict(answer["Content-Security-Policy"])


@pytest.mark.django_db
def test_server_error_carries_the_strict_policy(client: Client, monkeypatch) -> None:
    def broken(*_args: object) -> str:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(health, "database_state", broken)
    client.raise_request_exception = False
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert_strict(answer["Content-Security-Policy"])
