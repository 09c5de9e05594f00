"""Who reads an attribute or an indicator: higher apps say so, and none that is read can be retired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.models import Attribute, Indicator

Readers = Callable[[Attribute | Indicator], Sequence[str]]
_readers: dict[str, Readers] = {}


class StillRead(Refused):
    code = "still_read"
    message = _("“%(name)s” is read by these measures: %(readers)s. Retire them first.")


def register(name: str, readers: Readers) -> None:
    """Enter, in ``AppConfig.ready()``, who says what reads an attribute or an indicator."""
    _readers[name] = readers


def readers_of(source: Any) -> list[str]:
    """Return the names of all that reads an attribute or an indicator."""
    return [name for readers in _readers.values() for name in readers(source)]


def refuse_if_read(source: Any) -> None:
    """Raise :class:`StillRead` for what is read."""
    if found := readers_of(source):
        raise StillRead(name=str(source), readers=gettext(", ").join(found))
