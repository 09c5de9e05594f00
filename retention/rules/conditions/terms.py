"""What conditions may speak of beside measures: the company's own attributes and measures, and segments.

Measures are declared in code. Attributes, own measures and segments are rows, so that whoever reads a tree
brings them along (``retention.rules.terms.known``); without them a tree may speak of measures only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from django.utils.translation import get_language

from retention.measures.own import OwnTerm


class AttributeKind(StrEnum):
    """What the value of an attribute is."""

    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True)
class AttributeTerm:
    """A typed attribute; ``choices`` are pairs of a code and its English and Chinese label."""

    pk: int
    code: str
    kind: AttributeKind
    label_en: str
    label_zh: str
    choices: tuple[tuple[str, str, str], ...] = ()

    @property
    def label(self) -> str:
        """Return the label in the language of the reader."""
        return _in_language(self.label_en, self.label_zh)

    @property
    def key(self) -> str:
        """Return where a row keeps the attribute's value, for the evaluator."""
        return f"attribute.{self.code}"

    def label_of(self, choice: str) -> str:
        """Return the label of a choice in the language of the reader."""
        for code, english, chinese in self.choices:
            if code == choice:
                return _in_language(english, chinese)
        return choice


@dataclass(frozen=True)
class SegmentTerm:
    """A segment as it stands: by its condition, or by the list of its members."""

    code: str
    name_en: str
    name_zh: str
    condition: Any = None  # JSON; ``None`` for a list
    list_id: int | None = None
    is_retired: bool = False

    @property
    def name(self) -> str:
        """Return the name in the language of the reader."""
        return _in_language(self.name_en, self.name_zh)

    @property
    def key(self) -> str:
        """Return where a row keeps whether the customer is on the list, for the evaluator."""
        return f"segment.{self.code}"


def _in_language(english: str, chinese: str) -> str:
    first, second = (chinese, english) if (get_language() or "").startswith("zh") else (english, chinese)
    return first or second


@dataclass(frozen=True)
class Terms:
    """The attributes, segments and own measures that a tree may name, by their codes."""

    attributes: Mapping[str, AttributeTerm] = field(default_factory=lambda: MappingProxyType({}))
    segments: Mapping[str, SegmentTerm] = field(default_factory=lambda: MappingProxyType({}))
    own: Mapping[str, OwnTerm] = field(default_factory=lambda: MappingProxyType({}))


MEASURES_ONLY = Terms()
