"""What the rows of every table stand on: the ids, and the moments of a fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models

from customers.demo.bulk import first_free_id, moments
from customers.demo.moments import local_day
from customers.demo.world import World
from customers.models import Complaint, Contact, Contract, Customer, Interaction, Order

Rows = tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]
"""The names of the columns, and the rows in that order."""
FACT = ("customer_id", "occurred_at", "occurred_day", "recorded_at")


class Base:
    """Knows the ids of people, products and attributes, and gives all others, counting on from the tables."""

    def __init__(
        self, world: World, *, users: dict[str, int], teams: dict[str, int], products: dict[str, int]
    ) -> None:
        self.world, self.facts = world, world.facts
        self.users, self.teams, self.products = users, teams, products
        self._moment = moments()
        self.attributes: dict[str, int] = {}
        facts = world.facts
        self.customers = _ids(Customer, (row.key for row in facts.customers))
        self.contacts = _ids(Contact, (contact.key for row in facts.customers for contact in row.contacts))
        self.orders = _ids(Order, [*(row.key for row in facts.orders), *(row.key for row in facts.returns)])
        self.contracts = _ids(Contract, (row.key for row in facts.contracts))
        self.interactions = _ids(Interaction, (row.key for row in facts.interactions))
        self.complaints = _ids(Complaint, (row.key for row in facts.complaints))
        self.lines: dict[tuple[str, int], int] = {}

    def _at(self, customer: str, at: int) -> tuple[Any, ...]:
        """Return the columns `FACT` of what the company knew at once."""
        return self.customers[customer], self._moment(at), local_day(at), self._moment(at)

    def _fact(self, row: Any) -> tuple[Any, ...]:
        return (
            self.customers[row.customer],
            self._moment(row.at),
            local_day(row.at),
            self._moment(row.known_at),
        )


def _ids(model: type[models.Model], keys: Iterable[str]) -> dict[str, int]:
    return {key: pk for pk, key in enumerate(keys, start=first_free_id(model))}
