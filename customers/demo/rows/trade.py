"""What customers buy, return and agree, and what was learnt about it later."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from customers.demo.bulk import first_free_id
from customers.demo.company import DAY
from customers.demo.moments import local_day
from customers.demo.rows.base import FACT, Rows
from customers.demo.rows.dealings import Dealings
from customers.models import OrderLine

DELIVERED_AFTER = 4 * DAY


class Trade(Dealings):
    """Makes orders, lines, returns and contracts; newer versions end with the id of their row."""

    def order_rows(self) -> Rows:
        """Make the orders, as first written down."""
        names = (
            "id", *FACT, "number", "status", "sold", "sold_base", "margin_base", "margin_assumed",
            "promised_day", "delivered_day",
        )  # fmt: skip
        delivered = self.world.window.end - DELIVERED_AFTER
        return names, (
            (
                self.orders[row.key],
                *self._fact(row),
                row.key,
                self._status(row, delivered),
                row.amount,
                row.amount,
                row.amount - row.cost,
                False,
                *self.deliveries.get(row.key, (None, None)),
            )
            for row in self.facts.orders
        )

    def _status(self, row: Any, delivered: int) -> str:
        if row.key in self.deliveries:
            return "placed" if self.deliveries[row.key][1] is None else "delivered"
        return "delivered" if row.at < delivered else "placed"

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


def _major(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
