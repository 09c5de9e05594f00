"""The catalogue of translations: what the sources say, and its Simplified Chinese.

The sources are read with Python's own parser and Django's reader of templates, and the compiled
file is written by polib: no program outside of requirements.txt is needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
FOLDERS = ("config", "customers", "surveys", "loyalty", "retention")
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
_METADATA = {
    "Project-Id-Version": "Liuke",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}
# The calls that ask for a translation, and how many words each takes: (context, plural).
_CALLS = {
    "_": (False, False),
    "gettext": (False, False),
    "gettext_lazy": (False, False),
    "gettext_noop": (False, False),
    "ngettext": (False, True),
    "ngettext_lazy": (False, True),
    "pgettext": (True, False),
    "pgettext_lazy": (True, False),
    "npgettext": (True, True),
    "npgettext_lazy": (True, True),
}
_TEMPLATE_FOLDERS = {"templates", "jinja2"}
_IN_TEMPLATES = re.compile(
    r"""\b(?:n?p?gettext|_)\((?:u?'(?:\\.|[^'\\])*'|u?"(?:\\.|[^"\\])*"|,|\s|count)+\)"""
)


@dataclass
class Phrase:
    """One thing that the product says: its English, and the files that say it."""

    text: str
    context: str | None = None
    plural: str | None = None
    files: list[str] = field(default_factory=list)


def phrases() -> dict[tuple[str | None, str], Phrase]:
    """Return every phrase of the sources, by context and English text, in order of the files."""
    found: dict[tuple[str | None, str], Phrase] = {}
    for path in _sources():
        place = path.relative_to(ROOT).as_posix()
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            said = _of_python(source)
        else:
            said = _of_template(source if "jinja2" in path.parts else templatize(source))
        for context, text, plural in said:
            phrase = found.setdefault((context, text), Phrase(text, context))
            phrase.plural = phrase.plural or plural
            if place not in phrase.files:
                phrase.files.append(place)
    return found


def read() -> polib.POFile:
    """Return the catalogue as it stands; an empty one when there is none."""
    return polib.pofile(str(CATALOGUE)) if CATALOGUE.exists() else polib.POFile()


def renewed(old: polib.POFile) -> polib.POFile:
    """Return the catalogue for the sources of today: what is gone is dropped, what is new is empty."""
    known = {(entry.msgctxt, entry.msgid): entry for entry in old}
    new = polib.POFile(wrapwidth=0)
    new.metadata = dict(_METADATA)
    new.header = "Liuke in Simplified Chinese. Written by: manage.py messages"
    for key, phrase in phrases().items():
        before = known.get(key)
        entry = polib.POEntry(
            msgid=phrase.text,
            msgctxt=phrase.context,
            occurrences=[(place, "") for place in phrase.files],
            flags=["python-format"] if "%(" in phrase.text else [],
        )
        if phrase.plural:
            entry.msgid_plural = phrase.plural
            entry.msgstr_plural = {0: before.msgstr_plural.get(0, "") if before else ""}
        elif before:
            entry.msgstr = before.msgstr
        new.append(entry)
    return new


def write(catalogue: polib.POFile) -> None:
    """Write the catalogue and what Django reads of it, the compiled file beside it."""
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))


def _sources() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix == ".py" or (path.suffix in {".html", ".txt"} and _TEMPLATE_FOLDERS & set(path.parts))
    ]


def _of_python(source: str) -> Iterator[tuple[str | None, str, str | None]]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name in _CALLS:
            texts = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
            yield from _phrase(name, texts)


def _of_template(source: str) -> Iterator[tuple[str | None, str, str | None]]:
    for call in _IN_TEMPLATES.finditer(source):
        yield from _of_python(call.group())


def _phrase(name: str, texts: Sequence[object]) -> Iterator[tuple[str | None, str, str | None]]:
    with_context, with_plural = _CALLS[name]
    words = [text for text in texts[: 1 + with_context + with_plural] if isinstance(text, str)]
    if len(words) == 1 + with_context + with_plural and words[with_context]:
        context = words[0] if with_context else None
        yield context, words[with_context], words[-1] if with_plural else None
