"""The few that are best meant by what somebody types, and why: whole, beginning, word, inside; own first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from customers.models import Contact, Customer, SearchToken, User
from customers.models.people import Role
from customers.search.finding import Asked, Meant, by_number, few_with, of_tail, of_word
from customers.search.words import Place

BEST = 10
GATHERED = 2000  # tokens of one word that are looked through for those one may see
SOME = 1000  # customers of a word with very many, of whom the best are shown
LOOKED_AT = 20_000  # customers of one person
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
    meant = _meant(asked)
    if not all(one.is_at_most(GATHERED) for one in meant):
        return None
    return [token for one in meant for token in one.rows()]


def _meant(asked: Asked) -> list[Meant]:
    """Return what each word means, and the end of a phone number."""
    return [of_word(word) for word in asked.words] + ([of_tail(asked.tail)] if asked.tail else [])


def _ranked(found: Iterable[SearchToken], asked: Asked) -> dict[int, int]:
    """Return the rank of each customer that has all words, or the end of the phone number."""
    ranks: dict[int, int] = {}
    words: dict[int, set[str]] = {}
    for token in found:
        pk = token.customer_id
        ranks[pk] = min(ranks.get(pk, ANYWHERE), _rank(token, asked))
        words.setdefault(pk, set()).update(word for word in asked.words if of_word(word).is_met_by(token))
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


def _conditions(asked: Asked) -> Iterator[Sequence[Meant]]:
    """Give the tokens, all of which a customer has, from the closest to the loosest."""
    if asked.words:
        yield [Meant((Place.START,), texts=asked.whole)]
    if asked.tail:
        yield [of_tail(asked.tail)]
    if asked.words:
        for whole in asked.whole:
            yield [Meant((Place.START,), whole)]
    if len(asked.words) == 1:
        yield [Meant((Place.WORD,), of_word(asked.words[0]).beginning)]
    if asked.words:
        yield [of_word(word) for word in asked.words]


def _of_rank(rank: Sequence[Meant], visible: QuerySet[Customer], user: User, most: int) -> list[int]:
    """Return the customers with tokens of a rank; of very many those that are met first, own ones always."""
    if any(one.is_rare() for one in rank):
        return _seen(visible, few_with(rank) or (), user, most)
    compared = Q(*(one.of("pk") for one in rank))
    present: QuerySet[Customer] = Customer.objects.present()  # type: ignore[attr-defined]
    own = _met(_first(present.filter(owner=user)).filter(compared), most)
    if len(own) == most:
        return own
    if user.sees_all:
        # of the last word: names that begin alike stand together, and few of the first go on as asked
        some, others = set(rank[-1].customers()[:SOME]), Q(*(one.of("pk") for one in rank[:-1]))
        met = _seen(visible.filter(others), some, user, most)
    elif user.role == Role.TEAM_LEAD:
        met = _met(_first(present.filter(team_id=user.team_id)).filter(compared) & visible, most)
    else:
        met = _met(_first(visible).filter(compared), most)
        if visible.order_by()[: LOOKED_AT + 1].count() <= LOOKED_AT:
            return own + met
    if len(met) == most:
        return own + met
    few = few_with(rank)
    return own + (_met(visible.filter(compared), most) if few is None else _seen(visible, few, user, most))


def _first(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Return some of the customers, no more than can be looked at one by one."""
    some = customers.order_by().values("pk")[:LOOKED_AT]
    return Customer.objects.filter(pk__in=some)


def _met(customers: QuerySet[Customer], most: int) -> list[int]:
    return list(customers.order_by().values_list("pk", flat=True)[:most])


def _seen(customers: QuerySet[Customer], ids: Collection[int], user: User, most: int) -> list[int]:
    """Return those of the ids that are among the customers: own ones first, then by name."""
    if not ids:
        return []
    is_other: Any = Case(When(owner=user, then=Value(0)), default=Value(1), output_field=IntegerField())
    ordered = customers.filter(pk__in=ids).order_by(is_other, "sort_key", "pk")
    return list(ordered.values_list("pk", flat=True)[:most])


# --- Why ---------------------------------------------------------------------------------------
def _of(ids: Sequence[int], asked: Asked) -> list[SearchToken]:
    """Return the tokens by which these customers were found."""
    wanted = _meant(asked)
    if asked.words:
        wanted += [Meant((Place.START,), whole) for whole in asked.whole]
    mine = SearchToken.objects.filter(customer_id__in=ids)
    return [token for token in mine if any(meant.is_met_by(token) for meant in wanted)]


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
