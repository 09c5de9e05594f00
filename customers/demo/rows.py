"""The demo company's records as rows of the database.

Each function answers with the names of the columns and the rows in that order. Ids are counted on from
what stands in the table, so that rows can point to each other before they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from customers.demo.bulk import first_free_id, moments
from customers.demo.company import CURRENCY, DAY, moment
from customers.demo.moments import local_day
from customers.demo.world import World
from customers.models import (
    AttributeValue,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    Interaction,
    Order,
    OrderLine,
    Ownership,
)

Rows = tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]
SEGMENTS = {
    "restaurant": "餐饮 Restaurant",
    "shop": "零售 Shop",
    "clinic": "诊所 Clinic",
    "office": "办公 Office",
    "household": "个人 Private",
}
DELIVERED_AFTER = 4 * DAY
FACT = ("customer_id", "occurred_at", "occurred_day", "recorded_at")
SAME = {"currency": CURRENCY}


class Builder:
    """Makes the rows of one world; knows the ids of people, products and attributes, and gives all others."""

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

    # Who they are.

    def customer_rows(self) -> Rows:
        """Make the customers, with the caches of their newest owner."""
        names = (
            "id", "kind", "name", "name_alt", "segment", "city", "language", "since", "owner_id", "team_id",
            "created_at", "updated_at",
        )  # fmt: skip
        owners = {row.customer: row for row in self.facts.ownerships}  # in order of time
        return names, (
            (
                self.customers[row.key],
                row.kind,
                *_both(row.language, row.name_zh, row.name_en),
                SEGMENTS[row.industry],
                row.city,
                row.language,
                date.fromordinal(row.since).isoformat(),
                self.users[owners[row.key].employee],
                self.teams[row.team],
                self._moment(row.known_at),
                self._moment(max(row.known_at, owners[row.key].known_at)),
            )
            for row in self.facts.customers
        )

    def contact_rows(self) -> Rows:
        """Make the contacts; the first of a customer is its main one."""
        names = (
            "id", "customer_id", "name", "role", "phone", "email", "language", "is_main", "created_at",
            "updated_at",
        )  # fmt: skip
        return names, (
            (
                self.contacts[contact.key],
                self.customers[row.key],
                _both(row.language, contact.name_zh, contact.name_en)[0],
                _both(row.language, contact.title_zh, contact.title_en)[0],
                contact.phone,
                contact.email,
                row.language,
                place == 0,
                self._moment(row.known_at),
                self._moment(row.known_at),
            )
            for row in self.facts.customers
            for place, contact in enumerate(row.contacts)
        )

    def ownership_rows(self) -> Rows:
        """Make the changes of owner."""
        team_of = {row.key: row.team for row in self.facts.employees}
        return (*FACT, "user_id", "team_id"), (
            (*self._fact(row), self.users[row.employee], self.teams[team_of[row.employee]])
            for row in self.facts.ownerships
        )

    def attribute_value_rows(self) -> Rows:
        """Make the values of the attributes."""
        return (*FACT, "attribute_id", "number", "choice"), (
            (
                *self._fact(row),
                self.attributes[row.code],
                Decimal(row.value) if row.code == "employees" else None,
                "" if row.code == "employees" else row.value,
            )
            for row in self.facts.attributes
        )

    # What they buy and agree.

    def order_rows(self) -> Rows:
        """Make the orders, as first written down."""
        names = ("id", *FACT, "number", "status", "sold", "sold_base", "margin_base", "margin_assumed")
        delivered = self.world.window.end - DELIVERED_AFTER
        return names, (
            (
                self.orders[row.key],
                *self._fact(row),
                row.key,
                "delivered" if row.at < delivered else "placed",
                row.amount,
                row.amount,
                row.amount - row.cost,
                False,
            )
            for row in self.facts.orders
        )

    def line_rows(self) -> Rows:
        """Make the lines of the orders."""
        names = (
            "id", *FACT, "order_id", "line_no", "product_id", "quantity", "unit_price", "unit_cost", "amount",
        )  # fmt: skip
        return names, self._lines()

    def _lines(self) -> Iterator[tuple[Any, ...]]:
        pk = first_free_id(OrderLine)
        for row in self.facts.orders:
            fact, order_id = self._fact(row), self.orders[row.key]
            for number, line in enumerate(row.lines, start=1):
                self.lines[row.key, number] = pk
                yield (
                    pk,
                    *fact,
                    order_id,
                    number,
                    self.products[line.product],
                    line.quantity,
                    _major(line.price),
                    _major(line.cost // line.quantity),
                    line.amount,
                )
                pk += 1

    def return_rows(self) -> Rows:
        """Make the records of what came back."""
        names = (
            "id", *FACT, "number", "status", "is_purchase", "returned", "returned_base", "margin_base",
            "margin_assumed", "returns_of_id",
        )  # fmt: skip
        return names, (
            (
                self.orders[row.key],
                *self._fact(row),
                row.key,
                "delivered",
                False,
                row.amount,
                row.amount,
                row.cost - row.amount,
                False,
                self.orders[row.order],
            )
            for row in self.facts.returns
        )

    def return_line_rows(self) -> Rows:
        """Make the one line of each return."""
        names = (
            "id", *FACT, "order_id", "line_no", "product_id", "quantity", "unit_price", "unit_cost", "amount",
        )  # fmt: skip
        bought = {row.key: row.lines for row in self.facts.orders}
        first = first_free_id(OrderLine)  # the lines of the orders have been written
        return names, (
            (
                pk,
                *self._fact(row),
                self.orders[row.key],
                1,
                self.products[bought[row.order][row.line].product],
                -row.quantity,
                _major(bought[row.order][row.line].price),
                _major(row.cost // row.quantity),
                -row.amount,
            )
            for pk, row in enumerate(self.facts.returns, start=first)
        )

    def contract_rows(self) -> Rows:
        """Make the contracts, as signed."""
        names = (
            "id", *FACT, "number", "starts_day", "ends_day", "notice_day", "auto_renew", "value",
            "value_base",
        )  # fmt: skip
        return names, (
            (
                self.contracts[row.key],
                *self._fact(row),
                row.key,
                row.start,
                row.end,
                row.end - row.notice_days,
                row.auto_renew,
                row.value,
                row.value,
            )
            for row in self.facts.contracts
        )

    # What was said.

    def interaction_rows(self) -> Rows:
        """Make the notes of talks."""
        return ("id", *FACT, "kind", "direction", "reached", "contact_id", "by_id", "text"), (
            (
                self.interactions[row.key],
                *self._fact(row),
                row.kind,
                "in" if row.inbound else "out",
                row.topic != "silent",
                self.contacts[row.contact],
                self.users[row.employee],
                row.text,
            )
            for row in self.facts.interactions
        )

    def complaint_rows(self) -> Rows:
        """Make the complaints, with the caches of their state."""
        names = (
            "id", *FACT, "channel", "category", "severity", "contact_id", "order_id", "text", "state",
            "due_at",
        )  # fmt: skip
        state, due = self._complaint_states()
        return names, (
            (
                self.complaints[row.key],
                *self._fact(row),
                row.channel,
                row.kind,
                row.severity,
                self.contacts[row.contact],
                self.orders.get(row.order),
                row.text,
                state[row.key],
                self._moment(moment(due[row.key] + 1, 0)),
            )
            for row in self.facts.complaints
        )

    def _complaint_states(self) -> tuple[dict[str, str], dict[str, int]]:
        state = {row.key: "open" for row in self.facts.complaints}
        due = {row.key: row.due_day for row in self.facts.complaints}
        for step in self.facts.complaint_steps:  # of one complaint in order of time
            if step.kind != "acknowledged":
                state[step.complaint] = "resolved" if step.kind == "resolved" else "open"
            due[step.complaint] = step.due_day or due[step.complaint]
        return state, due

    def complaint_event_rows(self) -> Rows:
        """Make the steps of the complaints, the openings first."""
        opened = (
            (*self._fact(row), self.complaints[row.key], "opened", row.due_day)
            for row in self.facts.complaints
        )
        later = (
            (*self._fact(step), self.complaints[step.complaint], step.kind, step.due_day or None)
            for step in self.facts.complaint_steps
        )
        return (*FACT, "complaint_id", "kind", "due_day"), _chain(opened, later)

    # What was learnt later: new values, then the id.

    def changed_orders(self) -> Rows:
        """Make the newer versions of orders."""
        return ("void", "sold", "sold_base", "margin_base", "recorded_at"), (
            (
                row.void,
                row.amount,
                row.amount,
                row.amount - row.cost,
                self._moment(row.known_at),
                self.orders[row.order],
            )
            for row in self.facts.order_changes
        )

    def changed_lines(self) -> Rows:
        """Make the newer versions of their lines; the lines must have been written."""
        before = {row.key: row.lines for row in self.facts.orders}
        return ("void", "quantity", "amount", "recorded_at"), (
            (
                row.void,
                line.quantity,
                line.amount,
                self._moment(row.known_at),
                self.lines[row.order, number],
            )
            for row in self.facts.order_changes
            for number, line in enumerate(row.lines, start=1)
            if row.void or line != before[row.order][number - 1]
        )

    def ended_contracts(self) -> Rows:
        """Make the newer versions of contracts; one that lapsed needs none, its last day has passed."""
        return ("renewed_day", "terminated_day", "recorded_at"), (
            (
                local_day(row.at) if row.kind == "renewed" else None,
                local_day(row.at) if row.kind == "terminated" else None,
                self._moment(row.known_at),
                self.contracts[row.contract],
            )
            for row in self.facts.contract_ends
            if row.kind != "lapsed"
        )

    def void_interactions(self) -> Rows:
        """Make the newer versions of notes that were mistakes."""
        return ("void", "recorded_at"), (
            (True, self._moment(row.void_at), self.interactions[row.key])
            for row in self.facts.interactions
            if row.void_at
        )

    def _fact(self, row: Any) -> tuple[Any, ...]:
        return (
            self.customers[row.customer],
            self._moment(row.at),
            local_day(row.at),
            self._moment(row.known_at),
        )


WRITTEN: tuple[tuple[str, type[models.Model]], ...] = (
    ("customer_rows", Customer),
    ("contact_rows", Contact),
    ("ownership_rows", Ownership),
    ("attribute_value_rows", AttributeValue),
    ("order_rows", Order),
    ("line_rows", OrderLine),
    ("return_rows", Order),
    ("return_line_rows", OrderLine),
    ("contract_rows", Contract),
    ("interaction_rows", Interaction),
    ("complaint_rows", Complaint),
    ("complaint_event_rows", ComplaintEvent),
)
CHANGED: tuple[tuple[str, type[models.Model]], ...] = (
    ("changed_orders", Order),
    ("changed_lines", OrderLine),
    ("ended_contracts", Contract),
    ("void_interactions", Interaction),
)


def _ids(model: type[models.Model], keys: Iterable[str]) -> dict[str, int]:
    return {key: pk for pk, key in enumerate(keys, start=first_free_id(model))}


def _both(language: str, chinese: str, english: str) -> tuple[str, str]:
    """Return a name in the customer's language, then in the other one."""
    return (english, chinese) if language == "en" else (chinese, english)


def _major(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _chain(*parts: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    for part in parts:
        yield from part
