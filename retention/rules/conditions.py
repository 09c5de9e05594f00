"""Conditions of rules: trees over measures, read from JSON, checked, evaluated, compiled to SQL.

A tree is ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}`` or a leaf:
``{"measure": code, "op": op, "value": …}``, where ``op`` is one of ``< <= > >= = != between one_of
is_known is_unknown``, or ``{"measure": a, "op": …, "factor": "0.5", "other": b}``, which compares a
customer with its own past.

Unknown matches nothing, and its negation neither: the logic has three values (true, false, unknown)
as SQL has, and only true matches. Numbers are exact: at most four decimals, written as whole numbers
or text, and compared as integers, a ratio by cross-multiplication. Every number and code of a tree is
bound as a parameter and never stands in the text of the SQL (P12).
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from retention.measures.expressions import TODAY, Binary, Col, Expr, Ratio, Row
from retention.measures.registry import Measure, Unit, UnknownMeasure, get

MOST_NODES = 200
DEEPEST = 8
LARGEST = Decimal(10**15)
LARGEST_FACTOR = Decimal(10_000)

Json: TypeAlias = Any
Value: TypeAlias = "int | Fraction | str | None"

_NUMBER = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,4})?")
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_COUNTED = frozenset({Unit.COUNT, Unit.MONEY, Unit.DAYS})
_KNOWING = frozenset({"is_known", "is_unknown"})
_ORDERED = frozenset(_TESTS) | {"between"} | _KNOWING
OPERATORS: Mapping[Unit, frozenset[str]] = {
    Unit.COUNT: _ORDERED | {"one_of"},
    Unit.DAYS: _ORDERED | {"one_of"},
    Unit.MONEY: _ORDERED,
    Unit.RATIO: _ORDERED,
    Unit.DAY: _ORDERED,
    Unit.FLAG: frozenset({"=", "!="}) | _KNOWING,
    Unit.CODE: frozenset({"=", "!=", "one_of"}) | _KNOWING,
}
"""What may be asked of a measure, by its unit."""

_STEPS: dict[str, str | Promise] = {
    "all": _("all"),
    "any": _("any"),
    "not": _("not"),
    "measure": _("measure"),
    "op": _("comparison"),
    "value": _("value"),
    "factor": _("factor"),
    "other": _("other measure"),
}


@dataclass(frozen=True)
class Path:
    """Where in a tree something stands; reads “all › 2 › measure” in the language of the reader."""

    steps: tuple[str | int, ...] = ()

    def __truediv__(self, step: str | int) -> Path:
        return Path((*self.steps, step))

    def __str__(self) -> str:
        if not self.steps:
            return gettext("condition")
        return " › ".join(str(_STEPS.get(str(step), step)) for step in self.steps)


class ConditionRefused(Refused):
    """A condition that cannot be used; ``path`` says where in the tree the trouble is."""

    code = "condition_refused"

    def __init__(self, message: str | Promise, *, path: Path, **values: object) -> None:
        self.path = path
        super().__init__(message, path=path, **values)


@dataclass
class Params:
    """The named parameters of one statement; ``today`` is the local day that conditions are about."""

    today: int
    values: dict[str, int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values.setdefault("today", self.today)

    def bind(self, value: int | str) -> str:
        """Keep ``value`` and return the placeholder that stands for it."""
        name = f"c{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


class Condition:
    """A node of a tree. Nodes are frozen and compare by value."""

    def evaluate(self, row: Row, today: int) -> bool | None:
        """Say whether it holds for a row of the wide table; ``None`` when that is unknown."""
        raise NotImplementedError

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        """Return it as a SQL condition over columns with ``prefix``; literals go to ``params``."""
        raise NotImplementedError

    def as_json(self) -> Json:
        """Return it in the form that :func:`parse` reads, numbers written exactly."""
        raise NotImplementedError

    def leaves(self) -> Iterator[Leaf]:
        """Yield the leaves from left to right."""
        raise NotImplementedError

    def measures(self) -> list[str]:
        """Return the codes of the measures that it reads, each once, in order."""
        return list(dict.fromkeys(code for leaf in self.leaves() for code in leaf.codes()))

    def columns(self) -> frozenset[str]:
        """Return the columns of the wide table that it reads."""
        return frozenset().union(*(get(code).columns() for code in self.measures()))


@dataclass(frozen=True)
class All(Condition):
    """Holds when every part does."""

    parts: tuple[Condition, ...]

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = {part.evaluate(row, today) for part in self.parts}
        return False if False in found else None if None in found else True

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return "(" + " AND ".join(part.sql(params, prefix=prefix) for part in self.parts) + ")"

    def as_json(self) -> Json:
        return {"all": [part.as_json() for part in self.parts]}

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class AnyOf(Condition):
    """Holds when at least one part does."""

    parts: tuple[Condition, ...]

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = {part.evaluate(row, today) for part in self.parts}
        return True if True in found else None if None in found else False

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return "(" + " OR ".join(part.sql(params, prefix=prefix) for part in self.parts) + ")"

    def as_json(self) -> Json:
        return {"any": [part.as_json() for part in self.parts]}

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class Not(Condition):
    """Holds when its part is false; unknown stays unknown."""

    part: Condition

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self.part.evaluate(row, today)
        return None if found is None else not found

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return f"(NOT {self.part.sql(params, prefix=prefix)})"

    def as_json(self) -> Json:
        return {"not": self.part.as_json()}

    def leaves(self) -> Iterator[Leaf]:
        yield from self.part.leaves()


@dataclass(frozen=True)
class Leaf(Condition):
    """A statement about one measure."""

    measure: str

    def codes(self) -> tuple[str, ...]:
        """Return the codes of the measures that the leaf names."""
        return (self.measure,)

    def leaves(self) -> Iterator[Leaf]:
        yield self

    def _read(self, row: Row, today: int) -> Value:
        return _read(get(self.measure), row, today)


@dataclass(frozen=True)
class Compare(Leaf):
    """A measure against a number, a day number, a flag or a code."""

    op: str
    value: Decimal | str

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self._read(row, today)
        if found is None:
            return None
        return _TESTS[self.op](found, self.value if isinstance(self.value, str) else Fraction(self.value))

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        measure = get(self.measure)
        if isinstance(self.value, str):
            sign = "=" if self.op == "=" else "<>"
            return f"({prefix}{measure.code} {sign} {params.bind(self.value)})"
        return _compare_sql(measure.value, self.op, self.value, params, prefix)

    def as_json(self) -> Json:
        return {"measure": self.measure, "op": self.op, "value": _written(get(self.measure), self.value)}


@dataclass(frozen=True)
class Between(Leaf):
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
        low = _compare_sql(value, ">=", self.low, params, prefix)
        high = _compare_sql(value, "<=", self.high, params, prefix)
        return f"({low} AND {high})"

    def as_json(self) -> Json:
        measure = get(self.measure)
        ends = [_written(measure, self.low), _written(measure, self.high)]
        return {"measure": self.measure, "op": "between", "value": ends}


@dataclass(frozen=True)
class OneOf(Leaf):
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
class IsKnown(Leaf):
    """A measure that has, or has not, a value; never unknown itself."""

    known: bool

    def evaluate(self, row: Row, today: int) -> bool | None:
        return (self._read(row, today) is not None) == self.known

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        value = get(self.measure).value
        if isinstance(value, Ratio):
            top, bottom = value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
            known = f"({top} IS NOT NULL AND {bottom} IS NOT NULL AND {bottom} > 0)"
        else:
            known = f"({value.sql(prefix=prefix)} IS NOT NULL)"
        return known if self.known else f"(NOT {known})"

    def as_json(self) -> Json:
        return {"measure": self.measure, "op": "is_known" if self.known else "is_unknown"}


@dataclass(frozen=True)
class Against(Leaf):
    """A measure against ``factor`` times another one: a customer against its own past."""

    op: str
    factor: Decimal
    other: str

    def codes(self) -> tuple[str, ...]:
        return (self.measure, self.other)

    def evaluate(self, row: Row, today: int) -> bool | None:
        found, other = self._read(row, today), _read(get(self.other), row, today)
        if found is None or other is None or isinstance(other, str):
            return None
        return _TESTS[self.op](found, Fraction(self.factor) * other)

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        """Compare ``a/b`` with ``p/q × c/d`` as ``a·q·d`` with ``p·c·b``."""
        factor = Fraction(self.factor)
        (a, b), (c, d) = (_halves(get(code).value, prefix) for code in self.codes())
        left = _product(a, params.bind(factor.denominator) if factor.denominator != 1 else "", d)
        right = _product(c, params.bind(factor.numerator) if factor.numerator != 1 else "", b)
        compared = f"({left} {_sign(self.op)} {right})"
        positive = " AND ".join(f"{bottom} > 0" for bottom in (b, d) if bottom)
        return f"(CASE WHEN {positive} THEN {compared} END)" if positive else compared

    def as_json(self) -> Json:
        factor = _exactly(self.factor)
        return {"measure": self.measure, "op": self.op, "factor": factor, "other": self.other}


def _read(measure: Measure, row: Row, today: int) -> Value:
    """Return a measure's value, whole numbers as such and ratios exactly."""
    return measure.read(row, today=today)


def _sign(op: str) -> str:
    return "<>" if op == "!=" else op


def _compare_sql(value: Expr | Ratio, op: str, number: Decimal, params: Params, prefix: str) -> str:
    if isinstance(value, Ratio):
        edge = Fraction(number)
        top, bottom = value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
        left = _product(top, params.bind(edge.denominator) if edge.denominator != 1 else "")
        right = _product(bottom, params.bind(edge.numerator))
        return f"(CASE WHEN {bottom} > 0 THEN {left} {_sign(op)} {right} END)"
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
            return f"({value.right.sql(prefix=prefix)} {_sign(op)} {params.bind(params.today - edge)})"
        if value.right == TODAY and isinstance(value.left, Col):  # days until
            return f"({value.left.sql(prefix=prefix)} {_sign(op)} {params.bind(params.today + edge)})"
    return f"({value.sql(prefix=prefix)} {_sign(op)} {params.bind(edge)})"


def _halves(value: Expr | Ratio, prefix: str) -> tuple[str, str]:
    """Return top and bottom as SQL; no bottom for what is no ratio."""
    if isinstance(value, Ratio):
        return value.top.sql(prefix=prefix), value.bottom.sql(prefix=prefix)
    return value.sql(prefix=prefix), ""


def _product(first: str, *others: str) -> str:
    """Multiply; ``numeric`` keeps a product of large amounts from overflowing on PostgreSQL."""
    factors = [other for other in others if other]
    return " * ".join([f"CAST({first} AS numeric)", *factors]) if factors else first


def _exactly(number: Decimal) -> int | str:
    """Return a number as JSON keeps it: whole as a number, else as text without trailing zeros."""
    if number == number.to_integral_value():
        return int(number)
    return format(number.normalize(), "f")


def _written(measure: Measure, value: Decimal | str) -> int | str:
    if isinstance(value, str):
        return value
    if measure.unit == Unit.DAY:
        return date.fromordinal(int(value)).isoformat()
    return _exactly(value)


# --- Reading ----------------------------------------------------------------------------------


def parse(data: Json) -> Condition:
    """Read and check a tree; raise :class:`ConditionRefused`, which names the place and the cure."""
    return _Reader().node(data, Path(), depth=1)


class _Reader:
    """Reads one tree and counts its nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def node(self, data: Json, path: Path, *, depth: int) -> Condition:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise ConditionRefused(
                _("%(path)s: this rule has more than %(most)d conditions. Split it into several rules."),
                path=path,
                most=MOST_NODES,
            )
        if depth > DEEPEST:
            raise ConditionRefused(
                _("%(path)s: groups are nested deeper than %(most)d levels. Make the rule flatter."),
                path=path,
                most=DEEPEST,
            )
        if not isinstance(data, dict) or not data:
            raise ConditionRefused(
                _("%(path)s: a condition is missing here. Choose a measure, a comparison and a value."),
                path=path,
            )
        keys = set(data)
        if keys == {"all"} or keys == {"any"}:
            return self._group(data, path, depth)
        if keys == {"not"}:
            return self._negation(data["not"], path / "not", depth)
        return _leaf(data, path)

    def _group(self, data: dict[str, Json], path: Path, depth: int) -> Condition:
        ((word, parts),) = data.items()
        path = path / word
        if not isinstance(parts, list) or not parts:
            raise ConditionRefused(
                _("%(path)s: this group is empty. Put at least one condition into it, or remove it."),
                path=path,
            )
        read = tuple(self.node(part, path / n, depth=depth + 1) for n, part in enumerate(parts, start=1))
        return All(read) if word == "all" else AnyOf(read)

    def _negation(self, part: Json, path: Path, depth: int) -> Condition:
        if not part:
            raise ConditionRefused(
                _("%(path)s: nothing stands after “not”. Put a condition there, or remove it."), path=path
            )
        return Not(self.node(part, path, depth=depth + 1))


def _leaf(data: dict[str, Json], path: Path) -> Leaf:
    known = {"measure", "op", "value", "factor", "other"}
    for key in data:
        if key not in known:
            raise ConditionRefused(
                _("%(path)s: “%(word)s” is not a part of a condition. Remove it."),
                path=path,
                word=str(key)[:64],
            )
    measure = _measure(data.get("measure"), path / "measure")
    op = data.get("op")
    if not isinstance(op, str) or op not in OPERATORS[measure.unit]:
        raise ConditionRefused(
            _("%(path)s: “%(measure)s” cannot be compared by “%(op)s”. Choose one of: %(allowed)s."),
            path=path / "op",
            measure=measure.label,
            op=str(op)[:16],
            allowed=", ".join(sorted(OPERATORS[measure.unit])),
        )
    if "other" in data or "factor" in data:
        return _against(measure, op, data, path)
    if op in _KNOWING:
        if "value" in data:
            raise ConditionRefused(
                _("%(path)s: known and unknown are asked without a value. Remove it."), path=path / "value"
            )
        return IsKnown(measure.code, op == "is_known")
    return _against_value(measure, op, data.get("value"), path / "value")


def _measure(code: Json, path: Path) -> Measure:
    try:
        return get(code)
    except UnknownMeasure as error:
        raise ConditionRefused(
            _("%(path)s: there is no measure called “%(measure)s”. Choose one from the list."),
            path=path,
            measure=str(code)[:64],
        ) from error


def _against(measure: Measure, op: str, data: dict[str, Json], path: Path) -> Leaf:
    if "value" in data:
        raise ConditionRefused(
            _("%(path)s: compare either with a value or with another measure, not with both."),
            path=path / "value",
        )
    if op not in _TESTS:
        raise ConditionRefused(
            _("%(path)s: two measures are compared by one of < <= > >= = !=."), path=path / "op"
        )
    other = _measure(data.get("other"), path / "other")
    if not _comparable(measure.unit, other.unit):
        raise ConditionRefused(
            _("%(path)s: “%(measure)s” and “%(other)s” count different things. Choose another measure."),
            path=path / "other",
            measure=measure.label,
            other=other.label,
        )
    factor = _number(data.get("factor", 1), path / "factor", most=LARGEST_FACTOR)
    if factor <= 0:
        raise ConditionRefused(_("%(path)s: the factor must be greater than zero."), path=path / "factor")
    return Against(measure.code, op, factor, other.code)


def _comparable(one: Unit, other: Unit) -> bool:
    # An average such as the usual days between orders is a ratio, and compares with days.
    if one == other:
        return one in _COUNTED or one == Unit.RATIO
    return {one, other} == {Unit.DAYS, Unit.RATIO}


def _against_value(measure: Measure, op: str, value: Json, path: Path) -> Leaf:
    if op == "one_of":
        return OneOf(measure.code, _choices(measure, value, path))
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ConditionRefused(
                _("%(path)s: “between” needs two values, the lower one first."), path=path
            )
        low, high = (_threshold(measure, end, path / n) for n, end in enumerate(value, start=1))
        if low > high:
            raise ConditionRefused(
                _("%(path)s: the first value is greater than the second. Exchange them."), path=path
            )
        return Between(measure.code, low, high)
    if measure.unit == Unit.CODE:
        return Compare(measure.code, op, _code(measure, value, path))
    return Compare(measure.code, op, _threshold(measure, value, path))


def _choices(measure: Measure, value: Json, path: Path) -> tuple[int | str, ...]:
    if not isinstance(value, list) or not value:
        raise ConditionRefused(_("%(path)s: choose at least one value."), path=path)
    if len(value) > MOST_NODES:
        raise ConditionRefused(
            _("%(path)s: these are more than %(most)d values. Choose fewer."), path=path, most=MOST_NODES
        )
    if measure.unit == Unit.CODE:
        return tuple(_code(measure, one, path / n) for n, one in enumerate(value, start=1))
    numbers = [_threshold(measure, one, path / n) for n, one in enumerate(value, start=1)]
    for n, number in enumerate(numbers, start=1):
        if number != number.to_integral_value():
            raise ConditionRefused(_("%(path)s: write a whole number."), path=path / n)
    return tuple(int(number) for number in numbers)


def _code(measure: Measure, value: Json, path: Path) -> str:
    codes = [code for code, _label in measure.choices]
    if not isinstance(value, str) or value not in codes:
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a choice of “%(measure)s”. Choose one of: %(allowed)s."),
            path=path,
            value=str(value)[:64],
            measure=measure.label,
            allowed=", ".join(codes),
        )
    return value


def _threshold(measure: Measure, value: Json, path: Path) -> Decimal:
    """Return what a measure is compared with as a number, by the measure's unit."""
    if measure.unit == Unit.FLAG:
        if value in (0, 1):  # also false and true
            return Decimal(int(value))
        raise ConditionRefused(_("%(path)s: answer with yes (1) or no (0)."), path=path)
    if measure.unit == Unit.DAY:
        try:
            return Decimal(date.fromisoformat(value).toordinal())
        except (TypeError, ValueError) as error:
            raise ConditionRefused(
                _("%(path)s: “%(value)s” is not a date. Write it as 2026-05-11."),
                path=path,
                value=str(value)[:32],
            ) from error
    return _number(value, path, most=LARGEST_FACTOR if measure.unit == Unit.RATIO else LARGEST)


def _number(value: Json, path: Path, *, most: Decimal) -> Decimal:
    """Return an exact number of at most four decimals; a float only when it is written that short."""
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a number. Write digits with at most four decimals: 0.25."),
            path=path,
            value=str(value)[:32],
        )
    number = Decimal(text)
    if abs(number) > most:
        raise ConditionRefused(
            _("%(path)s: %(value)s is too large. The greatest number here is %(most)s."),
            path=path,
            value=number,
            most=most,
        )
    return number
