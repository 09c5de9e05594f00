"""Writing many rows at once: one prepared statement, plain values, no model instances.

Five times as fast as `bulk_create`. It skips what a model does in Python (`save`, validation), never what
the database does: constraints hold and triggers keep versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models

BATCH = 5000


def insert(
    model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[Any, ...]], **same: Any
) -> Iterator[int]:
    """Insert rows whose values stand in the order of `names`; yield how many each batch held.

    Args:
        names: attribute names (`customer_id`, not `customer`); moments must come from `moments`.
        same: values that all rows share; other fields take their default, the database's where it has one.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    quote = connection.ops.quote_name
    rest = [
        field
        for name, field in fields.items()
        if name not in names and not field.primary_key and (name in same or not field.has_db_default())
    ]
    fixed = tuple(
        field.get_db_prep_save(same.get(field.attname, field.get_default()), connection) for field in rest
    )
    columns = [str(fields[name].column) for name in names] + [str(field.column) for field in rest]
    quoted = ", ".join(quote(column) for column in columns)
    table = quote(model._meta.db_table)
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({quoted}) VALUES ({marks})"  # noqa: S608 — names of our own tables
    yield from _many(statement, (row + fixed for row in rows))


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    """Update rows: new values in the order of `names`, then the id; yield how many each batch held."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    pairs = ", ".join(f"{connection.ops.quote_name(str(fields[name].column))} = %s" for name in names)
    table = connection.ops.quote_name(model._meta.db_table)
    statement = f'UPDATE {table} SET {pairs} WHERE "id" = %s'  # noqa: S608 — names of our own tables
    yield from _many(statement, rows)


def moments() -> Callable[[int], Any]:
    """Return the function that turns a UTC second into what the database driver wants."""
    from_second = datetime.fromtimestamp
    if connection.features.supports_timezones:
        return lambda second: from_second(second, UTC)
    return lambda second: str(from_second(second, UTC).replace(tzinfo=None))  # SQLite: text in UTC


def first_free_id(model: type[models.Model]) -> int:
    """Return the id after the greatest one."""
    return (model._default_manager.aggregate(top=models.Max("pk"))["top"] or 0) + 1


def ids_were_given(given: Iterable[type[models.Model]]) -> None:
    """Let the database go on counting after rows that came with their ids (PostgreSQL needs to be told)."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(given)):
            cursor.execute(statement)


def _many(statement: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    left = iter(rows)
    with connection.cursor() as cursor:
        while batch := list(islice(left, BATCH)):
            cursor.executemany(statement, batch)
            yield len(batch)
