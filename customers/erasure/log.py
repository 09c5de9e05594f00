"""The log of erasures: a file outside the database, so that a restored backup can be told what went.

One JSON object a line: the database, the receipt, whom it concerned (our number and the moment that the
record was made: a number alone could be somebody else's after a restore), when, why, and hashed ids.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from customers.models import ErasureBook

Line = dict[str, Any]


def path() -> Path:
    """Return where the log stands."""
    return Path(settings.ERASURE_LOG)


def book() -> str:
    """Return the name of this database in the log.

    A database that has none yet takes that of the log, if there is only one: it may be a backup from
    before it had a name.
    """
    row = ErasureBook.objects.filter(id=1).first()
    if row is None:
        names = {line["book"] for line in _all()}
        given = {"name": names.pop()} if len(names) == 1 else {}
        row, _new = ErasureBook.objects.get_or_create(id=1, defaults=given)
    return str(row.name)


def open_book(**_kwargs: Any) -> None:
    """Give the database its name (after migrate), so that every backup has it."""
    book()


def append(line: Line) -> None:
    """Write one line so that it outlives a crash; a receipt that is there already is not written again."""
    path().parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        whole = True
        for text in file:
            whole = text.endswith(b"\n")
            if (said := _read(text)) and said["receipt"] == line["receipt"]:
                return
        start = b"" if whole else b"\n"  # a crash left half a line
        file.write(start + json.dumps(line, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def lines() -> Iterator[Line]:
    """Yield the lines of this database, oldest first; half a line that a crash left is passed over."""
    mine = book()
    yield from (line for line in _all() if line["book"] == mine)


def _all() -> Iterator[Line]:
    if not path().exists():
        return
    with path().open("rb") as file:
        yield from filter(None, map(_read, file))


def _read(text: bytes) -> Line | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"book", "receipt", "people", "names"} <= line.keys() else None
