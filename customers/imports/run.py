"""One import from file to facts, in steps: look over it, read it, land it, write the error file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F
from django.utils.translation import get_language

from customers import company
from customers.batch import Landed
from customers.ground.errors import Refused
from customers.imports import errors, mapping, reading, spreadsheets, survey
from customers.imports.cells import Field, Style, Type, reader_of
from customers.imports.kinds import CellRefused, Context, Group, Kind, Outcome
from customers.imports.mapping import Mapping
from customers.imports.reading import ERROR_COLUMNS, RawLine, Table
from customers.imports.staging import Bad, Stage, later_place
from customers.models import ImportBatch

MOST_RECORDS = 1_000  # of a chunk, which is one transaction
MOST_LINES = 8_000


class Overtaken(Exception):
    """Another worker has taken this import over."""


@dataclass
class Progress:
    """How far an import has come; ``total`` is 0 while unknown."""

    phase: str  # looking, reading, landing
    done: int
    total: int = 0


@dataclass
class Report:
    """What became of a file."""

    kind: str
    lines: int = 0
    refused: int = 0
    landed: Landed = field(default_factory=Landed)
    error_file: Path | None = None

    @property
    def accepted(self) -> int:
        return self.lines - self.refused


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
        self.template = wanted.template
        field_of = {column: name for name, column in wanted.columns.items()}
        self.parts = []
        for column in wanted.places:
            read = reader_of(Field(column, column, Type.ID, required=True), styles.get(column, fallback))
            self.parts.append((column, place[column], field_of.get(column, ""), read))
        self.zone = ZoneInfo(context.zone)
        self.moments: dict[datetime, str] = {}
        self.mended = (place[ERROR_COLUMNS[0]], place[ERROR_COLUMNS[1]]) if table.is_mended else None

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

    def values_of(self, picked: list[str]) -> dict[str, Any]:
        """Return the values of cells that were read once already."""
        return {name: read(text) for (name, _index, read), text in zip(self.cells, picked, strict=True)}

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
            self.moments[value] = local.isoformat(timespec="seconds" if local.second else "minutes")
            if len(self.moments) > 50_000:
                self.moments = {value: self.moments[value]}
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
        if place.isdigit() and int(place) < 2**31:
            return int(place)
        return later_place(int(number)) if number.isdigit() and int(number) < 10**9 else None


def importing(
    path: Path,
    kind: Kind,
    wanted: Mapping,
    *,
    batch: ImportBatch | None,
    is_dry: bool = False,
    errors_to: Path | None = None,
    most_chunks: int | None = None,
    at: datetime,
) -> Generator[Progress, None, Report]:
    """Import a file step by step; every step leaves the database as if the import had ended there.

    Args:
        path: the file; ``wanted``: the mapping, possibly without columns (then they are guessed).
        batch: what the facts point to. Chunks that it counted already land again (and change
            nothing) without being counted twice, so a killed import simply starts over.
        is_dry: everything but nothing: each chunk is taken back.
        errors_to: where refused lines are written, if there are any.
        at: the moment that the company knows of what the file tells, unless it says otherwise.

    Yields progress, returns the report. Raises ``Refused`` before anything is written when the file
    cannot be read or a question is open, and :class:`Overtaken`.
    """
    firm = company.current()
    table = reading.open_table(path, encoding=wanted.encoding, delimiter=wanted.delimiter)
    stage = Stage()
    try:
        wanted = mapping.complete(wanted, kind, table.header)
        context = context_of(wanted, table, firm, batch=batch, at=at)
        seen = yield from _looking(table, kind, wanted, context)
        seen.answers(wanted)
        parser = Parser(kind, wanted, table, seen.styles, context)
        report = Report(kind.code)
        yield from _reading(table, parser, stage, report, total=seen.lines)
        yield from _landing(kind, parser, stage, context, report, is_dry=is_dry, most_chunks=most_chunks)
        report.refused = stage.counts()[1]
        if report.refused and errors_to is not None:
            write_errors(table, stage, errors_to)
            report.error_file = errors_to
        return report
    finally:
        stage.close()
        table.close()


def context_of(
    wanted: Mapping, table: Table, firm: Any, *, batch: ImportBatch | None, at: datetime
) -> Context:
    """Return what the kinds need to know."""
    return Context(
        source=wanted.source,
        at=at,
        firm=firm,
        batch=batch,
        currency=wanted.currency or firm.base_currency,
        zone=wanted.time_zone or firm.time_zone,
        create_missing=wanted.on_missing_customer == "create",
        history=bool(wanted.history),
        delay=timedelta(days=wanted.delay_days),
        is_mended=table.is_mended,
        returns=wanted.returns == "negative quantity",
    )


def _looking(
    table: Table, kind: Kind, wanted: Mapping, context: Context
) -> Generator[Progress, None, survey.Survey]:
    steps = survey.surveying(table, kind, wanted, zone=context.zone, at=context.at)
    while True:
        try:
            yield Progress("looking", next(steps))
        except StopIteration as done:
            found: survey.Survey = done.value
            return found


def _reading(table: Table, parser: Parser, stage: Stage, report: Report, *, total: int) -> Iterator[Progress]:
    for line in table.lines():
        report.lines += 1
        if not report.lines % 2000:
            yield Progress("reading", report.lines, total)
        if line.problem is not None:
            stage.refuse(_bad(line.number, "", line.problem))
            continue
        try:
            values = parser.read(line)
            key = parser.key(line, values)
        except CellRefused as refusal:
            column = parser.columns.get(refusal.field, refusal.field)
            key, place = parser.key_of_bad(line), parser.position(line) or 0
            stage.refuse(_bad(line.number, column, refusal.reason, key=key, position=place))
        else:
            stage.add(line.number, key, parser.picked(line), position=parser.position(line))
    stage.sort()
    if not parser.kind.is_grouped:
        for number, before in stage.twins():
            stage.refuse(_bad(number, parser.columns.get(parser.kind.key[0], ""), errors.SameId(line=before)))
            stage.drop(number)


def _bad(number: int, column: str, reason: Refused, *, key: str = "", position: int = 0) -> Bad:
    said = str(reason) if reason.values else _said(reason.text, get_language() or "")
    return Bad(number, column, reason.code, said, key, position)


@lru_cache(maxsize=256)
def _said(text: object, language: str) -> str:
    """Return the words of a refusal that says the same each time; files repeat their mistakes."""
    return str(text)


def _landing(
    kind: Kind,
    parser: Parser,
    stage: Stage,
    context: Context,
    report: Report,
    *,
    is_dry: bool,
    most_chunks: int | None,
) -> Iterator[Progress]:
    done = 0
    total = stage.counts()[0]
    for number, chunk in enumerate(
        _chunks(stage.groups(parser.values_of, is_grouped=kind.is_grouped)), start=1
    ):
        if most_chunks is not None and number > most_chunks:
            return
        with transaction.atomic():
            outcome = kind.land(chunk, context)
            if is_dry:
                transaction.set_rollback(True)
            elif context.batch is not None:
                _count(context.batch, number, outcome)
        places = {row.number: row.position for group in chunk for row in group.rows}
        for refusal in outcome.refused:
            column = parser.columns.get(refusal.field, refusal.field)
            place = places.get(refusal.number, 0) if kind.is_grouped else 0
            stage.refuse(_bad(refusal.number, column, refusal.reason, position=place))
        report.landed += outcome.landed
        done += len(places)
        yield Progress("landing", done, total)


def _chunks(groups: Iterable[Group]) -> Iterator[list[Group]]:
    chunk: list[Group] = []
    lines = 0
    for group in groups:
        if chunk and (len(chunk) >= MOST_RECORDS or lines + len(group.rows) > MOST_LINES):
            yield chunk
            chunk, lines = [], 0
        chunk.append(group)
        lines += len(group.rows)
    if chunk:
        yield chunk


def _count(batch: ImportBatch, number: int, outcome: Outcome) -> None:
    """Add a chunk to the counts of its batch, in its transaction, once."""
    if number <= batch.position:
        return
    landed = outcome.landed
    counted = ImportBatch.objects.filter(pk=batch.pk, position=number - 1).update(
        position=number,
        created=F("created") + landed.created,
        updated=F("updated") + landed.updated,
        unchanged=F("unchanged") + landed.unchanged,
    )
    if not counted:
        raise Overtaken()
    batch.position = number


# --- The error file ----------------------------------------------------------------------------
def write_errors(table: Table, stage: Stage, path: Path) -> None:
    """Write the refused lines as they stood, with line, place, column and reason beside them.

    The file can be mended and imported with the same mapping: the added columns are not data, but
    tell which place in its order a line had.
    """
    header = [name for name in table.header if name not in ERROR_COLUMNS]
    keep = [index for index, name in enumerate(table.header) if name not in ERROR_COLUMNS]
    places = stage.places()
    bads = stage.bads()
    bad = next(bads, None)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*map(spreadsheets.neutralised, header), *ERROR_COLUMNS])
        for line in table.lines():
            if bad is None:
                break
            if line.number != bad.number:
                continue
            place = places.get(bad.number, 0)
            writer.writerow(
                [
                    *(spreadsheets.neutralised(cell) for cell in _as_it_stood(line, keep, table.delimiter)),
                    bad.number,
                    place or "",
                    spreadsheets.neutralised(bad.column),
                    bad.reason,
                ]
            )
            bad = next(bads, None)
    beside.replace(path)


def _as_it_stood(line: RawLine, keep: Sequence[int], delimiter: str) -> list[str]:
    cells = line.cells or [line.text]
    if len(cells) > len(keep) and line.problem is not None:
        return [*cells[: len(keep) - 1], delimiter.join(cells[len(keep) - 1 :])]
    if line.problem is not None:
        return [*cells, *[""] * (len(keep) - len(cells))]
    # what was neutralised by us stands once more as it came
    return [spreadsheets.restored(cells[index]) for index in keep]
