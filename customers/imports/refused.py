"""The file of refused lines, as they stood, with the reason beside each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from django.utils.translation import get_language

from customers.erasure.names import WasErased
from customers.ground.errors import Refused
from customers.imports import spreadsheets
from customers.imports.lines import RawLine
from customers.imports.reading import ERROR_COLUMNS, Table
from customers.imports.staging import Bad, Stage


def bad_line(number: int, column: str, reason: Refused, *, key: str = "", position: int = 0) -> Bad:
    """Return a refused line with its reason in words."""
    said = str(reason) if reason.values else _said(reason.text, get_language() or "")
    return Bad(number, column, reason.code, said, key, position)


@lru_cache(maxsize=256)
def _said(text: object, language: str) -> str:
    """Return the words of a refusal that says the same each time; files repeat their mistakes."""
    return str(text)


def writing(table: Table, stage: Stage, path: Path) -> Iterator[int]:
    """Write the refused lines as they stood, with line, place, column and reason beside them.

    The file can be mended and imported with the same mapping: the added columns are not data, but
    tell which place in its order a line had. Yields now and then up to which line it has come.
    """
    header = [name for name in table.header if name not in ERROR_COLUMNS]
    keep = [index for index, name in enumerate(table.header) if name not in ERROR_COLUMNS]
    bads = stage.bads()
    bad = next(bads, None)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*map(spreadsheets.neutralised, header), *ERROR_COLUMNS])
        for block in table.blocks():
            if bad is None:
                break
            last = max(block.numbers[-1] if block.rows else 0, block.odd[-1].number if block.odd else 0)
            yield last
            if bad.number > last:
                continue
            for line in block.lines():
                if bad is None or line.number != bad.number:
                    continue
                writer.writerow(
                    [
                        *(spreadsheets.neutralised(cell) for cell in _told(line, bad, keep, table.delimiter)),
                        bad.number,
                        bad.position or "",
                        spreadsheets.neutralised(bad.column),
                        bad.reason,
                    ]
                )
                bad = next(bads, None)
    beside.replace(path)


def _told(line: RawLine, bad: Bad, keep: Sequence[int], delimiter: str) -> list[str]:
    """Return the line as it stood; of somebody erased nothing, for the file would bring her back."""
    if bad.code == WasErased.code:
        return [""] * len(keep)
    return _as_it_stood(line, keep, delimiter)


def _as_it_stood(line: RawLine, keep: Sequence[int], delimiter: str) -> list[str]:
    cells = line.cells or [line.text]
    if len(cells) > len(keep) and line.problem is not None:
        return [*cells[: len(keep) - 1], delimiter.join(cells[len(keep) - 1 :])]
    if line.problem is not None:
        return [*cells, *[""] * (len(keep) - len(cells))]
    # what was neutralised by us stands once more as it came
    return [spreadsheets.restored(cells[index]) for index in keep]
