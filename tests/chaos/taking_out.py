"""The guards that promises rest on, and how each is taken out: by the tests alone, never by a switch.

Each is a known-bad variant of the product; ``guards_of_work`` and ``guards_of_sweeps`` enter them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

HOUR = timedelta(hours=1)

TakeOut = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Guard:
    """One guard: what it is, and the function that takes it out of the running process."""

    name: str
    what: str
    take_out: TakeOut


GUARDS: dict[str, Guard] = {}


def guard(name: str, what: str) -> Callable[[TakeOut], TakeOut]:
    """Enter the function that takes a guard out."""

    def enter(take_out: TakeOut) -> TakeOut:
        GUARDS[name] = Guard(name, what, take_out)
        return take_out

    return enter


def sql(statement: str) -> TakeOut:
    """Return a function that runs one statement on the database of the test."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)

    return take_out


def rewriting(pattern: str, replacement: str) -> TakeOut:
    """Return a function that rewrites the product's SQL on its way to the database."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        from django.db.backends.utils import CursorWrapper

        true = CursorWrapper.execute

        def execute(self: Any, statement: Any, params: Any = None) -> Any:
            return true(self, re.sub(pattern, replacement, statement), params)

        patch.setattr(CursorWrapper, "execute", execute)

    return take_out
