"""Statements about dated facts: the typed attributes of a customer, and the segments it belongs to.

Both are read from the facts themselves, as of the moment of the statement. The newest value that was
known then counts; a customer without one is unknown, and matches nothing. Of a text only the version
that stands today can be read: earlier ones are sealed, so that they are unknown.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from customers.models import AttributeValue, CustomerListMember
from retention.measures import Source
from retention.measures.expressions import Row
from retention.measures.own import TheOne
from retention.measures.passes import EVERYONE, Mode, visible_facts
from retention.rules.conditions.leaves import exactly
from retention.rules.conditions.sql import Params, sign
from retention.rules.conditions.terms import AttributeKind, AttributeTerm, SegmentTerm
from retention.rules.conditions.tree import Condition, Leaf
from retention.rules.conditions.vocabulary import TESTS, Json

SCALE = 10_000  # attributes have four decimals and are compared as whole numbers

_COLUMNS = {
    AttributeKind.NUMBER: "number",
    AttributeKind.CHOICE: "choice",
    AttributeKind.DATE: "day",
    AttributeKind.TEXT: "recorded_at",
}
_VALUES = Source("attributes", "", AttributeValue._meta.label, ("attribute_id", "occurred_at"))
_MEMBERS = Source("lists", "", CustomerListMember._meta.label, ("list_id", "occurred_at", "is_member"))


@dataclass(frozen=True)
class OfAttribute(Leaf):
    """An attribute against one value, two or several; numbers are kept in ten-thousandths."""

    term: AttributeTerm
    op: str
    values: tuple[int | str, ...] = ()

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = row.get(self.term.key)
        if self.op in ("is_known", "is_unknown"):
            return (found is not None) == (self.op == "is_known")
        if found is None:
            return None
        if self.op == "between":
            low, high = self.values
            return bool(TESTS["<="](low, found) and TESTS["<="](found, high))
        return found in self.values if self.op == "one_of" else TESTS[self.op](found, self.values[0])

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        value = newest_value(self.term, params, prefix)
        if self.op in ("is_known", "is_unknown"):
            known = f"({value} IS NOT NULL)"
            return known if self.op == "is_known" else f"(NOT {known})"
        bound = [params.bind(one) for one in self.values]
        if self.op == "between":
            return f"({value} BETWEEN {bound[0]} AND {bound[1]})"
        if self.op == "one_of":
            return f"({value} IN ({', '.join(bound)}))"
        return f"({value} {sign(self.op)} {bound[0]})"

    def as_json(self) -> Json:
        data: dict[str, Json] = {"attribute": self.term.code, "op": self.op}
        written = [self._written(one) for one in self.values]
        if self.op in ("between", "one_of"):
            data["value"] = written
        elif written:
            data["value"] = written[0]
        return data

    def _written(self, value: int | str) -> int | str:
        if isinstance(value, str):
            return value
        if self.term.kind == AttributeKind.DATE:
            return date.fromordinal(value).isoformat()
        return exactly(Decimal(value) / SCALE)


@dataclass(frozen=True)
class InSegment(Leaf):
    """Whether the customer belongs to a segment; never unknown: who is not known to belong does not."""

    term: SegmentTerm
    condition: Condition | None = None

    def codes(self) -> tuple[str, ...]:
        return tuple(self.condition.measures()) if self.condition is not None else ()

    def evaluate(self, row: Row, today: int) -> bool | None:
        if self.condition is not None:
            return self.condition.evaluate(row, today) is True
        return bool(row.get(self.term.key))

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        if self.condition is not None:
            return f"(CASE WHEN {self.condition.sql(params, prefix=prefix)} THEN 1 ELSE 0 END = 1)"
        return f"({prefix}customer_id IN ({_listed(self.term, params)}))"

    def as_json(self) -> Json:
        return {"segment": self.term.code}


def newest_value(term: AttributeTerm, params: Params, prefix: str) -> str:
    """Return the value of the row's customer as one expression; NULL when none was known."""
    column = _COLUMNS[term.kind]
    source = Source(_VALUES.code, "", _VALUES.fact, tuple(dict.fromkeys((*_VALUES.columns, column))))
    facts = visible_facts(source, TheOne(outer=f"{prefix}customer_id"), mode=_dated(params))
    newest = (
        f"SELECT f.id, f.{column} FROM ({facts}) f WHERE f.attribute_id = {params.bind(term.pk)} "
        f"ORDER BY f.occurred_at DESC, f.id DESC LIMIT 1"
    )
    if term.kind == AttributeKind.TEXT:
        table = AttributeValue._meta.db_table
        return (
            f"(SELECT nullif(a.text, {params.bind('')}) FROM ({newest}) n JOIN {table} a "
            f"ON a.id = n.id AND a.recorded_at = n.recorded_at)"
        )
    if term.kind == AttributeKind.NUMBER:
        return f"(SELECT round(n.number * {params.bind(SCALE)}) FROM ({newest}) n)"
    if term.kind == AttributeKind.CHOICE:
        return f"(SELECT nullif(n.choice, {params.bind('')}) FROM ({newest}) n)"
    return f"(SELECT n.{column} FROM ({newest}) n)"


def _listed(term: SegmentTerm, params: Params) -> str:
    """Return a select of the customers on a list: those whose newest row says so."""
    facts = visible_facts(_MEMBERS, EVERYONE, mode=_dated(params))
    return (
        "SELECT r.customer_id FROM (SELECT f.customer_id, f.is_member, row_number() OVER "
        "(PARTITION BY f.customer_id ORDER BY f.occurred_at DESC, f.id DESC) AS back "
        f"FROM ({facts}) f WHERE f.list_id = {params.bind(term.list_id or 0)}) r "
        "WHERE r.back = 1 AND r.is_member"
    )


def _dated(params: Params) -> Mode:
    if params.as_of is None:
        raise TypeError("attributes and lists are read as of a moment: give Params its as_of")
    return params.mode
