"""Placeholders without logic: ``{{name}}`` from a closed list, filled into values, never into structure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
PLAIN = frozenset({"to", "subject", "text", "message_id", "template_id", "params"})
IN_ADDRESS = frozenset({"to", "message_id"})
IN_HEADERS = frozenset({"message_id", "template_id"})
OPEN = ("param.",)  # what the one who writes the message names freely
SECRET = "secret."  # noqa: S105 — a prefix


class UnknownPlaceholder(ValueError):
    """A text names something that is not in the list."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def names_in(text: str) -> set[str]:
    """Return the names of the placeholders in ``text``."""
    return set(PLACEHOLDER.findall(text))


def check(text: str, *, known: frozenset[str], secrets: Iterable[str], open_: bool = True) -> None:
    """Raise :class:`UnknownPlaceholder` unless every placeholder of ``text`` can be filled."""
    theirs = {f"{SECRET}{name}" for name in secrets}
    for name in sorted(names_in(text)):
        if name not in known and name not in theirs and not (open_ and name.startswith(OPEN)):
            raise UnknownPlaceholder(name)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders filled; what has no value is empty."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), text)


def fill_address(text: str, values: Mapping[str, str]) -> str:
    """Return an address with its placeholders filled, quoted so that none adds a part to it."""
    return PLACEHOLDER.sub(lambda match: quote(values.get(match[1], ""), safe=""), text)


def fill_json(template: str, values: Mapping[str, str]) -> bytes:
    """Return a JSON body whose texts are filled: no value can leave the text that it stands in."""
    return json.dumps(_through(json.loads(template), lambda text: fill(text, values))).encode()


def fill_form(template: str, values: Mapping[str, str]) -> bytes:
    """Return a form's body of lines ``name=value``, filled and then encoded."""
    pairs = [(name, fill(value, values)) for name, value in form_lines(template)]
    return urlencode(pairs).encode()


def form_lines(template: str) -> list[tuple[str, str]]:
    """Return the pairs of lines ``name=value``; raises ``ValueError`` for a line without a name."""
    pairs = []
    for line in filter(None, (line.strip() for line in template.splitlines())):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise ValueError(line)
        pairs.append((name.strip(), value.strip()))
    return pairs


def at_path(data: Any, path: str) -> str:
    """Return what stands at a path like ``Response.SendStatusSet.0.Code``; empty when nothing does."""
    for part in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return ""
    return "" if data is None or isinstance(data, Mapping | list) else str(data)


def _through(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [_through(one, change) for one in data]
    if isinstance(data, dict):
        return {name: _through(one, change) for name, one in data.items()}
    return data
