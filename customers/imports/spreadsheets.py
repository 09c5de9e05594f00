"""Cells that are safe in a spreadsheet program, and come back as they were."""

from __future__ import annotations

import re

_BLANK = "\\s\u00a0\ufeff\u200b\u3000\x00-\x1f"
_DANGEROUS = re.compile(f"'*[{_BLANK}]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


def neutralised(cell: str) -> str:
    """Return the cell with an apostrophe before what a spreadsheet might take for a formula."""
    return "'" + cell if _DANGEROUS.match(cell) else cell


def restored(cell: str) -> str:
    """Return the cell as it was before :func:`neutralised`."""
    return cell[1:] if cell.startswith("'") and _DANGEROUS.match(cell[1:]) else cell
