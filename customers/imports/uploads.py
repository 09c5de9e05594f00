"""The wizard's verbs: keep an uploaded file, look into it, start its import."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, drain, localtime
from customers.ground.errors import Refused
from customers.imports import errors, kinds, mapping, reading, spreadsheets, survey
from customers.imports.background import folder
from customers.imports.cells import Style, Type, reader_of
from customers.imports.kinds import CellRefused, Kind
from customers.imports.mapping import Mapping
from customers.imports.parsing import Parser
from customers.imports.run import context_of
from customers.models import ImportBatch, User

MOST_BYTES = 200 * 1024**2
PREVIEW_LINES = 20
LOOKED_AT = 5_000  # lines that the wizard's questions are drawn from; the run looks at all


class UploadTooLarge(Refused):
    code = "upload_too_large"
    message = _(
        "The file is larger than %(most)s MB. Pack it with gzip, split it, or use the command import_data."
    )


class KindForOthers(Refused):
    code = "import_kind_for_others"
    message = _("Files of this kind are brought in by admins only.")


class NotWaiting(Refused):
    code = "import_started"
    message = _("This import was started already.")


def keep_upload(upload: UploadedFile, *, kind: str, by: User, at: datetime) -> ImportBatch:
    """Store an uploaded file under a random name and begin its import's record.

    Raises a ``Refused`` for an unknown kind, a file that is too large, or one that is no table.
    Side effects: the file, an ``ImportBatch``, audit ``import.upload``.
    """
    _refuse_others(kinds.named(kind), by)
    if (upload.size or 0) > MOST_BYTES:
        raise UploadTooLarge(most=MOST_BYTES // 1024**2)
    name = secrets.token_hex(16)
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder() / name
    with path.open("xb") as stream:
        for piece in upload.chunks():
            stream.write(piece)
    path.chmod(0o600)
    try:
        reading.open_table(path, most_lines=PREVIEW_LINES).close()
    except Refused:
        path.unlink()
        raise
    with transaction.atomic():
        batch = ImportBatch.objects.create(
            kind=kind,
            file_name=Path(upload.name or "").name[:255],
            stored_as=name,
            size=upload.size or 0,
            by=by,
            made_at=at,
        )
        audit.record("import.upload", obj=batch, by=by, at=at, codes={"kind": kind, "bytes": batch.size})
    return batch


@dataclass
class PreviewCell:
    """One cell as it stands and as it is read."""

    text: str
    shown: str = ""
    problem: str = ""
    is_date: bool = False


@dataclass
class Look:
    """What the wizard shows of a file before its import."""

    header: list[str]
    columns: dict[str, str]
    lines: list[tuple[int, list[PreviewCell], str]] = field(default_factory=list)
    problem: str = ""
    asks_dates: bool = False
    asks_history: bool = False


def look_into(batch: ImportBatch, kind: Kind, wanted: Mapping, *, at: datetime) -> Look:
    """Return the file's columns, how the first lines read, and which questions are open."""
    firm = company.current()
    table = reading.open_table(
        folder() / batch.stored_as,
        encoding=wanted.encoding,
        delimiter=wanted.delimiter,
        most_lines=LOOKED_AT,
    )
    try:
        columns = wanted.columns or mapping.guess(kind, table.header)
        look = Look(table.header, columns)
        try:
            whole = mapping.complete(
                Mapping(**{**wanted.as_data(), "columns": columns}), kind, table.header, guessing=False
            )
        except Refused as refusal:
            look.problem = errors.on_page(refusal)
            whole = Mapping(**{**wanted.as_data(), "columns": {n: c for n, c in columns.items() if c}})
            if any(c not in table.header for c in whole.columns.values()):
                return look
        context = context_of(whole, table, firm, batch=None, at=at)
        seen = survey.survey(table, kind, whole, zone=context.zone, at=at, most_lines=LOOKED_AT)
        look.asks_dates = seen.unclear is not None
        look.asks_history = seen.is_mostly_old and "recorded_at" not in whole.columns
        if not look.problem:
            try:
                seen.answers(whole)
            except errors.ImportRefused as refusal:
                look.problem = errors.on_page(refusal)
        parser = None
        if set(kind.key) <= set(whole.columns) or whole.template:
            parser = Parser(kind, whole, table, seen.styles, context)
        look.lines = _preview(table, kind, whole, seen, parser, zone=firm.time_zone)
    finally:
        table.close()
    return look


def _preview(
    table: reading.Table,
    kind: Kind,
    wanted: Mapping,
    seen: survey.Survey,
    parser: Parser | None,
    *,
    zone: str,
) -> list[tuple[int, list[PreviewCell], str]]:
    fields = kind.fields_by_name
    readers = {
        column: reader_of(fields[name], seen.styles.get(column, Style("UTC")))
        for name, column in wanted.columns.items()
    }
    dates = (Type.DAY, Type.MOMENT)
    dated = {column for name, column in wanted.columns.items() if fields[name].type in dates}
    shown: list[tuple[int, list[PreviewCell], str]] = []
    for line in table.lines():
        if len(shown) >= PREVIEW_LINES:
            break
        if line.problem is not None:
            shown.append((line.number, [PreviewCell(line.text[:200])], str(line.problem)))
            continue
        cells = []
        for column, text in zip(table.header, line.cells, strict=True):
            cell = PreviewCell(text[:200])
            if column in readers:
                cell.is_date = column in dated
                try:
                    value = readers[column](spreadsheets.restored(text))
                    cell.shown = "" if str(value) == text.strip() else _shown(value, zone)
                except Refused as refusal:
                    cell.problem = str(refusal)
            cells.append(cell)
        shown.append((line.number, cells, _line_problem(parser, line)))
    return shown


def _shown(value: Any, zone: str) -> str:
    """Write a reading for people: moments on the company's wall clock."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        return localtime.to_local(value, zone).replace(tzinfo=None).isoformat(" ", "minutes")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    return str(value)


def _line_problem(parser: Parser | None, line: reading.RawLine) -> str:
    if parser is None:
        return ""
    try:
        parser.key(line, parser.read(line))
    except CellRefused as refusal:
        return str(refusal.reason)
    except KeyError:
        return ""
    return ""


def start_import(batch: ImportBatch, wanted: Mapping, *, by: User, at: datetime) -> ImportBatch:
    """Start the import of an uploaded file with a mapping; the drain does it.

    Raises ``Refused`` when the mapping does not fit or a question is open, :class:`NotWaiting` when
    it was started before. Side effects: audit ``import.start``.
    """
    kind = kinds.named(batch.kind)
    _refuse_others(kind, by)
    look = look_into(batch, kind, wanted, at=at)
    if look.problem:
        raise Refused(look.problem)
    with transaction.atomic():
        started = ImportBatch.objects.filter(pk=batch.pk, status=ImportBatch.Status.UPLOADED).update(
            status=ImportBatch.Status.WAITING,
            mapping={**wanted.as_data(), "columns": {n: c for n, c in look.columns.items() if c}},
        )
        if not started:
            raise NotWaiting()
        batch.refresh_from_db()
        audit.record("import.start", obj=batch, by=by, at=at, codes={"kind": batch.kind})
        transaction.on_commit(drain.wake)
    return batch


def _refuse_others(kind: Kind, by: User) -> None:
    """Refuse who may not bring in a file of this kind; what she is counts when it starts, too."""
    if not kind.is_for(by.role):
        raise KindForOthers()
