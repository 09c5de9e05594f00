"""Customers with orders on given days of the past, and losses of theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from customers.ground import localtime
from customers.models import Customer
from retention import backtest
from retention.backtest import Span
from retention.models import BacktestRun, Loss, WarningRule
from tests.factories import NOW, CustomerFactory, OrderFactory

TODAY = localtime.day_number(NOW, "Asia/Shanghai")
QUIET: dict[str, Any] = {"measure": "days_since_last_order", "op": ">=", "value": 60}


def buyer(name: str, *days_ago: int, **order: Any) -> Customer:
    """Return a customer who ordered at noon, so many local days before today."""
    customer: Customer = CustomerFactory(name=name)
    for back in days_ago:
        OrderFactory(customer=customer, occurred_at=noon(back), **order)
    return customer


def noon(days_ago: int) -> Any:
    """Return noon of a local day in the past."""
    return localtime.start_of_day(TODAY - days_ago, "Asia/Shanghai") + timedelta(hours=12)


def lose(customer: Customer, days_ago: int, *, until: int | None = None, **values: Any) -> Loss:
    """Record that a customer was lost at noon of a day, and perhaps came back."""
    ended = noon(until) if until is not None else None
    at = noon(days_ago)
    return Loss.objects.create(customer=customer, occurred_at=at, recorded_at=at, ended_at=ended, **values)


def quiet_rule(**values: Any) -> WarningRule:
    """Return a rule that is off: 60 days without an order."""
    return WarningRule.objects.create(
        **{"code": "quiet", "name_en": "Quiet", "name_zh": "沉默", "condition": QUIET, **values}
    )


def back(first: int, last: int, **lengths: int) -> Span:
    """Return a span from and to days before today."""
    return Span(TODAY - first, TODAY - last, **lengths)


def counted(rule: WarningRule, span: Span, **values: Any) -> BacktestRun:
    """Return a backtest that was counted at once."""
    return backtest.run_now(rule, span=span, by=None, at=NOW, **values)
