"""When orders came, and what customers owe and pay: derived from what they bought.

Each draws from a stream of its own, so that nothing of the story itself changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from customers.demo.bulk import first_free_id
from customers.demo.chance import stream
from customers.demo.company import DAY
from customers.demo.moments import local_day
from customers.demo.rows.base import FACT, Base, Rows
from customers.models import Invoice

PROMISED = frozenset({"sales", "phone"})
"""Channels whose orders are promised for a day."""
BILLED = "sales"
"""The channel whose orders are billed; what others buy they pay at once."""
DUE_AFTER = 30


class Bill(NamedTuple):
    """An order billed: when a payment failed and when it was paid, 0 for never."""

    order: Any
    at: int
    due_day: int
    tried_at: int
    paid_at: int


class Dealings(Base):
    """Makes deliveries, and invoices with their steps."""

    @cached_property
    def deliveries(self) -> dict[str, tuple[int, int | None]]:
        """Return the day promised and the day of delivery of each order that was promised for one."""
        late = {failure.order for failure in self.world.truth.failures if failure.kind == "late"}
        last = local_day(self.world.window.end) - 1
        found: dict[str, tuple[int, int | None]] = {}
        for row in self.facts.orders:
            if row.channel not in PROMISED:
                continue
            random = stream(self.world.window.seed, "deliveries", row.key)
            promised = local_day(row.at) + random.randint(2, 5)
            came = promised + (random.randint(2, 9) if row.key in late else -random.randint(0, 2))
            found[row.key] = (promised, came if came <= last else None)
        return found

    @cached_property
    def bills(self) -> list[Bill]:
        """Return what was billed; orders that turned out to be none are not."""
        void = {row.order for row in self.facts.order_changes if row.void}
        end = self.world.window.end
        found = []
        for row in self.facts.orders:
            if row.channel != BILLED or row.key in void:
                continue
            random = stream(self.world.window.seed, "bills", row.key)
            at = max(row.at, row.known_at) + DAY
            if at >= end:
                continue
            tried_at, paid_at = _paid(random, at)
            due_day = local_day(at) + DUE_AFTER
            found.append(
                Bill(row, at, due_day, tried_at if tried_at < end else 0, paid_at if paid_at < end else 0)
            )
        return found

    def invoice_rows(self) -> Rows:
        """Make the invoices."""
        names = ("id", *FACT, "number", "amount", "amount_base", "due_day", "settled")
        first = first_free_id(Invoice)
        return names, (
            (
                pk,
                *self._at(bill.order.customer, bill.at),
                f"INV-{bill.order.key}",
                bill.order.amount,
                bill.order.amount,
                bill.due_day,
                bill.order.amount if bill.paid_at else 0,
            )
            for pk, bill in enumerate(self.bills, start=first)
        )

    def invoice_event_rows(self) -> Rows:
        """Make the steps of the invoices, which must have been written."""
        names = (*FACT, "invoice_id", "kind", "amount", "amount_base", "due_day", "method")
        return names, self._steps()

    def _steps(self) -> Iterator[tuple[Any, ...]]:
        first = first_free_id(Invoice) - len(self.bills)
        for pk, bill in enumerate(self.bills, start=first):
            amount = bill.order.amount
            for kind, at in (("issued", bill.at), ("failed", bill.tried_at), ("paid", bill.paid_at)):
                if at:
                    yield (
                        *self._at(bill.order.customer, at),
                        pk,
                        kind,
                        amount,
                        amount,
                        bill.due_day if kind == "issued" else None,
                        "" if kind == "issued" else "debit" if bill.tried_at else "transfer",
                    )


def _paid(random: Random, at: int) -> tuple[int, int]:
    """Return when a payment of a bill fails (0: never) and when it is paid, perhaps far away."""
    chance = random.random()
    wait = random.randint(5, DUE_AFTER - 1)
    if chance < 0.05:
        wait = random.randint(DUE_AFTER + 3, 120)
    tried_at = 0
    if chance > 0.96:
        tried_at = at + wait * DAY + 9 * 3600
        wait += random.randint(2, 40)
    return tried_at, at + wait * DAY + 10 * 3600
