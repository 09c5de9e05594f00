"""Which questions are shown, given what was answered so far; pure, and the same for page and import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from surveys.definition.parts import Condition, Definition, Op, Page, Question, Test


@dataclass(frozen=True)
class Given:
    """The answer to one question, as it was given."""

    number: int | None = None  # of a scale
    chosen: tuple[str, ...] = ()  # codes of choices; yes or no; the day of a date; a slot for a call
    text: str = ""  # written: the answer itself, or why

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was answered; reasons without a score are none."""
        return self.number is None and not self.chosen and not self.text


Answers = Mapping[str, Given]


def holds(condition: Condition | None, answers: Answers) -> bool:
    """Say whether a condition holds; without one a question is always shown."""
    if condition is None:
        return True
    results = (_test_holds(test, answers.get(test.question)) for test in condition.tests)
    return all(results) if condition.match == "all" else any(results)


def shown(definition: Definition, answers: Answers) -> list[Question]:
    """Return the questions that are shown, in order.

    An answer to a question that is not shown any more counts nowhere, so one that depends on it goes too.
    """
    found: list[Question] = []
    counted: dict[str, Given] = {}
    for question in definition.questions():
        if holds(question.visible_if, counted):
            found.append(question)
            if (given := answers.get(question.code)) is not None:
                counted[question.code] = given
    return found


def shown_of(page: Page, among: Iterable[Question]) -> list[Question]:
    """Return those of ``among`` that stand on a page."""
    codes = {question.code for question in page.questions}
    return [question for question in among if question.code in codes]


def _test_holds(test: Test, given: Given | None) -> bool:
    """Say whether one test holds; nothing but *not answered* holds of a question without an answer."""
    if given is None or given.is_empty:
        return test.op == Op.NOT_ANSWERED
    if test.op in (Op.ANSWERED, Op.NOT_ANSWERED):
        return test.op == Op.ANSWERED
    if isinstance(test.value, int):
        return given.number is not None and _compares(test.op, given.number, test.value)
    is_there = test.value in given.chosen
    if test.op in (Op.IS, Op.INCLUDES):
        return is_there
    return bool(given.chosen) and not is_there


def _compares(op: Op, number: int, value: int) -> bool:
    if op == Op.AT_MOST:
        return number <= value
    return number >= value if op == Op.AT_LEAST else number == value
