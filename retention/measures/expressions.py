"""Small integer expressions over the wide table: one declaration, two evaluators (SQL and Python).

Values are integers, codes or unknown (``None``); every operation on an unknown is unknown. There is
no division: a ratio stays a pair of integers and is compared by cross-multiplication, so both
databases and Python agree to the last bit (decision 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

Row = Mapping[str, "int | str | None"]


class Expr:
    """An integer expression; build with operators: ``TODAY - Col("last_order_day")``."""

    def sql(self, *, prefix: str = "m.") -> str:
        """Return SQL over columns prefixed with ``prefix`` and the parameter ``%(today)s``."""
        raise TypeError(f"{type(self).__name__} has no SQL")

    def evaluate(self, row: Row, *, today: int) -> int | None:
        """Return the value for one row of the wide table on local day ``today``."""
        raise TypeError(f"{type(self).__name__} has no value")

    def columns(self) -> frozenset[str]:
        """Return the stored columns that the expression reads."""
        return frozenset()

    def __add__(self, other: Expr | int) -> Expr:
        return Binary("+", self, as_expr(other))

    def __sub__(self, other: Expr | int) -> Expr:
        return Binary("-", self, as_expr(other))

    def __rsub__(self, other: int) -> Expr:
        return Binary("-", as_expr(other), self)

    def __mul__(self, other: Expr | int) -> Expr:
        return Binary("*", self, as_expr(other))


@dataclass(frozen=True)
class Num(Expr):
    """A constant of the declaration (never of a rule: those are bound as parameters)."""

    value: int

    def sql(self, *, prefix: str = "m.") -> str:
        return str(int(self.value))

    def evaluate(self, row: Row, *, today: int) -> int | None:
        return self.value


@dataclass(frozen=True)
class Today(Expr):
    """The local day number of ``as_of``."""

    def sql(self, *, prefix: str = "m.") -> str:
        return "%(today)s"

    def evaluate(self, row: Row, *, today: int) -> int | None:
        return today


@dataclass(frozen=True)
class Col(Expr):
    """A stored column of the wide table."""

    name: str

    def sql(self, *, prefix: str = "m.") -> str:
        return f"{prefix}{self.name}"

    def evaluate(self, row: Row, *, today: int) -> int | None:
        value = row[self.name]
        return None if value is None else int(value)

    def columns(self) -> frozenset[str]:
        return frozenset([self.name])


@dataclass(frozen=True)
class Binary(Expr):
    """A sum, difference or product; unknown when either side is."""

    op: str
    left: Expr
    right: Expr

    def sql(self, *, prefix: str = "m.") -> str:
        return f"({self.left.sql(prefix=prefix)} {self.op} {self.right.sql(prefix=prefix)})"

    def evaluate(self, row: Row, *, today: int) -> int | None:
        left, right = self.left.evaluate(row, today=today), self.right.evaluate(row, today=today)
        if left is None or right is None:
            return None
        return {"+": left + right, "-": left - right, "*": left * right}[self.op]

    def columns(self) -> frozenset[str]:
        return self.left.columns() | self.right.columns()


@dataclass(frozen=True)
class Known(Expr):
    """The smaller (``least``) or larger of the known ones of two columns; unknown when both are."""

    least: bool
    left: Expr
    right: Expr

    def sql(self, *, prefix: str = "m.") -> str:
        left, right = self.left.sql(prefix=prefix), self.right.sql(prefix=prefix)
        sign = "<=" if self.least else ">="
        return f"(CASE WHEN {right} IS NULL OR {left} {sign} {right} THEN {left} ELSE {right} END)"

    def evaluate(self, row: Row, *, today: int) -> int | None:
        known = [v for side in (self.left, self.right) if (v := side.evaluate(row, today=today)) is not None]
        if not known:
            return None
        return min(known) if self.least else max(known)

    def columns(self) -> frozenset[str]:
        return self.left.columns() | self.right.columns()


@dataclass(frozen=True)
class Once(Expr):
    """``value`` once ``count`` has reached ``least``; unknown below, or when ``count`` is."""

    count: Expr
    least: int
    value: Expr

    def sql(self, *, prefix: str = "m.") -> str:
        count, value = self.count.sql(prefix=prefix), self.value.sql(prefix=prefix)
        return f"(CASE WHEN {count} >= {int(self.least)} THEN {value} END)"

    def evaluate(self, row: Row, *, today: int) -> int | None:
        count = self.count.evaluate(row, today=today)
        return None if count is None or count < self.least else self.value.evaluate(row, today=today)

    def columns(self) -> frozenset[str]:
        return self.count.columns() | self.value.columns()


@dataclass(frozen=True)
class Ratio:
    """``top ÷ bottom``; unknown when either is, or when ``bottom`` is not positive."""

    top: Expr
    bottom: Expr

    def evaluate(self, row: Row, *, today: int) -> Fraction | None:
        """Return the exact ratio for one row, or ``None``."""
        top, bottom = self.top.evaluate(row, today=today), self.bottom.evaluate(row, today=today)
        return None if top is None or bottom is None or bottom <= 0 else Fraction(top, bottom)

    def columns(self) -> frozenset[str]:
        """Return the stored columns that the ratio reads."""
        return self.top.columns() | self.bottom.columns()


def known_sql(value: Expr | Ratio, *, prefix: str = "m.") -> str:
    """Return the SQL condition that a value is known."""
    if isinstance(value, Ratio):
        top, bottom = value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
        return f"({top} IS NOT NULL AND {bottom} IS NOT NULL AND {bottom} > 0)"
    return f"({value.sql(prefix=prefix)} IS NOT NULL)"


TODAY = Today()


def as_expr(value: Expr | int) -> Expr:
    """Return ``value`` as an expression."""
    return value if isinstance(value, Expr) else Num(value)
