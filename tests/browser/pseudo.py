"""A language that nobody speaks: every text accented and about two fifths longer.

What still reads as plain letters on a page in it was never given to the translators; what does not fit
would not fit in German either. The phrases are those of our sources, Django and allauth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import django
import polib
from django.utils.translation import to_locale

from config import catalogue

CODE = "en-xa"
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀçđéƒǧĥíĵķłɱñóƥɋřšŧúṽŵẋýžÁƁÇĐÉƑǦĤÍĴĶŁṀÑÓƤɊŘŠŦÚṼŴẊÝŽ",
)
_LONGER = str.maketrans({vowel: vowel * 2 for vowel in "áéíóúÁÉÍÓÚ"})
# What must stay as it is: placeholders, tags, entities, addresses.
_KEPT = re.compile(r"%\(\w+\)[sd]|%%|%[sd]|\{\w*\}|<[^>]*>|&\w+;|https?://\S+|\S+@\S+")


def spoken(text: str) -> str:
    """Return the text in the language that nobody speaks."""
    parts, at = [], 0
    for kept in _KEPT.finditer(text):
        parts += [_accented(text[at : kept.start()]), kept.group()]
        at = kept.end()
    return "".join(parts) + _accented(text[at:])


def _accented(text: str) -> str:
    return text.translate(_LETTERS).translate(_LONGER)


def write(folder: Path) -> Path:
    """Write the catalogue of the language below ``folder``; return the folder for ``LOCALE_PATHS``."""
    file = polib.POFile()
    file.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for context, text, plural in {(c, t): (c, t, p) for c, t, p in _phrases()}.values():
        entry = polib.POEntry(msgid=text, msgctxt=context, msgstr="" if plural else spoken(text))
        if plural:
            entry.msgid_plural = plural
            entry.msgstr_plural = {0: spoken(text), 1: spoken(plural)}
        file.append(entry)
    target = folder / to_locale(CODE) / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    file.save_as_mofile(str(target))
    return folder


def _phrases() -> Iterator[tuple[str | None, str, str | None]]:
    """Return context, text and plural of what Django and allauth say, then of what we say."""
    for package in (django, allauth):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.glob("**/locale/de/LC_MESSAGES/django.po")):
            for entry in polib.pofile(str(path)):
                if not entry.obsolete:
                    yield entry.msgctxt, entry.msgid, entry.msgid_plural or None
    for phrase in catalogue.phrases().values():
        yield phrase.context, phrase.text, phrase.plural
