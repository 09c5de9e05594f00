"""Tables out, as CSV or XLSX, row by row: a list of any length takes a few kilobytes of memory.

Cells are safe in spreadsheets: what might be taken for a formula gets an apostrophe before it, which an
import takes off again (``customers.imports.spreadsheets``).
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.http import StreamingHttpResponse

from customers.imports.spreadsheets import neutralised

MOST_ROWS = 1_048_575  # of a sheet, by its format, below the header
FORMATS = ("csv", "xlsx")
_PIECE = 64 * 1024
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AROUND = {
    "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_XML}<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Liuke" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
    f'Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
Row = Sequence[Any]


def download(rows: Iterable[Row], *, header: Sequence[str], form: str, name: str) -> StreamingHttpResponse:
    """Return an answer that writes the table while it is read; ``form`` is one of ``FORMATS``."""
    pieces = as_csv(rows, header=header) if form == "csv" else as_xlsx(rows, header=header)
    return StreamingHttpResponse(
        pieces,
        content_type=_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{form}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def as_csv(rows: Iterable[Row], *, header: Sequence[str]) -> Iterator[bytes]:
    """Yield a table as CSV in UTF-8 with the mark by which spreadsheets know it."""
    buffer = io.StringIO("\ufeff")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_text(cell) for cell in row])
        if buffer.tell() >= _PIECE:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def as_xlsx(rows: Iterable[Row], *, header: Sequence[str]) -> Iterator[bytes]:
    """Yield a table as a workbook of one sheet, packed while it is written."""
    sink = _Sink()
    into: Any = sink
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as book:
        for part, text in _AROUND.items():
            book.writestr(part, text)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_SHEET}"><sheetData>'.encode())
            sheet.write(_row(header))
            for row in rows:
                sheet.write(_row(row))
                if sink.size >= _PIECE:
                    yield sink.taken()
            sheet.write(b"</sheetData></worksheet>")
    yield sink.taken()


class _Sink:
    """What the archive is written to: it cannot go back, and holds no more than was not yet sent."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written is there."""

    def taken(self) -> bytes:
        pieces, self.pieces, self.size = self.pieces, [], 0
        return b"".join(pieces)


def _row(row: Row) -> bytes:
    return f"<row>{''.join(map(_cell, row))}</row>".encode("utf-8", "replace")


def _cell(cell: Any) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        return f"<c><v>{cell}</v></c>"
    text = "".join(letter for letter in _text(cell) if letter >= " " or letter in "\t\n\r")
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _text(cell: Any) -> str:
    """Return a cell as text: numbers and days as they are, all else made safe."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    if isinstance(cell, int | float | Decimal | date):
        return str(cell)
    return neutralised(str(cell).replace("\0", ""))
