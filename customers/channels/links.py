"""Links that a message carries, made when it leaves: what is stored of a message opens nothing.

A text holds ``{{name}}``; the app that registered the name says of each message where it leads. A message
whose link opens nothing any more is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from customers.models import Message

Maker = Callable[[Message], str]  # what is put in the place; nothing: the link is closed
_makers: dict[str, Maker] = {}


def register(name: str, maker: Maker) -> None:
    """Have ``maker`` fill ``{{name}}`` in messages (in ``ready()``); it is asked before each attempt."""
    _makers[name] = maker


def place(name: str) -> str:
    """Return what stands in a text for the link called ``name``; raise ``KeyError`` for an unknown one."""
    if name not in _makers:
        raise KeyError(name)
    return "{{" + name + "}}"


def of(message: Message) -> dict[str, str] | None:
    """Return what fills the places of ``message``; ``None`` when one of its links is closed."""
    found = {}
    for name, maker in _makers.items():
        if any(place(name) in part for part in (message.text, message.html, message.params)):
            found[place(name)] = maker(message)
    return found if all(found.values()) else None


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with each place filled."""
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text
