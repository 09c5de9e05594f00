"""What a source of the timeline is, and how its rows become entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db.models import QuerySet
from django.utils.translation import get_language

from customers.ground.money import format_money
from retention.timeline.places import Entry, Place

Told: TypeAlias = Any
"""A row of a source as ``gathered`` gives it."""


@dataclass(frozen=True)
class Source:
    """Rows of one kind: which, of what moment, what is read of them, and what words one."""

    rows: QuerySet[Any]
    moment: str
    columns: tuple[str, ...]
    word: Callable[[Told], Entry]


def entry_of(
    source: str, row: Told, kind: str, title: str, *, moment: str = "occurred_at", **values: Any
) -> Entry:
    """Return the entry of a row, keyed by its place."""
    at: datetime = getattr(row, moment)
    return Entry(str(Place(at, source, row.id)), at, kind, title, **values)


def money(minor: int, currency: str) -> str:
    """Return an amount in the language that is active."""
    return format_money(minor, currency, get_language() or "en")
