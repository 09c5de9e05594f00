"""Inserting many plain rows as fast as each engine can: COPY on PostgreSQL, ``executemany`` on SQLite.

The one place of this package that knows the engines; a test compares it with ``bulk_create``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connections, models, router


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows, each the values of the columns ``names``, in the caller's transaction.

    Every column that has no value in the database's own definition must be named. Keys are not
    returned; no signal is sent.
    """
    connection = connections[router.db_for_write(model)]
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(name) for name in names)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(names))
        adapters = [
            (index, adapt)
            for index, name in enumerate(names)
            if (adapt := _adapter(model, name, connection)) is not None
        ]

        def adapted(row: Sequence[Any]) -> list[Any]:
            values = list(row)
            for index, adapt in adapters:
                values[index] = adapt(values[index])
            return values

        cursor.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 — names of our own
            [adapted(row) for row in rows],
        )


def _adapter(model: type[models.Model], name: str, connection: Any) -> Callable[[Any], Any] | None:
    """Return how a column's values are written on SQLite; ``None``: as they are."""
    field = next(field for field in model._meta.concrete_fields if field.column == name)
    if isinstance(field, models.DateTimeField):
        known: dict[datetime, Any] = {}

        def moment(value: datetime) -> Any:
            found = known.get(value)
            if found is None:
                found = known[value] = connection.ops.adapt_datetimefield_value(value)
            return found

        return moment
    if isinstance(field, models.DecimalField):

        def decimal(value: Decimal | None) -> str | None:
            return None if value is None else f"{value:f}"

        return decimal
    return None
