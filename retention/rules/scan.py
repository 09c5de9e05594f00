"""All rules in one scan of the wide table, into a temporary table with a row for each match."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from customers.models import Objection
from retention.measures import dialect
from retention.measures.compute import Customers
from retention.measures.own import OwnTerm, frozen_sql
from retention.measures.passes import Mode
from retention.models import WarningRule
from retention.rules.compile import Compiled, evidence_sql
from retention.rules.conditions import Params


def objects(column: str) -> str:
    """Return the condition of customers whose objection to profiling stands."""
    table = Objection._meta.db_table
    return f"EXISTS (SELECT 1 FROM {table} ob WHERE ob.customer_id = {column} AND ob.lifted_at IS NULL)"


@dataclass(frozen=True)
class Scan:
    """What was scanned: a table of the wide table's shape, whom of it, on which local day.

    Rows that were computed for a later day than the scan's are left alone (``before``): they were
    judged by a newer pass already. Attributes and lists are read as of ``as_of``: in a ``live`` scan as they
    stand, in one of the ``past`` as they were known then.
    """

    table: str
    customers: Customers
    today: int
    before: datetime | None = None
    as_of: datetime | None = None
    mode: Mode = "live"

    def where(self, alias: str = "m") -> str:
        """Return the condition of the rows in scope; who objects to profiling never is."""
        condition = (
            f"{self.customers.condition(f'{alias}.customer_id')} AND NOT {objects(f'{alias}.customer_id')}"
        )
        return f"{condition} AND {alias}.as_of < %(before)s" if self.before else condition

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of :meth:`where`."""
        bound: dict[str, Any] = dict(self.customers.parameters())
        if self.before:
            bound["before"] = connection.ops.adapt_datetimefield_value(self.before)
        return bound

    def params(self) -> Params:
        """Return the parameters of a statement about the scan, for conditions to add theirs."""
        bound = {**self.parameters(), "today": self.today}
        return Params(self.today, bound, as_of=self.as_of, mode=self.mode)

    def count(self) -> int:
        """Return how many customers are in scope."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{self.table}" m WHERE {self.where()}', self.parameters())
            return int(cursor.fetchone()[0])

    def newest(self) -> Any:
        """Return the newest ``as_of`` of the rows in scope, as the database holds it."""
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT max(m.as_of) FROM "{self.table}" m WHERE {self.where()}', self.parameters()
            )
            return cursor.fetchone()[0]


@dataclass
class Matches:
    """The temporary table of a scan, a row for each match: ``customer_id``, ``rule_id``, ``as_of``.

    ``as_of`` is that of the row that matched. As long as the scanned table shows the same one, it is the
    same row, so that the evidence need not be kept for the many who match again.
    """

    table: str
    scan: Scan
    rules: list[Compiled] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    seconds_alone: dict[str, float] = field(default_factory=dict)  # of rules that were tried alone
    frozen: dict[str, Any] = field(default_factory=dict)  # parameters of the own measures in the evidence
    seen: Any = None  # the newest ``as_of`` before the scan: newer rows came after it

    def evidence(self) -> str:
        """Return SQL that makes a match's evidence, of ``t`` (a match) and ``m`` (its row).

        What it binds beside ``today`` stands in :attr:`frozen` afterwards.
        """
        bound = _Frozen(self.scan, self.frozen)
        made = " ".join(f"WHEN {rule.rule_id} THEN {bound.evidence_of(rule)}" for rule in self.rules)
        return f"CASE t.rule_id {made} END" if made else "NULL"

    def with_rows(self, *, table: str = "") -> str:
        """Return SQL that joins each match ``t`` (perhaps some, of ``table``) with its row ``m``."""
        return f'"{table or self.table}" t JOIN "{self.scan.table}" m USING (customer_id, as_of)'

    def rows(self) -> list[tuple[int, str, str]]:
        """Return every match as customer id, rule code, evidence."""
        codes = {rule.rule_id: rule.code for rule in self.rules}
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT t.customer_id, t.rule_id, {self.evidence()} FROM {self.with_rows()}",
                {"today": self.scan.today, **self.frozen},
            )
            return [(customer, codes[rule], text) for customer, rule, text in cursor.fetchall()]

    def counts(self) -> dict[str, int]:
        """Return how many customers each rule matches."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT rule_id, count(*) FROM "{self.table}" GROUP BY rule_id')
            found = dict(cursor.fetchall())
        return {rule.code: found.get(rule.rule_id, 0) for rule in self.rules}


class _Frozen:
    """The parameters of own measures in an evidence, under names that no other part of a statement has."""

    def __init__(self, scan: Scan, values: dict[str, Any]) -> None:
        self.scan, self.values = scan, values
        self.today, self.mode = scan.today, scan.mode

    def bind(self, value: int | str) -> str:
        name = f"frozen_{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def evidence_of(self, rule: Compiled) -> str:
        own = {term.key: self._own(term) for term in rule.own}
        return evidence_sql(rule.evidence, prefix="m.", today="%(today)s", own=own)

    def _own(self, term: OwnTerm) -> str:
        if self.scan.as_of is None:
            raise TypeError("own measures are read as of a moment: give the scan its as_of")
        self.values["frozen_as_of"] = dialect.bind_moment(self.scan.as_of)
        return frozen_sql(term, self, prefix="m.").replace("%(as_of)s", "%(frozen_as_of)s")


def hold(codes: Sequence[str]) -> None:
    """Keep rules from being switched off or revised until the transaction ends.

    SQLite has one writer at a time, which does the same.
    """
    if codes and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {WarningRule._meta.db_table} WHERE code = ANY(%s) ORDER BY id FOR SHARE",
                [list(codes)],
            )


@contextmanager
def matching(rules: Sequence[Compiled], *, scan: Scan) -> Iterator[Matches]:
    """Scan once for all rules and yield the table of matches; it is dropped at the end.

    When the scan raises, every rule is tried alone in a savepoint, the failing ones are named in
    ``failed``, and the others are scanned together again. A failing rule matches nobody.
    """
    found = Matches(_name(), scan, list(rules), seen=scan.newest())
    began = perf_counter()
    try:
        _fill(found)
    except DatabaseError as error:
        pass_on_unless_a_rule_can_be_blamed(error)
        _try_alone(found)
        began = perf_counter()
        _fill(found)
    found.seconds = perf_counter() - began
    try:
        yield found
    finally:
        if not connection.needs_rollback:  # a broken transaction takes the table with it
            _drop(found.table)


def _try_alone(found: Matches) -> None:
    """Keep the rules that work alone, and name those that do not; note the seconds of each."""
    good: list[Compiled] = []
    for rule in found.rules:
        alone = Matches(_name(), found.scan, [rule])
        began = perf_counter()
        try:
            _fill(alone)
        except DatabaseError as error:
            pass_on_unless_a_rule_can_be_blamed(error)
            found.failed[rule.code] = type(error).__name__
        else:
            _drop(alone.table)
            good.append(rule)
        found.seconds_alone[rule.code] = perf_counter() - began
    found.rules = good


def pass_on_unless_a_rule_can_be_blamed(error: DatabaseError) -> None:
    """Raise again what no rule can cause: a deadlock, a lost connection, a locked file."""
    if isinstance(error, OperationalError) and (connection.vendor == "postgresql" or "locked" in str(error)):
        raise error


def _fill(matches: Matches) -> None:
    """Scan: who matches any rule is parted into a row for each that it matches."""
    scan = matches.scan
    params = scan.params()
    conditions = {rule.rule_id: rule.condition.sql(params) for rule in matches.rules}
    some = " OR ".join(conditions.values()) or "1 = 0"
    each, rule_id = dialect.each_that_holds(conditions)
    rows = (
        f'SELECT m.customer_id, {rule_id} AS rule_id, m.as_of FROM "{scan.table}" m {each} '
        f"WHERE {scan.where()} AND ({some})"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in dialect.create_matches(matches.table, rows):
            cursor.execute(statement, params.values)


def _name() -> str:
    return f"rule_matches_{secrets.token_hex(6)}"


def _drop(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{table}"')
