"""Who somebody is who writes an address or number of her own: known exactly, or not at all.

For pages without signing in. Nothing tells the visitor whether she was recognised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from customers import company, stubs
from customers.duplicates.keys import email_key, name_key, phone_key
from customers.ground import localtime
from customers.ground.bytewise import begins
from customers.models import Contact, Customer, ExternalRef, SearchToken
from customers.search import words

MOST = 50
"""More people than these with one number are a switchboard: nobody is recognised by it."""
_Place = SearchToken.Place


@dataclass(frozen=True)
class Person:
    """Whom somebody stands for; ``contact_id`` is empty where one cannot tell who at the customer."""

    customer_id: int
    contact_id: int | None = None


def recognise(*, name: str, reach: str, at: datetime) -> Person | None:
    """Return who wrote ``reach``, an e-mail address, a phone number or a number that we gave the customer.

    An address or phone number must be exactly that of one person; of several, the one of exactly this name,
    or else the customer if all are at the same one. A customer's number is easily guessed, so the name must
    be that of the customer or of somebody there. Nobody who was erased, has left or is gone is recognised.
    """
    people = _by_email(reach, at=at) if "@" in reach else _by_phone(reach, at=at)
    return _one_of(people, name=name) if people else _by_number(reach, name=name, at=at)


def _by_email(reach: str, *, at: datetime) -> list[Contact]:
    key = email_key(reach)
    if not key:
        return []
    tokens = SearchToken.objects.filter(place=_Place.WORD, token=reach.strip().casefold()[: words.WHOLE])
    return [one for one in _behind(tokens, at=at) if email_key(one.email) == key]


def _by_phone(reach: str, *, at: datetime) -> list[Contact]:
    key = phone_key(reach)
    if not key:
        return []
    tokens = SearchToken.objects.filter(place=_Place.TAIL, **begins("token", key[::-1][: words.PART]))
    return [one for one in _behind(tokens, at=at) if phone_key(one.phone) == key]


def _behind(tokens: QuerySet[SearchToken], *, at: datetime) -> list[Contact]:
    """Return the people who have such a token; nobody when they are too many."""
    ids = set(tokens.order_by().values_list("contact_id", flat=True)[: MOST + 1]) - {0}
    return list(_present(Contact.objects.filter(pk__in=ids), at=at)) if len(ids) <= MOST else []


def _present(people: QuerySet[Contact], *, at: datetime) -> QuerySet[Contact]:
    today = localtime.day_of(company.today(at).number)
    here = Q(left_on=None) | Q(left_on__gt=today)
    return people.filter(here, erased_at=None, customer__gone_at=None, customer__erased_at=None)


def _one_of(people: Iterable[Contact], *, name: str) -> Person | None:
    found = list(people)
    if len(found) > 1:
        called = [one for one in found if name_key(one.name) == name_key(name) != ""]
        found = called if len(called) == 1 else found
    if len(found) == 1:
        return Person(found[0].customer_id, found[0].pk)
    customers = {one.customer_id for one in found}
    return Person(customers.pop()) if len(customers) == 1 else None


def _by_number(reach: str, *, name: str, at: datetime) -> Person | None:
    key = name_key(name)
    if not reach or not key:
        return None
    refs = ExternalRef.objects.filter(kind="customer", external_id=reach).values_list("object_id", flat=True)
    numbers = set(stubs.resolved(refs[:MOST]).values())
    customers = Customer.objects.filter(pk__in=numbers, gone_at=None, erased_at=None)
    found: list[Person] = []
    for customer in customers:
        people = _present(Contact.objects.filter(customer=customer), at=at)[:MOST]
        called = [one.pk for one in people if name_key(one.name) == key]
        if len(called) == 1:
            found.append(Person(customer.pk, called[0]))
        elif called or key in (name_key(customer.name), name_key(customer.name_alt)):
            found.append(Person(customer.pk))
    return found[0] if len(found) == 1 else None
