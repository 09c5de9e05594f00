"""One import from file to facts, in steps: look over it, read it, land it, write the error file."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import reset_queries, transaction
from django.db.models import F

from customers import company
from customers.batch import Landed
from customers.batch.landing import MOST_LINES, MOST_RECORDS
from customers.imports import errors, mapping, reading, refused, survey
from customers.imports.kinds import CellRefused, Context, Group, Kind, Outcome, Row
from customers.imports.lines import RawLine
from customers.imports.mapping import Mapping
from customers.imports.parsing import Parser, in_order
from customers.imports.reading import Table
from customers.imports.refused import bad_line
from customers.imports.staging import MOST_LINES_OF_A_GROUP, Stage
from customers.models import ImportBatch


class Overtaken(Exception):
    """Another worker has taken this import over."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no rubbish among the lines in flight: they make none, and looking took 40 % of the time.

    What a chunk leaves behind is looked for when it has landed.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass
class Progress:
    """How far an import has come; ``total`` is 0 while unknown."""

    phase: str  # unpacking, looking, reading, landing, telling
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
    table = yield from _opening(path, wanted)
    stage = Stage()
    try:
        wanted = mapping.complete(wanted, kind, table.header)
        context = context_of(wanted, table, firm, batch=batch, at=at)
        seen = yield from _looking(table, kind, wanted, context)
        seen.answers(wanted)
        parser = Parser(kind, wanted, table, seen.styles, context)
        report = Report(kind.code)
        if seen.is_sorted and kind.place is None:
            groups: Iterable[Group] = _as_they_come(table, parser, stage, report)
        else:
            yield from _reading(table, parser, stage, report, total=seen.lines)
            groups = stage.groups(parser.values_of, is_grouped=kind.is_grouped, place=kind.place)
        land = _landing(kind, parser, groups, stage, context, report, is_dry=is_dry, most_chunks=most_chunks)
        for done in land:
            yield Progress("landing", done, seen.lines)
        report.refused = stage.counts()[1]
        if report.refused and errors_to is not None:
            for line in refused.writing(table, stage, errors_to):
                yield Progress("telling", line, seen.lines)
            report.error_file = errors_to
        return report
    finally:
        stage.close()
        table.close()


def _opening(path: Path, wanted: Mapping) -> Generator[Progress, None, Table]:
    steps = reading.opening(path, encoding=wanted.encoding, delimiter=wanted.delimiter)
    while True:
        try:
            yield Progress("unpacking", next(steps))
        except StopIteration as done:
            table: Table = done.value
            return table


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
    """Read all lines into the stage, where those of one record come together."""
    for block in table.blocks():
        parsed = parser.parsed(block)
        report.lines += len(parsed.numbers) + len(parsed.odd)
        if parser.mended is None:
            stage.add_many(parsed.numbers, parsed.keys, parsed.picked)
            odd = parsed.odd
        else:  # a mended line says where it stood
            odd = list(block.lines())
        for line in odd:
            picked = parser.picked(line) if line.problem is None else []  # reading changes the cells
            key, values = _read(line, parser, stage)
            if values is not None:
                stage.add(line.number, key, picked, position=parser.position(line))
        yield Progress("reading", report.lines, total)
    stage.sort()
    if not parser.kind.is_grouped:
        for number, before in stage.twins():
            column = parser.columns.get(parser.kind.key[0], "")
            stage.refuse(bad_line(number, column, errors.SameId(line=before)))
            stage.drop(number)


def _as_they_come(table: Table, parser: Parser, stage: Stage, report: Report) -> Iterator[Group]:
    """Yield the groups of a file in which the lines of each stand together."""
    names = parser.names
    group, count = Group("", []), 0
    for block in table.blocks():
        parsed = parser.parsed(block)
        report.lines += len(parsed.numbers) + len(parsed.odd)
        for number, key, cells, line in in_order(parsed):
            values: dict[str, Any] | None
            if line is not None:
                key, values = _read(line, parser, stage, after=(group.key, count))
                if not key:
                    continue
            else:
                values = dict(zip(names, cells or (), strict=True))
            if key != group.key:
                if group.rows:
                    yield group
                group, count = Group(key, []), 0
            count += 1
            if values is None:
                continue
            if len(group.rows) >= MOST_LINES_OF_A_GROUP:
                reason = errors.TooManyTogether(most=MOST_LINES_OF_A_GROUP)
                stage.refuse(bad_line(number, "", reason, position=count))
            else:
                group.rows.append(Row(number, count if parser.kind.is_grouped else 1, values))
    if group.rows:
        yield group


def _read(
    line: RawLine, parser: Parser, stage: Stage, *, after: tuple[str, int] | None = None
) -> tuple[str, dict[str, Any] | None]:
    """Return key and values of one line; without values it was refused, without key it has none.

    ``after``: key and count of lines of the group that it comes after, where groups stand together.
    """
    if line.problem is not None:
        stage.refuse(bad_line(line.number, "", line.problem))
        return "", None
    try:
        values = parser.read(line)
        return parser.key(line, values), values
    except CellRefused as refusal:
        column = parser.columns.get(refusal.field, refusal.field)
        key = parser.key_of_bad(line)
        position = parser.position(line) or 0
        if after is not None and key:
            position = after[1] + 1 if key == after[0] else 1
        stage.refuse(bad_line(line.number, column, refusal.reason, key=key, position=position))
        return key, None


def _landing(
    kind: Kind,
    parser: Parser,
    groups: Iterable[Group],
    stage: Stage,
    context: Context,
    report: Report,
    *,
    is_dry: bool,
    most_chunks: int | None,
) -> Iterator[int]:
    """Land the groups chunk by chunk; yield how many lines are done."""
    done = 0
    for number, chunk in enumerate(_chunks(groups), start=1):
        if most_chunks is not None and number > most_chunks:
            return
        with transaction.atomic():
            outcome = kind.land(chunk, context)
            if is_dry:
                transaction.set_rollback(True)
            elif context.batch is not None:
                _count(context.batch, number, outcome)
        if outcome.refused:
            places = {row.number: row.position for group in chunk for row in group.rows}
            for refusal in outcome.refused:
                column = parser.columns.get(refusal.field, refusal.field)
                place = places.get(refusal.number, 0) if kind.is_grouped else 0
                stage.refuse(bad_line(refusal.number, column, refusal.reason, position=place))
        report.landed += outcome.landed
        done += sum([len(group.rows) for group in chunk])
        del chunk, outcome
        gc.collect(1)
        if settings.DEBUG:  # Django keeps thousands of statements then, and ours are long
            reset_queries()
        yield done


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
