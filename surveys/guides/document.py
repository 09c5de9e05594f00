"""What a guide asks, as one JSON document that the page and the API share; see docs/interviews.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused

Json = dict[str, Any]
LANGUAGES = ("en", "zh-hans")
CAUSES = "causes"
"""Stands for the codes of a question that is coded by the company's catalogue of causes."""
MOST_QUESTIONS, MOST_CODES, MOST_PROMPTS = 40, 40, 12
MOST_TEXT, MOST_PROMPT, MOST_CODE_TEXT = 500, 300, 100
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


class GuideRefused(Refused):
    """A guide that cannot be used; ``place`` says where, as ``questions[2].codes[0].text``."""

    code = "guide_document"
    message = _("%(place)s: %(why)s")

    def __init__(self, place: str, why: str, *, path: str = "") -> None:
        self.path = path or place
        super().__init__(place=place, why=why)


@dataclass(frozen=True)
class Words:
    """A text in both languages; one that was left out is said by the other."""

    en: str = ""
    zh: str = ""

    def __str__(self) -> str:
        return self.zh if (translation.get_language() or "").startswith("zh") else self.en

    def __bool__(self) -> bool:
        return bool(self.en or self.zh)

    def written(self) -> dict[str, str]:
        """Return it as it stands in a document."""
        return {"en": self.en, "zh-hans": self.zh}


@dataclass(frozen=True)
class Code:
    """One of the codes by which answers to a question are counted."""

    code: str
    text: Words


@dataclass(frozen=True)
class Question:
    """One question, with prompts for who asks it, and the codes that its answers may get."""

    code: str
    text: Words
    prompts: tuple[Words, ...] = ()
    is_about_causes: bool = False
    codes: tuple[Code, ...] = ()


@dataclass(frozen=True)
class Document:
    """All that a guide asks, in order."""

    questions: tuple[Question, ...]

    def find(self, code: str) -> Question | None:
        """Return one question."""
        return next((one for one in self.questions if one.code == code), None)

    @property
    def asks_causes(self) -> bool:
        """Say whether a question of it is coded by causes."""
        return any(one.is_about_causes for one in self.questions)


def read(document: Any) -> Document:
    """Return what a document asks; raise :class:`GuideRefused`, which names the place."""
    if not isinstance(document, dict):
        raise _refused("", gettext("this must be an object"))
    _known(document, {"format", "questions"}, "")
    if document.get("format", 1) != 1:
        raise _refused("format", gettext("this must be 1"))
    rows = _list(document.get("questions"), "questions", most=MOST_QUESTIONS)
    if not rows:
        raise _refused("questions", gettext("a guide asks at least one question"))
    questions = tuple(_question(row, f"questions[{number}]") for number, row in enumerate(rows))
    _once((one.code for one in questions), "questions")
    return Document(questions)


def written(document: Document) -> Json:
    """Return a document as it is stored: the same for the same questions, however they were sent."""
    return {"format": 1, "questions": [_written(one) for one in document.questions]}


def _written(one: Question) -> Json:
    codes: Any = [{"code": code.code, "text": code.text.written()} for code in one.codes]
    return {
        "code": one.code,
        "text": one.text.written(),
        "prompts": [prompt.written() for prompt in one.prompts],
        "codes": CAUSES if one.is_about_causes else codes,
    }


def _question(row: Any, path: str) -> Question:
    if not isinstance(row, dict):
        raise _refused(path, gettext("this must be an object"))
    _known(row, {"code", "text", "prompts", "codes"}, path)
    codes = row.get("codes", [])
    is_about_causes = codes == CAUSES
    found = [] if is_about_causes else _list(codes, f"{path}.codes", most=MOST_CODES)
    read_codes = tuple(_code(one, f"{path}.codes[{number}]") for number, one in enumerate(found))
    _once((one.code for one in read_codes), f"{path}.codes")
    for language in ("en", "zh"):
        _once((getattr(one.text, language).casefold() for one in read_codes), f"{path}.codes")
    prompts = _list(row.get("prompts", []), f"{path}.prompts", most=MOST_PROMPTS)
    return Question(
        code=_name(row.get("code"), f"{path}.code"),
        text=_words(row.get("text"), f"{path}.text", most=MOST_TEXT),
        prompts=tuple(
            _words(one, f"{path}.prompts[{number}]", most=MOST_PROMPT) for number, one in enumerate(prompts)
        ),
        is_about_causes=is_about_causes,
        codes=read_codes,
    )


def _code(row: Any, path: str) -> Code:
    if not isinstance(row, dict):
        raise _refused(path, gettext("this must be an object"))
    _known(row, {"code", "text"}, path)
    return Code(
        _name(row.get("code"), f"{path}.code"), _words(row.get("text"), f"{path}.text", most=MOST_CODE_TEXT)
    )


def _words(value: Any, path: str, *, most: int) -> Words:
    if not isinstance(value, dict):
        raise _refused(path, gettext("this must be an object"))
    _known(value, set(LANGUAGES), path)
    said = []
    for language in LANGUAGES:
        text = value.get(language, "")
        if not isinstance(text, str):
            raise _refused(path, gettext("this must be a text"))
        text = text.replace("\x00", "").strip()
        if len(text) > most:
            raise _refused(path, gettext("at most %(most)s characters") % {"most": most})
        said.append(text)
    english, chinese = said
    if not english and not chinese:
        raise _refused(path, gettext("write it in English or in Chinese"))
    return Words(english or chinese, chinese or english)


def _name(value: Any, path: str) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise _refused(path, gettext("a code is up to 40 of a–z, 0–9 and _, and begins with a letter"))
    return value


def _list(value: Any, path: str, *, most: int) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _refused(path, gettext("this must be a list"))
    if len(value) > most:
        raise _refused(path, gettext("at most %(most)s of them") % {"most": most})
    return value


def _known(value: Json, names: set[str], path: str) -> None:
    for name in value:
        if name not in names:
            raise _refused(f"{path}.{name}" if path else str(name), gettext("nothing is called so here"))


def _once(codes: Iterable[str], path: str) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise _refused(path, gettext("“%(code)s” stands there twice") % {"code": code})
        seen.add(code)


def _refused(path: str, why: str) -> GuideRefused:
    return GuideRefused(_place(path), why, path=path)


def _place(path: str) -> str:
    """Return where something stands, in the words of who reads the page."""
    found = re.match(r"questions\[(\d+)\](.*)", path)
    if found is None:
        return gettext("The guide")
    values = {"number": int(found[1]) + 1}
    if found[2].startswith(".codes"):
        return gettext("Question %(number)s, codes") % values
    if found[2].startswith(".prompts"):
        return gettext("Question %(number)s, prompts") % values
    return gettext("Question %(number)s") % values
