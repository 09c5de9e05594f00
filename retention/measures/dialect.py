"""All that differs between PostgreSQL and SQLite in computing measures; the rest is one SQL text."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from retention.measures.registry import Measure, Unit


def among(column: str, parameter: str) -> str:
    """Return the condition that ``column`` is one of the ids bound by :func:`bind_ids`."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%({parameter})s)"
    return f"{column} IN (SELECT value FROM json_each(%({parameter})s))"


def one_of(column: str, rows: str) -> str:
    """Return the condition that ``column`` is one of the few values of a select: these are read first."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(ARRAY({rows}))"
    return f"{column} IN ({rows})"


def json_text(value: str) -> str:
    """Return SQL that writes a text as JSON does, ``null`` when there is none."""
    if connection.vendor == "postgresql":
        return f"coalesce(CAST(to_json(CAST({value} AS text)) AS text), 'null')"
    return f"json_quote({value})"


def bind_ids(ids: Sequence[int]) -> Any:
    """Return ids in the form that one parameter takes, however many they are."""
    return list(ids) if connection.vendor == "postgresql" else json.dumps(list(ids))


def rows_of(names: Sequence[str]) -> str:
    """Return a select of the rows of whole numbers bound by :func:`bind_rows` as ``rows``, in their order."""
    if connection.vendor == "postgresql":
        columns = ", ".join(f'CAST(r.one ->> {n} AS bigint) AS "{name}"' for n, name in enumerate(names))
        return f"SELECT {columns} FROM json_array_elements(CAST(%(rows)s AS json)) AS r(one)"
    columns = ", ".join(f"json_extract(value, '$[{n}]') AS \"{name}\"" for n, name in enumerate(names))
    return f"SELECT {columns} FROM json_each(%(rows)s)"


def bind_rows(rows: Sequence[Sequence[int | None]]) -> str:
    """Return rows of whole numbers, unknown ones among them, as one parameter."""
    return json.dumps(rows, separators=(",", ":"))


def bind_moment(moment: datetime) -> Any:
    """Return a moment as the database's columns hold it."""
    return connection.ops.adapt_datetimefield_value(moment)


def moment(value: str) -> str:
    """Return a placeholder as a moment of the database's own type."""
    return f"CAST({value} AS timestamptz)" if connection.vendor == "postgresql" else value


def day_number(moment: str, zone: str) -> str:
    """Return SQL for the local day number of a moment in a zone, both given as columns."""
    if connection.vendor == "postgresql":
        return f"((({moment} AT TIME ZONE {zone})::date - DATE '0001-01-01') + 1)"
    local = f"django_datetime_cast_date({moment}, {zone}, '{connection.timezone_name}')"
    return f"CAST(julianday({local}) - 1721424.5 AS integer)"


def differ(left: Sequence[str], right: Sequence[str]) -> str:
    """Return the condition that two rows of columns are not the same, nothing being the same as nothing."""
    sign = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    return f"({', '.join(left)}) {sign} ({', '.join(right)})"


def reading() -> AbstractContextManager[Any]:
    """Return the block of a long reading: a transaction on PostgreSQL, for its settings and one view of all.

    None on SQLite, where it would keep every writer waiting: see ``transaction_mode``.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else nullcontext()


@contextmanager
def in_order(cursor: Any) -> Iterator[None]:
    """Let PostgreSQL read in the block what it reads by sorted indexes, and join and group in that order.

    The planner weighs a hash against an order that costs nothing here, since each index has it; a hash
    over ten million orders needs memory, and statistics that a fresh import does not have. Compiling
    (JIT) takes longer than the statements of a shard. Inside a transaction.
    """
    with _without(cursor, *_UNORDERED, "enable_nestloop"):
        yield


@contextmanager
def by_index(cursor: Any) -> Iterator[None]:
    """Let PostgreSQL look up in the block, row by row, what stands elsewhere: for temporary tables.

    Nobody has counted these, so that the planner takes thousands of rows for a handful or the reverse.
    """
    with _without(cursor, "enable_hashjoin", "enable_mergejoin", "enable_material", "jit"):
        yield


_UNORDERED = ("enable_seqscan", "enable_bitmapscan", "enable_hashagg", "enable_hashjoin", "jit")


@contextmanager
def _without(cursor: Any, *settings: str) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    cursor.execute("; ".join(f"SET LOCAL {name} = off" for name in settings))
    yield  # after an error the transaction ends, and the settings with it
    cursor.execute("; ".join(f"SET LOCAL {name} TO DEFAULT" for name in settings))


def column_type(measure: Measure) -> str:
    """Return the type of a stored measure's column."""
    return "varchar(32)" if measure.unit == Unit.CODE else "bigint"


def create_temporary(table: str, measures: Sequence[Measure]) -> str:
    """Return the statement that makes an empty temporary wide table."""
    moment = "timestamp with time zone" if connection.vendor == "postgresql" else "datetime"
    columns = "".join(f', "{m.code}" {column_type(m)}' for m in measures)
    return f'CREATE TEMPORARY TABLE "{table}" (customer_id bigint PRIMARY KEY, as_of {moment}{columns})'


def after_filling(table: str) -> list[str]:
    """Return what the planner needs once a temporary table is filled."""
    return [f'ANALYZE "{table}"'] if connection.vendor == "postgresql" else []


def each_that_holds(conditions: Mapping[int, str]) -> tuple[str, str]:
    """Return SQL that makes a row for each number whose condition holds: what is joined, and the number."""
    if not conditions:
        return "", "0"
    if connection.vendor == "postgresql":
        cases = ", ".join(f"CASE WHEN {condition} THEN {n} END" for n, condition in conditions.items())
        return "", f"unnest(array_remove(ARRAY[{cases}], NULL))"
    cases = " || ".join(
        f"CASE WHEN {condition} THEN '{n},' ELSE '' END" for n, condition in conditions.items()
    )
    return f"CROSS JOIN json_each('[' || rtrim({cases}, ',') || ']') j", "j.value"


def create_matches(table: str, rows: str) -> list[str]:
    """Return the statements that make the temporary table of matches of a select.

    SQLite looks single matches up, so it gets a key; PostgreSQL hashes.
    """
    if connection.vendor == "postgresql":
        return [f'CREATE TEMPORARY TABLE "{table}" AS {rows}']
    columns = "customer_id bigint, rule_id bigint, as_of datetime, PRIMARY KEY (customer_id, rule_id)"
    return [
        f'CREATE TEMPORARY TABLE "{table}" ({columns}) WITHOUT ROWID',
        f'INSERT INTO "{table}" (customer_id, rule_id, as_of) {rows}',
    ]
