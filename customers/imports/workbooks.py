"""Reading the first sheet of an XLSX workbook, within limits."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl

from customers.imports import errors

MOST_UNPACKED = 512 * 1024**2
MOST_TEXTS = 64 * 1024**2  # the table of texts is held in memory
MOST_ROWS = 1_048_576  # of a sheet, by its format
MOST_PACKING = 200  # times; real workbooks pack 5 to 30 times


def rows(path: Path, *, most_columns: int, most_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells, as text, of every row that is not blank.

    Raises ``DamagedFile`` and ``TooLarge`` (a bomb, or a workbook beyond the limits).
    """
    _check(path)
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells of styles that it does not know
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # any of a dozen, all meaning that it is broken
            raise errors.DamagedFile() from error
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            total = 0
            for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
                if number > MOST_ROWS:
                    raise errors.TooManyLines(most=MOST_ROWS)
                cells = [_text(value) for value in values[:most_columns]]
                while cells and not cells[-1].strip():
                    cells.pop()
                total += sum(map(len, cells))  # one text may stand in a million cells
                if total > most_bytes:
                    raise errors.TooLarge(most=most_bytes // 1024**2)
                if cells:
                    yield number, cells
        except (
            ParseError,
            KeyError,
            ValueError,
            IndexError,
            TypeError,
            zipfile.BadZipFile,
            EOFError,
        ) as error:
            raise errors.DamagedFile() from error
        finally:
            book.close()


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as book:
            parts = book.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise errors.DamagedFile() from error
    size = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts) or 1
    texts = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    too_packed = size > 32 * 1024**2 and size / packed > MOST_PACKING
    if size > MOST_UNPACKED or texts > MOST_TEXTS or too_packed or len(parts) > 10_000:
        raise errors.TooLarge(most=MOST_UNPACKED // 1024**2)
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise errors.NotText()


def _text(value: Any) -> str:
    """Write a cell as it would stand in a CSV file; dates in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float):
        return "" if not math.isfinite(value) else repr(value)
    return str(value)
