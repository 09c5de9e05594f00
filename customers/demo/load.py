"""Writing the demo company into the database: all of it or nothing, as history with its own moments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company as firm
from customers.demo import bulk, people, rows
from customers.demo.moments import aware
from customers.demo.world import World
from customers.ground import audit
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.models import Customer, ExternalRef, User
from customers.search import index

SOURCE = "demo"
Progress = Callable[[str, int], None]


class ForeignFacts(Refused):
    code = "demo_foreign_facts"
    message = _(
        "This database already holds a company's data or people. The demo company needs an empty database "
        "of its own: run “make run”, or set DATABASE_URL to a new one."
    )


class AlreadyThere(Refused):
    code = "demo_already_there"
    message = _(
        "The demo company is already here, and its data was kept. To build another one, "
        "set DATABASE_URL to a new database."
    )


def refuse_unless_empty() -> None:
    """Raise :class:`AlreadyThere` for a demo company, :class:`ForeignFacts` for anybody else's data."""
    if Company.objects.filter(is_demo=True).exists():
        raise AlreadyThere()
    others = (Company, Customer, User)
    if any(model.objects.exists() for model in others) or firm.has_facts():
        raise ForeignFacts()


def rows_of(world: World) -> int:
    """Return how many rows :func:`load` will tell its `progress` about."""
    facts = world.facts
    who = len(facts.customers) + sum(len(row.contacts) for row in facts.customers)
    bought = len(facts.orders) + sum(len(row.lines) for row in facts.orders) + 2 * len(facts.returns)
    said = len(facts.interactions) + 2 * len(facts.complaints) + len(facts.complaint_steps)
    return who + bought + said + len(facts.ownerships) + len(facts.attributes) + len(facts.contracts)


def load(world: World, *, password: str, at: datetime, progress: Progress | None = None) -> dict[str, int]:
    """Write a world into an empty database and return how many rows of each kind were written.

    Args:
        password: of the four demo accounts.
        at: the moment of writing; the facts keep the moments of their own story.
        progress: called with the name of a step and the rows written since the last call.

    Raises :class:`AlreadyThere` and :class:`ForeignFacts`. The truth of the world is not written.
    Side effects: company, users, facts with their versions, external references, one audit event.
    """
    tell = progress or (lambda name, count: None)
    with transaction.atomic():
        refuse_unless_empty()
        builder = _people(world, password=password, at=at)
        counts: dict[str, int] = {}
        for name, model in rows.WRITTEN:
            columns, made = getattr(builder, name)()
            same = {**rows.SAME, "ingested_at": at}
            telling = tell if name not in rows.DERIVED else _silent
            counts[name] = _count(name, bulk.insert(model, columns, made, **same), telling)
        bulk.ids_were_given({model for _, model in rows.WRITTEN})
        for name, model in rows.CHANGED:
            columns, made = getattr(builder, name)()
            counts[name] = sum(bulk.update(model, columns, made))
        _refer(builder)
        index.fill()
        audit.record("demo.load", obj=None, by=None, at=at, codes=counts)
    return counts


def _silent(_name: str, _count: int) -> None:
    """Tell nobody: what is derived from the story is not among its rows."""


def _people(world: World, *, password: str, at: datetime) -> rows.Builder:
    facts = world.facts
    people.set_up_company(at=at)
    teams = people.make_teams(facts.teams)
    joined_at = aware(min((row.known_at for row in facts.customers), default=world.window.end))
    users = people.make_users(facts.employees, teams, password=password, joined_at=joined_at)
    people.let_go(facts.employees, users)
    builder = rows.Builder(
        world,
        users={key: user.pk for key, user in users.items()},
        teams={key: team.pk for key, team in teams.items()},
        products=people.make_products(facts.products),
    )
    builder.attributes = people.make_attributes()
    people.make_competitors()
    people.make_communities(facts.teams)
    people.make_indicators()
    return builder


def _count(name: str, batches: Iterable[int], tell: Progress) -> int:
    total = 0
    for size in batches:
        tell(name, size)
        total += size
    return total


def _refer(builder: rows.Builder) -> None:
    """Give each record the name by which its source knows it, so that an import finds it again."""
    kinds = {
        "product": builder.products,
        "customer": builder.customers,
        "contact": builder.contacts,
        "order": builder.orders,
        "contract": builder.contracts,
        "interaction": builder.interactions,
        "complaint": builder.complaints,
    }
    named = ((SOURCE, kind, key, pk) for kind, ids in kinds.items() for key, pk in ids.items())
    sum(bulk.insert(ExternalRef, ("source", "kind", "external_id", "object_id"), named))
