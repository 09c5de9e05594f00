"""Which rules and segments use a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from retention.models import Segment, WarningRule


@dataclass
class Uses:
    """The rules and segments whose conditions name a measure."""

    rules: list[WarningRule] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)


def of_measures() -> Mapping[str, Uses]:
    """Return who uses each measure that is used, retired segments left out. Two queries."""
    found: dict[str, Uses] = {}
    for rule in WarningRule.objects.order_by("position", "pk"):
        for code in set(_named([rule.condition, rule.clear_condition])):
            found.setdefault(code, Uses()).rules.append(rule)
    for segment in Segment.objects.filter(retired_at=None).order_by("name_en", "pk"):
        for code in set(_named(segment.condition)):
            found.setdefault(code, Uses()).segments.append(segment)
    return found


def _named(tree: Any) -> Iterator[str]:
    """Yield the measures that a stored tree names, one that no longer stands too."""
    if isinstance(tree, dict):
        yield from (tree[key] for key in ("measure", "other") if isinstance(tree.get(key), str))
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _named(part)
