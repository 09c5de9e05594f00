"""Writing many plain rows as fast as each engine can: COPY on PostgreSQL, ``executemany`` on SQLite.

The place of this package that knows the engines. Rows hold what the database itself reads and writes
(numbers, texts, 0 and 1, moments as :func:`moment_text` writes them), so that nothing is adapted cell
by cell. A test compares what is written with ``bulk_create``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import connection, models

Plain = int | str | None
_PIECE = 2_000  # rows that are sent at once
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Plain]]) -> None:
    """Insert plain rows, each the values of ``columns``, in the caller's transaction.

    Every column that has no value in the database's own definition must be named. No signal is sent.
    """
    write(model._meta.db_table, columns, rows)


def write(table: str, columns: Sequence[str], rows: Iterable[Sequence[Plain]]) -> None:
    """Insert plain rows into a table of that name."""
    quote = connection.ops.quote_name
    into = f"{quote(table)} ({', '.join(map(quote, columns))})"
    if connection.vendor == "postgresql":
        _copy(into, len(columns), rows)
        return
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", rows)  # type: ignore[arg-type]  # noqa: S608 — names of our own


def _copy(into: str, width: int, rows: Iterable[Sequence[Plain]]) -> None:
    line = "\t".join(["%s"] * width) + "\n"
    rows = iter(rows)
    with (
        connection.wrap_database_errors,  # Django does not do so for COPY by itself
        connection.cursor() as cursor,
        cursor.copy(f"COPY {into} FROM STDIN") as copy,  # type: ignore[attr-defined]
    ):
        while piece := list(islice(rows, _PIECE)):
            text = "".join([line % tuple(row) for row in piece])
            if "None" in text:  # a nothing, or a text that has these letters in it
                text = "".join([line % tuple(["\\N" if v is None else v for v in row]) for row in piece])
            copy.write(text)


def escaped(text: str) -> str:
    """Return a text as :func:`insert` takes it."""
    if connection.vendor != "postgresql" or (text.isalnum() and text.isascii()):
        return text
    return text.translate(_ESCAPES) if "\\" in text or not text.isprintable() else text


def moment_text(moment: datetime) -> str:
    """Return a moment as a plain value."""
    plain = str(moment.astimezone(UTC).replace(tzinfo=None))
    return plain + "+00" if connection.vendor == "postgresql" else plain


def decimal_text(number: Decimal | None) -> str | None:
    """Return a number as a plain value."""
    return None if number is None else f"{number:f}"


def memo(write_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``write_out`` with a memory, for columns in which the same values come again."""
    return _Memo(write_out).__getitem__


class _Memo(dict[Any, Any]):
    def __init__(self, write_out: Callable[[Any], Any]) -> None:
        self.write_out = write_out

    def __missing__(self, value: Any) -> Any:
        if len(self) > 20_000:
            self.clear()
        found = self[value] = self.write_out(value)
        return found


def reserve(model: type[models.Model], count: int) -> Sequence[int]:
    """Return ``count`` keys of ``model`` that nobody else gets, rising."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [connection.ops.quote_name(table), count],
            )
            return [row[0] for row in cursor.fetchall()]
        # the transaction holds the only write lock
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        start = (found[0] if found else 0) + 1
        return range(start, start + count)


def claim_refs(kind: str, names: Sequence[str], keys: Sequence[int], *, source: str) -> set[str]:
    """Enter ``source``'s names for our keys; return those that another import had entered before.

    Waits for an import that is at the same names and has not ended, so it goes on with what that one
    made: names are entered in their order, so that two never wait for each other.
    """
    pairs = sorted(zip(names, keys, strict=True))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "INSERT INTO customers_externalref (source, kind, external_id, object_id) "
                "SELECT %s, %s, name, key FROM unnest(%s::text[], %s::bigint[]) AS new (name, key) "
                "ON CONFLICT DO NOTHING RETURNING external_id",
                [source, kind, [name for name, _key in pairs], [key for _name, key in pairs]],
            )
            return set(names) - {row[0] for row in cursor.fetchall()}
        cursor.executemany(
            "INSERT INTO customers_externalref (source, kind, external_id, object_id) "
            "VALUES (%s, %s, %s, %s)",
            [(source, kind, name, key) for name, key in pairs],
        )
    return set()
