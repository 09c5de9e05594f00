"""Statements about own measures: read from the facts as of the moment, as attributes are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retention.measures.expressions import Row
from retention.measures.own import SCALE, OwnTerm, value_sql
from retention.measures.registry import Unit
from retention.rules.conditions.leaves import exactly
from retention.rules.conditions.sql import Params, sign
from retention.rules.conditions.tree import Leaf
from retention.rules.conditions.vocabulary import KNOWING, TESTS, Json


@dataclass(frozen=True)
class OfOwn(Leaf):
    """An own measure against one value, two or several; numbers are kept in ten-thousandths.

    ``or_unknown``: it holds as well where the measure is unknown, and its negation does not.
    """

    term: OwnTerm
    op: str
    values: tuple[int | str, ...] = ()
    or_unknown: bool = False

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = row.get(self.term.key)
        if self.op in KNOWING:
            return (found is not None) == (self.op == "is_known")
        if found is None:
            return True if self.or_unknown else None
        if self.op == "between":
            low, high = self.values
            return bool(TESTS["<="](low, found) and TESTS["<="](found, high))
        return found in self.values if self.op == "one_of" else TESTS[self.op](found, self.values[0])

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        if params.as_of is None:
            raise TypeError("own measures are read as of a moment: give Params its as_of")
        value = value_sql(self.term, params, prefix=prefix)
        if self.op in KNOWING:
            known = f"({value} IS NOT NULL)"
            return known if self.op == "is_known" else f"(NOT {known})"
        bound = [params.bind(one) for one in self.values]
        if self.op == "between":
            said = f"({value} BETWEEN {bound[0]} AND {bound[1]})"
        elif self.op == "one_of":
            said = f"({value} IN ({', '.join(bound)}))"
        else:
            said = f"({value} {sign(self.op)} {bound[0]})"
        return f"coalesce({said}, true)" if self.or_unknown else said

    def as_json(self) -> Json:
        data: dict[str, Json] = {"measure": self.term.key, "op": self.op}
        written = [self._written(one) for one in self.values]
        if self.op in ("between", "one_of"):
            data["value"] = written
        elif written:
            data["value"] = written[0]
        return {**data, "unknown": "yes"} if self.or_unknown else data

    def _written(self, value: int | str) -> int | str:
        if isinstance(value, str):
            return value
        if self.term.unit == Unit.DAY:
            return date.fromordinal(value).isoformat()
        return exactly(Decimal(value) / SCALE) if self.term.unit == Unit.COUNT else value
