"""Asking who is meant by what somebody typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet

from customers.ground.bytewise import begins
from customers.models import ExternalRef, Order, SearchToken
from customers.search import words
from customers.search.words import Place

MOST_WORDS = 6
MOST = 50  # customers with one number
MANY = 5000  # tokens that a word is found in: more are not gathered first
_NUMBER = re.compile(r"[\d\s+()./-]+")
_WHEREVER = (Place.START, Place.WORD, Place.INSIDE)


@dataclass(frozen=True)
class Asked:
    """What somebody typed, taken apart."""

    text: str
    words: tuple[str, ...] = field(init=False)
    tail: str = field(init=False)  # the digits of a phone number, the last one first

    def __init__(self, text: str) -> None:
        text = " ".join(text.replace("\0", "").split())
        found = [text.casefold()] if "@" in text and " " not in text else words.words(text)
        digits = words.digits_of(text) if _NUMBER.fullmatch(text) else ""
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "words", tuple(dict.fromkeys(found))[:MOST_WORDS])
        object.__setattr__(self, "tail", digits[::-1][:11] if len(digits) >= words.TAIL else "")

    @property
    def whole(self) -> tuple[str, ...]:
        """Return how the name would stand if this were its beginning: in words, or in pinyin."""
        return tuple(dict.fromkeys(sign.join(self.words)[: words.WHOLE] for sign in (" ", "")))


def of_word(word: str) -> Q:
    """Return the condition for the tokens of a word: anywhere, but one or two Latin letters begin a word."""
    return Q(place__in=_places(word), **begins("token", _cut(word)))


def stands_for(token: SearchToken, word: str) -> bool:
    """Return whether a token meets the condition of :func:`of_word`."""
    return token.place in _places(word) and token.token.startswith(_cut(word))


def _places(word: str) -> tuple[int, ...]:
    short = len(word) < words.LATIN_PART and not words.is_han(word)
    return (Place.START, Place.WORD) if short else _WHEREVER


def _cut(word: str) -> str:
    return word[: words.WHOLE if "@" in word else words.PART]


def of_tail(tail: str) -> Q:
    """Return the condition for the tokens of phone numbers that end so."""
    return Q(place=Place.TAIL, **begins("token", tail))


def matching(text: str, *, customer: str = "pk") -> Q:
    """Return the condition for customers called, numbered, phoned or mailed like ``text``.

    Every word must be found: any part of a name in either language, of a contact's, its pinyin or its
    initials, the beginning of an e-mail address. Digits are also the end of a phone number, and the whole
    text the id in another system or the number of an order. ``customer`` is the column with the customer.
    """
    asked = Asked(text)
    found = _of_all(asked.words, customer)
    if asked.tail:
        found |= Q(**{f"{customer}__in": tokens(of_tail(asked.tail)).values("customer_id")})
    numbered = by_number(asked.text)
    return found | Q(**{f"{customer}__in": numbered}) if numbered else found


def by_number(text: str) -> list[int]:
    """Return the customers that another system knows by this id, or who have an order with this number."""
    if not text:
        return []
    refs = ExternalRef.objects.filter(external_id=text, kind__in=["customer", "order"])
    found = {"customer": [0], "order": [0]}
    for kind, number in refs.values_list("kind", "object_id")[:MOST]:
        found[kind].append(number)
    orders = Order.objects.filter(Q(pk__in=found["order"]) | Q(number=text, number__gt=""), void=False)
    return sorted({*found["customer"][1:], *orders.values_list("customer_id", flat=True)[:MOST]})


def tokens(condition: Q) -> QuerySet[SearchToken]:
    """Return the tokens that meet a condition."""
    return SearchToken.objects.filter(condition)


def _of_all(asked: Sequence[str], customer: str) -> Q:
    """Return the condition for customers with all words; the rarest is looked up, the others compared."""
    if not asked:
        return Q(pk__in=[])
    counted = sorted((tokens(of_word(word))[: MANY + 1].count(), word) for word in asked)
    found = Q()
    for place, (count, word) in enumerate(counted):
        if place == 0 and count <= MANY:
            found &= Q(**{f"{customer}__in": tokens(of_word(word)).values("customer_id")})
        else:
            found &= Q(Exists(tokens(of_word(word)).filter(customer_id=OuterRef(customer))))
    return found
