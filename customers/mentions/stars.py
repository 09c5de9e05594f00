"""Stars as exports write them: 4, 4.5, 4/5, 40/50, FIVE, ★★★★☆, 四星."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5}
_NUMBER = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)(?:/(\d{1,3}))?")
_MOST = 5
_LONGEST = 20


class NoStars(ValueError):
    """A text does not say how many of five stars."""


def read(text: str) -> Decimal | None:
    """Return how many of five stars a cell says, to one decimal; nothing for an empty one.

    Raises :class:`NoStars`.
    """
    plain = unicodedata.normalize("NFKC", text[: _LONGEST + 1]).strip().lower()
    if not plain:
        return None
    if len(plain) > _LONGEST:
        raise NoStars(text)
    if set(plain) <= {"★", "☆"} and len(plain) <= _MOST:
        return Decimal(plain.count("★"))
    for unit in ("stars", "star", "星级", "颗星", "星", "分"):
        plain = plain.removesuffix(unit).strip()
    if plain in _WORDS:
        return Decimal(_WORDS[plain])
    found = _NUMBER.fullmatch(plain)
    if found is None:
        raise NoStars(text)
    stars = Decimal(found[1].replace(",", "."))
    if found[2]:
        if not int(found[2]):
            raise NoStars(text)
        stars = stars * _MOST / int(found[2])
    if stars > _MOST:
        raise NoStars(text)
    return stars.quantize(Decimal("0.1"))
