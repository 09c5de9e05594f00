"""Answers as a form sends them: read question by question, what does not fit is told at its question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Protocol

from django.utils.translation import gettext

from surveys.definition import CHOOSING, NO, SCALES, YES, Given, Kind, Question

LONGEST = 4000
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


class Sent(Protocol):
    """What a form sent."""

    def get(self, name: str, default: str = "") -> Any:
        """Return the last value of a field."""

    def getlist(self, name: str) -> list[str]:
        """Return all values of a field."""


Errors = dict[str, str]


def read(
    questions: Iterable[Question], sent: Sent, *, may_call: Callable[[str], str]
) -> tuple[dict[str, Given], Errors]:
    """Return the answers that were sent, and what is wrong, by the code of the question.

    Args:
        may_call: says of the code of a time for a call what is wrong with it; nothing when it stands.
    """
    answers, errors = {}, {}
    for question in questions:
        given, error = _read(question, sent, may_call)
        answers[question.code] = given
        if error:
            errors[question.code] = error
    return answers, errors


def missing(questions: Iterable[Question], answers: Mapping[str, Given]) -> Errors:
    """Return what is wrong with questions that must be answered and are not."""
    return {
        one.code: gettext("Please answer this question.")
        for one in questions
        if one.required and _is_empty(one, answers.get(one.code, Given()))
    }


def kept(answers: Mapping[str, Given]) -> dict[str, Any]:
    """Return answers as they are kept until they are sent."""
    return {
        code: {"number": one.number, "chosen": list(one.chosen), "text": one.text}
        for code, one in answers.items()
        if not (one.is_empty)
    }


def restored(document: Any) -> dict[str, Given]:
    """Return the answers that :func:`kept` wrote."""
    return {
        code: Given(number=one["number"], chosen=tuple(one["chosen"]), text=one["text"])
        for code, one in (document or {}).items()
    }


def _is_empty(question: Question, given: Given) -> bool:
    return given.number is None if question.kind in SCALES else given.is_empty


def _read(question: Question, sent: Sent, may_call: Callable[[str], str]) -> tuple[Given, str]:
    name = f"q.{question.code}"
    if question.kind in SCALES:
        why, error = _words(str(sent.get(f"{name}.why", "")) if question.follow_up else "")
        number = str(sent.get(name, ""))
        if number and number not in {str(n) for n in question.scale}:
            return Given(text=why), gettext("Please choose one of the numbers.")
        return Given(number=int(number) if number else None, text=why), error
    if question.kind in CHOOSING or question.kind == Kind.YES_NO:
        return _chosen(question, [one for one in sent.getlist(name) if one])
    value = str(sent.get(name, "")).strip()
    if question.kind == Kind.CONTACT:
        wrong = may_call(value) if value not in ("", NO) else ""
        return Given(chosen=(value,) if value and not wrong else ()), wrong
    if question.kind == Kind.DATE:
        return _day(value)
    text, error = _words(value)
    return Given(text=text), error


def _chosen(question: Question, values: list[str]) -> tuple[Given, str]:
    codes = [one.code for one in question.choices] if question.kind in CHOOSING else [YES, NO]
    chosen = tuple(code for code in codes if code in values)
    is_odd = set(values) - set(codes) or (question.kind != Kind.MULTIPLE and len(chosen) > 1)
    if is_odd:
        return Given(), gettext("Please choose from the list.")
    return Given(chosen=chosen), ""


def _day(value: str) -> tuple[Given, str]:
    if not value:
        return Given(), ""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return Given(), gettext("Please write the day as YYYY-MM-DD.")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return Given(), gettext("Please check the year.")
    return Given(chosen=(day.isoformat(),)), ""


def _words(text: str) -> tuple[str, str]:
    """Return a text without what no database holds, and what is wrong with it; too much of it is kept."""
    words = text.replace("\0", "").replace("\r\n", "\n").strip()
    if len(words) > LONGEST:
        too_long = gettext("Please shorten this to %(most)s characters; what is beyond was cut off.")
        return words[:LONGEST], too_long % {"most": LONGEST}
    return words, ""
