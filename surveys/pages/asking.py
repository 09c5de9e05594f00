"""The questions of a survey as a page shows them, with what was answered so far and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from django.utils.translation import gettext

from surveys.definition import (
    NO,
    SCALES,
    YES,
    Answers,
    Band,
    Given,
    Kind,
    Question,
    said,
)

NOTHING = Given()
Slots: TypeAlias = list[tuple[str, str]]
"""Code and words of each time at which one may be called."""


@dataclass(frozen=True)
class Option:
    """One thing to choose."""

    value: str
    label: str
    is_chosen: bool
    band: str = ""


@dataclass(frozen=True)
class Field:
    """One question with its control."""

    question: Question
    label: str
    help: str
    control: str  # scale, radio, checkbox, textarea, date
    options: list[Option] = field(default_factory=list)
    ends: tuple[str, str] = ("", "")
    value: str = ""
    why: list[tuple[str, str]] = field(default_factory=list)  # band, its question
    why_asked: str = ""  # the band of the chosen score; middle when none is chosen
    why_value: str = ""
    error: str = ""

    @property
    def name(self) -> str:
        """Return the name under which its answer is sent."""
        return name_of(self.question.code)

    @property
    def id(self) -> str:
        """Return its id on the page."""
        return f"q-{self.question.code}"

    @property
    def is_group(self) -> bool:
        """Say whether it is several controls, which need a common heading."""
        return bool(self.options)


def name_of(code: str) -> str:
    """Return the name under which the answer to a question is sent."""
    return f"q.{code}"


def fields(
    questions: Iterable[Question],
    *,
    language: str,
    answers: Answers,
    slots: Slots | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return questions ready to show; the page's own words come in the language that is active.

    Args:
        slots: code and words of each time at which one may be called.
        errors: what is wrong, by the code of the question.
    """
    wrong = errors or {}
    return [
        _field(one, language, answers.get(one.code, NOTHING), slots or [], wrong.get(one.code, ""))
        for one in questions
    ]


_CONTROLS = {
    Kind.SINGLE: "radio",
    Kind.MULTIPLE: "checkbox",
    Kind.YES_NO: "radio",
    Kind.CONTACT: "radio",
    Kind.TEXT: "textarea",
    Kind.DATE: "date",
}


def _field(
    question: Question, language: str, given: Given, slots: list[tuple[str, str]], error: str
) -> Field:
    low, high = question.ends
    band = question.band(given.number) if given.number is not None else None
    return Field(
        question=question,
        label=said(question.text, language),
        help=said(question.help, language),
        control=_CONTROLS.get(question.kind, "scale"),
        options=_options(question, language, given, slots),
        ends=(said(low, language), said(high, language)),
        value=given.chosen[0] if question.kind == Kind.DATE and given.chosen else given.text,
        why=[(str(one), said(text, language)) for one, text in question.follow_up.items()],
        why_asked=str(band or Band.MIDDLE),
        why_value=given.text if question.kind in SCALES else "",
        error=error,
    )


def _options(question: Question, language: str, given: Given, slots: Slots) -> list[Option]:
    if question.kind in SCALES:
        return [
            Option(str(n), str(n), n == given.number, str(question.band(n) or "")) for n in question.scale
        ]
    if question.kind == Kind.CONTACT:
        found = [*slots, (NO, gettext("No, thank you"))]
    elif question.kind == Kind.YES_NO:
        found = [(YES, gettext("Yes")), (NO, gettext("No"))]
    else:
        found = [(one.code, said(one.text, language)) for one in question.choices]
    return [Option(value, label, value in given.chosen) for value, label in found]
