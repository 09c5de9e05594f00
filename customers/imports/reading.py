"""Reading a table, whatever it is packed in: physical lines in, cells or a refusal out.

Nothing is ever read whole: a file of any size, damaged or hostile, gives a verdict within limits.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from customers.ground.errors import Refused
from customers.imports import errors, spreadsheets, workbooks

MOST_BYTES = 2 * 1024**3
MOST_LINES = 20_000_000
MOST_CHARACTERS = 1_000_000
MOST_COLUMNS = 500
MOST_QUOTED_LINES = 100
ERROR_COLUMNS = ("error_line", "error_position", "error_column", "error_reason")
"""The columns that an error file adds; they are not data when it comes back mended."""

_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(slots=True)
class RawLine:
    """One line of the file: the number of its first physical line, and its cells or what is wrong."""

    number: int
    cells: list[str]
    problem: Refused | None = None
    text: str = ""  # as it stood, when it could not be cut into cells


@dataclass
class Table:
    """A file opened for reading, as often as needed."""

    path: Path
    header: list[str]
    lines: Callable[[], Iterator[RawLine]]
    form: str  # "csv" or "xlsx"
    encoding: str = "utf-8"
    delimiter: str = ","
    spool: Any = field(default=None, repr=False)

    @property
    def is_mended(self) -> bool:
        """Whether this is an error file that comes back."""
        return all(name in self.header for name in ERROR_COLUMNS)

    def close(self) -> None:
        """Drop the temporary copy of a workbook."""
        if self.spool is not None:
            self.spool.close()


def open_table(path: Path, *, encoding: str = "", delimiter: str = "", most_lines: int = 0) -> Table:
    """Look into a file and return it as a table; of a workbook only the first ``most_lines`` lines.

    Raises an :class:`~customers.imports.errors.ImportRefused` that says what to do about a file
    that is no table: empty, damaged, not text, too large, without unique column names.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise errors.NoFile(name=path.name) from error
    if not start:
        raise errors.EmptyFile()
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise errors.OldWorkbook()
    if start.startswith(b"PK\x03\x04"):
        return _open_workbook(path, most_lines)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise errors.UnknownEncoding(line=1)
    return _open_text(path, encoding=encoding, delimiter=delimiter)


# --- Text --------------------------------------------------------------------------------------
def _open_text(path: Path, *, encoding: str, delimiter: str) -> Table:
    encoding = encoding or _encoding_of(path)
    first = _first_line(path, encoding)
    delimiter = delimiter or _delimiter_of(first)
    reader = _TextLines(path, encoding, delimiter)
    with closing(reader.read()) as lines:
        line = next(lines, None)
    if line is None:
        raise errors.EmptyFile()
    if line.problem is not None:
        raise errors.NotText() if isinstance(line.problem, errors.HasNul) else line.problem
    header = _header(line.cells)
    reader.width, reader.skip = len(header), line.number
    return Table(path, header, reader.read, "csv", encoding, delimiter)


def physical_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain or gzipped file; one that is too long comes cut, without its end."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: IO[bytes] = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20) if packed else raw  # type: ignore[arg-type]
        total = 0
        try:
            while line := stream.readline(MOST_CHARACTERS + 1):
                total += len(line)
                yield line
                if len(line) > MOST_CHARACTERS and not line.endswith(b"\n"):
                    total += _skip_line(stream, left=MOST_BYTES - total)
                if total > MOST_BYTES:
                    raise errors.TooLarge(most=MOST_BYTES // 1024**2)
        except _DAMAGED as error:
            raise errors.DamagedFile() from error


def _skip_line(stream: IO[bytes], *, left: int) -> int:
    """Read to the end of the line, or until more than ``left`` bytes are read; return how many."""
    total = 0
    while rest := stream.readline(1 << 20):
        total += len(rest)
        if rest.endswith(b"\n") or total > left:
            break
    return total


def _encoding_of(path: Path) -> str:
    """Return the encoding: UTF-8, else GB18030; raise when most of the file is neither.

    A few broken lines in a file of UTF-8 are refused line by line later.
    """
    utf8 = broken = chinese = lines = first_broken = 0
    for number, line in enumerate(physical_lines(path), start=1):
        lines += 1
        if line.isascii() or len(line) > MOST_CHARACTERS:
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
    if lines == 0:
        raise errors.EmptyFile()
    if not broken or (utf8 > broken and broken * 2 <= lines):
        return "utf-8"
    if chinese == broken or chinese > 10 * (broken - chinese):
        return "gb18030"
    if broken * 10 > lines:
        raise errors.UnknownEncoding(line=first_broken)
    return "utf-8"


def _first_line(path: Path, encoding: str) -> str:
    for line in physical_lines(path):
        text = line.decode(encoding, "surrogateescape").lstrip("\ufeff")
        if text.strip():
            return text
    raise errors.EmptyFile()


def _delimiter_of(line: str) -> str:
    """Return comma, semicolon or tab: the one that the first line has most, outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max((",", ";", "\t"), key=outside.count)


class _TextLines:
    """Cuts physical lines into cells; a quoted text may run over a few of them."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self.path, self.encoding, self.delimiter = path, encoding, delimiter
        self.width = 0  # cells that a line must have; 0 = not known yet
        self.skip = 0  # physical lines up to this one are the header

    def read(self) -> Generator[RawLine, None, None]:
        """Yield every line after the header that is not blank."""
        source = physical_lines(self.path)
        waiting: list[bytes] = []
        number = 0
        try:
            while True:
                raw = waiting.pop() if waiting else next(source, None)
                if raw is None:
                    return
                number += 1
                if number > MOST_LINES:
                    raise errors.TooManyLines(most=MOST_LINES)
                if number <= self.skip:
                    continue
                if raw.isascii() and b'"' not in raw and b"\0" not in raw and len(raw) <= MOST_CHARACTERS:
                    cells = raw.decode("ascii").rstrip("\r\n").split(self.delimiter)
                    if len(cells) == self.width > 1:  # as nearly all lines are
                        yield RawLine(number, cells)
                        continue
                line, more = self._line(raw, number, source, waiting)
                number += more
                if line is not None:
                    yield line
        finally:
            source.close()  # type: ignore[attr-defined]

    def _line(
        self, raw: bytes, number: int, source: Iterator[bytes], waiting: list[bytes]
    ) -> tuple[RawLine | None, int]:
        """Return the line that begins with ``raw``, if any, and how many more physical ones it took."""
        if len(raw) > MOST_CHARACTERS:
            shown = raw[:200].decode(self.encoding, "replace")
            return RawLine(number, [], errors.LineTooLong(most=MOST_CHARACTERS), shown), 0
        text = raw.decode(self.encoding, "surrogateescape")
        if number == 1:
            text = text.lstrip("\ufeff")
        text = text.rstrip("\r\n")
        if b"\0" in raw:
            return RawLine(number, [], errors.HasNul(), text.replace("\0", "␀")), 0
        if not raw.isascii() and _has_surrogates(text):
            return RawLine(number, [], errors.Unreadable(encoding=self.encoding.upper()), _shown(text)), 0
        if '"' not in text:
            if not text.strip():
                return None, 0
            return self._checked(number, text.split(self.delimiter), text), 0
        return self._quoted(text, number, source, waiting)

    def _quoted(
        self, text: str, number: int, source: Iterator[bytes], waiting: list[bytes]
    ) -> tuple[RawLine | None, int]:
        whole, taken, was_open = text, list[bytes](), False
        while True:
            try:
                cells = next(csv.reader((whole,), delimiter=self.delimiter, strict=True), [])
                return self._checked(number, cells, whole), len(taken)
            except csv.Error as error:
                is_open = "unexpected end of data" in str(error)
                was_open = was_open or (is_open and not taken)
            more = None
            if is_open and len(taken) < MOST_QUOTED_LINES and len(whole) < MOST_CHARACTERS:
                more = waiting.pop() if waiting else next(source, None)
            if more is None:
                waiting.extend(reversed(taken))
                problem: Refused = errors.OpenQuote() if was_open else errors.BadQuotes()
                return RawLine(number, [], problem, text), 0
            taken.append(more)
            whole += "\n" + more.decode(self.encoding, "replace").rstrip("\r\n").replace("\0", "␀")

    def _checked(self, number: int, cells: list[str], text: str) -> RawLine:
        if len(cells) == self.width:
            return RawLine(number, cells)
        if self.width:
            while len(cells) > self.width and not cells[-1].strip():
                cells.pop()
            if len(cells) == self.width:
                return RawLine(number, cells)
            problem = errors.WrongColumns(count=len(cells), wanted=self.width)
            return RawLine(number, cells[:MOST_COLUMNS], problem, text[:MOST_CHARACTERS])
        if len(cells) > MOST_COLUMNS:
            raise errors.TooManyColumns(most=MOST_COLUMNS)
        return RawLine(number, cells)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _header(cells: list[str]) -> list[str]:
    names = [spreadsheets.restored(cell).strip() or f"column {n}" for n, cell in enumerate(cells, start=1)]
    while len(names) > 1 and not cells[len(names) - 1].strip():
        names.pop()  # delimiters at the end of every line
    for name in names:
        if names.count(name) > 1:
            raise errors.ColumnTwice(column=name[:100])
    return names


# --- Workbooks ---------------------------------------------------------------------------------
def _open_workbook(path: Path, most_lines: int) -> Table:
    """Copy the first sheet into a temporary file of JSON lines, so that it is unpacked once."""
    spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 — closed by Table.close
    header: list[str] = []
    try:
        for number, cells in workbooks.rows(path, most_columns=MOST_COLUMNS + 1, most_bytes=MOST_BYTES):
            if header and most_lines and number > most_lines:
                break
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

    def lines() -> Iterator[RawLine]:
        spool.seek(0)
        for text in spool:
            number, cells = json.loads(text)
            if len(cells) > len(header):
                problem = errors.WrongColumns(count=len(cells), wanted=len(header))
                yield RawLine(number, cells, problem, ",".join(cells))
            else:
                yield RawLine(number, cells + [""] * (len(header) - len(cells)))

    return Table(path, header, lines, "xlsx", spool=spool)
