"""Tables out: safe in spreadsheets, the same when they come back, a few kilobytes at a time."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest

from customers import exports
from customers.imports import reading, spreadsheets

DANGEROUS = [
    "=1+1",
    "+86 10 1234",
    "-5 pieces",
    "@cmd",
    "  =1+1",
    "\u00a0=x",
    "\ufeff@x",
    "\t+x",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "\u3000=x",
    "'=1+1",
    "''@x",
    "\u200b=hidden",
]
HARMLESS = [
    "Blue Lake",
    "蓝湖",
    "a=b",
    "'quoted'",
    "1-2",
    "",
    "<b>&amp;</b>",
    'say "x", y',
    "two\nlines",
    "'",
]
FIRST_VISIBLE = "=+-@＝＋－＠"


def table(pieces, form, tmp_path):
    """Return the header and the lines as an import reads them."""
    path = tmp_path / f"table.{form}"
    path.write_bytes(b"".join(pieces))
    found = reading.open_table(path)
    try:
        lines = [[spreadsheets.restored(cell) for cell in line.cells] for line in found.lines()]
    finally:
        found.close()
    return found.header, lines


@pytest.mark.parametrize("form", exports.FORMATS)
def test_every_cell_comes_back_as_it_was(form, tmp_path):
    write = exports.as_csv if form == "csv" else exports.as_xlsx
    cells = [*DANGEROUS, *HARMLESS]
    header, lines = table(write([("x", cell) for cell in cells], header=["key", "value"]), form, tmp_path)
    assert header == ["key", "value"]
    assert [line[1] if len(line) > 1 else "" for line in lines] == cells


def test_no_text_cell_begins_like_a_formula():
    rows = list(csv.reader(io.StringIO(b"".join(exports.as_csv([DANGEROUS], header=["x"])).decode())))
    for cell in rows[1]:
        assert cell.strip(" \t\u00a0\ufeff\u200b\u3000")[:1] not in FIRST_VISIBLE, cell


def test_numbers_days_and_nothing_are_written_plainly(tmp_path):
    row = (
        -5,
        Decimal("-1.50"),
        date(2026, 5, 1),
        datetime(2026, 5, 1, 9, 30, tzinfo=UTC).replace(tzinfo=None),
        None,
        True,
    )
    text = b"".join(exports.as_csv([row], header=["a"])).decode("utf-8-sig").splitlines()[1]
    assert text == "-5,-1.50,2026-05-01,2026-05-01 09:30,,True"
    book = openpyxl.load_workbook(io.BytesIO(b"".join(exports.as_xlsx([row], header=["a"]))))
    assert [cell.value for cell in book.active[2]] == [
        -5,
        -1.5,
        "2026-05-01",
        "2026-05-01 09:30",
        None,
        "True",
    ]
    assert all(cell.data_type != "f" for cell in book.active[2])


def test_workbook_holds_no_formula(tmp_path):
    book = openpyxl.load_workbook(io.BytesIO(b"".join(exports.as_xlsx([DANGEROUS], header=["a"]))))
    assert {cell.data_type for cell in book.active[2]} <= {"s", "inlineStr"}


def test_characters_that_no_workbook_may_hold_are_left_out():
    pieces = b"".join(exports.as_xlsx([("a\x01b\x00c\ud800",)], header=["a"]))
    with zipfile.ZipFile(io.BytesIO(pieces)) as book:
        assert "abc?" in book.read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize("write", [exports.as_csv, exports.as_xlsx])
def test_long_table_takes_little_memory_and_begins_at_once(write):
    read = 0

    def rows():
        nonlocal read
        for number in range(30_000):
            read += 1
            yield (number, f"customer {number * 7919 % 30_011}", "x" * 40)

    tracemalloc.start()
    pieces = write(rows(), header=["a", "b", "c"])
    next(iter(pieces))
    assert read < 15_000
    size = sum(map(len, pieces))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == 30_000 and size > 100_000
    assert peak < 1_500_000
