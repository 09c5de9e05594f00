"""What the builder shows of a survey that is being written: groups of fields, ready for the template."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, pgettext

from surveys.definition import (
    ALARM_AT,
    CHOOSING,
    LANGUAGES,
    NO,
    OPS,
    POINTS,
    SCALES,
    SCORES,
    VALUELESS,
    YES,
    Band,
    Json,
    Kind,
    Op,
    Problem,
    said,
)
from surveys.pages.drafting import earlier_than


def kinds() -> dict[str, str]:
    """Return the kinds of questions, each by its name."""
    return {
        Kind.NPS: gettext("NPS: recommend us, 0–10"),
        Kind.CSAT: gettext("CSAT: satisfaction, 1–5"),
        Kind.CES: gettext("CES: effort, 1–5 or 1–7"),
        Kind.RATING: gettext("Rating"),
        Kind.SINGLE: gettext("One of several"),
        Kind.MULTIPLE: gettext("Several of several"),
        Kind.TEXT: pgettext("kind of question", "Text"),
        Kind.YES_NO: gettext("Yes or no"),
        Kind.DATE: pgettext("kind of question", "Date"),
        Kind.CONTACT: gettext("May we call you?"),
    }


def comparisons() -> dict[Op, str]:
    """Return how answers are compared, in words."""
    return {
        Op.AT_MOST: gettext("is at most"),
        Op.AT_LEAST: gettext("is at least"),
        Op.EQUAL: gettext("is exactly"),
        Op.IS: pgettext("comparison", "is"),
        Op.IS_NOT: pgettext("comparison", "is not"),
        Op.INCLUDES: gettext("includes"),
        Op.EXCLUDES: gettext("does not include"),
        Op.ANSWERED: gettext("is answered"),
        Op.NOT_ANSWERED: gettext("is not answered"),
    }


@dataclass(frozen=True)
class Words:
    """A text in every language of the survey, side by side."""

    key: str
    legend: str
    rows: list[tuple[str, str, str]]  # language, its name, words
    long: bool = False


@dataclass(frozen=True)
class ChoiceShown:
    """One choice of a question."""

    key: str
    place: str
    code: str
    words: Words


@dataclass(frozen=True)
class TestShown:
    """One comparison with an earlier answer."""

    key: str
    place: str
    question: str
    op: str
    value: str
    ops: list[tuple[str, str]]
    values: list[tuple[str, str]]
    takes_value: bool


@dataclass(frozen=True)
class QuestionShown:
    """One question with all that can be said of it."""

    key: str
    place: str
    number: int
    code: str
    kind: str
    kind_name: str
    title: str
    required: bool
    words: list[Words]
    points: list[int]
    chosen_points: int
    takes_alarm: bool
    scale: list[int]
    alarm_at: int | None
    takes_choices: bool
    choices: list[ChoiceShown]
    match: str
    tests: list[TestShown]
    earlier: list[tuple[str, str]]
    problems: list[str]
    is_first: bool
    is_last: bool

    @property
    def says_more(self) -> bool:
        """Say whether more is written than the question itself."""
        return any(words for one in self.words[1:] for _code, _name, words in one.rows)


@dataclass(frozen=True)
class PageShown:
    """One page."""

    key: str
    place: str
    number: int
    words: Words
    questions: list[QuestionShown] = field(default_factory=list)
    is_first: bool = False
    is_last: bool = False


class Drafted:
    """The whole, for the template: ``pages`` and the texts of the survey itself."""

    def __init__(self, document: Json, problems: Iterable[Problem] = (), *, focus: str = "") -> None:
        self.document = document
        self.focus = focus
        self.language = document["languages"][0]
        self.languages = [(code, LANGUAGES[code]) for code in document["languages"]]
        self.others = [(c, name) for c, name in LANGUAGES.items() if c not in document["languages"]]
        self.kinds = list(kinds().items())
        self.problems = list(problems)
        self._names, self._compared = kinds(), comparisons()
        self._wrong: dict[str, list[str]] = defaultdict(list)
        for problem in self.problems:
            self._wrong[problem.question].append(problem.text)
        self.title = self._words("title", gettext("Title"), document.get("title"))
        self.intro = self._words("intro", gettext("Introduction"), document.get("intro"), long=True)
        self.thanks = self._thanks()
        self.pages = [self._page(number) for number in range(len(document["pages"]))]

    @property
    def own_problems(self) -> list[str]:
        """Return what the survey itself lacks."""
        return self._wrong[""]

    def _thanks(self) -> list[Words]:
        legends = {
            "any": gettext("Thanks"),
            Band.LOW: gettext("Thanks after a low score"),
            Band.MIDDLE: gettext("Thanks after a middle score"),
            Band.HIGH: gettext("Thanks after a high score"),
        }
        said_so = self.document.get("thanks") or {}
        return [
            self._words(f"thanks.{name}", legend, said_so.get(name), long=True)
            for name, legend in legends.items()
        ]

    def _page(self, number: int) -> PageShown:
        page, key = self.document["pages"][number], f"p{number}"
        return PageShown(
            key=key,
            place=str(number),
            number=number + 1,
            words=self._words(f"{key}.title", gettext("Title of the page"), page.get("title")),
            questions=[self._question(number, place) for place in range(len(page["questions"]))],
            is_first=number == 0,
            is_last=number == len(self.document["pages"]) - 1,
        )

    def _question(self, page: int, number: int) -> QuestionShown:
        pages = self.document["pages"]
        one, key, place = pages[page]["questions"][number], f"p{page}.q{number}", f"{page}-{number}"
        kind = Kind(one["kind"])
        before = earlier_than(self.document, page, number)
        points = one.get("points") or POINTS.get(kind, (0,))[0]
        first = 0 if kind == Kind.NPS else 1
        last = number == len(pages[page]["questions"]) - 1
        return QuestionShown(
            key=key,
            place=place,
            number=len(before) + 1,
            code=one["code"],
            kind=str(kind),
            kind_name=self._names[kind],
            title=said(one["text"], self.document["languages"][0]) or one["code"],
            required=bool(one.get("required")),
            words=self._texts(one, key, kind),
            points=sorted(POINTS.get(kind, ())),
            chosen_points=points,
            takes_alarm=kind in SCORES,
            scale=list(range(first, first + points)) if kind in SCALES else [],
            alarm_at=one.get("alarm_at", ALARM_AT.get(kind)),
            takes_choices=kind in CHOOSING,
            choices=self._choices(one, key, place),
            match=(one.get("visible_if") or {}).get("match", "all"),
            tests=self._tests(one, key, place, before),
            earlier=[(q["code"], self._short(q)) for q in before],
            problems=self._wrong[one["code"]],
            is_first=page == 0 and number == 0,
            is_last=page == len(pages) - 1 and last,
        )

    def _texts(self, one: Json, key: str, kind: Kind) -> list[Words]:
        found = [
            self._words(f"{key}.text", gettext("Question"), one["text"], long=True),
            self._words(f"{key}.help", gettext("Help below it"), one.get("help")),
        ]
        if kind in SCALES:
            ends = one.get("ends") or {}
            found += [
                self._words(f"{key}.low", gettext("The lowest score means"), ends.get("low")),
                self._words(f"{key}.high", gettext("The highest score means"), ends.get("high")),
            ]
        if kind in SCORES:
            why = one.get("follow_up") or {}
            legends = {
                Band.LOW: gettext("Asks why after a low score"),
                Band.MIDDLE: gettext("Asks why after a middle score"),
                Band.HIGH: gettext("Asks why after a high score"),
            }
            found += [self._words(f"{key}.why.{b}", legend, why.get(b)) for b, legend in legends.items()]
        return found

    def _choices(self, one: Json, key: str, place: str) -> list[ChoiceShown]:
        return [
            ChoiceShown(
                key=f"{key}.c{number}",
                place=f"{place}-{number}",
                code=choice["code"],
                words=self._words(
                    f"{key}.c{number}.text", gettext("Choice %(n)s") % {"n": number + 1}, choice["text"]
                ),
            )
            for number, choice in enumerate(one.get("choices") or [])
        ]

    def _tests(self, one: Json, key: str, place: str, before: list[Json]) -> list[TestShown]:
        known = {question["code"]: question for question in before}
        return [
            self._test(test, f"{key}.t{number}", f"{place}-{number}", known.get(test["question"]))
            for number, test in enumerate((one.get("visible_if") or {}).get("tests") or [])
        ]

    def _test(self, test: Json, key: str, place: str, asked: Json | None) -> TestShown:
        ops = OPS[Kind(asked["kind"])] if asked else tuple(Op)
        return TestShown(
            key=key,
            place=place,
            question=test["question"],
            op=test["op"],
            value=str(test.get("value", "")),
            ops=[(str(op), self._compared[op]) for op in ops],
            values=self._values(asked),
            takes_value=test["op"] not in VALUELESS,
        )

    def _values(self, asked: Json | None) -> list[tuple[str, str]]:
        if asked is None:
            return []
        kind = Kind(asked["kind"])
        if kind in SCALES:
            first = 0 if kind == Kind.NPS else 1
            points = asked.get("points") or POINTS[kind][0]
            return [(str(n), str(n)) for n in range(first, first + points)]
        if kind == Kind.YES_NO:
            return [(YES, gettext("Yes")), (NO, gettext("No"))]
        return [(one["code"], self._short(one)) for one in asked.get("choices") or []]

    def _short(self, part: Any) -> str:
        words = said(part["text"], self.document["languages"][0]) or part["code"]
        return words if len(words) <= 60 else f"{words[:59]}…"

    def _words(self, key: str, legend: str, text: Any, *, long: bool = False) -> Words:
        rows = [(code, name, (text or {}).get(code, "")) for code, name in self.languages]
        return Words(key, legend, rows, long)
