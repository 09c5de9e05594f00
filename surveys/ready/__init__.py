"""Ready surveys: what people usually ask, in English and Chinese, offered as drafts; one file each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils import translation

from surveys.definition import Definition, Json, read

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ReadySurvey:
    """One ready survey; ``document`` is complete and can be published as it is."""

    code: str
    name_en: str
    name_zh: str
    occasion: str
    document: Json

    def __str__(self) -> str:
        return self.name_en if self.language == "en" else self.name_zh

    @property
    def language(self) -> str:
        """Return the language in which it is named now."""
        return "zh-hans" if (translation.get_language() or "").startswith("zh") else "en"

    @property
    def definition(self) -> Definition:
        """Return what it asks."""
        return read(self.document)


@cache
def offered() -> tuple[ReadySurvey, ...]:
    """Return the ready surveys in the order in which they are offered."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.json")]
    found.sort(key=lambda one: one.pop("position"))
    return tuple(ReadySurvey(**one) for one in found)


def find(code: str) -> ReadySurvey | None:
    """Return one ready survey."""
    return next((one for one in offered() if one.code == code), None)
