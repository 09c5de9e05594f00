"""A real spreadsheet opens what is exported, sees no formula, and reads every cell as it was meant."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess

import pytest

from customers import exports
from customers.imports import spreadsheets

pytestmark = pytest.mark.services
CELLS = ["=1+1", "@SUM(1)", "+86 10 1234", "-cmd", "  =1+1", "＝1+1", "蓝湖 贸易", 'say "x"', "00123"]
PROGRAM = shutil.which("soffice") or shutil.which("localc")


@pytest.fixture
def calc(tmp_path):
    """Open a file in LibreOffice and return its cells as that shows them, formulas as results."""
    if PROGRAM is None:
        if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
            pytest.fail("LibreOffice is not installed (apt-get install libreoffice-calc-nogui)")
        pytest.skip("LibreOffice is not installed (apt-get install libreoffice-calc-nogui)")

    def calc(path):
        out = tmp_path / "out"
        subprocess.run(
            [
                PROGRAM,
                "--headless",
                f"-env:UserInstallation=file://{tmp_path}/profile",
                *(["--infilter=CSV:44,34,76,1"] if path.suffix == ".csv" else []),
                "--convert-to",
                "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false",
                "--outdir",
                str(out),
                str(path),
            ],
            check=True,
            timeout=120,
            capture_output=True,
        )
        with (out / f"{path.stem}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    return calc


@pytest.mark.parametrize("form", exports.FORMATS)
def test_spreadsheet_computes_nothing_of_an_export(calc, tmp_path, form):
    write = exports.as_csv if form == "csv" else exports.as_xlsx
    rows = [(number, cell) for number, cell in enumerate(CELLS, start=1)]
    path = tmp_path / f"list.{form}"
    path.write_bytes(b"".join(write(rows, header=["number", "text"])))
    shown = calc(path)
    assert shown[0][-1] == "text" and len(shown) == 1 + len(CELLS)
    texts = [row[1] for row in shown[1:]]
    expected = ["123" if form == "csv" and cell == "00123" else cell for cell in CELLS]
    assert [spreadsheets.restored(text) for text in texts] == expected
    assert "2" not in texts  # what the first cell would be, computed


def test_spreadsheet_would_compute_a_cell_that_is_not_made_safe(calc, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("text\n=1+1\n", encoding="utf-8")
    assert calc(path)[1] == ["2"]
