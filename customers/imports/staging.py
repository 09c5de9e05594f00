"""Where lines wait between reading and landing: a file on disk that brings like keys together.

So lines of one order need not stand together in the file, and memory stays bounded.
"""

from __future__ import annotations

import marshal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customers.imports import errors
from customers.imports.kinds import Group, Row

MOST_LINES_OF_A_GROUP = 50_000
_LATER = 1_000_000  # places of mended lines that had none: after all that a first import gives
_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32000; PRAGMA temp_store=FILE;
CREATE TABLE line (number INTEGER PRIMARY KEY, key TEXT NOT NULL, position INTEGER, payload BLOB);
CREATE TABLE bad (
    number INTEGER PRIMARY KEY, col TEXT, code TEXT, reason TEXT, key TEXT, position INTEGER
);
BEGIN
"""
_PLACED = """
CREATE TEMP TABLE IF NOT EXISTS placed (number INTEGER PRIMARY KEY, place INTEGER);
DELETE FROM placed;
INSERT INTO placed SELECT number, place FROM (
    SELECT number, is_bad, ROW_NUMBER() OVER (PARTITION BY key ORDER BY number) AS place FROM (
        SELECT number, key, 0 AS is_bad FROM line
        WHERE key IN (SELECT key FROM bad WHERE key <> '' AND position = 0)
        UNION ALL SELECT number, key, 1 FROM bad WHERE key <> ''
    )
) WHERE is_bad = 1;
"""


@dataclass(slots=True)
class Bad:
    """A refused line: where, the column at fault (or none), a code and the reason in words."""

    number: int
    column: str
    code: str
    reason: str
    key: str = ""
    position: int = 0


class Stage:
    """Lines read and lines refused, in a temporary SQLite file (never in the product's database)."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="liuke-import-")
        self.db = sqlite3.connect(
            str(Path(self.folder.name) / "stage"), isolation_level=None, check_same_thread=False
        )
        self.db.executescript(_TABLES)
        self._lines: list[tuple[int, str, int | None, bytes]] = []
        self._bads: list[tuple[int, str, str, str, str, int]] = []

    def close(self) -> None:
        """Throw everything away."""
        self.db.close()
        self.folder.cleanup()

    def add(self, number: int, key: str, cells: Sequence[str], *, position: int | None = None) -> None:
        """Keep a line that can be read."""
        self._lines.append((number, key, position, marshal.dumps(list(cells))))
        if len(self._lines) >= 5000:
            self.flush()

    def add_many(self, numbers: Sequence[int], keys: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        """Keep many lines that can be read."""
        self.flush()
        self.db.executemany(
            "INSERT INTO line VALUES (?, ?, NULL, ?)",
            zip(numbers, keys, map(_packed, cells), strict=True),
        )

    def refuse(self, bad: Bad) -> None:
        """Keep a line that was refused."""
        self._bads.append((bad.number, bad.column, bad.code, bad.reason, bad.key, bad.position))
        if len(self._bads) >= 5000:
            self.flush()

    def flush(self) -> None:
        """Write what was kept in memory; of two refusals of one line the first counts."""
        self.db.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", self._lines)
        self.db.executemany("INSERT OR IGNORE INTO bad VALUES (?, ?, ?, ?, ?, ?)", self._bads)
        self._lines.clear()
        self._bads.clear()

    def sort(self) -> None:
        """Make keys findable, once all lines are here."""
        self.flush()
        self.db.execute("CREATE INDEX line_key ON line (key, number)")

    def twins(self) -> Iterator[tuple[int, int]]:
        """Yield each line whose key an earlier line has, with that line."""
        yield from self.db.execute(
            "SELECT number, (SELECT MIN(first.number) FROM line first WHERE first.key = line.key) AS before "
            "FROM line WHERE before < number ORDER BY number"
        ).fetchall()

    def drop(self, number: int) -> None:
        """Forget a line (it was refused meanwhile)."""
        self.db.execute("DELETE FROM line WHERE number = ?", (number,))

    def groups(
        self,
        values_of: Callable[[Sequence[str]], dict[str, Any]],
        *,
        is_grouped: bool,
        place: Callable[[dict[str, Any]], str] | None = None,
    ) -> Iterator[Group]:
        """Yield the groups: in the order of their keys, or line by line when nothing is grouped.

        ``place`` gives those lines another order than the file's. A line's place counts refused lines of
        its group too, so that a mended line finds its place.
        """
        if not is_grouped:
            for number, key, payload in self._in_order(values_of, place):
                yield Group(key, [Row(number, 1, values_of(marshal.loads(payload)))])  # noqa: S302
            return
        group, count = Group("", []), 0
        rows = self.db.execute(
            "SELECT key, number, position, payload FROM line UNION ALL "
            "SELECT key, number, NULL, NULL FROM bad WHERE key <> '' ORDER BY key, number"
        )
        for key, number, position, payload in rows:
            if key != group.key:
                if group.rows:
                    yield group
                group, count = Group(key, []), 0
            count += 1
            if len(group.rows) >= MOST_LINES_OF_A_GROUP:
                reason = errors.TooManyTogether(most=MOST_LINES_OF_A_GROUP)
                self.refuse(Bad(number, "", reason.code, str(reason), position=position or count))
            elif payload is not None:
                values = values_of(marshal.loads(payload))  # noqa: S302 — written by add()
                group.rows.append(Row(number, position or count, values))
        if group.rows:
            yield group

    def _in_order(
        self,
        values_of: Callable[[Sequence[str]], dict[str, Any]],
        place: Callable[[dict[str, Any]], str] | None,
    ) -> Iterator[tuple[int, str, bytes]]:
        """Yield number, key and cells of the lines, as they stand in the file or by their place."""
        if place is None:
            yield from self.db.execute("SELECT number, key, payload FROM line ORDER BY number")
            return
        self.db.execute("CREATE TEMP TABLE ordered (place TEXT, number INTEGER)")
        lines = self.db.execute("SELECT number, payload FROM line ORDER BY number")
        while block := lines.fetchmany(5000):
            placed = [(place(values_of(marshal.loads(payload))), number) for number, payload in block]  # noqa: S302
            self.db.executemany("INSERT INTO ordered VALUES (?, ?)", placed)
        self.db.execute("CREATE INDEX ordered_place ON ordered (place, number)")
        yield from self.db.execute(
            "SELECT number, key, payload FROM ordered CROSS JOIN line USING (number) ORDER BY place, number"
        )

    def bads(self) -> Iterator[Bad]:
        """Yield the refused lines in their order, each with its place in its group if that is known."""
        self.flush()
        self.db.executescript(_PLACED)
        for row in self.db.execute(
            "SELECT number, col, code, reason, key, "
            "CASE WHEN position > 0 THEN position ELSE COALESCE(place, 0) END "
            "FROM bad LEFT JOIN placed USING (number) ORDER BY number"
        ):
            yield Bad(*row)

    def counts(self) -> tuple[int, int]:
        """Return how many lines stand and how many are refused."""
        self.flush()
        lines = self.db.execute("SELECT COUNT(*) FROM line").fetchone()[0]
        return lines, self.db.execute("SELECT COUNT(*) FROM bad").fetchone()[0]


def _packed(cells: Sequence[str]) -> bytes:
    return marshal.dumps(tuple(cells))


def later_place(number: int) -> int:
    """Return the place in its order of a mended line that had none: by its line in the first file."""
    return _LATER + number
