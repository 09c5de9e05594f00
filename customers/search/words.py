"""Taking names apart: words, pinyin, initials, and the key that lists are sorted by. No database here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
from typing import Any

from customers.models.search import SearchToken

Kind, Place = SearchToken.Kind, SearchToken.Place
Token = tuple[int, int, str]  # kind, place, text
WHOLE, PART = 48, 24  # letters kept of a whole name, and of a part
SORTED_BY = 100
NAMELESS = "~"  # sorts after every letter; never empty, so that an empty key means: not yet made
LATIN_PART = 3  # letters that a part inside a Latin word has at least
TAIL = 4  # digits of a phone number that say something
SHORT = 4  # characters of a person's name
READINGS = 8  # of a name with characters that are read in more than one way
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_APOSTROPHES = str.maketrans("", "", "'’ʼ`")
_AS_IT_IS: Any = list  # characters that nobody knows how to read stand for themselves
_LEGAL_FORM = re.compile("(?:股份有限公司|有限责任公司|有限公司|公司)$")


def words(text: str) -> list[str]:
    """Return the words of a text in small letters without accents; Chinese between others is one."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    if not text.isascii():
        bare = (c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        text = unicodedata.normalize("NFC", "".join(bare))
    return _WORD.findall(text)


def sort_key(name: str) -> str:
    """Return what a name is sorted by: its words, the Chinese ones in pinyin."""
    spelled = (spoken for word in words(name) for spoken in syllables(word))
    return " ".join(spelled)[:SORTED_BY] or NAMELESS


def name_tokens(name: str, kind: int) -> Iterator[Token]:
    """Give the beginnings by which a name is found: any part, its pinyin, its initials."""
    found = words(name)
    if not found:
        return
    yield kind, Place.START, " ".join(found)[:WHOLE]
    for number, word in enumerate(found):
        if number:
            yield kind, Place.WORD, word[:PART]
        last = len(word) - (1 if is_han(word) else LATIN_PART)
        for start in range(1, last + 1):
            yield kind, Place.INSIDE, word[start : start + PART]
    yield from _pinyin(found)


def phone_tokens(phone: str) -> Iterator[Token]:
    """Give the digits of a number from its end."""
    digits = digits_of(phone)
    if len(digits) >= TAIL:
        yield Kind.PHONE, Place.TAIL, digits[::-1][:PART]


def email_tokens(email: str) -> Iterator[Token]:
    """Give an address as it is typed."""
    if email:
        yield Kind.EMAIL, Place.WORD, email.casefold()[:WHOLE]


def digits_of(text: str) -> str:
    """Return the digits of a text, as 0 to 9."""
    return "".join(str(unicodedata.digit(letter)) for letter in text if letter.isdigit())


def is_han(word: str) -> bool:
    """Return whether a word is Chinese."""
    return bool(_IS_HAN.match(word))


# --- Pinyin ------------------------------------------------------------------------------------
def _pinyin(found: list[str]) -> Iterator[Token]:
    """Give pinyin from each syllable on and initials; the legal form of a company only from further left."""
    parts: list[str] = []
    starts: list[int] = []  # places in parts where somebody may begin to type
    for word in found:
        if is_han(word):
            form = _LEGAL_FORM.search(word)
            spoken = syllables(word)
            starts += range(len(parts), len(parts) + (form.start() if form else len(spoken)))
            parts += spoken
        else:
            parts.append(word)
    initials = "".join(part[0] for part in parts)
    if starts:
        for reading in _readings(found, parts):
            yield Kind.PINYIN, Place.START, reading[:WHOLE]
        for place in starts:
            if place:
                yield Kind.PINYIN, Place.WORD, "".join(parts[place:])[:PART]
                if len(parts) - place > 1:
                    yield Kind.INITIALS, Place.WORD, initials[place : place + PART]
    if len(parts) > 1:
        for letters in _initials(found) if starts else {initials}:
            yield Kind.INITIALS, Place.START, letters[:PART]


def _readings(found: list[str], parts: list[str]) -> list[str]:
    """Return a name as it may be read: as words say, and with its first character, the surname, otherwise."""
    rest = "".join(parts[1:])
    first = [parts[0], *_syllables(found[0][0])] if is_han(found[0]) else parts[:1]
    return list(dict.fromkeys(syllable + rest for syllable in islice(dict.fromkeys(first), READINGS)))


def _initials(found: list[str]) -> set[str]:
    """Return the initials of a name; of a short one all readings count, else those of its first character."""
    letters = [pair for word in found for pair in _letters(word)]
    choices = [
        sorted({one[0] for one in (spoken, *(_syllables(letter) if place < looked_at else ()))})
        for looked_at in [len(letters) if len(letters) <= SHORT else 1]
        for place, (letter, spoken) in enumerate(letters)
    ]
    default = "".join(spoken[0] for _letter, spoken in letters)
    return {default, *islice(("".join(one) for one in product(*choices)), READINGS)}


def _letters(word: str) -> list[tuple[str, str]]:
    """Return the characters of a Chinese word with their syllables; another word is one."""
    return list(zip(word, syllables(word), strict=True)) if is_han(word) else [(word, word)]


def syllables(word: str) -> list[str]:
    """Return the syllables of a Chinese word, one for each character; another word as it is."""
    if not is_han(word):
        return [word]
    import pypinyin  # half a second: only where there is Chinese

    spoken = pypinyin.lazy_pinyin(word, errors=_AS_IT_IS)
    return spoken if len(spoken) == len(word) else [_syllables(letter)[0] for letter in word]


@lru_cache(maxsize=10_000)
def _syllables(letter: str) -> tuple[str, ...]:
    """Return all readings of a character, ü also as it is written without dots."""
    if not is_han(letter):
        return (letter,)
    import pypinyin

    plain = pypinyin.Style.NORMAL
    heard = pypinyin.pinyin(letter, style=plain, heteronym=True, errors=_AS_IT_IS)[0]
    others = [one.replace("v", with_) for one in heard if "v" in one for with_ in ("u", "yu")]
    return tuple(dict.fromkeys([*heard, *others]))
