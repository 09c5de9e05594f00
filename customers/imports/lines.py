"""Text files cut into lines and cells, many at once: bytes in, blocks of cells or refusals out.

Nothing is ever read whole. What most files hold is cut by a few calls for many lines; a piece of the
file in which something is odd is looked at line by line.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from customers.ground.errors import Refused
from customers.imports import errors

MOST_BYTES = 2 * 1024**3
MOST_LINES = 20_000_000
MOST_CHARACTERS = 1_000_000
MOST_COLUMNS = 500
MOST_QUOTED_LINES = 100
PIECE = 256 * 1024  # bytes that are read at once; less than MOST_CHARACTERS
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(slots=True)
class RawLine:
    """One line of the file: the number of its first physical line, and its cells or what is wrong."""

    number: int
    cells: list[str]
    problem: Refused | None = None
    text: str = ""  # as it stood, when it could not be cut into cells


@dataclass(slots=True)
class Block:
    """Some lines that follow each other: the good ones, and beside them those that are not."""

    numbers: Sequence[int] = ()
    rows: list[list[str]] = field(default_factory=list)  # as many cells each as the header
    odd: list[RawLine] = field(default_factory=list)

    def lines(self) -> Iterator[RawLine]:
        """Yield all lines in their order."""
        odd = iter(self.odd)
        waiting = next(odd, None)
        for number, cells in zip(self.numbers, self.rows, strict=True):
            while waiting is not None and waiting.number < number:
                yield waiting
                waiting = next(odd, None)
            yield RawLine(number, cells)
        if waiting is not None:
            yield waiting
            yield from odd


def pieces(path: Path) -> Generator[bytes, None, None]:
    """Yield a plain or gzipped file in pieces of whole lines, without the last line's end.

    A line that is too long comes as a piece of its own, cut behind ``MOST_CHARACTERS`` bytes.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        total, rest, skipping = 0, b"", False
        while True:
            try:
                piece = stream.read(PIECE)
            except _DAMAGED as error:
                raise errors.DamagedFile() from error
            if not piece:
                break
            total += len(piece)
            if total > MOST_BYTES:
                raise errors.TooLarge(most=MOST_BYTES // 1024**2)
            if skipping:
                end = piece.find(b"\n")
                if end < 0:
                    continue
                piece, skipping = piece[end + 1 :], False
            piece = rest + piece
            end = piece.rfind(b"\n")
            if end >= 0:
                rest = piece[end + 1 :]
                yield piece[:end]
            elif len(piece) > MOST_CHARACTERS:
                rest, skipping = b"", True
                yield piece[: MOST_CHARACTERS + 1]
            else:
                rest = piece
        if rest:
            yield rest


class TextLines:
    """Cuts a text file into cells; a quoted text may run over a few lines."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self.path, self.encoding, self.delimiter = path, encoding, delimiter
        self.width = 0  # cells that a line must have; 0 = not known yet
        self.skip = 0  # physical lines up to this one are the header

    def first(self) -> RawLine | None:
        """Return the first line that is not blank."""
        with closing(self.blocks()) as blocks:
            for block in blocks:
                for line in block.lines():
                    return line
        return None

    def blocks(self) -> Generator[Block, None, None]:
        """Yield every line after the header that is not blank."""
        number = 0
        with closing(pieces(self.path)) as source:
            for piece in source:
                count = piece.count(b"\n") + 1
                if number + count <= self.skip:
                    number += count
                    continue
                if number < self.skip:
                    header = self.skip - number
                    piece = piece.split(b"\n", header)[header]
                    number, count = self.skip, count - header
                if number + count > MOST_LINES:
                    raise errors.TooManyLines(most=MOST_LINES)
                if not piece.strip():
                    number += count
                    continue
                block = self._many(piece, number + 1) if self.width else None
                if block is not None:
                    yield block
                    number += count
                    continue
                lines = deque(piece.split(b"\n"))
                while lines:
                    block, number = self._some(lines, number, source)
                    if block.rows or block.odd:
                        yield block

    def _many(self, piece: bytes, first: int) -> Block | None:
        """Return all lines of a piece; nothing when they must be looked at one by one."""
        if b"\0" in piece or len(piece) > 2 * PIECE:
            return None
        try:
            text = piece.decode(self.encoding)
        except UnicodeDecodeError:
            return None
        if "\r" in text:
            text = text.removesuffix("\r").replace("\r\n", "\n")
            if "\r" in text:
                return None
        lines, width = text.split("\n"), self.width
        if '"' in text:
            try:
                rows = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
            except csv.Error:
                return None
            if len(rows) != len(lines):
                return None
        else:
            delimiter = self.delimiter
            rows = [line.split(delimiter) for line in lines]
        if width > 1 and set(map(len, rows)) == {width}:
            return Block(range(first, first + len(rows)), rows)
        block = Block([], [])
        for number, (cells, line) in enumerate(zip(rows, lines, strict=True), start=first):
            if line.strip():
                self._put(block, self._checked(number, cells, line))
        return block

    def _some(self, lines: deque[bytes], number: int, source: Iterator[bytes]) -> tuple[Block, int]:
        """Return a few thousand lines, one by one, and the number of the last."""
        block = Block([], [])
        while lines and len(block.rows) + len(block.odd) < 5_000:
            number += 1
            if number > MOST_LINES:
                raise errors.TooManyLines(most=MOST_LINES)
            line, more = self._line(lines.popleft(), number, lines, source)
            number += more
            if line is not None:
                self._put(block, line)
        return block, number

    def _put(self, block: Block, line: RawLine) -> None:
        if line.problem is None:
            block.numbers.append(line.number)  # type: ignore[attr-defined]
            block.rows.append(line.cells)
        else:
            block.odd.append(line)

    def _line(
        self, raw: bytes, number: int, lines: deque[bytes], source: Iterator[bytes]
    ) -> tuple[RawLine | None, int]:
        """Return the line that begins with ``raw``, if any, and how many more physical ones it took."""
        if len(raw) > MOST_CHARACTERS:
            start = raw[:200].decode(self.encoding, "replace")
            return RawLine(number, [], errors.LineTooLong(most=MOST_CHARACTERS), start), 0
        text = raw.decode(self.encoding, "surrogateescape")
        if number == 1:
            text = text.lstrip("\ufeff")
        text = text.rstrip("\r\n")
        odd = odd_characters(text, self.encoding) if b"\0" in raw or not raw.isascii() else None
        if odd is not None:
            return RawLine(number, [], odd, shown(text)), 0
        if '"' not in text:
            if not text.strip():
                return None, 0
            return self._checked(number, text.split(self.delimiter), text), 0
        return self._quoted(text, number, lines, source)

    def _quoted(
        self, text: str, number: int, lines: deque[bytes], source: Iterator[bytes]
    ) -> tuple[RawLine | None, int]:
        """Return a line with quotes; where one is not closed, the lines taken are given back."""
        taken: list[bytes] = []

        def feed() -> Iterator[str]:
            yield text + "\n"
            length = len(text)
            while len(taken) < MOST_QUOTED_LINES and length < MOST_CHARACTERS:
                if not lines:
                    piece = next(source, None)
                    if piece is None:
                        return
                    lines.extend(piece.split(b"\n"))
                raw = lines.popleft()
                taken.append(raw)
                length += len(raw)
                more = raw.decode(self.encoding, "replace").rstrip("\r\n").replace("\0", "␀")
                yield more + "\n"

        try:
            cells = next(csv.reader(feed(), delimiter=self.delimiter, strict=True), [])
        except csv.Error as error:
            was_open = bool(taken) or "unexpected end of data" in str(error)
            problem: Refused = errors.OpenQuote() if was_open else errors.BadQuotes()
            lines.extendleft(reversed(taken))
            return RawLine(number, [], problem, text), 0
        return self._checked(number, cells, text), len(taken)

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


def odd_characters(text: str, encoding: str = "utf-8") -> Refused | None:
    """Return what is wrong with the characters of a text, if anything."""
    if "\0" in text:
        return errors.HasNul()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return errors.Unreadable(encoding=encoding.upper())
    return None


def shown(text: str) -> str:
    """Return a text with what cannot be shown written out."""
    text = text.replace("\0", "␀")
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
