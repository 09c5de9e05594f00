"""What every test stands on: a clean clock and language, and tables that can be emptied again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from customers.ground import clock, guards, limits

pytest_plugins = ["tests.fixtures"]

NAMES_OF_MODELS = {"django_content_type", "auth_permission"}  # the same after every test

# How long one example takes says more about the machine than about the code.
hypothesis_settings.register_profile("liuke", deadline=None, print_blob=True)
hypothesis_settings.load_profile("liuke")


def _empty_the_tables(case: Any) -> None:
    """Empty every table, append-only ones too, and put back what the migrations had laid down.

    A test that commits would otherwise leave the next one without the catalogues, in whatever
    order the tests run.
    """
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        empty = _empty_postgresql if connection.vendor == "postgresql" else _empty_sqlite
        empty(connection)


def _laid_down(connection: BaseDatabaseWrapper) -> str | None:
    """Return what the migrations had laid down, as text; nothing when the tables were made without them."""
    kept = getattr(connection, "_test_serialized_contents", None)
    return None if kept == "[]" else kept


def _empty_sqlite(connection: BaseDatabaseWrapper) -> None:
    guards.remove(connection)
    laid_down = _laid_down(connection)
    call_command(
        "flush",
        verbosity=0,
        interactive=False,
        database=connection.alias,
        reset_sequences=False,
        inhibit_post_migrate=laid_down is not None,
    )
    if laid_down is not None:
        connection.creation.deserialize_db_from_string(laid_down)
    guards.install(connection)


def _empty_postgresql(connection: BaseDatabaseWrapper) -> None:
    """Delete what is there with triggers and foreign keys asleep; truncating every table takes seconds."""
    laid_down = _laid_down(connection)
    names = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    if laid_down is None:
        names -= NAMES_OF_MODELS
    tables = [connection.ops.quote_name(name) for name in sorted(names)]
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(filled)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")
        if laid_down is not None:
            connection.creation.deserialize_db_from_string(laid_down)
        else:
            emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)


@pytest.fixture(scope="session", autouse=True)
def _tables_can_be_emptied() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", _empty_the_tables)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _fresh_clock_and_language(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    clock.forget()
    limits.forget()
    if not request.node.get_closest_marker("services"):
        # Nobody else fixes the clock of this database; a look every few seconds would be counted as a query.
        monkeypatch.setattr(clock, "_LOOK_AGAIN_SECONDS", 3600.0)
    with translation.override("en"):
        yield
    clock.forget()


def _service(variable: str, *, name: str) -> str:
    """Return the address that the stage runner gives; without it skip, or fail in CI."""
    address = os.environ.get(variable, "")
    if not address:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{name} is needed: run `python .ci/stages.py services`, or set {variable}")
    return address


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a Redis that belongs to the tests."""
    return _service("TEST_REDIS_URL", name="Redis")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The address of a PostgreSQL that belongs to the tests, with a database to connect to."""
    return _service("TEST_POSTGRES_URL", name="PostgreSQL")
