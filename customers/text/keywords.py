"""The cold start: what a text says by its keywords alone, before anybody has labelled one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from customers.text.features import plain

_NOT_BEFORE = re.compile(
    r"(?:不|没|没有|不太|不够|不算|并不|不是|不怎么|毫无"
    r"|\b(?:not|no|never|without|hardly|isn't|wasn't|aren't|don't|doesn't|didn't|cannot|can't|won't|nothing)"
    r"(?:\s+(?:very|so|really|that|too|a|at all|any|been|be))?\s*)$"
)
_LOOKS_BACK = 24  # characters


@dataclass(frozen=True)
class Lexicon:
    """Phrases for each code, English (a word ending in ``*`` begins words) or Chinese.

    ``opposites``: the code that a denied phrase speaks for; of codes without one, it speaks for none.
    ``may_be_denied``: not with causes, where “no service” speaks of the service all the same.
    ``parents``: the code of the first level that a code is a detail of.
    """

    phrases: Mapping[str, Sequence[str]]
    opposites: Mapping[str, str] = field(default_factory=dict)
    may_be_denied: bool = True
    parents: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _codes(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for code, phrases in self.phrases.items():
            for phrase in phrases:
                found.setdefault(plain(phrase).rstrip("*"), []).append(code)
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """All phrases, the longest first, so that “不好吃” is not read as “好吃”."""
        every = {plain(phrase) for phrases in self.phrases.values() for phrase in phrases} - {""}
        return re.compile("|".join(map(_one, sorted(every, key=lambda one: (-len(one), one)))) or r"(?!)")

    def votes(self, text: str) -> dict[str, int]:
        """Return how many phrases of a text speak for each code."""
        said, votes = plain(text), dict.fromkeys(self.phrases, 0)
        for match in self._pattern.finditer(said):
            before = said[max(0, match.start() - _LOOKS_BACK) : match.start()]
            is_denied = self.may_be_denied and _NOT_BEFORE.search(before)
            for code in self._codes.get(match.group(), ()):
                if not is_denied:
                    votes[code] += 1
                elif code in self.opposites:
                    votes[self.opposites[code]] += 1
        return {code: number for code, number in votes.items() if number}

    def hints(self, text: str) -> list[str]:
        """Return the codes that phrases of a text speak for."""
        return sorted(self.votes(text))

    def guess(self, text: str) -> str | None:
        """Return the code that more phrases speak for than for any other; ``None`` when there is none.

        Of a cause and one detail of it the detail is meant, of two details of one cause the cause.
        """
        votes = self.votes(text)
        most = max(votes.values(), default=0)
        ahead = [code for code, number in votes.items() if number == most]
        above = {self.parents.get(code, code) for code in ahead}
        if len(above) != 1:
            return None
        details = [code for code in ahead if code in self.parents]
        if len(details) == 1:
            return details[0]
        return above.pop()


def _one(phrase: str) -> str:
    if not phrase[0].isascii():
        return re.escape(phrase)
    stem = re.escape(phrase.rstrip("*"))
    return rf"(?<![a-z0-9]){stem}" + ("" if phrase.endswith("*") else r"(?![a-z0-9])")
