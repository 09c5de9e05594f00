"""How the name of a competitor is compared: all its spellings have one key."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused

MOST_OF_NAME = 200
_DROPPED = {"P", "Z", "C"}  # punctuation, spaces, what cannot be seen; and the marks ® ™ © below
_LEGAL = (
    *("股份有限公司", "有限责任公司", "有限公司", "股份公司", "公司"),
    *("incorporated", "corporation", "company", "limited", "gmbh", "inc", "corp", "ltd", "llc", "llp"),
    *("plc", "pte", "pty", "co", "ag", "sa", "bv", "nv", "srl", "kk", "株式会社", "주식회사"),
)
_LATIN = frozenset(word for word in _LEGAL if word.isascii())
_INITIALS = re.compile(r"(?<=\b\w)\.(?=\w\b)")  # of S.A. and the like
_WORDS = re.compile(r"[\s,.()&\-_/·、，。（）]+")
_MARKS = re.compile("[®™©℠]")


class CompetitorNameRefused(Refused):
    code = "competitor_name"
    message = _("“%(name)s” is not a name: it needs a letter or digit, and at most 200 of them.")


def key_of(name: str) -> str:
    """Return what all spellings of a name have in common.

    Width, case, spaces, punctuation and the legal form at the end (有限公司, Ltd, Inc …) do not count;
    a name that is nothing but a legal form stays as it is. Raises :class:`CompetitorNameRefused`.
    """
    folded = unicodedata.normalize("NFKC", _MARKS.sub("", name)).casefold()
    words = [word for word in _WORDS.split(_INITIALS.sub("", folded)) if word]
    while len(words) > 1 and words[-1] in _LATIN:
        words.pop()
    key = _without_form("".join(ch for ch in "".join(words) if unicodedata.category(ch)[0] not in _DROPPED))
    if not any(ch.isalnum() for ch in key) or len(key) > MOST_OF_NAME or len(name) > MOST_OF_NAME:
        raise CompetitorNameRefused(name=name[:MOST_OF_NAME])
    return key


def _without_form(key: str) -> str:
    """Take off a legal form that is written without a space before it: of Latin ones only after a 汉字."""
    for form in _LEGAL:
        rest = key.removesuffix(form)
        if rest not in ("", key) and (form not in _LATIN or not rest[-1].isascii()):
            return rest
    return key


def plain(name: str) -> str:
    """Return a name as it is shown: what cannot be seen and spaces around are left out."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in name).split())
