"""Writing what customers are found by, in the transaction that changes a name, a number or a contact."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any

from django.db import transaction

from customers.ground import rows
from customers.models import Contact, Customer, SearchToken
from customers.search import words

Key = tuple[int, int, int, str]  # customer, contact, kind, token
COLUMNS = ("customer_id", "contact_id", "kind", "token", "place")
CHUNK = 1000
FORMER = SearchToken.Kind.FORMER


def write(customer_ids: Iterable[int]) -> int:
    """Bring tokens and sort keys of customers into agreement with their files and contacts.

    Writes what differs only and may be called again; former names stay. Return how many tokens changed.
    """
    ids = sorted(set(customer_ids))
    with transaction.atomic(savepoint=False):
        return sum(_write(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK))


def fill(*, most: int | None = None) -> int:
    """Write the tokens of customers that have none yet, chunk by chunk; return how many customers.

    They came by a migration, a bulk load, or from a program of the version before. May be stopped
    and goes on where it was.
    """
    done = 0
    while most is None or done < most:
        with transaction.atomic():
            ids = list(
                Customer.objects.filter(sort_key="").order_by("pk").values_list("pk", flat=True)[:CHUNK]
            )
            _write(ids)
        done += len(ids)
        if len(ids) < CHUNK:
            break
    return done


# --- Merging and erasing -----------------------------------------------------------------------
def move(person: str, source: int, target: int) -> int:
    """Let the customer that stays be found by the names of the one that is merged into it."""
    tokens = SearchToken.objects.filter(**{f"{person}_id": source})
    if person == "contact":
        return tokens.delete()[0]  # the contact that stays has its own
    names = tokens.filter(contact_id=0).values_list("token", "place")
    rows.insert_missing(
        SearchToken, COLUMNS, [(target, 0, FORMER, token, place) for token, place in dict(names).items()]
    )
    moved = tokens.delete()[0]
    write([target])  # its contacts have come over: movers work in the order of their registration
    return moved


def part(survivor: int, other: int) -> None:
    """Find each of two customers by its own names again, when their merge was taken back."""
    SearchToken.objects.filter(customer_id=survivor, kind=FORMER).delete()
    stubs = Customer.objects.filter(merged_into_id=survivor).values_list("name", "name_alt")
    names = chain.from_iterable(stubs)
    tokens = {
        token: int(place)
        for name in names
        for _kind, place, token in words.name_tokens(name, words.Kind.NAME)
    }
    rows.insert_missing(
        SearchToken, COLUMNS, [(survivor, 0, FORMER, token, place) for token, place in tokens.items()]
    )
    write([survivor, other])


def erase(person: str, pk: int) -> int:
    """Forget all that a customer, or a contact, is found by."""
    return SearchToken.objects.filter(**{f"{person}_id": pk}).delete()[0]


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return nothing: tokens say what names, numbers and addresses say."""
    return []


# --- Agreement ---------------------------------------------------------------------------------
def _write(ids: Collection[int]) -> int:
    customers = list(Customer.objects.filter(pk__in=ids).only("name", "name_alt", "sort_key").order_by("pk"))
    wanted = _wanted(customers)
    stored: dict[Key, int] = {
        (customer, contact, kind, token): place
        for customer, contact, kind, token, place in SearchToken.objects.filter(customer_id__in=ids)
        .exclude(kind=FORMER)
        .values_list(*COLUMNS)
    }
    gone = [key for key, place in stored.items() if wanted.get(key) != place]
    new = [(*key, place) for key, place in wanted.items() if stored.get(key) != place]
    for start in range(0, len(gone), CHUNK):
        SearchToken.objects.filter(pk__in=gone[start : start + CHUNK]).delete()
    rows.insert_missing(SearchToken, COLUMNS, new)
    _sort(customers)
    return len(gone) + len(new)


def _wanted(customers: Collection[Customer]) -> dict[Key, int]:
    """Return the tokens of customers with the best place of each."""
    wanted: dict[Key, int] = {}
    names: dict[int, set[str]] = {}
    for row in customers:
        names[row.pk] = {row.name, row.name_alt}
        own = chain(
            words.name_tokens(row.name, words.Kind.NAME), words.name_tokens(row.name_alt, words.Kind.NAME_ALT)
        )
        _put(wanted, row.pk, 0, own)
    for contact, customer, name, phone, email in Contact.objects.filter(customer_id__in=names).values_list(
        "pk", "customer_id", "name", "phone", "email"
    ):
        called = () if name in names[customer] else words.name_tokens(name, words.Kind.CONTACT)
        _put(wanted, customer, contact, chain(called, words.phone_tokens(phone), words.email_tokens(email)))
    return wanted


def _put(wanted: dict[Key, int], customer: int, contact: int, tokens: Iterable[words.Token]) -> None:
    for kind, place, token in tokens:
        key = (customer, contact, int(kind), token)
        wanted[key] = min(wanted.get(key, place), int(place))


def _sort(customers: Collection[Customer]) -> None:
    changed = []
    for row in customers:
        key = words.sort_key(row.name)
        if row.sort_key != key:
            row.sort_key = key
            changed.append(row)
    if changed:
        rows.update_rows(changed, ["sort_key"])
