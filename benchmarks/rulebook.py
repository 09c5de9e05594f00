"""A hundred rules, each said twice: as the product's condition and as plain Python for the usual way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from benchmarks.truth import WIDE
from retention.models import RuleVersion, WarningRule

Row = Mapping[str, Any]

FIRST_DAY = 150
"""Rule n asks for customers whose last order was 150 + n days ago, and for one more thing. So each
matches about one in two thousand, and 20 rules open cases for one in a hundred."""


class Form(NamedTuple):
    """One more thing that a rule asks for, as a condition and as Python."""

    condition: dict[str, Any]
    python: Callable[[Row, int], bool]


FORMS = (
    Form(
        {"measure": "orders_prev_365d", "op": ">=", "value": 5},
        lambda row, today: row["orders_prev_365d"] >= 5,
    ),
    Form({"measure": "contacts_90d", "op": "=", "value": 0}, lambda row, today: row["contacts_90d"] == 0),
    Form(
        {"measure": "contracts_running", "op": ">=", "value": 1},
        lambda row, today: row["contracts_running"] >= 1,
    ),
    Form(
        {"measure": "overdue_ratio", "op": ">=", "value": 2},
        lambda row, today: (
            row["order_days"] >= 4
            and row["order_span_days"] > 0
            and (today - row["last_order_day"]) * (row["order_days"] - 1) >= 2 * row["order_span_days"]
        ),
    ),
    Form(
        {"measure": "spend_365d", "op": ">=", "value": 300_000},
        lambda row, today: row["spend_365d"] >= 300_000,
    ),
)

COLUMNS = (
    "last_order_day",
    "orders_prev_365d",
    "contacts_90d",
    "contracts_running",
    "order_days",
    "order_span_days",
    "spend_365d",
)


class Rule(NamedTuple):
    """One rule of the book."""

    n: int
    condition: dict[str, Any]

    def holds(self, row: Row, today: int) -> bool:
        """Say in plain Python whether the rule holds for a row of measures."""
        last = row["last_order_day"]
        return last is not None and today - last == FIRST_DAY + self.n and self.form(row, today)

    @property
    def form(self) -> Callable[[Row, int], bool]:
        """The second half, in Python."""
        return FORMS[self.n % len(FORMS)].python


def rules(count: int) -> list[Rule]:
    """Return the first ``count`` rules of the book."""
    return [
        Rule(
            n,
            {
                "all": [
                    {"measure": "days_since_last_order", "op": "=", "value": FIRST_DAY + n},
                    FORMS[n % len(FORMS)].condition,
                ]
            },
        )
        for n in range(count)
    ]


def switch_on(count: int, *, series: str, at: datetime) -> list[str]:
    """Store ``count`` rules as new ones, switched on, and return their codes."""
    made = WarningRule.objects.bulk_create(
        [
            WarningRule(
                code=f"bench-{series}-{rule.n}",
                name_en=f"Rule {series} {rule.n}",
                name_zh=f"规则 {series} {rule.n}",
                condition=rule.condition,
                cool_down_days=0,
                is_enabled=True,
                enabled_at=at,
                position=1000,
            )
            for rule in rules(count)
        ]
    )
    RuleVersion.objects.bulk_create(
        [
            RuleVersion(rule=rule, version=1, condition=rule.condition, severity=rule.severity, made_at=at)
            for rule in made
        ]
    )
    return [rule.code for rule in made]


def expected(count: int, *, today: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield customer and number of rule for every match, of each ``step``-th customer, in plain Python."""
    book = rules(count)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT customer_id, {', '.join(COLUMNS)} FROM {WIDE} WHERE customer_id % {step} = 0")
        for customer, *values in cursor.fetchall():
            row = dict(zip(COLUMNS, values, strict=True))
            for rule in book:
                if rule.holds(row, today):
                    yield customer, rule.n
