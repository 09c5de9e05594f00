"""The few that are best meant by what somebody types, and why: whole, beginning, word, inside; own first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from customers.ground.bytewise import begins
from customers.models import Contact, Customer, SearchToken, User
from customers.models.people import Role
from customers.search.finding import Asked, by_number, of_tail, of_word, stands_for, tokens
from customers.search.words import Place

BEST = 10
GATHERED = 2000  # tokens of one word, or of one rank, that are looked through for those one may see
SEES_ALL = frozenset({Role.ADMIN, Role.ANALYST, Role.INTEGRATION})
NUMBER, EXACT, TAIL, BEGINNING, WORD, ANYWHERE = range(6)


@dataclass(frozen=True)
class Hit:
    """One customer and what it was found by; without a token it was a number."""

    customer: Customer
    token: SearchToken | None
    contact: Contact | None
    is_own: bool


def suggest(text: str, *, user: User, most: int = BEST) -> list[Hit]:
    """Return the best customers for ``text`` among those that ``user`` may see, the best first."""
    asked = Asked(text)
    if not asked.text:
        return []
    visible: QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    numbered = by_number(asked.text)
    found = _gathered(asked)
    if found is None:
        ids = _by_ranks(asked, numbered, visible, user, most)
        return _hits(ids, _of(ids, asked), user)
    ranks = {**_ranked(found, asked), **dict.fromkeys(numbered, NUMBER)}
    rows = visible.filter(pk__in=ranks).values_list("pk", "owner_id", "sort_key") if ranks else ()
    best = sorted(rows, key=lambda row: (ranks[row[0]], row[1] != user.pk, row[2], row[0]))[:most]
    return _hits([pk for pk, _owner, _key in best], found, user)


# --- Few: ranked here --------------------------------------------------------------------------
def _gathered(asked: Asked) -> list[SearchToken] | None:
    """Return all tokens of what was asked for, or nothing when they are too many to look through."""
    conditions = [of_word(word) for word in asked.words] + ([of_tail(asked.tail)] if asked.tail else [])
    found: list[SearchToken] = []
    for condition in conditions:
        some = list(tokens(condition)[:GATHERED])
        if len(some) == GATHERED:
            return None
        found += some
    return found


def _ranked(found: Iterable[SearchToken], asked: Asked) -> dict[int, int]:
    """Return the rank of each customer that has all words, or the end of the phone number."""
    ranks: dict[int, int] = {}
    words: dict[int, set[str]] = {}
    for token in found:
        pk = token.customer_id
        ranks[pk] = min(ranks.get(pk, ANYWHERE), _rank(token, asked))
        words.setdefault(pk, set()).update(word for word in asked.words if stands_for(token, word))
    return {pk: rank for pk, rank in ranks.items() if rank < WORD or len(words[pk]) == len(asked.words)}


def _rank(token: SearchToken, asked: Asked) -> int:
    if token.place == Place.TAIL:
        return TAIL
    if token.place == Place.START and token.token in asked.whole:
        return EXACT
    if token.place == Place.START and token.token.startswith(asked.whole):
        return BEGINNING
    return WORD if token.place == Place.WORD and len(asked.words) == 1 else ANYWHERE


# --- Many: rank by rank ------------------------------------------------------------------------
def _by_ranks(
    asked: Asked, numbered: Sequence[int], visible: QuerySet[Customer], user: User, most: int
) -> list[int]:
    found: dict[int, None] = dict.fromkeys(_seen(visible, numbered, user, most))
    for rank in _conditions(asked):
        if len(found) >= most:
            break
        found.update(dict.fromkeys(_of_rank(rank, visible, user, most + len(found))))
    return list(found)[:most]


def _conditions(asked: Asked) -> Iterator[Sequence[Q]]:
    """Give the conditions of tokens, all of which a customer has, from the closest to the loosest."""
    if asked.words:
        yield [Q(place=Place.START, token__in=asked.whole)]
    if asked.tail:
        yield [of_tail(asked.tail)]
    if asked.words:
        for whole in asked.whole:
            yield [Q(place=Place.START, **begins("token", whole))]
    if len(asked.words) == 1:
        yield [of_word(asked.words[0]) & Q(place=Place.WORD)]
    if asked.words:
        yield [of_word(word) for word in asked.words]


def _of_rank(rank: Sequence[Q], visible: QuerySet[Customer], user: User, most: int) -> list[int]:
    """Return the customers with tokens of a rank; of very many those that are met first, own ones always."""
    gathered: list[int] = []
    few, others = False, rank
    for place, condition in enumerate(rank):
        gathered = list(tokens(condition).values_list("customer_id", flat=True)[:GATHERED])
        others = [*rank[:place], *rank[place + 1 :]]
        if len(gathered) < GATHERED:
            few = True
            break
    compared = _all(others)
    if few:
        return _seen(visible.filter(compared), gathered, user, most)
    own = _met(visible.filter(_all(rank), owner=user), most)
    if user.role in SEES_ALL:
        return own + _seen(visible.filter(compared), gathered, user, most)
    return own + _met(visible.filter(_all(rank)), most)


def _all(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found &= Q(Exists(tokens(condition).filter(customer_id=OuterRef("pk"))))
    return found


def _met(customers: QuerySet[Customer], most: int) -> list[int]:
    return list(customers.order_by().values_list("pk", flat=True)[:most])


def _seen(customers: QuerySet[Customer], ids: Sequence[int], user: User, most: int) -> list[int]:
    """Return those of the ids that are among the customers: own ones first, then by name."""
    if not ids:
        return []
    is_other: Any = Case(When(owner=user, then=Value(0)), default=Value(1), output_field=IntegerField())
    ordered = customers.filter(pk__in=set(ids)).order_by(is_other, "sort_key", "pk")
    return list(ordered.values_list("pk", flat=True)[:most])


# --- Why ---------------------------------------------------------------------------------------
def _of(ids: Sequence[int], asked: Asked) -> list[SearchToken]:
    """Return the tokens by which these customers were found."""
    wanted = Q(pk__in=[])
    for word in asked.words:
        wanted |= of_word(word)
    for whole in asked.whole if asked.words else ():
        wanted |= Q(place=Place.START, **begins("token", whole))
    if asked.tail:
        wanted |= of_tail(asked.tail)
    return list(tokens(wanted).filter(customer_id__in=ids))


def _hits(ids: Sequence[int], found: Iterable[SearchToken], user: User) -> list[Hit]:
    """Return the customers in order, each with the token that says best what it was found by."""
    if not ids:
        return []
    why: dict[int, SearchToken] = {}
    for token in sorted(found, key=lambda token: (token.place, token.kind, token.contact_id)):
        best = why.setdefault(token.customer_id, token)
        if best.place > Place.START and token.place == Place.TAIL:
            why[token.customer_id] = token
    numbers = [why[pk].contact_id for pk in ids if pk in why and why[pk].contact_id]
    contacts = Contact.objects.in_bulk(numbers) if numbers else {}
    customers = Customer.objects.select_related("owner").in_bulk(ids)
    return [
        Hit(
            customers[pk],
            why.get(pk),
            contacts.get(why[pk].contact_id) if pk in why else None,
            customers[pk].owner_id == user.pk,
        )
        for pk in ids
        if pk in customers
    ]
