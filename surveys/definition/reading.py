"""Reading a definition from JSON: its shape is checked here, what it lacks in ``checking``.

A draft has the shape and may lack much. What has not the shape is refused, with where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from surveys.definition.languages import LANGUAGES
from surveys.definition.parts import (
    ALARM_AT,
    CHOOSING,
    NO,
    OPS,
    POINTS,
    SCALES,
    SCORES,
    VALUELESS,
    YES,
    Band,
    Choice,
    Condition,
    Definition,
    Json,
    Kind,
    Op,
    Page,
    Question,
    Test,
    Text,
)

FORMAT = 1
MOST_PAGES = 20
MOST_QUESTIONS = 60
MOST_CHOICES = 50
MOST_TESTS = 10
LONGEST = 2000
LONGEST_TITLE = 200
LONGEST_CODE = 40
CODE = re.compile(r"^[a-z][a-z0-9_]{0,39}\Z")
THANKS = ("any", *Band)


class DefinitionRefused(Refused):
    """A definition that cannot be read; ``path`` says where, as ``pages[0].questions[2].kind``."""

    code = "survey_definition"
    message = _("%(path)s: %(what)s")

    def __init__(self, path: str, what: str | Promise) -> None:
        self.path = path or "definition"
        super().__init__(path=self.path, what=what)


def read(document: Json) -> Definition:
    """Return the definition that a JSON document holds; raise :class:`DefinitionRefused`."""
    node = _Node(document, "")
    known = ("format", "languages", "title", "intro", "pages", "thanks")
    node.only(known)
    if node.get("format", FORMAT) != FORMAT:
        raise DefinitionRefused("format", _("This version of Liuke reads format 1."))
    languages = _languages(node)
    pages = tuple(_page(page, languages) for page in node.list("pages", most=MOST_PAGES))
    found = [question for page in pages for question in page.questions]
    if len(found) > MOST_QUESTIONS:
        raise DefinitionRefused("pages", _too_many(MOST_QUESTIONS))
    _refuse_twice([question.code for question in found], "pages")
    if sum(question.kind == Kind.CONTACT for question in found) > 1:
        raise DefinitionRefused("pages", _("A survey asks only once whether one may call."))
    thanks = node.part("thanks")
    thanks.only(THANKS)
    return Definition(
        languages=languages,
        title=node.text("title", languages, longest=LONGEST_TITLE),
        intro=node.text("intro", languages),
        pages=pages,
        thanks={str(name): thanks.text(name, languages) for name in THANKS if thanks.get(name)},
    )


def written(definition: Definition) -> dict[str, Json]:
    """Return the JSON of a definition; ``read`` gives the same definition back."""
    return _filled(
        {
            "intro": dict(definition.intro),
            "thanks": {name: dict(text) for name, text in definition.thanks.items()},
        },
        format=FORMAT,
        languages=list(definition.languages),
        title=dict(definition.title),
        pages=[
            _filled({"title": dict(page.title)}, questions=[_question_json(one) for one in page.questions])
            for page in definition.pages
        ],
    )


# --- Reading ----------------------------------------------------------------------------------
class _Node:
    """An object of the document with the place where it stands."""

    def __init__(self, value: Json, path: str) -> None:
        if not isinstance(value, Mapping):
            raise DefinitionRefused(path, _("Here an object is expected, in braces."))
        self.value: Mapping[str, Json] = value
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str, default: Json = None) -> Json:
        return self.value.get(name, default)

    def only(self, known: tuple[str, ...]) -> None:
        for name in self.value:
            if name not in known:
                raise DefinitionRefused(self.at(str(name)[:64]), _("There is no such part."))

    def part(self, name: str) -> _Node:
        return _Node(self.get(name) or {}, self.at(name))

    def list(self, name: str, *, most: int) -> list[_Node]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise DefinitionRefused(self.at(name), _("Here a list is expected, in brackets."))
        if len(value) > most:
            raise DefinitionRefused(self.at(name), _too_many(most))
        return [_Node(one, f"{self.at(name)}[{number}]") for number, one in enumerate(value)]

    def code(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not CODE.match(value):
            raise DefinitionRefused(
                self.at(name), _("A code begins with a small letter; then small letters, digits and _.")
            )
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name, False)
        if not isinstance(value, bool):
            raise DefinitionRefused(self.at(name), _("Here true or false is expected."))
        return value

    def number(self, name: str) -> int | None:
        value = self.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise DefinitionRefused(self.at(name), _("Here a whole number is expected."))
        return value

    def text(self, name: str, languages: tuple[str, ...], *, longest: int = LONGEST) -> Text:
        found = {}
        for language, words in self.part(name).value.items():
            here = f"{self.at(name)}.{str(language)[:16]}"
            if language not in languages:
                raise DefinitionRefused(here, _("The survey does not speak this language."))
            if not isinstance(words, str) or "\0" in words:
                raise DefinitionRefused(here, _("Here a text is expected."))
            if len(words) > longest:
                raise DefinitionRefused(here, _longer(longest))
            if words.strip():
                found[language] = words.strip()
        return {language: found[language] for language in languages if language in found}

    def choice(self, name: str, choices: tuple[Any, ...]) -> Json:
        value = self.get(name)
        if isinstance(value, bool) or value not in choices:
            listed = ", ".join(str(one) for one in choices)
            raise DefinitionRefused(self.at(name), _one_of(listed))
        return value


def _languages(node: _Node) -> tuple[str, ...]:
    value = node.get("languages")
    if not isinstance(value, list) or not value:
        raise DefinitionRefused("languages", _("Name at least one language; the first is the usual one."))
    for number, one in enumerate(value):
        if not isinstance(one, str) or one not in LANGUAGES:
            raise DefinitionRefused(f"languages[{number}]", _one_of(", ".join(LANGUAGES)))
    _refuse_twice(value, "languages")
    return tuple(value)


def _page(node: _Node, languages: tuple[str, ...]) -> Page:
    node.only(("title", "questions"))
    questions = node.list("questions", most=MOST_QUESTIONS)
    return Page(
        title=node.text("title", languages, longest=LONGEST_TITLE),
        questions=tuple(_question(one, languages) for one in questions),
    )


_OF_ALL = ("code", "kind", "text", "help", "required", "visible_if")
_OWN: dict[Kind, tuple[str, ...]] = {
    **dict.fromkeys(SCALES, ("points", "ends")),
    **dict.fromkeys(SCORES, ("points", "ends", "alarm_at", "follow_up")),
    **dict.fromkeys(CHOOSING, ("choices",)),
}


def _question(node: _Node, languages: tuple[str, ...]) -> Question:
    kind = Kind(node.choice("kind", tuple(Kind)))
    node.only(_OF_ALL + _OWN.get(kind, ()))
    points = node.number("points") if kind in SCALES else 0
    if kind in SCALES:
        points = POINTS[kind][0] if points is None else node.choice("points", POINTS[kind])
    ends = node.part("ends")
    ends.only(("low", "high"))
    follow_up = node.part("follow_up")
    follow_up.only(tuple(Band))
    question = Question(
        code=node.code("code"),
        kind=kind,
        text=node.text("text", languages),
        help=node.text("help", languages),
        required=node.flag("required"),
        points=points or 0,
        ends=(ends.text("low", languages), ends.text("high", languages)),
        choices=_choices(node, languages),
        visible_if=_condition(node.part("visible_if")) if node.get("visible_if") else None,
        follow_up={band: follow_up.text(band, languages) for band in Band if follow_up.get(band)},
    )
    alarm = ALARM_AT.get(kind) if "alarm_at" not in node.value else node.number("alarm_at")
    if alarm is not None and alarm not in question.scale:
        raise DefinitionRefused(node.at("alarm_at"), _("This is no score of the scale."))
    return Question(**{**vars(question), "alarm_at": alarm})


def _choices(node: _Node, languages: tuple[str, ...]) -> tuple[Choice, ...]:
    found = []
    for one in node.list("choices", most=MOST_CHOICES):
        one.only(("code", "text"))
        found.append(Choice(one.code("code"), one.text("text", languages, longest=LONGEST_TITLE)))
    _refuse_twice([one.code for one in found], node.at("choices"))
    return tuple(found)


def _condition(node: _Node) -> Condition:
    node.only(("match", "tests"))
    match = node.choice("match", ("all", "any"))
    tests = tuple(_test(one) for one in node.list("tests", most=MOST_TESTS))
    return Condition(str(match), tests)


def _test(node: _Node) -> Test:
    node.only(("question", "op", "value"))
    op = Op(node.choice("op", tuple(Op)))
    value = node.get("value")
    if op in VALUELESS:
        value = None
    elif isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > LONGEST_CODE:
        raise DefinitionRefused(node.at("value"), _("Say with what the answer is compared."))
    return Test(node.code("question"), op, value)


def values_of(question: Question, op: Op) -> tuple[int | str, ...]:
    """Return what the answer to a question may be compared with."""
    if op in VALUELESS or op not in OPS[question.kind]:
        return ()
    if question.kind in SCALES:
        return tuple(question.scale)
    if question.kind == Kind.YES_NO:
        return (YES, NO)
    return tuple(one.code for one in question.choices)


def _refuse_twice(codes: list[str], path: str) -> None:
    for code in codes:
        if codes.count(code) > 1:
            raise DefinitionRefused(path, _twice(code))


# --- Words ------------------------------------------------------------------------------------
def _too_many(most: int) -> Promise:
    return format_lazy(_("At most {most} are allowed here."), most=most)


def _longer(most: int) -> Promise:
    return format_lazy(_("The text is longer than {most} characters."), most=most)


def _one_of(listed: str) -> Promise:
    return format_lazy(_("Choose one of: {listed}."), listed=listed)


def _twice(code: str) -> Promise:
    return format_lazy(_("“{code}” stands here twice; each may once."), code=code)


# --- Writing ----------------------------------------------------------------------------------
def _filled(part: dict[str, Json], **always: Json) -> dict[str, Json]:
    """Return a part without what is empty."""
    return {name: value for name, value in part.items() if value not in ({}, [], "", None, False)} | always


def _question_json(question: Question) -> dict[str, Json]:
    low, high = question.ends
    condition = question.visible_if
    part = _filled(
        {
            "code": question.code,
            "kind": str(question.kind),
            "help": dict(question.help),
            "required": question.required,
            "points": question.points if len(POINTS.get(question.kind, ())) > 1 else 0,
            "ends": _filled({"low": dict(low), "high": dict(high)}),
            "choices": [{"code": one.code, "text": dict(one.text)} for one in question.choices],
            "follow_up": {str(band): dict(text) for band, text in question.follow_up.items()},
            "visible_if": condition
            and {
                "match": condition.match,
                "tests": [
                    _filled({"question": one.question, "op": str(one.op)})
                    | ({} if one.value is None else {"value": one.value})
                    for one in condition.tests
                ],
            },
        },
        text=dict(question.text),
    )
    if not part.get("points"):
        part.pop("points", None)
    if question.kind in SCORES and question.alarm_at != ALARM_AT.get(question.kind):
        part["alarm_at"] = question.alarm_at
    return part
