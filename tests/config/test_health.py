"""Liveness, readiness, and the headers that every answer carries."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client

from config import health
from config.management.commands import healthy
from customers.ground import clock
from customers.ground.models import Heartbeat


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)


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
def test_readyz_looks_at_the_migrations_once(client: Client, settings, django_assert_num_queries) -> None:
    settings.REDIS_URL = ""
    assert client.get("/readyz").status_code == 200
    with django_assert_num_queries(1) as asked:
        assert client.get("/readyz").status_code == 200
    assert asked.captured_queries[0]["sql"] == "SELECT 1"


@pytest.mark.django_db
def test_readyz_asks_again_while_a_migration_is_missing(client: Client, monkeypatch) -> None:
    plans = [["one"], []]
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_args: plans.pop(0))
    assert [client.get("/readyz").status_code for _turn in range(3)] == [503, 200, 200]


@pytest.mark.django_db
def test_readyz_says_not_why_the_database_went(client: Client, monkeypatch) -> None:
    assert client.get("/readyz").status_code == 200

    def gone() -> None:
        raise DatabaseError("connection to postgres://liuke:CANARY@db failed")

    monkeypatch.setattr(health.connection, "cursor", gone)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "unreachable"
    assert b"CANARY" not in answer.content


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


# --- Processes without a port -----------------------------------------------------------------
REAL = datetime(2026, 11, 22, 6, tzinfo=UTC)


def beaten(kind: str, *, ago: int, host: str = "box", pid: int = 7) -> None:
    common = {"process": f"{pid}", "started_at": REAL - timedelta(hours=1)}
    Heartbeat.objects.create(kind=kind, host=host, pid=pid, seen_at=REAL - timedelta(seconds=ago), **common)


def state(*living: int) -> str:
    return health.process_state("worker", host="box", real=REAL, alive=lambda pid: pid in living)


@pytest.mark.django_db
def test_process_is_ok_when_it_was_heard_of_and_lives() -> None:
    beaten("worker", ago=60)
    assert state(7) == "ok"


@pytest.mark.django_db
def test_process_is_dead_when_nobody_with_its_number_lives() -> None:
    beaten("worker", ago=1)
    assert state() == "dead"


@pytest.mark.django_db
def test_process_is_ok_while_one_of_its_pool_lives() -> None:
    beaten("worker", ago=1)
    beaten("worker", ago=1, pid=8)
    assert state(8) == "ok"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "host", "ago"), [("worker", "box", 61), ("worker", "other", 1), ("beat", "box", 1)]
)
def test_process_is_silent_when_old_elsewhere_or_of_another_kind(kind: str, host: str, ago: int) -> None:
    beaten(kind, host=host, ago=ago)
    assert state(7) == "silent"


@pytest.mark.django_db
def test_healthy_ends_with_one_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("healthy", "worker")
    assert ended.value.code == 1
    assert capsys.readouterr().out == "worker: silent\n"


@pytest.mark.django_db
def test_healthy_says_nothing_against_a_process_that_lives() -> None:
    Heartbeat.objects.create(
        process="x", kind="beat", host=socket.gethostname(), pid=os.getpid(),
        started_at=clock.real_now(), seen_at=clock.real_now(),
    )  # fmt: skip
    call_command("healthy", "beat")


def test_process_that_ended_and_was_not_fetched_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and left as it is
    assert healthy._is_alive(os.getpid())
    assert not healthy._is_alive(child.pid)
    child.wait()
    assert not healthy._is_alive(child.pid)
