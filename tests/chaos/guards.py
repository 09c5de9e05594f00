"""The guards that promises rest on, and how each is taken out: by the tests alone, never by a switch.

Each is a known-bad variant of the product. ``tests/chaos/test_guards_out.py`` runs the named test of
each against it and sees it fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

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
