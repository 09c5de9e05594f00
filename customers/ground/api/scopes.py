"""What a token may be good for: a closed list, to which each app adds its own (in ``ready()``)."""

from __future__ import annotations

from django.utils.functional import Promise

_scopes: dict[str, str | Promise] = {}


def register(code: str, label: str | Promise) -> None:
    """Enter a scope, for example ``customers:read``, with what it allows in the words of people."""
    _scopes[code] = label


def every() -> dict[str, str | Promise]:
    """Return every scope with its label, in the order in which they were entered."""
    return dict(_scopes)
