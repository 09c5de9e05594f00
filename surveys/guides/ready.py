"""Ready guides, in English and Chinese, taken over by one press."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils import translation

from surveys.guides.document import Document, Json, read

_FOLDER = Path(__file__).parent / "delivered"


@dataclass(frozen=True)
class ReadyGuide:
    """One ready guide; ``document`` can be used as it is."""

    code: str
    name_en: str
    name_zh: str
    purpose: str
    document: Json

    def __str__(self) -> str:
        return self.name_en if self.language == "en" else self.name_zh

    @property
    def language(self) -> str:
        """Return the language in which it is named now."""
        return "zh-hans" if (translation.get_language() or "").startswith("zh") else "en"

    @property
    def definition(self) -> Document:
        """Return what it asks."""
        return read(self.document)


@cache
def offered() -> tuple[ReadyGuide, ...]:
    """Return the ready guides in the order in which they are offered."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.json")]
    found.sort(key=lambda one: one.pop("position"))
    return tuple(ReadyGuide(**one) for one in found)


def find(code: str) -> ReadyGuide | None:
    """Return one ready guide."""
    return next((one for one in offered() if one.code == code), None)
