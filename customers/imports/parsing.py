"""Cells become values by field, column by column; what is refused is read again line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any
from zoneinfo import ZoneInfo

from customers.ground.errors import Refused
from customers.imports import errors, mapping, spreadsheets
from customers.imports.cells import Field, Style, Type, reader_of
from customers.imports.kinds import CellRefused, Context, Kind
from customers.imports.lines import Block, RawLine
from customers.imports.mapping import Mapping
from customers.imports.reading import ERROR_COLUMNS, Table
from customers.imports.staging import later_place

_KEPT = 20_000  # readings of a column that are remembered from block to block
_LONG = 200  # a longer text is not worth remembering


@dataclass(slots=True)
class Parsed:
    """The lines of a block whose cells can all be read, column by column, and the others."""

    numbers: Sequence[int]
    keys: Sequence[str]
    values: list[tuple[Any, ...]]  # in the order of ``Parser.names``
    picked: list[tuple[str, ...]]  # the cells that they were read from
    odd: list[RawLine]


class _Lines:
    """The good lines of a block while it is read, column by column."""

    def __init__(self, block: Block) -> None:
        self.numbers, self.rows, self.odd = block.numbers, block.rows, list(block.odd)
        self.texts: Sequence[Sequence[str]] = list(zip(*block.rows, strict=True))

    def without(self, bad: set[int], columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Put those lines aside as odd ones; return the columns of the others."""
        if not bad:
            return columns
        self.odd += [RawLine(self.numbers[at], self.rows[at]) for at in bad]
        keep = [at not in bad for at in range(len(self.rows))]
        self.numbers = list(compress(self.numbers, keep))
        self.rows = list(compress(self.rows, keep))
        self.texts = [list(compress(texts, keep)) for texts in self.texts]
        return {name: list(compress(values, keep)) for name, values in columns.items()}


class _Known(dict[str, Any]):
    """Readings of a column by cell; ``bad`` are the cells refused since the last :meth:`tidy`."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read
        self.bad: set[str] = set()

    def __missing__(self, text: str) -> Any:
        try:
            value = self.read(spreadsheets.restored(text) if text[:1] == "'" else text)
        except Refused:
            self.bad.add(text)
            return None
        if len(text) <= _LONG:
            self[text] = value
        return value

    def tidy(self) -> None:
        """Forget what was refused, and all when that is much."""
        self.bad.clear()
        if len(self) > _KEPT:
            self.clear()


class Parser:
    """Reads lines by a mapping: values by field, and the key of the record that they belong to."""

    def __init__(
        self, kind: Kind, wanted: Mapping, table: Table, styles: dict[str, Style], context: Context
    ) -> None:
        self.kind, self.context = kind, context
        self.columns = wanted.columns
        place = {name: index for index, name in enumerate(table.header)}
        fallback = Style(zone=context.zone)
        self.cells: list[tuple[str, int, Callable[[str], Any]]] = []
        for name, column in wanted.columns.items():
            reads = reader_of(kind.fields_by_name[name], styles.get(column, fallback))
            self.cells.append((name, place[column], reads))
        self.names = tuple(name for name, _index, _read in self.cells)
        self.known = [(name, index, _Known(read)) for name, index, read in self.cells]
        self.template = wanted.template
        field_of = {column: name for name, column in wanted.columns.items()}
        self.parts = []
        for column in wanted.places:
            read = reader_of(Field(column, column, Type.ID, required=True), styles.get(column, fallback))
            self.parts.append((column, place[column], field_of.get(column, ""), read))
        self.known_parts = [_Known(read) for _column, _index, _name, read in self.parts]
        self.zone = ZoneInfo(context.zone)
        self.moments: dict[datetime, str] = {}
        self.mended = (place[ERROR_COLUMNS[0]], place[ERROR_COLUMNS[1]]) if table.is_mended else None

    # --- Many lines -----------------------------------------------------------------------------
    def parsed(self, block: Block) -> Parsed:
        """Read a block; lines with a cell that is refused, or doubtful, come back as odd ones."""
        if not block.rows:
            return Parsed((), (), [], [], block.odd)
        lines = _Lines(block)
        columns: dict[str, list[Any]] = {}
        bad: set[int] = set()
        for name, index, known in self.known:
            known.tidy()
            columns[name] = list(map(known.__getitem__, lines.texts[index]))
            if known.bad:
                bad.update(at for at, text in enumerate(lines.texts[index]) if text in known.bad)
        columns = lines.without(bad, columns)
        bad = self._doubtful(columns, len(lines.numbers)) if lines.numbers else set()
        keys = self._keys(lines.texts, columns, bad) if lines.numbers else []
        columns = lines.without(bad, {**columns, "": keys})
        keys = columns.pop("")
        picked = (lines.texts[index] for _name, index, _known in self.known)
        return Parsed(
            lines.numbers,
            keys,
            list(zip(*columns.values(), strict=True)),
            list(zip(*picked, strict=True)),
            sorted(lines.odd, key=lambda line: line.number),
        )

    def _doubtful(self, columns: dict[str, list[Any]], count: int) -> set[int]:
        """Return the lines that the kind's own check may refuse."""
        if self.kind.doubtful is not None:
            return self.kind.doubtful(columns, self.context)
        found: set[int] = set()
        if self.kind.check is not None:
            for at, values in enumerate(zip(*columns.values(), strict=True)):
                try:
                    self.kind.check(dict(zip(self.names, values, strict=True)), self.context)
                except CellRefused:
                    found.add(at)
        return found

    def _keys(
        self, texts: Sequence[Sequence[str]], columns: dict[str, list[Any]], doubtful: set[int]
    ) -> list[str]:
        """Return the key of each line; those that have none are doubtful."""
        if not self.template and len(self.kind.key) == 1:
            return columns[self.kind.key[0]]
        plain = self._plain
        if not self.template:
            return [
                "|".join(map(plain, values))
                for values in zip(*(columns[name] for name in self.kind.key), strict=True)
            ]
        parts = []
        for known, (_column, index, name, _read) in zip(self.known_parts, self.parts, strict=True):
            if name in columns:
                values = columns[name]
            else:
                known.tidy()
                values = list(map(known.__getitem__, texts[index]))
            doubtful.update(at for at, value in enumerate(values) if value in ("", None))
            parts.append([value if isinstance(value, str) else plain(value) for value in values])
        shape = mapping.shape_of(self.template)
        keys = [shape % values for values in zip(*parts, strict=True)]
        if max(map(len, keys)) > 190:
            doubtful.update(at for at, key in enumerate(keys) if len(key) > 190)
        return keys

    def values_of(self, picked: Sequence[str]) -> dict[str, Any]:
        """Return the values of cells that were read once already."""
        return {name: known[text] for (name, _index, known), text in zip(self.known, picked, strict=True)}

    # --- One line -------------------------------------------------------------------------------
    def read(self, line: RawLine) -> dict[str, Any]:
        """Return the values of a line; raise ``CellRefused`` for the first that is refused."""
        values: dict[str, Any] = {}
        for name, index, read in self.cells:
            text = line.cells[index]
            if text[:1] == "'":
                text = line.cells[index] = spreadsheets.restored(text)
            try:
                values[name] = read(text)
            except Refused as refusal:
                raise CellRefused(name, refusal) from refusal
        if self.kind.check is not None:
            self.kind.check(values, self.context)
        return values

    def picked(self, line: RawLine) -> list[str]:
        """Return the cells of a line that hold fields."""
        return [line.cells[index] for _name, index, _read in self.cells]

    def key(self, line: RawLine, values: dict[str, Any]) -> str:
        """Return the name of the line's record; raise ``CellRefused`` when a part of it is missing."""
        if not self.template:
            return "|".join(self._plain(values[name]) for name in self.kind.key)
        parts: dict[str, str] = {}
        for column, index, name, read in self.parts:
            try:
                value = values[name] if name in values else read(line.cells[index])
            except Refused as refusal:
                raise CellRefused(column, refusal) from refusal
            if value in ("", None):
                raise CellRefused(column, errors.Missing())
            parts[column] = self._plain(value)
        key = mapping.fill(self.template, parts)
        if len(key) > 190:
            raise CellRefused("external_id", errors.TooLong(most=190))
        return key

    def _plain(self, value: Any) -> str:
        if not isinstance(value, datetime):
            return str(value)
        if value not in self.moments:
            local = value.astimezone(self.zone).replace(tzinfo=None)
            if len(self.moments) > _KEPT:
                self.moments.clear()
            self.moments[value] = local.isoformat(timespec="seconds" if local.second else "minutes")
        return self.moments[value]

    def key_of_bad(self, line: RawLine) -> str:
        """Return the name of a refused line's record, as far as it can be read."""
        values: dict[str, Any] = {}
        wanted = {name for _c, _i, name, _r in self.parts} if self.template else set(self.kind.key)
        for name, index, read in self.cells:
            if name in wanted:
                with suppress(Refused):
                    values[name] = read(line.cells[index])
        try:
            return self.key(line, values)
        except (CellRefused, KeyError):
            return ""

    def position(self, line: RawLine) -> int | None:
        """Return the place in its order that a mended line says it has."""
        if self.mended is None:
            return None
        number, place = (line.cells[index].strip() for index in self.mended)
        if place.isdecimal() and int(place[:12]) < 2**31:
            return int(place)
        return later_place(int(number)) if number.isdecimal() and len(number) < 10 else None


def in_order(parsed: Parsed) -> Iterator[tuple[int, str, tuple[Any, ...] | None, RawLine | None]]:
    """Yield the lines of a block in their order: number, key and values, or the odd line."""
    odd = iter(parsed.odd)
    waiting = next(odd, None)
    for number, key, values in zip(parsed.numbers, parsed.keys, parsed.values, strict=True):
        while waiting is not None and waiting.number < number:
            yield waiting.number, "", None, waiting
            waiting = next(odd, None)
        yield number, key, values, None
    while waiting is not None:
        yield waiting.number, "", None, waiting
        waiting = next(odd, None)
