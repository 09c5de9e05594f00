"""A company with many customers, written in sets, in a database that was just migrated.

What it holds follows from its size alone, so that two databases of one template have the same story:
who fell silent, who ordered in time, whose complaint waits, who is marked as touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import models, transaction

from customers import touched
from customers.company import STANDARD_WEEK
from customers.ground import events, localtime
from customers.ground.models import Company, Event
from customers.models import (
    Complaint,
    ComplaintEvent,
    Contact,
    Customer,
    ExternalRef,
    Interaction,
    Order,
    Ownership,
    Team,
    User,
)
from retention import rules
from tests.chaos.kit import MORNING

ZONE = "Asia/Shanghai"
MANAGERS = 12
# The day's sweep looks at everybody; so many wait besides, for the drains.
MOST_MARKS, MOST_COMPLAINTS = 5_000, 300
RULES = ("no-contact", "overdue", "complaint-overdue", "owner-gone")
LONG_AGO = MORNING - timedelta(days=1000)


def build(customers: int) -> dict[str, Any]:
    """Fill the database; return the session of a manager, and the ids of the customers."""
    with transaction.atomic():
        Company.objects.create(
            id=1,
            name="Chaos",
            base_currency="CNY",
            time_zone=ZONE,
            default_margin_bp=3000,
            week=STANDARD_WEEK,
        )
        people = _people()
        _customers(customers, people)
        for rule in rules.get(RULES):
            rules.enable(rule, open_existing=True, by=None, at=MORNING - timedelta(days=1))
        ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
        touched.mark(ids[:: max(1, customers // MOST_MARKS)], at=MORNING - timedelta(minutes=5))
        session = _session(User.objects.get(username="admin"))
    return {"session": session, "customers": ids if customers <= 10_000 else ids[:10_000]}


def _people() -> list[User]:
    north = Team.objects.create(name="North")
    shared: dict[str, Any] = {"password": "!", "date_joined": LONG_AGO}
    people = [
        User(username=f"manager{n}", role="account_manager", team=north, **shared) for n in range(MANAGERS)
    ]
    people.append(User(username="lead", role="team_lead", team=north, **shared))
    people.append(User(username="admin", role="admin", **shared))
    User.objects.bulk_create(people)
    return people[:MANAGERS]


def _session(user: User) -> str:
    """Return the key of a session that ``user`` is signed in with."""
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def _customers(count: int, people: list[User]) -> None:
    random = Random(count)
    owners = [people[n % len(people)] for n in range(count)]
    made = Customer.objects.bulk_create(
        [
            Customer(
                name=f"Customer {n}", kind="company", owner=owner, team=owner.team,
                created_at=LONG_AGO, updated_at=LONG_AGO,
            )
            for n, owner in enumerate(owners)
        ],
        batch_size=5000,
    )  # fmt: skip
    _write(Contact, (
        Contact(customer=one, name=f"Contact {n}", phone="+86 10 5550 0000", is_main=True,
                created_at=LONG_AGO, updated_at=LONG_AGO)
        for n, one in enumerate(made)
    ))  # fmt: skip
    _write(ExternalRef, (
        ExternalRef(source="chaos", kind="customer", external_id=f"C{n}", object_id=one.pk)
        for n, one in enumerate(made)
    ))  # fmt: skip
    _write(Ownership, (
        Ownership(customer=one, user=one.owner, team=one.team, **_when(900)) for one in made
    ))  # fmt: skip
    _write(Interaction, (
        Interaction(customer=one, kind="call", text="Talked.", **_when(days))
        for one in made
        for days in (random.randint(61, 200), random.randint(0, 75))
    ))  # fmt: skip
    _write(Order, (
        Order(customer=one, currency="CNY", sold=amount, sold_base=amount, margin_base=amount * 3 // 10,
              **_when(days))
        for one in made
        for days, amount in _orders(random)
    ))  # fmt: skip
    _complaints(made[:: max(17, count // MOST_COMPLAINTS)], random)


def _orders(random: Random) -> Iterator[tuple[int, int]]:
    """Yield days ago and amounts: every so many days, and one in eight has stopped."""
    every = random.randint(8, 40)
    last = random.randint(0, every) if random.random() > 0.125 else random.randint(3 * every, 4 * every)
    for number in range(5):
        yield last + number * every, random.randint(1_000, 90_000)


def _complaints(customers: list[Customer], random: Random) -> None:
    """Let customers complain this morning (whose news waits in the outbox), some of them long ago too."""
    made = Complaint.objects.bulk_create(
        [Complaint(customer=one, text="Late.", severity=random.randint(1, 3), **_when(days))
         for number, one in enumerate(customers)
         for days in ((0.01, 30) if number % 3 == 0 else (0.01,))],
        batch_size=2000,
    )  # fmt: skip
    _write(ComplaintEvent, (
        ComplaintEvent(
            customer_id=one.customer_id, complaint=one, kind="opened",
            due_day=_day(one.occurred_at) + 7, occurred_at=one.occurred_at,
            recorded_at=one.recorded_at, occurred_day=one.occurred_day,
        )
        for one in made
    ))  # fmt: skip
    events.record_many(
        Event(
            kind="complaint.filed",
            customer_id=one.customer_id,
            subject_type="customers.complaint",
            subject_id=one.pk,
            occurred_at=one.occurred_at,
            data={"severity": one.severity, "history": False, "resolved": False},
        )
        for one in made
        if one.occurred_day == _day(MORNING)
    )


def _when(days: float) -> dict[str, Any]:
    moment = MORNING - timedelta(days=days, hours=0 if days < 1 else 1)
    return {"occurred_at": moment, "recorded_at": moment, "occurred_day": _day(moment)}


def _day(moment: datetime) -> int:
    return localtime.day_number(moment, ZONE)


def _write(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Insert rows by many, so that a hundred thousand customers fit into memory."""
    some: list[models.Model] = []
    for row in rows:
        some.append(row)
        if len(some) == 5000:
            model._default_manager.bulk_create(some)
            some = []
    model._default_manager.bulk_create(some)


def main(customers: int) -> None:
    """Build and print what the tests need to know, as one line of JSON."""
    print(json.dumps(build(customers)))  # noqa: T201
