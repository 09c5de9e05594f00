"""Opening a table, whatever it is packed in: a file in, its columns and blocks of lines out.

A file of any size, damaged or hostile, gives a verdict within limits.
"""

from __future__ import annotations

import json
import stat
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from customers.imports import errors, lines, spreadsheets, workbooks
from customers.imports.lines import (
    MOST_CHARACTERS,
    MOST_COLUMNS,
    MOST_LINES,
    Block,
    RawLine,
    TextLines,
    pieces,
)

ERROR_COLUMNS = ("error_line", "error_position", "error_column", "error_reason")
"""The columns that an error file adds; they are not data when it comes back mended."""

_GLANCE = 32  # pieces of a file from which a page takes its encoding; the import looks at all
_ROWS = 2_000  # of a workbook, in one block


@dataclass
class Table:
    """A file opened for reading, as often as needed."""

    path: Path
    header: list[str]
    blocks: Callable[[], Iterator[Block]]
    form: str  # "csv" or "xlsx"
    encoding: str = "utf-8"
    delimiter: str = ","
    spool: Any = field(default=None, repr=False)

    @property
    def is_mended(self) -> bool:
        """Whether this is an error file that comes back."""
        return all(name in self.header for name in ERROR_COLUMNS)

    def lines(self) -> Iterator[RawLine]:
        """Yield every line."""
        for block in self.blocks():
            yield from block.lines()

    def close(self) -> None:
        """Drop the temporary copy of a workbook."""
        if self.spool is not None:
            self.spool.close()


def open_table(path: Path, *, encoding: str = "", delimiter: str = "", most_lines: int = 0) -> Table:
    """Look into a file and return it as a table; with ``most_lines`` only as far as a page needs it.

    Raises an :class:`~customers.imports.errors.ImportRefused` that says what to do about a file
    that is no table: empty, damaged, not text, too large, without unique column names.
    """
    steps = opening(path, encoding=encoding, delimiter=delimiter, most_lines=most_lines)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            table: Table = done.value
            return table


def opening(
    path: Path, *, encoding: str = "", delimiter: str = "", most_lines: int = 0
) -> Generator[int, None, Table]:
    """Do the same in steps: yield how many lines of a workbook are unpacked now and then."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting for ever
            raise errors.NoFile(name=path.name)
        with path.open("rb") as stream:
            start = stream.read(8)
    except (OSError, ValueError) as error:
        raise errors.NoFile(name=path.name) from error
    if not start:
        raise errors.EmptyFile()
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise errors.OldWorkbook()
    if start.startswith(b"PK\x03\x04"):
        return (yield from _opening_workbook(path, most_lines))
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise errors.UnknownEncoding(line=1)
    return _open_text(path, encoding=encoding, delimiter=delimiter, glance=bool(most_lines))


# --- Text --------------------------------------------------------------------------------------
def _open_text(path: Path, *, encoding: str, delimiter: str, glance: bool) -> Table:
    encoding = encoding or _encoding_of(path, most_pieces=_GLANCE if glance else None)
    delimiter = delimiter or _delimiter_of(_first_line(path, encoding))
    reader = TextLines(path, encoding, delimiter)
    line = reader.first()
    if line is None:
        raise errors.EmptyFile()
    if line.problem is not None:
        raise errors.NotText() if isinstance(line.problem, errors.HasNul) else line.problem
    header = _header(line.cells)
    reader.width, reader.skip = len(header), line.number
    return Table(path, header, reader.blocks, "csv", encoding, delimiter)


def _encoding_of(path: Path, *, most_pieces: int | None) -> str:
    """Return the encoding: UTF-8, else GB18030; raise when most of the file is neither.

    A few broken lines in a file of UTF-8 are refused line by line later.
    """
    utf8 = broken = chinese = count = first_broken = 0
    for piece in islice(pieces(path), most_pieces):
        first, count = count + 1, count + piece.count(b"\n") + 1
        if count > MOST_LINES:
            raise errors.TooManyLines(most=MOST_LINES)
        if piece.isascii() or len(piece) > MOST_CHARACTERS:
            continue
        for number, line in enumerate(piece.split(b"\n"), start=first):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                utf8 += 1
            except UnicodeDecodeError:
                broken += 1
                first_broken = first_broken or number
                try:
                    line.decode("gb18030")
                    chinese += 1
                except UnicodeDecodeError:
                    pass
    if count == 0:
        raise errors.EmptyFile()
    if not broken or (utf8 > broken and broken * 2 <= count):
        return "utf-8"
    if chinese == broken or chinese > 10 * (broken - chinese):
        return "gb18030"
    if broken * 10 > count:
        raise errors.UnknownEncoding(line=first_broken)
    return "utf-8"


def _first_line(path: Path, encoding: str) -> str:
    for piece in pieces(path):
        for line in piece.split(b"\n") if piece.strip() else ():
            text = line.decode(encoding, "surrogateescape").lstrip("\ufeff")
            if text.strip():
                return text
    raise errors.EmptyFile()


def _delimiter_of(line: str) -> str:
    """Return comma, semicolon or tab: the one that the first line has most, outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max((",", ";", "\t"), key=outside.count)


def _header(cells: list[str]) -> list[str]:
    names = [spreadsheets.restored(cell).strip() or f"column {n}" for n, cell in enumerate(cells, start=1)]
    while len(names) > 1 and not cells[len(names) - 1].strip():
        names.pop()  # delimiters at the end of every line
    for name in names:
        if names.count(name) > 1:
            raise errors.ColumnTwice(column=name[:100])
    return names


# --- Workbooks ---------------------------------------------------------------------------------
def _opening_workbook(path: Path, most_lines: int) -> Generator[int, None, Table]:
    """Copy the first sheet into a temporary file of JSON lines, so that it is unpacked once."""
    spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 — closed by Table.close
    header: list[str] = []
    try:
        for number, cells in workbooks.rows(path, most_columns=MOST_COLUMNS + 1, most_bytes=lines.MOST_BYTES):
            if header and most_lines and number > most_lines:
                break
            if not number % 1000:
                yield number
            if header:
                spool.write(json.dumps([number, cells]) + "\n")
                continue
            if len(cells) > MOST_COLUMNS:
                raise errors.TooManyColumns(most=MOST_COLUMNS)
            header = _header(cells)
        if not header:
            raise errors.EmptyFile()
    except BaseException:
        spool.close()
        raise

    def blocks() -> Iterator[Block]:
        spool.seek(0)
        width, numbers = len(header), list[int]()
        block = Block(numbers)
        for text in spool:
            number, cells = json.loads(text)
            if len(cells) > width:
                problem = errors.WrongColumns(count=len(cells), wanted=width)
                block.odd.append(RawLine(number, cells, problem, ",".join(cells)))
            elif "\\u" in text and (odd := lines.odd_characters("".join(cells))):
                block.odd.append(RawLine(number, [lines.shown(cell) for cell in cells], odd))
            else:
                numbers.append(number)
                block.rows.append(cells + [""] * (width - len(cells)))
            if len(numbers) + len(block.odd) >= _ROWS:
                yield block
                numbers = []
                block = Block(numbers)
        if numbers or block.odd:
            yield block

    return Table(path, header, blocks, "xlsx", spool=spool)
