"""All rules in one scan of the wide table, into a temporary table with a column for each rule."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from retention.measures.compute import Customers
from retention.models import WarningRule
from retention.rules.compile import Compiled, evidence_sql
from retention.rules.conditions import Params


@dataclass(frozen=True)
class Scan:
    """What was scanned: a table of the wide table's shape, whom of it, on which local day.

    Rows that were computed for a later day than the scan's are left alone (``before``): they were
    judged by a newer pass already.
    """

    table: str
    customers: Customers
    today: int
    before: datetime | None = None

    def where(self, alias: str = "m") -> str:
        """Return the condition of the rows in scope."""
        condition = self.customers.condition(f"{alias}.customer_id")
        return f"{condition} AND {alias}.as_of < %(before)s" if self.before else condition

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of :meth:`where`."""
        bound: dict[str, Any] = dict(self.customers.parameters())
        if self.before:
            bound["before"] = connection.ops.adapt_datetimefield_value(self.before)
        return bound

    def count(self) -> int:
        """Return how many customers are in scope."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{self.table}" m WHERE {self.where()}', self.parameters())
            return int(cursor.fetchone()[0])


@dataclass
class Matches:
    """The temporary table of a scan: ``customer_id``, and of the n-th rule ``hit<n>`` and ``evidence<n>``."""

    table: str
    today: int
    rules: list[Compiled] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def hits(self) -> Iterator[tuple[Compiled, str, str]]:
        """Yield each rule with the names of its two columns."""
        for n, rule in enumerate(self.rules):
            yield rule, f"hit{n}", f"evidence{n}"

    def rows(self) -> list[tuple[int, str, str]]:
        """Return every match as customer id, rule code, evidence."""
        found: list[tuple[int, str, str]] = []
        with connection.cursor() as cursor:
            for rule, hit, evidence in self.hits():
                cursor.execute(f'SELECT customer_id, {evidence} FROM "{self.table}" WHERE {hit} = 1')
                found += [(customer, rule.code, text) for customer, text in cursor.fetchall()]
        return found

    def counts(self) -> dict[str, int]:
        """Return how many customers each rule matches."""
        if not self.rules:
            return {}
        sums = ", ".join(f"coalesce(sum({hit}), 0)" for _rule, hit, _evidence in self.hits())
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT {sums} FROM "{self.table}"')
            return dict(zip((rule.code for rule in self.rules), map(int, cursor.fetchone()), strict=True))


def hold(rules: Sequence[Compiled]) -> None:
    """Keep rules from being switched off or revised until the transaction ends.

    SQLite has one writer at a time, which does the same.
    """
    if rules and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {WarningRule._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR SHARE",
                [[rule.rule_id for rule in rules]],
            )


@contextmanager
def matching(rules: Sequence[Compiled], *, scan: Scan) -> Iterator[Matches]:
    """Scan once for all rules and yield the table of matches; it is dropped at the end.

    When the scan raises, every rule is tried alone in a savepoint, the failing ones are named in
    ``failed``, and the others are scanned together again. A failing rule matches nobody.
    """
    found = Matches(f"rule_matches_{secrets.token_hex(6)}", scan.today)
    try:
        found.rules = list(rules)
        _fill(found, scan)
    except DatabaseError as error:
        _pass_on_unless_a_rule_can_be_blamed(error)
        found.rules, found.failed = _try_alone(rules, scan)
        _fill(found, scan)
    try:
        yield found
    finally:
        if not connection.needs_rollback:  # a broken transaction takes the table with it
            _drop(found.table)


def _try_alone(rules: Sequence[Compiled], scan: Scan) -> tuple[list[Compiled], dict[str, str]]:
    good: list[Compiled] = []
    failed: dict[str, str] = {}
    for rule in rules:
        alone = Matches(f"rule_matches_{secrets.token_hex(6)}", scan.today, [rule])
        try:
            _fill(alone, scan)
        except DatabaseError as error:
            _pass_on_unless_a_rule_can_be_blamed(error)
            failed[rule.code] = type(error).__name__
        else:
            _drop(alone.table)
            good.append(rule)
    return good, failed


def _pass_on_unless_a_rule_can_be_blamed(error: DatabaseError) -> None:
    """Raise again what no rule can cause: a deadlock, a lost connection, a locked file."""
    if isinstance(error, OperationalError) and (connection.vendor == "postgresql" or "locked" in str(error)):
        raise error


def _fill(matches: Matches, scan: Scan) -> None:
    params = Params(scan.today, {**scan.parameters(), "today": scan.today})
    columns = ["m.customer_id"]
    conditions = []
    for rule, hit, evidence in matches.hits():
        condition = rule.condition.sql(params)
        conditions.append(condition)
        proof = evidence_sql(rule.evidence, prefix="m.", today="%(today)s")
        columns += [
            f"CASE WHEN {condition} THEN 1 ELSE 0 END AS {hit}",
            f"CASE WHEN {condition} THEN {proof} END AS {evidence}",
        ]
    any_of_them = " OR ".join(conditions) or "1 = 0"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TEMPORARY TABLE "{matches.table}" AS SELECT {", ".join(columns)} '
            f'FROM "{scan.table}" m WHERE {scan.where()} AND ({any_of_them})',
            params.values,
        )


def _drop(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{table}"')
