"""Comparisons as SQL: whole numbers, bare columns where possible, ratios by cross-multiplication."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from retention.measures import dialect
from retention.measures.expressions import TODAY, Binary, Col, Expr, Ratio
from retention.measures.passes import Mode


@dataclass
class Params:
    """The named parameters of one statement; ``today`` is the local day that conditions are about.

    Attributes and lists are read from their facts as of the moment ``as_of``: in a ``live`` statement
    the current versions, in one about the ``past`` those that were known then.
    """

    today: int
    values: dict[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None
    mode: Mode = "live"

    def __post_init__(self) -> None:
        self.values.setdefault("today", self.today)
        if self.as_of is not None:
            self.values.setdefault("as_of", dialect.bind_moment(self.as_of))

    def bind(self, value: int | str) -> str:
        """Keep ``value`` and return the placeholder that stands for it."""
        name = f"c{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


def sign(op: str) -> str:
    return "<>" if op == "!=" else op


def compare(value: Expr | Ratio, op: str, number: Decimal, params: Params, prefix: str) -> str:
    if isinstance(value, Ratio):
        edge = Fraction(number)
        top, bottom = value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
        left = product(top, params.bind(edge.denominator) if edge.denominator != 1 else "")
        right = product(bottom, params.bind(edge.numerator))
        return f"(CASE WHEN {bottom} > 0 THEN {left} {sign(op)} {right} END)"
    if op in ("=", "!=") and number != number.to_integral_value():
        # A whole number never equals it: false, or true, where the value is known.
        text = value.sql(prefix=prefix)
        return f"({text} {'<>' if op == '=' else '='} {text})"
    return _arranged(value, *_whole(op, number), params, prefix)


def _whole(op: str, number: Decimal) -> tuple[str, int]:
    """Return the comparison of whole numbers that says the same: ``< 2.5`` is ``< 3``."""
    if op in ("<", ">="):
        return op, math.ceil(number)
    return op, math.floor(number)


def _arranged(value: Expr, op: str, edge: int, params: Params, prefix: str) -> str:
    """Compare with ``edge``, a bare column on the left where the expression allows it."""
    if isinstance(value, Binary) and value.op == "-":
        if value.left == TODAY and isinstance(value.right, Col):  # days since: an older day is more
            op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
            return f"({value.right.sql(prefix=prefix)} {sign(op)} {params.bind(params.today - edge)})"
        if value.right == TODAY and isinstance(value.left, Col):  # days until
            return f"({value.left.sql(prefix=prefix)} {sign(op)} {params.bind(params.today + edge)})"
    return f"({value.sql(prefix=prefix)} {sign(op)} {params.bind(edge)})"


def halves(value: Expr | Ratio, prefix: str) -> tuple[str, str]:
    """Return top and bottom as SQL; no bottom for what is no ratio."""
    if isinstance(value, Ratio):
        return value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
    return value.sql(prefix=prefix), ""


def product(first: str, *others: str) -> str:
    """Multiply; ``numeric`` keeps a product of large amounts from overflowing on PostgreSQL."""
    factors = [other for other in others if other]
    return " * ".join([f"CAST({first} AS numeric)", *factors]) if factors else first
