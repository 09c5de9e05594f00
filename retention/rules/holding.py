"""Rules that must hold for days: since when each customer has been matching, kept by the sweeps.

``matches(rule, as_of)`` stays pure (decision 9): a look at the past compares the day with the one so many
days before it. The sweeps of every night need no past: they keep a row from the first day on which a rule
matched to the first on which it did not.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from customers import company
from customers.ground import localtime
from retention.measures import compute, dialect
from retention.models import PendingMatch
from retention.rules.compile import Compiled
from retention.rules.scan import Matches, Scan, matching

_PENDING = PendingMatch._meta.db_table


def note(found: Matches) -> None:
    """Keep since when each match of a rule that must hold has stood; drop those that were broken off."""
    rules = _holding(found)
    if not rules:
        return
    scan = found.scan
    bound = {**scan.parameters(), "rules": _ids(rules), "today": scan.today, "seen": found.seen}
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_PENDING} WHERE {dialect.among('rule_id', 'rules')} "
            f"AND {scan.customers.condition('customer_id')} "
            f'AND EXISTS (SELECT 1 FROM "{scan.table}" m WHERE m.customer_id = {_PENDING}.customer_id '
            f"AND m.as_of <= %(seen)s AND {scan.where()}) "
            f'AND NOT EXISTS (SELECT 1 FROM "{found.table}" t '
            f"WHERE t.customer_id = {_PENDING}.customer_id AND t.rule_id = {_PENDING}.rule_id)",
            bound,
        )
        cursor.execute(
            f"INSERT INTO {_PENDING} (customer_id, rule_id, since_day) "
            f'SELECT t.customer_id, t.rule_id, %(today)s FROM "{found.table}" t '
            f"WHERE {dialect.among('t.rule_id', 'rules')} ORDER BY t.customer_id, t.rule_id "
            "ON CONFLICT DO NOTHING",
            bound,
        )


def too_new(match: str, hold: str) -> str:
    """Return the condition that a ``match`` (a table's alias) has stood for less than ``hold`` days."""
    return (
        f"{hold} > 0 AND NOT EXISTS (SELECT 1 FROM {_PENDING} p WHERE p.rule_id = {match}.rule_id "
        f"AND p.customer_id = {match}.customer_id AND p.since_day <= %(today)s - {hold})"
    )


def drop_those_too_new(found: Matches) -> None:
    """Take out of a live scan's matches those that have not held for as long as their rule asks."""
    for rule in _holding(found):
        bound = {"rule": rule.rule_id, "today": found.scan.today, "hold": rule.hold_days}
        with connection.cursor() as cursor:
            cursor.execute(
                f'DELETE FROM "{found.table}" AS t WHERE t.rule_id = %(rule)s AND {too_new("t", "%(hold)s")}',
                bound,
            )


def keep_those_that_held(found: Matches, *, as_of: datetime) -> None:
    """Take out of the matches as of a moment of the past those that did not match so many days before.

    Measures are computed once for each number of days that a rule asks for, which come from a closed list.
    """
    for days in sorted({rule.hold_days for rule in _holding(found)}):
        before = localtime.days_before(as_of, days, company.today(as_of).zone)
        _keep_held(found, [rule for rule in found.rules if rule.hold_days == days], before)


def _keep_held(found: Matches, rules: list[Compiled], before: datetime) -> None:
    customers = found.scan.customers
    with compute.at(as_of=before, customers=customers) as table:
        scan = Scan(table, customers, company.today(before).number, as_of=before, mode="past")
        with matching(rules, scan=scan) as earlier, connection.cursor() as cursor:
            cursor.execute(
                f'DELETE FROM "{found.table}" AS t WHERE {dialect.among("t.rule_id", "rules")} '
                f'AND NOT EXISTS (SELECT 1 FROM "{earlier.table}" e '
                "WHERE e.customer_id = t.customer_id AND e.rule_id = t.rule_id)",
                {"rules": _ids(rules)},
            )


def _holding(found: Matches) -> list[Compiled]:
    return [rule for rule in found.rules if rule.hold_days]


def _ids(rules: list[Compiled]) -> Any:
    return dialect.bind_ids([rule.rule_id for rule in rules])
