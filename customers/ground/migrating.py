"""Operations of migrations that leave a running system in peace."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, CreateModel, RemoveIndex, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AddIndexBesideWriters(AddIndex):
    """Adds an index while others write: concurrently on PostgreSQL, whose migration is not ``atomic``.

    May be run again when it was stopped in the middle: what PostgreSQL then left invalid is made anew.
    SQLite has one writer and builds it at once, but not in one transaction with what comes after.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Make the index unless it stands."""
        if schema_editor.connection.vendor != "postgresql":
            if schema_editor.collect_sql or not _is_there(schema_editor, self.index.name):
                super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not schema_editor.collect_sql and self._stands(schema_editor):
            return
        editor: Any = schema_editor
        editor.add_index(model, self.index, concurrently=True)

    def _stands(self, schema_editor: BaseDatabaseSchemaEditor) -> bool:
        """Return whether a valid index stands; drop one that is not."""
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                "WHERE c.relname = %s AND c.relnamespace = current_schema()::regnamespace",
                [self.index.name],
            )
            found = cursor.fetchone()
        if found and not found[0]:
            schema_editor.execute(f'DROP INDEX CONCURRENTLY "{self.index.name}"')
        return bool(found and found[0])


class DropIndexOnce(RemoveIndex):
    """Drops an index unless that was done before: its migration may have been stopped after it."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the index if it stands; PostgreSQL asks for itself."""
        asks = schema_editor.collect_sql or schema_editor.connection.vendor == "postgresql"
        if asks or _is_there(schema_editor, str(self.name)):
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def _is_there(schema_editor: BaseDatabaseSchemaEditor, name: str) -> bool:
    """Return whether an index of that name stands in an SQLite database."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
        return cursor.fetchone() is not None


class OnPostgres(RunSQL):
    """SQL for PostgreSQL alone."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run it there, and do nothing elsewhere."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Undo it there, and do nothing elsewhere."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


# Autovacuum visits a table of facts after half a percent of change: a pass reads indexes only, as long as
# PostgreSQL knows that the pages behind them are visible to all.
_EARLY = {
    "autovacuum_vacuum_scale_factor": "0.005",
    "autovacuum_vacuum_insert_scale_factor": "0.005",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "2000",
}


def visited_early(table: str) -> OnPostgres:
    """Return the operation that lets autovacuum visit a table of facts early."""
    settings = ", ".join(f"{name} = {value}" for name, value in _EARLY.items())
    return OnPostgres(
        f"ALTER TABLE {table} SET ({settings})", f"ALTER TABLE {table} RESET ({', '.join(_EARLY)})"
    )


class TablesAtOnce(Operation):
    """Makes the tables of an app as they stand after all of ``operations``.

    Django builds every related model anew after each operation, 90 % of the time of setting up a database;
    here it does so once.

    Args:
        operations: of the kinds CreateModel, AddField, AddIndex and AddConstraint, as ``makemigrations``
            writes them for new models.
    """

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add everything to the state, then build its models again."""
        was_built = state.__dict__.pop("apps", None) is not None
        for operation in self.operations:
            operation.state_forwards(app_label, state)
        if was_built:
            state.apps  # noqa: B018  builds them

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Make each table with all its columns, indexes and constraints."""
        for operation in self.operations:
            if isinstance(operation, CreateModel):
                operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the tables, the last one first."""
        for operation in reversed(self.operations):
            if isinstance(operation, CreateModel):
                operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"Make {sum(isinstance(operation, CreateModel) for operation in self.operations)} tables at once"
        )
