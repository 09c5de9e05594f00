"""Vector measures: columns that NumPy fills from other columns, 50,000 customers at a time.

Values are rounded to whole numbers by whoever computes them, so that rules compare them exactly on both
databases. They move with the clock for almost everybody, so that the pass of the night computes them
for all; a row is written only when one of its values differs.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from retention.measures import Inputs, Measure, Numbers, dialect, fitted, vectors
from retention.measures.passes import Customers

AT_ONCE = 50_000

Values = tuple[int | None, ...]


def needed(columns: Collection[str] | None) -> Collection[str] | None:
    """Return ``columns`` with those that the vector measures among them read."""
    if columns is None:
        return None
    read = {code for m in vectors() if m.code in columns and m.vector for code in m.vector.reads}
    return {*columns, *read}


def fill(
    table: str, *, as_of: datetime, day: int, customers: Customers, columns: Collection[str] | None = None
) -> int:
    """Fill the vector columns of a table of the wide table's shape; return how many rows were written.

    Rows of a later moment are left alone. With ``columns`` only these are filled.
    """
    wanted = [measure for measure in vectors() if columns is None or measure.code in columns]
    if not wanted:
        return 0
    kinds = {kind for m in wanted if m.vector for kind in m.vector.fitted}
    parameters = fitted.newest_of(kinds, moment=as_of)
    written = 0
    for rows in _read(table, wanted, as_of, customers):
        written += _write(table, wanted, _changed(rows, wanted, day, parameters), as_of)
    return written


def compute(
    measures: Sequence[Measure], columns: Mapping[str, Numbers], *, day: int, parameters: Mapping[str, Any]
) -> list[Numbers]:
    """Return the values of vector measures from the columns that they read."""
    inputs = Inputs(columns, day, parameters)
    with np.errstate(all="ignore"):  # what cannot be computed is unknown
        return [measure.vector.compute(inputs) for measure in measures if measure.vector]


def _reads(wanted: Sequence[Measure]) -> list[str]:
    return sorted({code for measure in wanted if measure.vector for code in measure.vector.reads})


def _read(
    table: str, wanted: Sequence[Measure], as_of: datetime, customers: Customers
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows of id, columns that are read, columns that are filled, in order, part by part."""
    columns = ", ".join(f'"{code}"' for code in [*_reads(wanted), *(m.code for m in wanted)])
    statement = (
        f'SELECT customer_id, {columns} FROM "{table}" WHERE {customers.condition("customer_id")} '
        f"AND customer_id > %(after)s AND as_of <= %(as_of)s ORDER BY customer_id LIMIT {AT_ONCE}"
    )
    after = 0
    while True:
        bound = {**customers.parameters(), "after": after, "as_of": dialect.bind_moment(as_of)}
        with connection.cursor() as cursor:
            cursor.execute(statement, bound)
            rows = cursor.fetchall()
        if rows:
            yield rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0]


def _changed(
    rows: Sequence[tuple[Any, ...]], wanted: Sequence[Measure], day: int, parameters: Mapping[str, Any]
) -> list[Values]:
    """Return the id and new values of the rows of which one differs."""
    reads = _reads(wanted)
    table = np.array([row[1:] for row in rows], dtype=np.float64)  # None becomes nan
    found = compute(
        wanted, {code: table[:, n] for n, code in enumerate(reads)}, day=day, parameters=parameters
    )
    new = np.column_stack(found)
    old = table[:, len(reads) :]
    differs = ~((new == old) | (np.isnan(new) & np.isnan(old))).all(axis=1)
    return [
        (rows[n][0], *(None if value != value else int(value) for value in new[n].tolist()))
        for n in np.flatnonzero(differs).tolist()
    ]


def _write(table: str, wanted: Sequence[Measure], values: Sequence[Values], as_of: datetime) -> int:
    """Write values into rows that no newer pass has taken meanwhile, in order of customer."""
    if not values:
        return 0
    names = ["customer_id", *(measure.code for measure in wanted)]
    setting = ", ".join(f'"{name}" = n."{name}"' for name in names[1:])
    moment = dialect.moment("%(as_of)s")
    statement = (
        f'UPDATE "{table}" AS w SET as_of = {moment}, {setting} FROM ({dialect.rows_of(names)}) n '
        f"WHERE w.customer_id = n.customer_id AND w.as_of <= {moment}"
    )
    bound = {"rows": dialect.bind_rows(values), "as_of": dialect.bind_moment(as_of)}
    with connection.cursor() as cursor, dialect.by_index(cursor):
        cursor.execute(statement, bound)
        return max(cursor.rowcount, 0)
