"""Migrations that old code can live with while the new one is rolled out: expand → fill → contract."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django_migration_linter.migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import analyse_sql_statements, get_sql_analyser_class
from django_migration_linter.sql_analyser.base import Issue

from customers.ground.migrating import AddIndexBesideWriters

OURS = ("ground", "customers", "surveys", "loyalty", "retention")

# What the linter reports and we meant: "app.name" → {code: why it is safe}. Keep it short.
MEANT: dict[str, dict[str, str]] = {
    "retention.0002_case_queue_columns": {
        "CREATE_INDEX": "cases are few, and stored generated columns rewrite their table in the same moment",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "retention.0004_case_queue_indexes": {"DROP_INDEX": "dropping takes a moment; it is made anew at once"},
    "retention.0007_warning_run_customer": {"DROP_INDEX": "dropping takes a moment; its successor stands"},
    "customers.0011_customer_file": {
        "CREATE_INDEX": "of new tables and of new, empty columns; imports are few",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "customers.0012_customer_file_indexes": {
        "ADD_UNIQUE": "the column is new and empty: no row breaks it, and old code writes none that could",
        "CREATE_INDEX": "of the new, empty column only; contracts are few",
    },
    "customers.0022_channels": {
        "CREATE_INDEX": "of new, empty tables",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "customers.0023_reservation_follows": {
        "ADD_UNIQUE": "of a table that no release has yet",
        "CREATE_INDEX": "as above",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "customers.0027_mentions": {
        "CREATE_INDEX": "of tables that no release has yet",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "retention.0023_loops": {
        "CREATE_INDEX": "of tables that no release has yet",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "retention.0025_loop_policy": {
        "CREATE_INDEX": "of tables that no release has yet",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "retention.0027_changes": {
        "CREATE_INDEX": "of tables that no release has yet",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "surveys.0005_answers": {
        "DROP_INDEX": "of a table that no release has yet",
        "CREATE_INDEX": "of tables that no release has yet",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "retention.0015_rule_life": {
        "CREATE_INDEX": "of new, empty tables",
        "CREATE_INDEX_EXCLUSIVE": "as above",
    },
    "customers.0003_drop_replaced_indexes": {
        "DROP_INDEX": "dropping takes a moment; 0002 made what replaces them"
    },
}

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def released_after_the_first() -> list[Migration]:
    """Return our migrations but the first of each app, which makes empty tables."""
    disk = MigrationLoader(None).disk_migrations
    assert set(OURS) <= {app.label for app in apps.get_app_configs()}
    return [disk[key] for key in sorted(disk) if key[0] in OURS and not disk[key].initial]


def issues(migration: Migration) -> dict[str, str]:
    """Return what the linter says of a migration's SQL and functions, by code."""
    linter = MigrationLinter(no_cache=True, no_output=True, analyser_string="postgresql")
    sql = linter.get_sql(migration.app_label, migration.name)
    errors, _ignored, warnings = of_sql(sql)
    data_errors, _ignored, data_warnings = linter.analyse_data_migration(migration)
    return {issue.code: issue.message for issue in [*errors, *warnings, *data_errors, *data_warnings]}


def of_sql(sql: list[str]) -> tuple[list[Issue], list[Issue], list[Issue]]:
    """Return errors, what is ignored, and warnings of SQL for PostgreSQL."""
    return analyse_sql_statements(get_sql_analyser_class("postgresql"), sql, [])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="locks are PostgreSQL's")
def test_migrations_lock_no_table_for_long_and_break_no_old_code() -> None:
    found = {}
    for migration in released_after_the_first():
        name = f"{migration.app_label}.{migration.name}"
        unmeant = {code: text for code, text in issues(migration).items() if code not in MEANT.get(name, {})}
        if unmeant:
            found[name] = unmeant
    assert not found
    assert set(MEANT) <= {f"{m.app_label}.{m.name}" for m in released_after_the_first()}


def test_data_and_schema_do_not_stand_in_one_migration() -> None:
    mixed = [
        f"{migration.app_label}.{migration.name}"
        for migration in released_after_the_first()
        if any(isinstance(operation, RunPython) for operation in migration.operations)
        and not all(isinstance(operation, RunPython) for operation in migration.operations)
    ]
    assert not mixed


def test_linter_finds_a_column_that_old_code_cannot_fill() -> None:
    errors, _ignored, _warnings = of_sql(
        ['ALTER TABLE "customers_customer" ADD COLUMN "x" integer NOT NULL;']
    )
    assert [error.code for error in errors] == ["NOT_NULL"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("customers", "0002_pass_indexes"),
        ("customers", "0007_list_indexes"),
        ("customers", "0020_customer_gone"),
        ("ground", "0005_outbox_watched"),
        ("retention", "0004_case_queue_indexes"),
        ("retention", "0006_warning_news"),
        ("retention", "0007_warning_run_customer"),
        ("retention", "0017_warning_waits"),
    ],
)
def test_migration_of_indexes_may_be_run_again_when_it_was_stopped(app: str, name: str) -> None:
    loader = MigrationLoader(connection, replace_migrations=False)
    migration = loader.get_migration(app, name)
    before = loader.project_state(sorted(migration.dependencies)[-1:])
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before, editor)
    names = connection.introspection.get_constraints
    with connection.cursor() as cursor:
        for operation in migration.operations:
            if isinstance(operation, AddIndexBesideWriters):
                table = apps.get_model(app, operation.model_name)._meta.db_table
                assert operation.index.name in names(cursor, table)
