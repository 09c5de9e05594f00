"""Where the embedded run keeps its things: a company of one's own in ``var/``, the demo in ``var/demo/``.

Until 0.2.0 there was one place for either. A demo company that stands where one's own belongs is moved
to its own place, with all that is its; nothing is ever deleted, and one's own data never moves.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from enum import StrEnum
from pathlib import Path

DATABASE = "liuke.sqlite3"
DEMO = "demo"
_KEY = "secret_key"
_BESIDE = ("demo_password", "media", "mail", "broker", "beat", "beat.db", "beat.dat", "beat.dir", "beat.bak")


class Holds(StrEnum):
    """What a database file holds."""

    NOTHING = "nothing"
    DEMO = "demo"
    OWN = "own"


class CannotMove(Exception):
    """The demo company cannot go to its place; the words say why and what to do."""


def home(base: Path, *, demo: bool) -> Path:
    """Return the folder of the company of one's own, or of the demo."""
    return base / DEMO if demo else base


def holds(file: Path) -> Holds:
    """Look into a database file: is there a company, or are there people, and is it the demo?"""
    if not file.exists() or not file.stat().st_size:
        return Holds.NOTHING
    with closing(sqlite3.connect(file, timeout=5)) as database:
        try:
            company = database.execute("SELECT is_demo FROM ground_company").fetchone()
            people = database.execute("SELECT 1 FROM customers_user LIMIT 1").fetchone()
        except sqlite3.OperationalError:  # not migrated as far
            return Holds.NOTHING
    if company is not None:
        return Holds.DEMO if company[0] else Holds.OWN
    return Holds.OWN if people else Holds.NOTHING


def settle(base: Path) -> bool:
    """Move a demo company that stands in ``base`` to its own place; return whether one was moved.

    Raises :class:`CannotMove` when somebody uses it, or another demo is there already.
    """
    file = base / DATABASE
    if holds(file) != Holds.DEMO:
        return False
    place = home(base, demo=True)
    if (place / DATABASE).exists():
        raise CannotMove(
            f"{file} holds a demo company, and so does {place / DATABASE}. Keep one: move the other away."
        )
    _close(file)
    place.mkdir(parents=True, exist_ok=True)
    if (base / _KEY).exists():  # sealed values open with it only, so it goes before the database
        _make_way(place / _KEY)
        shutil.copy2(base / _KEY, place / _KEY)
    file.rename(place / DATABASE)
    (base / _KEY).unlink(missing_ok=True)
    for name in _BESIDE:
        if (base / name).exists():
            _make_way(place / name)
            (base / name).rename(place / name)
    return True


def _close(file: Path) -> None:
    """Bring all of a database into its one file; raise :class:`CannotMove` while somebody has it open."""
    with closing(sqlite3.connect(file, timeout=1)) as database:
        try:
            mode = database.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError:
            mode = "locked"
    if mode != "delete":
        raise CannotMove(f"{file} is in use. End the Liuke that runs on it, then start again.")


def _make_way(path: Path) -> None:
    """Keep what stands in the way, which belongs to no database any more, under another name."""
    number = 1
    while path.exists():
        aside = path.with_name(f"{path.name}.{number}")
        if not aside.exists():
            path.rename(aside)
        number += 1
