"""A SurveyJS document becomes one of ours: panels are opened, a matrix becomes a question a row.

Reports say where (``pages[0].elements[2].validators``), whether a thing was changed or left out, and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.ground.errors import Refused
from surveys.definition import LANGUAGES, NO, YES, Json, Kind, known, read, written
from surveys.surveyjs import expressions

MOST_BYTES = 1_000_000
_MARK = re.compile(r"[^a-z0-9_]+")


class NotSurveyJs(Refused):
    code = "survey_not_surveyjs"
    message = gettext_lazy("This is no SurveyJS survey: an object with “pages” or “elements” is expected.")


@dataclass(frozen=True)
class Report:
    """One thing that is not as it stood there."""

    path: str
    what: str


@dataclass(frozen=True)
class Taken:
    """The document that came of it, which ``surveys.definition`` reads, and all that differs."""

    document: Json
    reports: list[Report]


def take(document: Json) -> Taken:
    """Return our document for one of SurveyJS; raise :class:`NotSurveyJs`, ``DefinitionRefused``.

    Nothing is left out without a report.
    """
    if not isinstance(document, Mapping) or not ({"pages", "elements", "questions"} & document.keys()):
        raise NotSurveyJs()
    taking = _Taking(_languages(document))
    ours = taking.survey(document)
    return Taken(written(read(ours)), taking.reports)


def _languages(document: Any) -> list[str]:
    """Return our codes of the languages that it is written in, its own first."""
    first = known(str(document.get("locale") or "en")) or "en"
    found: dict[str, None] = {first: None}

    def look(part: Any) -> None:
        if isinstance(part, Mapping):
            if "default" in part or (part and all(known(str(key)) for key in part)):
                for key in part:
                    if (code := known(str(key))) and isinstance(part[key], str):
                        found[code] = None
            for value in part.values():
                look(value)
        elif isinstance(part, list):
            for value in part:
                look(value)

    look(document)
    return list(found)


_SURVEY = {"title", "description", "pages", "elements", "questions", "locale", "completedHtml"}
_ELEMENT = {"type", "name", "title", "description", "isRequired", "visibleIf"}
_MORE: dict[str, set[str]] = {
    "rating": {"rateMin", "rateMax", "rateStep", "rateCount", "minRateDescription", "maxRateDescription"},
    "radiogroup": {"choices"},
    "dropdown": {"choices"},
    "checkbox": {"choices"},
    "tagbox": {"choices"},
    "boolean": {"labelTrue", "labelFalse"},
    "text": {"inputType"},
    "comment": {"rows"},
    "matrix": {"columns", "rows", "isAllRowRequired"},
    "html": {"html"},
    "panel": {"elements"},
}
_LESS: dict[str, set[str]] = {  # what they may say there and have no place for here
    "panel": {"isRequired"},
    "html": {"title", "description", "isRequired"},
    "matrix": {"description"},
}
_KINDS = {
    "radiogroup": Kind.SINGLE,
    "dropdown": Kind.SINGLE,
    "checkbox": Kind.MULTIPLE,
    "tagbox": Kind.MULTIPLE,
    "boolean": Kind.YES_NO,
    "comment": Kind.TEXT,
}


@dataclass
class _Taking:
    languages: list[str]
    reports: list[Report] = field(default_factory=list)
    questions: dict[str, Json] = field(default_factory=dict)  # by their name there
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # our codes of their values
    codes: set[str] = field(default_factory=set)
    texts_before: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # html to come as help

    def report(self, path: str, what: str) -> None:
        self.reports.append(Report(path, what))

    # --- The whole ----------------------------------------------------------------------------
    def survey(self, document: Any) -> Json:
        self._unknown(document, _SURVEY, "")
        pages = document.get("pages")
        if not isinstance(pages, list):
            key = "elements" if "elements" in document else "questions"
            pages = [{"elements": document.get(key)}]
            places = [("", key)]
        else:
            places = [(f"pages[{number}]", "elements") for number in range(len(pages))]
        ours: Json = {"format": 1, "languages": self.languages, "pages": []}
        ours["title"] = self.text(document.get("title"), "title", longest=200)
        if intro := self.text(document.get("description"), "description"):
            ours["intro"] = intro
        if thanks := self.text(document.get("completedHtml"), "completedHtml"):
            ours["thanks"] = {"any": thanks}
        for page, (place, key) in zip(pages, places, strict=True):
            self._page(page, place, key, ours)
        return ours

    def _page(self, page: Any, place: str, key: str, ours: Json) -> None:
        if not isinstance(page, Mapping):
            self.report(place, _("Left out: this is no page."))
            return
        if place:
            self._unknown(page, {"name", "title", "description", "elements", "questions"}, place)
        if page.get("description"):
            self.report(f"{place}.description", _("Left out: pages have no description here."))
        elements = page.get(key) if key in page else page.get("questions")
        found = self.elements(elements, f"{place}.{key}" if place else key, None)
        if not found:
            self.report(place or key, _("Left out: nothing on this page was taken over."))
            return
        taken: Json = {"questions": found}
        if title := self.text(page.get("title"), f"{place}.title", longest=200):
            taken["title"] = title
        ours["pages"].append(taken)

    def elements(self, elements: Any, path: str, around: str | None) -> list[Json]:
        if not isinstance(elements, list):
            if elements is not None:
                self.report(path, _("Left out: this is no list."))
            return []
        found: list[Json] = []
        for number, element in enumerate(elements):
            found += self._element(element, f"{path}[{number}]", around)
        for place, _words in self.texts_before:
            self.report(place, _("Left out: no question follows that could carry this text."))
        self.texts_before = []
        return found

    # --- Elements -----------------------------------------------------------------------------
    def _element(self, element: Any, path: str, around: str | None) -> list[Json]:
        kind = element.get("type") if isinstance(element, Mapping) else None
        if not isinstance(kind, str) or kind not in _MORE:
            self.report(path, _("Left out: elements of type “%(type)s” are not taken over.") % {"type": kind})
            return []
        self._unknown(element, (_ELEMENT | _MORE[kind]) - _LESS.get(kind, set()), path)
        condition = element.get("visibleIf")
        if kind == "panel":
            return self._panel(element, path, around)
        if kind == "html":
            if condition or around:
                self.report(f"{path}.visibleIf", _("Left out: texts are always shown here."))
            if words := self.text(element.get("html"), f"{path}.html"):
                self.texts_before.append((path, words))
            return []
        if kind == "matrix":
            return self._matrix(element, path, around)
        question = self._question(str(kind), element, path)
        if question is None:
            return []
        self._finish(question, element, path, around)
        self.questions[str(element.get("name"))] = question
        return [question]

    def _panel(self, element: Any, path: str, around: str | None) -> list[Json]:
        if element.get("title") or element.get("description"):
            self.report(f"{path}.title", _("Left out: the panel was opened, its title has no place here."))
        if element.get("visibleIf") and around:
            self.report(f"{path}.visibleIf", _("Left out: a condition within another one is not taken over."))
        self.report(path, _("Changed: the panel was opened; its questions stand on the page."))
        return self.elements(element.get("elements"), f"{path}.elements", around or element.get("visibleIf"))

    def _matrix(self, element: Any, path: str, around: str | None) -> list[Json]:
        found: list[Json] = []
        columns, rows = element.get("columns"), element.get("rows")
        if not isinstance(columns, list) or not isinstance(rows, list):
            self.report(path, _("Left out: a matrix needs rows and columns."))
            return []
        title = self.text(element.get("title"), f"{path}.title")
        for number, row in enumerate(rows):
            here = f"{path}.rows[{number}]"
            value, words = self._item(row, here)
            one = {"choices": columns, "isRequired": element.get("isRequired")}
            one["isRequired"] = bool(one["isRequired"] or element.get("isAllRowRequired"))
            question = self._chosen(f"{element.get('name')}_{value}", one, f"{path}.columns", Kind.SINGLE)
            question["text"] = {
                code: f"{title[code]} – {said}" if code in title else said for code, said in words.items()
            }
            self._finish(question, {**one, "visibleIf": element.get("visibleIf")}, path, around, texts=False)
            self.questions[f"{element.get('name')}.{value}"] = question
            self.values[f"{element.get('name')}.{value}"] = self.values.pop(f"{element.get('name')}_{value}")
            found.append(question)
        self.report(path, _("Changed: the matrix became a question for each of its rows."))
        return found

    def _question(self, kind: str, element: Any, path: str) -> Json | None:
        name = str(element.get("name") or "")
        if kind == "rating":
            return self._rating(name, element, path)
        if kind == "text":
            given = element.get("inputType") or "text"
            if given == "date":
                return self._new(name, Kind.DATE)
            if given != "text":
                self.report(
                    f"{path}.inputType", _("Changed: “%(type)s” became plain text.") % {"type": given}
                )
            return self._new(name, Kind.TEXT)
        if kind == "boolean":
            for label in ("labelTrue", "labelFalse"):
                if element.get(label):
                    self.report(f"{path}.{label}", _("Changed: the answers read yes and no here."))
            self.values[name] = {"true": YES, "false": NO}
            return self._new(name, Kind.YES_NO)
        if "rows" in element:
            self.report(f"{path}.rows", _("Left out: the height of the field is ours."))
        if kind == "comment":
            return self._new(name, Kind.TEXT)
        return self._chosen(name, element, path, _KINDS[kind], key="choices")

    def _rating(self, name: str, element: Any, path: str) -> Json | None:
        least, most = element.get("rateMin", 1), element.get("rateMax", element.get("rateCount", 5))
        if element.get("rateStep", 1) != 1 or type(least) is not int or type(most) is not int:
            self.report(path, _("Left out: only scales of whole numbers, step by step, are taken over."))
            return None
        if (least, most) == (0, 10):
            question = self._new(name, Kind.NPS)
            self.report(path, _("Changed: a scale of 0–10 became NPS."))
        elif least == 1 and 3 <= most <= 10:
            question = self._new(name, Kind.RATING) | {"points": most}
        else:
            self.report(path, _("Left out: scales go from 1 to 3–10, or from 0 to 10."))
            return None
        ends = {
            end: text
            for end, key in (("low", "minRateDescription"), ("high", "maxRateDescription"))
            if (text := self.text(element.get(key), f"{path}.{key}"))
        }
        return question | ({"ends": ends} if ends else {})

    def _chosen(self, name: str, element: Any, path: str, kind: Kind, *, key: str = "") -> Json:
        question = self._new(name, kind) | {"choices": []}
        self.values[name] = {}
        listed = element.get("choices")
        taken: set[str] = set()
        for number, item in enumerate(listed if isinstance(listed, list) else []):
            here = f"{path}.{key}[{number}]" if key else f"{path}[{number}]"
            value, words = self._item(item, here)
            code = _code(value, taken, "c")
            taken.add(code)
            self.values[name][value] = code
            question["choices"].append({"code": code, "text": words})
        return question

    def _item(self, item: Any, path: str) -> tuple[str, dict[str, str]]:
        if isinstance(item, Mapping):
            self._unknown(item, {"value", "text"}, path)
            value = str(item.get("value"))
            said = self.text(item.get("text"), f"{path}.text", longest=200)
        else:
            value, said = str(item), {}
        words = said or dict.fromkeys(self.languages, value[:200])
        return value, words

    def _new(self, name: str, kind: Kind) -> Json:
        code = _code(name, self.codes, "q")
        self.codes.add(code)
        return {"code": code, "kind": str(kind), "text": {}}

    def _finish(
        self, question: Json, element: Any, path: str, around: str | None, *, texts: bool = True
    ) -> None:
        if element.get("isRequired"):
            question["required"] = True
        if texts:
            name = str(element.get("name") or "")
            said = self.text(element.get("title"), f"{path}.title")
            question["text"] = said or {code: name[:2000] for code in self.languages if name}
            if not said:
                self.report(f"{path}.title", _("Changed: without a title the name is asked."))
            if help_text := self.text(element.get("description"), f"{path}.description"):
                question["help"] = help_text
        self._carry(question)
        self._condition(question, element.get("visibleIf"), path, around)

    def _carry(self, question: Json) -> None:
        """Let a question carry the texts that stood before it as its help."""
        for place, words in self.texts_before:
            before = question.get("help", {})
            joined = {c: "\n".join(filter(None, [words.get(c), before.get(c)])) for c in self.languages}
            question["help"] = {code: text[:2000] for code, text in joined.items() if text}
            self.report(place, _("Changed: the text stands as help of the question after it."))
        self.texts_before = []

    def _condition(self, question: Json, own: Any, path: str, around: str | None) -> None:
        for text in filter(None, (own, around)):
            try:
                match, parts = expressions.split(str(text))
                tests = [expressions.test_of(part, self.questions, self.values) for part in parts]
            except expressions.NotSaid as why:
                said = _("Left out, so the question is always shown: %(text)s – %(why)s.")
                self.report(f"{path}.visibleIf", said % {"text": str(text)[:200], "why": why})
                continue
            standing = question.get("visible_if")
            if standing is None:
                question["visible_if"] = {"match": match, "tests": tests}
            elif "any" in (standing["match"], match) and len(standing["tests"]) + len(tests) > 2:
                self.report(f"{path}.visibleIf", _("Left out: the condition of the panel around it."))
            else:
                standing["tests"] += tests
                standing["match"] = "all"

    # --- Texts --------------------------------------------------------------------------------
    def text(self, value: Any, path: str, *, longest: int = 2000) -> dict[str, str]:
        """Return a text in our languages; ``default`` is the first of them."""
        if value is None or value == "":
            return {}
        said = value if isinstance(value, Mapping) else {"default": value}
        found: dict[str, str] = {}
        for key, words in said.items():
            code = self.languages[0] if key == "default" else known(str(key))
            if code not in LANGUAGES or not isinstance(words, str):
                self.report(f"{path}.{key}", _("Left out: this is no text in a language of ours."))
                continue
            plain = strip_tags(words).replace("\0", "").strip()
            if plain != words.strip():
                self.report(f"{path}.{key}" if len(said) > 1 else path, _("Changed: markup was taken out."))
            if len(plain) > longest:
                self.report(path, _("Changed: the text was cut to %(n)s characters.") % {"n": longest})
            if "{" in plain:
                self.report(path, _("Changed: values in braces stay as they are written."))
            found[code] = plain[:longest]
        return {code: text for code, text in found.items() if text}

    def _unknown(self, part: Any, taken: set[str], path: str) -> None:
        for name in part:
            if name not in taken:
                self.report(f"{path}.{name}" if path else str(name), _("Left out: not taken over."))


def _code(name: str, taken: set[str], first: str) -> str:
    base = _MARK.sub("_", name.lower()).strip("_")[:32]
    base = base if base[:1].isalpha() else f"{first}{base}" if base else first
    if base not in taken:
        return base
    return next(code for n in range(2, 10_000) if (code := f"{base}_{n}") not in taken)
