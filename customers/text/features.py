"""What a text is made of: hashed pieces of characters and words, the same for Chinese, English and both.

No segmentation is needed: runs of Chinese characters give their 1- to 4-grams, words of Latin letters
give themselves, pairs of neighbours and their 3- to 5-grams. A piece is kept as a number of 18 bits, so
that nothing that is stored says the words.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Hashed = NDArray[np.int32]
"""The pieces of one text: ascending numbers below ``1 << BITS``, each once."""

BITS = 18
MOST_CHARACTERS = 4000  # what stands behind them is not read
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD = re.compile(r"[a-zà-öø-ÿ0-9']+")
_LETTER = re.compile(r"[a-zà-öø-ÿ]")
_MARKS = re.compile(r"[!?~]+")


def plain(text: str) -> str:
    """Return the part of a text that is read: one width, small letters, at most 4,000 characters."""
    return unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).lower()


def language(text: str) -> str:
    """Return ``zh``, ``en`` (Latin letters) or ``other``, by which letters a text has more of.

    A Chinese character weighs as much as three Latin letters: a word of either is about as long.
    """
    said = plain(text)
    chinese, latin = 3 * sum(map(len, _CHINESE.findall(said))), len(_LETTER.findall(said))
    if not chinese and not latin:
        return "other"
    return "zh" if chinese >= latin else "en"


def hashed(text: str) -> Hashed:
    """Return the pieces of a text as numbers."""
    return _numbers(set(_pieces(plain(text))))


def hinted(pieces: Hashed, hints: Iterable[str]) -> Hashed:
    """Return the pieces of a text together with codes that stand beside its words."""
    codes = {f"h{hint}" for hint in hints}
    return np.union1d(pieces, _numbers(codes)) if codes else pieces


def _numbers(pieces: Iterable[str]) -> Hashed:
    mask = (1 << BITS) - 1
    return np.array(sorted({zlib.crc32(piece.encode()) & mask for piece in pieces}), dtype=np.int32)


def _pieces(said: str) -> Iterator[str]:
    for run in _CHINESE.findall(said):
        for size in (1, 2, 3, 4):
            for start in range(len(run) - size + 1):
                yield "z" + run[start : start + size]
    before = "^"
    for word in _WORD.findall(said):
        yield "w" + word
        yield f"p{before} {word}"
        before = word
        edged = f"<{word[:40]}>"
        for size in (3, 4, 5):
            for start in range(len(edged) - size + 1):
                yield "c" + edged[start : start + size]
    for marks in _MARKS.findall(said):
        yield "m" + marks[:2]
