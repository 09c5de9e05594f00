"""The leaves of a condition's tree: statements about one measure, or two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from retention.measures.expressions import Ratio, Row, known_sql
from retention.measures.registry import Measure, Unit, get
from retention.rules.conditions import sql
from retention.rules.conditions.sql import Params
from retention.rules.conditions.tree import OfMeasure
from retention.rules.conditions.vocabulary import TESTS, Json


@dataclass(frozen=True)
class Compare(OfMeasure):
    """A measure against a number, a day number, a flag or a code."""

    op: str
    value: Decimal | str

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self._read(row, today)
        if found is None:
            return None
        return TESTS[self.op](found, self.value if isinstance(self.value, str) else Fraction(self.value))

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        measure = get(self.measure)
        if isinstance(self.value, str):
            sign = "=" if self.op == "=" else "<>"
            return f"({prefix}{measure.code} {sign} {params.bind(self.value)})"
        return sql.compare(measure.value, self.op, self.value, params, prefix)

    def as_json(self) -> Json:
        return {"measure": self.measure, "op": self.op, "value": _written(get(self.measure), self.value)}


@dataclass(frozen=True)
class Between(OfMeasure):
    """A measure between two numbers, both included."""

    low: Decimal
    high: Decimal

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self._read(row, today)
        if found is None or isinstance(found, str):
            return None
        return Fraction(self.low) <= found <= Fraction(self.high)

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        value = get(self.measure).value
        low = sql.compare(value, ">=", self.low, params, prefix)
        high = sql.compare(value, "<=", self.high, params, prefix)
        return f"({low} AND {high})"

    def as_json(self) -> Json:
        measure = get(self.measure)
        ends = [_written(measure, self.low), _written(measure, self.high)]
        return {"measure": self.measure, "op": "between", "value": ends}


@dataclass(frozen=True)
class OneOf(OfMeasure):
    """A measure that is one of several codes or whole numbers."""

    values: tuple[int | str, ...]

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self._read(row, today)
        return None if found is None else found in self.values

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        value = get(self.measure).value
        if isinstance(value, Ratio):
            raise TypeError(f"{self.measure} is a ratio")
        among = ", ".join(params.bind(one) for one in self.values)
        return f"({value.sql(prefix=prefix)} IN ({among}))"

    def as_json(self) -> Json:
        return {"measure": self.measure, "op": "one_of", "value": list(self.values)}


@dataclass(frozen=True)
class IsKnown(OfMeasure):
    """A measure that has, or has not, a value; never unknown itself."""

    known: bool

    def evaluate(self, row: Row, today: int) -> bool | None:
        return (self._read(row, today) is not None) == self.known

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        known = known_sql(get(self.measure).value, prefix=prefix)
        return known if self.known else f"(NOT {known})"

    def as_json(self) -> Json:
        return {"measure": self.measure, "op": "is_known" if self.known else "is_unknown"}


@dataclass(frozen=True)
class Against(OfMeasure):
    """A measure against ``factor`` times another one: a customer against its own past."""

    op: str
    factor: Decimal
    other: str

    def codes(self) -> tuple[str, ...]:
        return (self.measure, self.other)

    def evaluate(self, row: Row, today: int) -> bool | None:
        found, other = self._read(row, today), get(self.other).read(row, today=today)
        if found is None or other is None or isinstance(other, str):
            return None
        return TESTS[self.op](found, Fraction(self.factor) * other)

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        """Compare ``a/b`` with ``p/q × c/d`` as ``a·q·d`` with ``p·c·b``."""
        factor = Fraction(self.factor)
        (a, b), (c, d) = (sql.halves(get(code).value, prefix) for code in self.codes())
        left = sql.product(a, params.bind(factor.denominator) if factor.denominator != 1 else "", d)
        right = sql.product(c, params.bind(factor.numerator) if factor.numerator != 1 else "", b)
        compared = f"({left} {sql.sign(self.op)} {right})"
        positive = " AND ".join(f"{bottom} > 0" for bottom in (b, d) if bottom)
        return f"(CASE WHEN {positive} THEN {compared} END)" if positive else compared

    def as_json(self) -> Json:
        factor = exactly(self.factor)
        return {"measure": self.measure, "op": self.op, "factor": factor, "other": self.other}


@dataclass(frozen=True)
class OrUnknown(OfMeasure):
    """A comparison that holds as well where it cannot be made, because a measure in it is unknown.

    Never unknown itself: its negation holds exactly where the comparison is known to fail.
    """

    of: OfMeasure

    def codes(self) -> tuple[str, ...]:
        return self.of.codes()

    def evaluate(self, row: Row, today: int) -> bool | None:
        return self.of.evaluate(row, today) is not False

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return f"coalesce({self.of.sql(params, prefix=prefix)}, true)"

    def as_json(self) -> Json:
        return {**self.of.as_json(), "unknown": "yes"}


def exactly(number: Decimal) -> int | str:
    """Return a number as JSON keeps it: whole as a number, else as text without trailing zeros."""
    if number == number.to_integral_value():
        return int(number)
    return format(number.normalize(), "f")


def _written(measure: Measure, value: Decimal | str) -> int | str:
    if isinstance(value, str):
        return value
    if measure.unit == Unit.DAY:
        return date.fromordinal(int(value)).isoformat()
    return exactly(value)
