"""A survey that is being written: read from the form as it was typed, changed by the press of a button.

The document may be incomplete; it has the shape that ``surveys.definition`` reads, but for what was
typed too long or into no field of ours, which that refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.http import QueryDict

from customers.ground.numbers import whole
from surveys.definition import CHOOSING, LANGUAGES, OPS, POINTS, SCALES, VALUELESS, Band, Json, Kind, Op

THANKS = ("any", *Band)
_MOST = {"page": 20, "question": 60, "choice": 50, "test": 10}
_MARK = re.compile(r"[^a-z0-9_]+")


def read(data: QueryDict) -> Json:
    """Return the document that a form sent."""
    return _Form(data).document()


def new_question(kind: Kind, codes: set[str]) -> Json:
    """Return a question without words, under a code that is free."""
    question: Json = {"code": free_code(str(kind), codes), "kind": str(kind), "text": {}}
    if kind in CHOOSING:
        question["choices"] = [{"code": "a", "text": {}}, {"code": "b", "text": {}}]
    if kind in (Kind.NPS, Kind.CSAT, Kind.CES):
        question["required"] = True
    return question


def free_code(wanted: str, taken: set[str]) -> str:
    """Return ``wanted``, or it with the next number that is free."""
    base = _MARK.sub("_", wanted.lower()).strip("_")[:32] or "q"
    base = base if base[0].isalpha() else f"q{base}"
    if base not in taken:
        return base
    return next(name for n in range(2, 1000) if (name := f"{base}{n}") not in taken)


def codes_of(document: Json) -> set[str]:
    """Return the codes of its questions."""
    return {question["code"] for page in document["pages"] for question in page["questions"]}


# --- Acts: each changes the document in place and returns the act whose button has the focus then ----
def act(document: Json, pressed: str) -> str:
    """Do what a button asks (``up:0-1``); an unknown one does nothing. Return where the focus goes."""
    name, _colon, rest = pressed.partition(":")
    place = [whole(one) for one in rest.split("-")] if rest else []
    if name == "language":
        return _language(document, rest)
    if name == "unlanguage":
        return _unlanguage(document, rest)
    found = _ACTS.get(name)
    if found is None or None in place or len(place) != found[0]:
        return ""
    try:
        return found[1](document, *place)
    except (IndexError, KeyError):
        return ""


def add(document: Json, page: int, kind: str) -> str:
    """Put a question of a kind at the end of a page."""
    if kind not in tuple(Kind) or not 0 <= page < len(document["pages"]):
        return ""
    questions = document["pages"][page]["questions"]
    if len(codes_of(document)) < _MOST["question"]:
        questions.append(new_question(Kind(kind), codes_of(document)))
    return f"text:{page}-{len(questions) - 1}"


def _language(document: Json, code: str) -> str:
    if code in LANGUAGES and code not in document["languages"]:
        document["languages"].append(code)
    return "languages"


def _unlanguage(document: Json, code: str) -> str:
    """Take a language away with all that is said in it; the last one stays."""

    def without(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: without(value) for name, value in part.items() if name != code}
        return [without(one) for one in part] if isinstance(part, list) else part

    if code in document["languages"] and len(document["languages"]) > 1:
        languages = [one for one in document["languages"] if one != code]
        document.update(without(document) | {"languages": languages})
    return "languages"


def _add_page(document: Json) -> str:
    if len(document["pages"]) < _MOST["page"]:
        document["pages"].append({"questions": []})
    return f"add:{len(document['pages']) - 1}"


def _remove_page(document: Json, page: int) -> str:
    del document["pages"][page]
    return "add_page"


def _move_page(by: int) -> Callable[..., str]:
    def move(document: Json, page: int) -> str:
        _swap(document["pages"], page, by)
        return f"add:{page + by}"

    return move


def _remove(document: Json, page: int, number: int) -> str:
    del document["pages"][page]["questions"][number]
    return f"add:{page}"


def _move(by: int) -> Callable[..., str]:
    def move(document: Json, page: int, number: int) -> str:
        """Move a question among its neighbours, beyond the edge to the next page."""
        pages, word = document["pages"], "up" if by < 0 else "down"
        questions = pages[page]["questions"]
        if 0 <= number + by < len(questions):
            _swap(questions, number, by)
            return f"{word}:{page}-{number + by}"
        if not 0 <= page + by < len(pages):
            return f"{word}:{page}-{number}"
        there = pages[page + by]["questions"]
        there.insert(len(there) if by < 0 else 0, questions.pop(number))
        return f"{word}:{page + by}-{len(there) - 1 if by < 0 else 0}"

    return move


def _add_choice(document: Json, page: int, number: int) -> str:
    choices = document["pages"][page]["questions"][number].setdefault("choices", [])
    if len(choices) < _MOST["choice"]:
        taken = {one["code"] for one in choices}
        letter = next((chr(n) for n in range(97, 123) if chr(n) not in taken), "choice")
        choices.append({"code": free_code(letter, taken), "text": {}})
    return f"choice_text:{page}-{number}-{len(choices) - 1}"


def _remove_choice(document: Json, page: int, number: int, choice: int) -> str:
    del document["pages"][page]["questions"][number]["choices"][choice]
    return f"choice:{page}-{number}"


def _move_choice(document: Json, page: int, number: int, choice: int) -> str:
    _swap(document["pages"][page]["questions"][number]["choices"], choice, -1)
    return f"choice_up:{page}-{number}-{max(choice - 1, 0)}"


def _add_test(document: Json, page: int, number: int) -> str:
    question = document["pages"][page]["questions"][number]
    condition = question.get("visible_if") or {"match": "all", "tests": []}
    earlier = earlier_than(document, page, number)
    if earlier and len(condition["tests"]) < _MOST["test"]:
        condition["tests"].append({"question": earlier[0]["code"], "op": str(Op.ANSWERED)})
        question["visible_if"] = condition
    return f"test_question:{page}-{number}-{len(condition['tests']) - 1}"


def _remove_test(document: Json, page: int, number: int, test: int) -> str:
    question = document["pages"][page]["questions"][number]
    del question["visible_if"]["tests"][test]
    if not question["visible_if"]["tests"]:
        del question["visible_if"]
    return f"test:{page}-{number}"


_ACTS: dict[str, tuple[int, Callable[..., str]]] = {
    "add_page": (0, _add_page),
    "remove_page": (1, _remove_page),
    "page_up": (1, _move_page(-1)),
    "page_down": (1, _move_page(1)),
    "remove": (2, _remove),
    "up": (2, _move(-1)),
    "down": (2, _move(1)),
    "choice": (2, _add_choice),
    "unchoice": (3, _remove_choice),
    "choice_up": (3, _move_choice),
    "test": (2, _add_test),
    "untest": (3, _remove_test),
}


def earlier_than(document: Json, page: int, number: int) -> list[Json]:
    """Return the questions that are asked before one."""
    pages = document["pages"]
    before = [question for one in pages[:page] for question in one["questions"]]
    return before + pages[page]["questions"][:number]


def _swap(rows: list[Json], here: int, by: int) -> None:
    if 0 <= here < len(rows) and 0 <= here + by < len(rows):
        rows[here], rows[here + by] = rows[here + by], rows[here]


# --- Reading ----------------------------------------------------------------------------------
class _Form:
    """Named fields: ``p0.q1.text.en``; a list ends where its next number is not sent."""

    def __init__(self, data: QueryDict) -> None:
        self.data = data
        sent = [one for one in data.getlist("languages") if one in LANGUAGES]
        self.languages = list(dict.fromkeys(sent)) or ["en"]

    def document(self) -> Json:
        pages: list[Json] = []
        questions = 0
        while len(pages) < _MOST["page"] and f"p{len(pages)}" in self.data:
            page = self._page(f"p{len(pages)}", _MOST["question"] - questions)
            questions += len(page["questions"])
            pages.append(page)
        thanks = {name: text for name in THANKS if (text := self._text(f"thanks.{name}"))}
        return self._with_texts("", "title", "intro") | {
            "format": 1,
            "languages": self.languages,
            "pages": pages,
            "thanks": thanks,
        }

    def _page(self, key: str, most: int) -> Json:
        questions: list[Json] = []
        while len(questions) < most and f"{key}.q{len(questions)}.kind" in self.data:
            questions.append(self._question(f"{key}.q{len(questions)}"))
        return self._with_texts(f"{key}.", "title") | {"questions": questions}

    def _question(self, key: str) -> Json:
        kind = self._get(f"{key}.kind")
        question: Json = {"code": self._get(f"{key}.code"), "kind": kind, "text": self._text(f"{key}.text")}
        question |= self._with_texts(f"{key}.", "help")
        if self._get(f"{key}.required") == "1":
            question["required"] = True
        if kind in SCALES:
            question |= self._scale(key, Kind(kind))
        if kind in CHOOSING:
            question["choices"] = self._choices(key)
        if tests := self._tests(key):
            match = "any" if self._get(f"{key}.match") == "any" else "all"
            question["visible_if"] = {"match": match, "tests": tests}
        return question

    def _scale(self, key: str, kind: Kind) -> Json:
        part: Json = {}
        points = whole(self._get(f"{key}.points"))
        if len(POINTS[kind]) > 1 and points:
            part["points"] = points
        ends = {end: text for end in ("low", "high") if (text := self._text(f"{key}.{end}"))}
        part |= {"ends": ends} if ends else {}
        if kind == Kind.RATING:
            return part
        alarm = self._get(f"{key}.alarm_at")
        if f"{key}.alarm_at" in self.data:
            part["alarm_at"] = whole(alarm)
        why = {str(band): text for band in Band if (text := self._text(f"{key}.why.{band}"))}
        return part | ({"follow_up": why} if why else {})

    def _choices(self, key: str) -> list[Json]:
        choices: list[Json] = []
        while len(choices) < _MOST["choice"] and f"{key}.c{len(choices)}.code" in self.data:
            here = f"{key}.c{len(choices)}"
            choices.append({"code": self._get(f"{here}.code"), "text": self._text(f"{here}.text")})
        return choices

    def _tests(self, key: str) -> list[Json]:
        tests: list[Json] = []
        while len(tests) < _MOST["test"] and f"{key}.t{len(tests)}.question" in self.data:
            here = f"{key}.t{len(tests)}"
            test: Json = {"question": self._get(f"{here}.question"), "op": self._get(f"{here}.op")}
            if test["op"] not in VALUELESS:
                value = self._get(f"{here}.value")
                number = whole(value)
                test["value"] = value if number is None or test["op"] in _OF_CODES else number
            tests.append(test)
        return tests

    def _text(self, key: str) -> dict[str, str]:
        said = {language: self._get(f"{key}.{language}").strip() for language in self.languages}
        return {language: words.replace("\r\n", "\n") for language, words in said.items() if words}

    def _with_texts(self, key: str, *names: str) -> Json:
        return {name: text for name in names if (text := self._text(f"{key}{name}"))}

    def _get(self, key: str) -> str:
        return str(self.data.get(key, ""))


_OF_CODES = {Op.IS, Op.IS_NOT, Op.INCLUDES, Op.EXCLUDES}
FIRST_OP = {kind: ops[0] for kind, ops in OPS.items()}
