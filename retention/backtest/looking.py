"""One step: measures as of its midnight, once, in a temporary table; all conditions over it in one scan."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from django.db import connection

from retention.backtest.baselines import AtRisk
from retention.measures import compute
from retention.measures.compute import Customers
from retention.rules import holding
from retention.rules.compile import Compiled
from retention.rules.scan import Matches, Scan, matching
from retention.sweep.trying import Match

NEVER = 2**31
"""Stands for the day of the last order of whoever never ordered: later than all."""

_BASE = ("first_order_day", "first_contract_day", "last_order_day", "margin_365d")


@dataclass
class Seen:
    """What was found at one step. ``matched`` holds a set for each condition that was asked."""

    matched: list[set[int]]
    rows: list[Match] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _parts: list[list[tuple[int, int, int]]] = field(default_factory=list)

    def at_risk(self, lost: set[int]) -> AtRisk:
        """Return who was at risk: known by then, or matched by the rule, and not lost already."""
        rows = [row for part in self._parts for row in part if row[0] not in lost]
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        return AtRisk(table[:, 0], table[:, 1], table[:, 2])


def columns_of(asked: Sequence[Compiled]) -> frozenset[str]:
    """Return the stored measures that a step computes: those of all conditions, and of the baselines."""
    read = [rule.condition.columns() | set(rule.evidence) for rule in asked]
    return frozenset(_BASE).union(*read)


def look(
    asked: Sequence[Compiled],
    seen: Seen,
    *,
    customers: Customers,
    as_of: datetime,
    day: int,
    with_rows: bool = False,
) -> None:
    """Add to ``seen`` what one range of customers gives as of ``as_of``, the first moment of ``day``.

    It is what ``sweep --as-of --dry-run`` does with the same rules; the first condition is the one that
    is tested. ``rule_id`` of the n-th condition is n + 1. With ``with_rows`` its matches are kept as
    ``--out`` writes them. Nothing is written that outlives the call.
    """
    columns = columns_of(asked)
    with compute.at(as_of=as_of, customers=customers, columns=columns) as table:
        scan = Scan(table, customers, day, as_of=as_of, mode="past")
        with matching(asked, scan=scan) as matches:
            holding.keep_those_that_held(matches, as_of=as_of)
            seen.failed |= matches.failed
            for customer, number in _pairs(matches):
                seen.matched[number - 1].add(customer)
            seen._parts.append(_at_risk(matches))
            if with_rows:
                seen.rows += [row for row in matches.rows() if row[1] == asked[0].code]


def _pairs(matches: Matches) -> Iterator[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT customer_id, rule_id FROM "{matches.table}"')
        yield from cursor.fetchall()


def _at_risk(matches: Matches) -> list[tuple[int, int, int]]:
    """Return id, day of the last order and margin of those known by an order, a contract, or the rule."""
    scan = matches.scan
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.customer_id, coalesce(m.last_order_day, {NEVER}), coalesce(m.margin_365d, 0) "
            f'FROM "{scan.table}" m WHERE {scan.where()} AND (m.first_order_day IS NOT NULL '
            f'OR m.first_contract_day IS NOT NULL OR EXISTS (SELECT 1 FROM "{matches.table}" t '
            "WHERE t.customer_id = m.customer_id AND t.rule_id = 1)) ORDER BY m.customer_id",
            scan.parameters(),
        )
        found: list[tuple[int, int, int]] = cursor.fetchall()
        return found
