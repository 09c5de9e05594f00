"""Database triggers that no writer can forget: version twins, append-only tables and copied columns.

One function per guard makes the SQL of both engines. Guards are installed after every migrate; a
guard whose definition has not changed is left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Versioned:
    """Each change of a content column of ``model`` writes the old row into ``twin``.

    But for a merge, which only re-points rows to another person: whom a fact is of did not change then,
    only by which name we know them. Who changes the customer of a fact otherwise says when that was known.
    """

    model: type[models.Model]
    twin: type[models.Model]
    columns: tuple[str, ...]  # copied to the twin
    content: tuple[str, ...]  # those of them whose change makes a version


@dataclass(frozen=True)
class AppendOnly:
    """Rows of ``model`` are never deleted, nor changed but in ``movable`` and ``clearable`` columns.

    Where ``may_retract``, a version may also lose its time: ``superseded_at`` becomes its own
    ``recorded_at``, so that it counts at no moment (decision 2, retraction).
    """

    model: type[models.Model]
    movable: tuple[str, ...]
    clearable: tuple[str, ...] = ()  # may be emptied, and only that
    may_update: bool = False  # facts change (their twin keeps the old row) but never go
    may_retract: bool = False


@dataclass(frozen=True)
class Copied:
    """``column`` of ``model`` repeats the same column of the row that ``key`` points to in ``source``."""

    model: type[models.Model]
    source: type[models.Model]
    column: str
    key: str
    gate: type[models.Model]


PERSONS = ("customer_id", "contact_id")
RECORDED_BEFORE = "a version may not be recorded before the one that it replaces"

Guard = Versioned | AppendOnly | Copied
_guards: list[Guard] = []


def versioned(guard: Versioned) -> None:
    """Register a version guard."""
    _guards.append(guard)


def append_only(
    model: type[models.Model],
    *,
    movable: Iterable[str] = (),
    clearable: Iterable[str] = (),
    may_update: bool = False,
    may_retract: bool = False,
) -> None:
    """Register an append-only guard.

    ``movable`` are the columns that a merge may re-point, ``clearable`` those that a retention period
    may set to NULL.
    """
    _guards.append(AppendOnly(model, tuple(movable), tuple(clearable), may_update, may_retract))


def copied(
    model: type[models.Model],
    *,
    column: str,
    source: type[models.Model],
    key: str,
    gate: type[models.Model],
) -> None:
    """Register a column that repeats one of ``source``, so that an index can hold it beside others.

    It is read at every write of the row, and follows when the source changes. A new row and a change of
    its source at the same moment would not see each other: on PostgreSQL both lock the row of ``gate``
    first, the change when it has all its rows of the source. So locks are always taken in the order
    source, gate, model; whoever writes several rows of the model takes the gate before them. Rows
    written while the guard was not there, as old code does during an upgrade, are filled when it is made.
    """
    _guards.append(Copied(model, source, column, key, gate))


def registered() -> list[Guard]:
    """Return every guard."""
    return list(_guards)


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every guard whose tables exist; replace those whose definition changed."""
    tables = set(connection.introspection.table_names())
    wanted = {
        name: statements
        for guard in _guards
        if tables.issuperset(_tables(guard)) and _has_column(guard, connection)
        for name, statements in _sql(guard, vendor=connection.vendor).items()
    }
    present = _present(connection)
    with connection.cursor() as cursor:
        for name, table in present.items():
            if name not in wanted:
                cursor.execute(_drop(name, table, vendor=connection.vendor))
        made = [name for name in wanted if name not in present]
        for name in made:
            for statement in wanted[name]:
                cursor.execute(statement)
        for guard in _guards:
            is_new = not _sql(guard, vendor=connection.vendor).keys().isdisjoint(made)
            if is_new and isinstance(guard, Copied):
                cursor.execute(_catch_up(guard))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop every guard (tests that flush tables by DELETE, and the test of the guards)."""
    with connection.cursor() as cursor:
        for name, table in _present(connection).items():
            cursor.execute(_drop(name, table, vendor=connection.vendor))


def remove_before_migrate(using: str = "default", **_kwargs: Any) -> None:
    """Drop the guards on SQLite, which rebuilds tables and trips over triggers that name them."""
    if connections[using].vendor == "sqlite":
        remove(connections[using])


def install_after_migrate(using: str = "default", **_kwargs: Any) -> None:
    """Install the guards when migrate has run."""
    install(connections[using])


def _present(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Return the guards in the database: trigger name -> table."""
    if connection.vendor == "postgresql":
        query = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgname LIKE 'liuke\\_%' AND NOT t.tgisinternal "
            "AND c.relnamespace = current_schema()::regnamespace"
        )
    else:
        query = (
            "SELECT name, tbl_name FROM sqlite_master "
            "WHERE type = 'trigger' AND name LIKE 'liuke\\_%' ESCAPE '\\'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


def _tables(guard: Guard) -> set[str]:
    """Return the tables that must be there before the guard can be made."""
    needed = {guard.model}
    if isinstance(guard, Versioned):
        needed.add(guard.twin)
    elif isinstance(guard, Copied):
        needed |= {guard.source, guard.gate}
    return {model._meta.db_table for model in needed}


def _has_column(guard: Guard, connection: BaseDatabaseWrapper) -> bool:
    """Return whether the column that a guard fills is there: not after a migration was taken back."""
    if not isinstance(guard, Copied):
        return True
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, guard.model._meta.db_table)
    return guard.column in {column.name for column in columns}


def _drop(name: str, table: str, *, vendor: str) -> str:
    if vendor == "postgresql":
        return f'DROP TRIGGER "{name}" ON "{table}"; DROP FUNCTION IF EXISTS "{name}"()'
    return f'DROP TRIGGER "{name}"'


def _sql(guard: Guard, *, vendor: str) -> dict[str, list[str]]:
    """Return the guard's triggers: name (with a fingerprint of the definition) -> statements."""
    made: dict[str, list[str]] = {}
    if isinstance(guard, Versioned):
        builders = _versioned_sql(guard, vendor)
    elif isinstance(guard, Copied):
        builders = _copied_sql(guard, vendor)
    else:
        builders = _append_sql(guard, vendor)
    for kind, template in builders.items():
        print_of = hashlib.sha256("".join(template).encode()).hexdigest()[:8]
        name = f"liuke_{kind}_{guard.model._meta.db_table[:40]}_{print_of}"
        made[name] = [statement.replace("@NAME@", name) for statement in template]
    return made


def _versioned_sql(guard: Versioned, vendor: str) -> dict[str, list[str]]:
    table, twin = guard.model._meta.db_table, guard.twin._meta.db_table
    into = ", ".join(f'"{c}"' for c in ("fact_id", *guard.columns, "superseded_at"))
    old = ", ".join(f'OLD."{c}"' for c in ("id", *guard.columns)) + ', NEW."recorded_at"'
    refusal = RECORDED_BEFORE
    changed = _changed(guard, "IS DISTINCT FROM" if vendor == "postgresql" else "IS NOT")
    if vendor == "postgresql":
        body = (
            f'CREATE FUNCTION "@NAME@"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '  # noqa: S608 — own names
            f"IF NEW.recorded_at < OLD.recorded_at THEN RAISE EXCEPTION '{refusal}' "
            f"USING ERRCODE = 'check_violation'; END IF; "
            f'INSERT INTO "{twin}" ({into}) VALUES ({old}); RETURN NULL; END $$'
        )
        trigger = (
            f'CREATE TRIGGER "@NAME@" AFTER UPDATE ON "{table}" FOR EACH ROW WHEN ({changed}) '
            f'EXECUTE FUNCTION "@NAME@"()'
        )
        return {"version": [body, trigger]}
    return {
        "version": [
            f'CREATE TRIGGER "@NAME@" AFTER UPDATE ON "{table}" FOR EACH ROW WHEN {changed} BEGIN '  # noqa: S608 — own names
            f"SELECT RAISE(ABORT, '{refusal}') WHERE NEW.recorded_at < OLD.recorded_at; "
            f'INSERT INTO "{twin}" ({into}) VALUES ({old}); END'
        ]
    }


def _changed(guard: Versioned, differs: str) -> str:
    """Return the condition that a row became another version and was not just re-pointed by a merge."""

    def any_of(columns: Iterable[str]) -> str:
        return " OR ".join(f'OLD."{c}" {differs} NEW."{c}"' for c in columns)

    changed = any_of(c for c in guard.content if c not in PERSONS)
    persons = any_of(c for c in guard.content if c in PERSONS)
    return f"{changed} OR (({persons}) AND ({any_of(('recorded_at', 'ingested_at'))}))"


def _append_sql(guard: AppendOnly, vendor: str) -> dict[str, list[str]]:
    table = guard.model._meta.db_table
    made: dict[str, list[str]] = {"keep": _refuse(table, "DELETE", "", vendor, "rows are never deleted")}
    if not guard.may_update:
        fixed = [
            field.column for field in guard.model._meta.concrete_fields if field.attname not in guard.movable
        ]
        # jsonb has equality; json columns of Django are jsonb here
        other = "IS DISTINCT FROM" if vendor == "postgresql" else "IS NOT"
        differs = {c: f'OLD."{c}" {other} NEW."{c}"' for c in fixed}
        for c in guard.clearable:
            differs[c] += f' AND NEW."{c}" IS NOT NULL'
        if guard.may_retract:
            differs["superseded_at"] += f' AND NEW."superseded_at" {other} OLD."recorded_at"'
        when = " OR ".join(f"({differ})" for differ in differs.values())
        made["fixed"] = _refuse(table, "UPDATE", when, vendor, "rows are never changed")
    return made


def _refuse(table: str, what: str, when: str, vendor: str, why: str) -> list[str]:
    condition = f"WHEN ({when}) " if when else ""
    if vendor == "postgresql":
        return [
            f'CREATE FUNCTION "@NAME@"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
            f"RAISE EXCEPTION '{table}: {why}' USING ERRCODE = 'restrict_violation'; END $$",
            f'CREATE TRIGGER "@NAME@" BEFORE {what} ON "{table}" FOR EACH ROW {condition}'
            f'EXECUTE FUNCTION "@NAME@"()',
        ]
    return [
        f'CREATE TRIGGER "@NAME@" BEFORE {what} ON "{table}" FOR EACH ROW {condition}BEGIN '
        f"SELECT RAISE(ABORT, '{table}: {why}'); END"
    ]


def _catch_up(guard: Copied) -> str:
    """Return the statement that copies what changed while the guard was not there."""
    table, source = guard.model._meta.db_table, guard.source._meta.db_table
    there = f'(SELECT "{guard.column}" FROM "{source}" s WHERE s.id = "{table}"."{guard.key}")'  # noqa: S608 — own names
    return (
        f'UPDATE "{table}" SET "{guard.column}" = {there} '  # noqa: S608 — own names
        f'WHERE coalesce({there}, -1) <> coalesce("{table}"."{guard.column}", -1)'
    )


def _copied_sql(guard: Copied, vendor: str) -> dict[str, list[str]]:
    table, source = guard.model._meta.db_table, guard.source._meta.db_table
    column, key = guard.column, guard.key
    there = f'(SELECT "{column}" FROM "{source}" WHERE id = NEW."{key}")'  # noqa: S608 — own names
    spread = f'UPDATE "{table}" SET "{column}" = NEW."{column}" WHERE "{key}" = NEW.id'  # noqa: S608 — own names
    on_source = f'CREATE TRIGGER "@NAME@" AFTER UPDATE OF "{column}" ON "{source}" FOR EACH ROW'
    if vendor == "postgresql":
        make = 'CREATE FUNCTION "@NAME@"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN'
        changed = f'OLD."{column}" IS DISTINCT FROM NEW."{column}"'
        call = 'EXECUTE FUNCTION "@NAME@"()'
        wait = f'PERFORM 1 FROM "{guard.gate._meta.db_table}" FOR NO KEY UPDATE;'
        # what does not point elsewhere is found by the other side, which waits for the row itself
        pointed = f"""IF TG_OP = 'INSERT' OR OLD."{key}" IS DISTINCT FROM NEW."{key}" THEN {wait} END IF;"""
        return {
            "copy": [
                f'{make} {pointed} NEW."{column}" := {there}; RETURN NEW; END $$',
                f'CREATE TRIGGER "@NAME@" BEFORE INSERT OR UPDATE ON "{table}" FOR EACH ROW {call}',
            ],
            "spread": [
                f"{make} {wait} {spread}; RETURN NULL; END $$",
                f"{on_source} WHEN ({changed}) {call}",
            ],
        }
    own = f'UPDATE "{table}" SET "{column}" = {there} WHERE id = NEW.id'  # noqa: S608 — own names
    changes = f'CREATE TRIGGER "@NAME@" AFTER UPDATE OF "{key}", "{column}" ON "{table}" FOR EACH ROW'
    return {
        "copy": [f'CREATE TRIGGER "@NAME@" AFTER INSERT ON "{table}" FOR EACH ROW BEGIN {own}; END'],
        "moved": [f'{changes} WHEN NEW."{column}" IS NOT {there} BEGIN {own}; END'],
        "spread": [f'{on_source} WHEN OLD."{column}" IS NOT NEW."{column}" BEGIN {spread}; END'],
    }
