"""Inserting rows by one statement: what PostgreSQL and SQLite say differently, and defaults of models.

Rows are made from a running number ``k`` by arithmetic alone, so that they are the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models

PRIME = 2_147_483_647


def chance(number: str, salt: int) -> str:
    """Return SQL for a pseudo-random whole number of 0…2³¹ that depends on ``number`` and ``salt``."""
    x = f"(({number}) * 48271 + {salt * 7919 + 12345}) % {PRIME}"
    return f"((({x}) * ({x}) % {PRIME}) * 69621 + {salt * 104729}) % {PRIME}"


def below(limit: int, number: str, salt: int) -> str:
    """Return SQL for a pseudo-random whole number of 0…limit - 1."""
    return f"({chance(number, salt)}) % {limit}"


def numbers(first: int, last: int) -> str:
    """Return SQL of a table with one column ``k``: first…last."""
    if connection.vendor == "postgresql":
        return f"(SELECT CAST(k AS bigint) AS k FROM generate_series({first}, {last}) k)"
    return (
        f"(WITH RECURSIVE s(k) AS (SELECT {first} UNION ALL SELECT k + 1 FROM s WHERE k < {last}) "
        "SELECT k FROM s)"
    )


def moment(second: str) -> str:
    """Return SQL for the moment of a UTC second, as the engine's columns hold it."""
    if connection.vendor == "postgresql":
        return f"to_timestamp({second})"
    return f"datetime({second}, 'unixepoch')"


def at(when: datetime) -> str:
    """Return SQL for a given moment."""
    return moment(str(int(when.timestamp())))


@contextmanager
def references_unchecked() -> Iterator[None]:
    """Fill tables on PostgreSQL without looking up each reference, which takes most of the time."""
    if connection.vendor != "postgresql":
        yield
        return
    execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        execute("SET session_replication_role = DEFAULT")


def insert(model: type[models.Model], values: Mapping[str, str], source: str) -> None:
    """Insert a row for each row of ``source``; columns that are not given get the model's defaults.

    ``values``: SQL by column. So a column that is added to a model one day needs no change here.
    """
    made = {}
    for field in model._meta.concrete_fields:
        if field.column in values:
            made[field.column] = values[field.column]
        elif not field.primary_key and not getattr(field, "generated", False):
            made[field.column] = _default(field)
    unknown = set(values) - set(made)
    if unknown:
        raise ValueError(f"{model.__name__} has no column {', '.join(sorted(unknown))}")
    columns = ", ".join(f'"{column}"' for column in made)
    execute(
        f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {", ".join(made.values())} FROM {source}'
    )


def execute(statement: str) -> int:
    """Run a statement without parameters; return how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def _default(field: Any) -> str:
    if field.has_default():
        value = field.get_default()
        if isinstance(field, models.JSONField):
            return f"'{json.dumps(value)}'"
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return str(value)
        return "'" + str(getattr(value, "value", value)).replace("'", "''") + "'"
    if field.null:
        return "NULL"
    if isinstance(field, models.CharField | models.TextField) and field.blank:
        return "''"
    raise ValueError(f"{field} needs a value")


@contextmanager
def loading(*tables: type[models.Model]) -> Iterator[None]:
    """Load tables without their indexes and without looking up every reference; then make both good.

    The rows are legal by construction: whatever they refer to was made from the same numbers. Indexes
    are rebuilt by their own definitions and sequences are moved behind the rows.
    """
    names = [model._meta.db_table for model in tables]
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if postgresql:
            cursor.execute(
                "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
                "WHERE i.indrelid = ANY(%s::regclass[]) AND NOT EXISTS "
                "(SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
                [names],
            )
            found = [(name.strip('"'), definition) for name, definition in cursor.fetchall()]
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("SET maintenance_work_mem = '1GB'")
            cursor.execute("SET max_parallel_maintenance_workers = 2")
        else:
            cursor.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql <> ''")
            found = [(name, sql) for name, sql, table in cursor.fetchall() if table in names]
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
        for name, _definition in found:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _name, definition in found:
            cursor.execute(definition)
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            cursor.execute(statement)
        if postgresql:
            for setting in (
                "session_replication_role",
                "maintenance_work_mem",
                "max_parallel_maintenance_workers",
            ):
                cursor.execute(f"RESET {setting}")
        else:
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
