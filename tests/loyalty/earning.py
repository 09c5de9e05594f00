"""Orders and rules, made by the verbs, for the tests of earning."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from customers import orders
from customers.models import Customer, Order, Product
from loyalty.earning import applying, rules
from loyalty.models import EarningRule, OrderEarning, PointsAccount, PointsEntry, Programme
from tests.factories import NOW

SPEND = {"kind": "amount", "points": "1", "per": "1"}


def make_rule(
    programme: Programme, document: dict[str, Any], *, at: datetime = NOW, **given: Any
) -> EarningRule:
    """Return a rule that is on, made at a moment."""
    code = given.pop("code", f"rule-{EarningRule.objects.count() + 1}")
    values = {"name": code, "is_on": True, "by": None, "at": at}
    return rules.create_rule(programme, code, document=document, **(values | given))


def product(code: str, category: str = "") -> Product:
    """Return a product by its code."""
    return Product.objects.get_or_create(code=code, defaults={"name": code, "category": category})[0]


def record(
    customer: Customer, *lines: tuple[str, int | str, int | str], at: datetime = NOW, **given: Any
) -> Order:
    """Record an order of (product or nothing, quantity, unit price in whole units)."""
    made = [
        orders.Line(Decimal(str(quantity)), Decimal(str(price)), product(code) if code else None)
        for code, quantity, price in lines
    ]
    returns_of = given.pop("returns_of", None)
    order = orders.record_order(customer, lines=made, by=None, **{"at": at, **given})
    if returns_of is not None:  # as an import or the API says it
        Order.objects.filter(pk=order.pk).update(returns_of=returns_of)
        order.refresh_from_db()
    return order


def apply(*found: Order, at: datetime = NOW) -> applying.Applied:
    """Apply orders at a moment."""
    return applying.apply_orders([order.pk for order in found], at=at)


def bought(
    customer: Customer, *lines: tuple[str, int | str, int | str], at: datetime = NOW, **given: Any
) -> Order:
    """Record an order and let it earn."""
    order = record(customer, *lines, at=at, **given)
    apply(order, at=at)
    return order


def sums_of(customer: Customer) -> tuple[int, int, int]:
    """Return balance, pending and debt of a customer's account."""
    return PointsAccount.objects.values_list("balance", "pending", "debt").get(customer=customer)


def moves_of(customer: Customer) -> list[tuple[str, int]]:
    """Return kind and points, usable or pending, of a customer's entries in their order."""
    rows = PointsEntry.objects.filter(customer=customer).order_by("pk")
    return [(row.kind, row.points + row.pending) for row in rows]


def state_of(order: Order) -> OrderEarning:
    """Return what an order brings, as far as we looked."""
    return OrderEarning.objects.get(order=order, is_past=False)
