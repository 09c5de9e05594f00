"""Where a record can be looked at: upper apps say so by name, since their pages are not known here."""

from __future__ import annotations

from collections.abc import Callable

_makers: dict[str, Callable[[int], str]] = {}


def register(name: str, make: Callable[[int], str]) -> None:
    """Enter (in ``AppConfig.ready()``) how the address of a record is made from its number."""
    _makers[name] = make


def to(name: str, pk: int) -> str:
    """Return the address of a record, empty where nobody shows such ones."""
    make = _makers.get(name)
    return make(pk) if make else ""
