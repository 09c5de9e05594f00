"""What imports make in upper apps that is neither a fact nor a record: each app takes its own back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from customers.models import ImportBatch

if TYPE_CHECKING:
    from customers.undo.facts import Done


@dataclass(frozen=True)
class Own:
    """Rows of a model with a ``customer`` that an import made.

    ``made`` returns those of a batch; ``take_back`` does the next of them, behind a number and at most so
    many, in the caller's transaction and as of a moment: nothing done (no ``ids``) means that all are.
    """

    model: type[Any]
    made: Callable[[ImportBatch], QuerySet[Any]]
    take_back: Callable[[ImportBatch, int, int, datetime], Done]


_owns: dict[str, Own] = {}


def register(own: Own) -> None:
    """Enter them (in ``AppConfig.ready()``)."""
    _owns[own.model._meta.label_lower] = own


def every() -> list[Own]:
    """Return all that were entered."""
    return list(_owns.values())


def steps() -> list[str]:
    """Return the names of their steps in the work of taking back."""
    return list(_owns)


def of(step: str) -> Own:
    """Return what a step takes back."""
    return _owns[step]
