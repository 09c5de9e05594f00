"""What a survey asks: languages, pages, questions, and when a question is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
Text: TypeAlias = Mapping[str, str]
"""Language → words."""


class Kind(StrEnum):
    """What kind of answer a question asks for."""

    NPS = "nps"
    CSAT = "csat"
    CES = "ces"
    RATING = "rating"
    SINGLE = "single"
    MULTIPLE = "multiple"
    TEXT = "text"
    YES_NO = "yes_no"
    DATE = "date"
    CONTACT = "contact"


SCORES = frozenset({Kind.NPS, Kind.CSAT, Kind.CES})
"""Kinds whose answers are measured, and which may ask why in words that depend on the score."""
SCALES = SCORES | {Kind.RATING}
CHOOSING = frozenset({Kind.SINGLE, Kind.MULTIPLE})


class Band(StrEnum):
    """How good a score is: detractor, passive and promoter for NPS."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


POINTS: dict[Kind, tuple[int, ...]] = {
    Kind.NPS: (11,),
    Kind.CSAT: (5,),
    Kind.CES: (7, 5),
    Kind.RATING: (5, 3, 4, 6, 7, 8, 9, 10),
}
"""How many points each scale may have; the first is the usual number."""
BANDS = {(Kind.NPS, 11): (6, 9), (Kind.CSAT, 5): (2, 4), (Kind.CES, 7): (3, 5), (Kind.CES, 5): (2, 4)}
"""Of each scale of satisfaction: the last low number and the first high one."""
ALARM_AT: dict[Kind, int] = {Kind.NPS: 6, Kind.CSAT: 2}


class Op(StrEnum):
    """How a condition compares an earlier answer."""

    AT_MOST = "<="
    AT_LEAST = ">="
    EQUAL = "="
    IS = "is"
    IS_NOT = "is_not"
    INCLUDES = "includes"
    EXCLUDES = "excludes"
    ANSWERED = "answered"
    NOT_ANSWERED = "not_answered"


_ALWAYS = (Op.ANSWERED, Op.NOT_ANSWERED)
OPS: dict[Kind, tuple[Op, ...]] = {
    **dict.fromkeys(SCALES, (Op.AT_MOST, Op.AT_LEAST, Op.EQUAL, *_ALWAYS)),
    Kind.SINGLE: (Op.IS, Op.IS_NOT, *_ALWAYS),
    Kind.MULTIPLE: (Op.INCLUDES, Op.EXCLUDES, *_ALWAYS),
    Kind.YES_NO: (Op.IS, *_ALWAYS),
    Kind.TEXT: _ALWAYS,
    Kind.DATE: _ALWAYS,
    Kind.CONTACT: _ALWAYS,
}
VALUELESS = frozenset(_ALWAYS)
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Test:
    """One comparison with the answer to an earlier question."""

    question: str
    op: Op
    value: int | str | None = None


@dataclass(frozen=True)
class Condition:
    """When a question is shown: all, or any, of its tests hold."""

    match: str  # all, any
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Choice:
    """One thing to choose."""

    code: str
    text: Text


@dataclass(frozen=True)
class Question:
    """One question."""

    code: str
    kind: Kind
    text: Text
    help: Text = field(default_factory=dict)
    required: bool = False
    points: int = 0  # of a scale
    ends: tuple[Text, Text] = field(default_factory=lambda: ({}, {}))  # what its lowest and highest mean
    alarm_at: int | None = None  # a score of so much or less is answered with a call
    choices: tuple[Choice, ...] = ()
    visible_if: Condition | None = None
    follow_up: Mapping[Band, Text] = field(default_factory=dict)  # asks why, worded by the score

    @property
    def scale(self) -> range:
        """Return the numbers of a scale, the worst first; none of other kinds."""
        if self.kind not in SCALES:
            return range(0)
        first = 0 if self.kind == Kind.NPS else 1
        return range(first, first + self.points)

    def band(self, score: int) -> Band | None:
        """Return how good a score is; nothing for a scale that is none of satisfaction.

        NPS: 0–6 detractor, 7–8 passive, 9–10 promoter (Reichheld 2003). CSAT: the top two of five are
        satisfied. CES 2.0: agreement that it was easy, from 5 of 7 on.
        """
        bounds = BANDS.get((self.kind, self.points))
        if bounds is None:
            return None
        last_low, first_high = bounds
        if score <= last_low:
            return Band.LOW
        return Band.HIGH if score >= first_high else Band.MIDDLE

    def choice(self, code: str) -> Choice | None:
        """Return one of its choices."""
        return next((one for one in self.choices if one.code == code), None)


@dataclass(frozen=True)
class Page:
    """Questions that are shown together."""

    questions: tuple[Question, ...]
    title: Text = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """All that one version of a survey asks and says."""

    languages: tuple[str, ...]
    title: Text
    pages: tuple[Page, ...]
    intro: Text = field(default_factory=dict)
    thanks: Mapping[str, Text] = field(default_factory=dict)  # any, and a band each

    def questions(self) -> Iterator[Question]:
        """Yield every question, in the order in which they are asked."""
        for page in self.pages:
            yield from page.questions

    def question(self, code: str) -> Question | None:
        """Return one question."""
        return next((one for one in self.questions() if one.code == code), None)

    @property
    def score(self) -> Question | None:
        """Return the question whose score counts for the survey: the first of NPS, CSAT and CES."""
        return next((one for one in self.questions() if one.kind in SCORES), None)


def said(text: Text, language: str) -> str:
    """Return a text in a language; what is not said in it, in the first that says it."""
    return text.get(language) or next((words for words in text.values() if words), "")
