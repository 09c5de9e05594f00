"""Asking who is meant by what somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

from customers.ground.bytewise import begins
from customers.models import Customer, ExternalRef, Order, SearchToken
from customers.search import words
from customers.search.words import Place

MOST_WORDS = 6
MOST = 50  # customers with one number
MANY = 5000  # customers that are named one by one; of more the database makes a set
HANDFUL = 100
LOTS = 100_000  # tokens that such a set is made of: of more, customers are looked at one by one
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


@dataclass(frozen=True)
class Meant:
    """Tokens that are meant: of some places, these ``texts``, or else what begins with ``beginning``."""

    places: tuple[int, ...]
    beginning: str = ""
    texts: tuple[str, ...] = ()

    def condition(self) -> Q:
        """Return the condition for the tokens."""
        return Q(place__in=self.places, **self._text())

    def rows(self) -> QuerySet[SearchToken]:
        """Return the tokens."""
        return SearchToken.objects.filter(self.condition())

    def customers(self) -> QuerySet[SearchToken, int]:
        """Return the ids of the customers that have such a token, one more than once perhaps."""
        return self.rows().order_by().values_list("customer_id", flat=True)

    def of(self, customer: str) -> IsNull:
        """Return the condition that the customer in a column has such a token, asked of each by itself.

        Only the index that begins with the customer can answer it, since the place is hidden from the
        other: how many tokens begin so is what databases guess worst, and a wrong guess costs minutes.
        """
        rows = SearchToken.objects.alias(spot=F("place") + 0)
        mine = rows.filter(customer_id=OuterRef(customer), spot__in=self.places, **self._text())
        return IsNull(Subquery(mine.values("customer_id")[:1]), False)

    def is_met_by(self, token: SearchToken) -> bool:
        """Say whether a token is one of them."""
        fits = token.token in self.texts if self.texts else token.token.startswith(self.beginning)
        return token.place in self.places and fits

    def is_at_most(self, number: int) -> bool:
        """Say whether there are no more such tokens."""
        return self.rows()[: number + 1].count() <= number

    def is_rare(self) -> bool:
        """Say whether all of the customers can be named."""
        return self.is_at_most(MANY)

    def _text(self) -> dict[str, object]:
        return {"token__in": self.texts} if self.texts else {**begins("token", self.beginning)}


def of_word(word: str) -> Meant:
    """Return the tokens of a word: anywhere, but one or two Latin letters begin a word."""
    short = len(word) < words.LATIN_PART and not words.is_han(word)
    places = (Place.START, Place.WORD) if short else _WHEREVER
    return Meant(places, word[: words.WHOLE if "@" in word else words.PART])


def of_tail(tail: str) -> Meant:
    """Return the tokens of phone numbers that end so."""
    return Meant((Place.TAIL,), tail)


def matching(text: str, *, customer: str = "pk") -> Q:
    """Return the condition for customers called, numbered, phoned or mailed like ``text``.

    Every word must be found: any part of a name in either language, of a contact's, its pinyin or its
    initials, the beginning of an e-mail address. Digits are also the end of a phone number, and the whole
    text the id in another system or the number of an order. ``customer`` is the column with the customer.
    """
    asked = Asked(text)
    ways = [[of_word(word) for word in asked.words]] if asked.words else []
    if asked.tail:
        ways.append([of_tail(asked.tail)])
    named, found = set(by_number(asked.text)), Q()
    for meant in ways:
        few = few_with(meant)
        if few is None:
            found |= _many_with(meant, customer)
        else:
            named |= few
    return found | _named(named, customer) if named or not found else found


def _named(ids: set[int], customer: str) -> Q:
    """Return the condition for some customers; of more than a handful they are looked up, not passed over."""
    if len(ids) <= HANDFUL:
        return Q(**{f"{customer}__in": sorted(ids)})
    return Q(**{f"{customer}__in": Customer.objects.filter(pk__in=ids).order_by().values("pk")[: len(ids)]})


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


def few_with(meant: Sequence[Meant]) -> set[int] | None:
    """Return the customers that have all that is meant; nothing when they are more than :data:`MANY`."""
    for place, one in enumerate(meant):
        if one.is_rare():
            return _kept(set(one.customers()), [*meant[:place], *meant[place + 1 :]])
    small, large = _by_size(meant)
    if len(small) < 2:
        return None  # one alone is known to have many
    rows = list(_common(small)[: MANY + 1])
    return _kept(set(rows), large) if len(rows) <= MANY else None


def _kept(customers: set[int], others: Iterable[Meant]) -> set[int]:
    """Return those of the customers that have the others too."""
    for other in others:
        if customers:
            customers = set(other.customers().filter(customer_id__in=customers))
    return customers


def _many_with(meant: Sequence[Meant], customer: str) -> Q:
    """Return the condition for the customers with all that is meant, of whom there are many."""
    small, large = _by_size(meant)
    found = Q(*(one.of(customer) for one in large))
    if not small:
        return found
    return Q(**{f"{customer}__in": _common(small)}) & found


def _common(meant: Sequence[Meant]) -> QuerySet[SearchToken, int]:
    """Return the ids of the customers that have all that is meant, as one set."""
    first, *others = (one.customers() for one in meant)
    return first.intersection(*others) if others else first[:LOTS]


def _by_size(meant: Sequence[Meant]) -> tuple[list[Meant], list[Meant]]:
    """Return those with at most :data:`LOTS` tokens, and those with more."""
    small: list[Meant] = []
    large: list[Meant] = []
    for one in meant:
        (small if one.is_at_most(LOTS) else large).append(one)
    return small, large
