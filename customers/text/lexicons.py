"""The delivered keywords, and those of a company's own catalogue of causes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from customers.text.keywords import Lexicon

DELIVERED: dict[str, dict[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("lexicon.toml").read_text(encoding="utf-8")
)
SENTIMENT = Lexicon(DELIVERED["sentiment"], opposites={"negative": "positive", "positive": "negative"})
URGENCY = Lexicon(DELIVERED["urgency"])


def of_causes(named: Iterable[tuple[str, str | None, str, str]]) -> Lexicon:
    """Return the keywords of a catalogue: what is delivered for a code, and the names of each cause.

    Args:
        named: code, code of the first level (of a detail), English and Chinese name of each cause.
    """
    causes, delivered = list(named), DELIVERED["causes"]
    return Lexicon(
        {code: (*delivered.get(code, ()), english, chinese) for code, _above, english, chinese in causes},
        may_be_denied=False,
        parents={code: above for code, above, _english, _chinese in causes if above},
    )
