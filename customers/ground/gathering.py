"""Several short lists in one statement, for pages that tell many things about one customer.

Each list goes as JSON through one row; the values come back as the model's own types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import QuerySet


def gathered(**lists: QuerySet[Any, Any]) -> dict[str, list[Any]]:
    """Return the rows of each list, by its name, in its order; one query in all.

    A list is a queryset of ``values("id", "case__kind", …)``: fields only, cut to a bounded number of
    rows. A row has an attribute for each value, called as it is.
    """
    using = next(iter(lists.values())).db
    names: list[str] = []
    parts: list[str] = []
    params: list[Any] = []
    for name, rows in lists.items():
        try:
            sql, values = rows.query.sql_with_params()
        except EmptyResultSet:
            continue
        names.append(name)
        parts.append(f"(SELECT {_as_json(rows, using)} FROM ({sql}) AS part)")  # noqa: S608 — Django's own SQL
        params += values
    found: dict[str, list[Any]] = {name: [] for name in lists}
    if not parts:
        return found
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        line: Sequence[Any] = cursor.fetchone()
    for name, text in zip(names, line, strict=True):
        told = json.loads(text, parse_float=Decimal) if isinstance(text, str) else text
        readers = _readers(lists[name])
        found[name] = [_row(row, readers) for row in told or ()]
    return found


def _as_json(rows: QuerySet[Any, Any], using: str) -> str:
    connection = connections[using]
    quote = connection.ops.quote_name
    if connection.vendor == "postgresql":
        return "json_agg(part)::text"
    pairs = ", ".join(f"'{name}', part.{quote(name)}" for name in rows.query.values_select)
    return f"json_group_array(json_object({pairs}))"


def _row(row: dict[str, Any], readers: dict[str, Callable[[Any], Any]]) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            name: readers[name](value) if value is not None and name in readers else value
            for name, value in row.items()
        }
    )


def _readers(rows: QuerySet[Any, Any]) -> dict[str, Callable[[Any], Any]]:
    """Return what makes a value out of its JSON, for those that JSON does not know."""
    readers: dict[str, Callable[[Any], Any]] = {}
    for name in rows.query.values_select:
        reader = _reader(_field(rows.model, name))
        if reader is not None:
            readers[name] = reader
    return readers


def _field(model: type[models.Model], path: str) -> Any:
    *through, last = path.split("__")
    for name in through:
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return next(f for f in model._meta.concrete_fields if last in (f.name, f.attname))


def _reader(field: Any) -> Callable[[Any], Any] | None:
    kinds: tuple[tuple[type[models.Field[Any, Any]], Callable[[Any], Any]], ...] = (
        (models.DateTimeField, _moment),
        (models.DateField, date.fromisoformat),
        (models.BooleanField, bool),
        (models.DecimalField, lambda value: Decimal(str(value))),
        (models.JSONField, lambda value: json.loads(value) if isinstance(value, str) else value),
    )
    return next((read for kind, read in kinds if isinstance(field, kind)), None)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
