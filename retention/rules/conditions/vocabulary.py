"""What may stand in a condition, and how a refusal names its place."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from retention.measures.registry import Unit
from retention.rules.conditions.terms import AttributeKind

MOST_NODES = 200
MOST_UNFOLDED = 1_000  # conditions of all segments within segments
LONGEST_TEXT = 500
DEEPEST = 8
LARGEST = Decimal(10**15)
LARGEST_FACTOR = Decimal(10_000)
LARGEST_OF_ATTRIBUTES = Decimal(10**11)

Json: TypeAlias = Any
Value: TypeAlias = "int | Fraction | str | None"

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
COUNTED = frozenset({Unit.COUNT, Unit.MONEY, Unit.DAYS})
KNOWING = frozenset({"is_known", "is_unknown"})
_ORDERED = frozenset(TESTS) | {"between"} | KNOWING
OPERATORS: Mapping[Unit, frozenset[str]] = {
    Unit.COUNT: _ORDERED | {"one_of"},
    Unit.DAYS: _ORDERED | {"one_of"},
    Unit.MONEY: _ORDERED,
    Unit.RATIO: _ORDERED,
    Unit.DAY: _ORDERED,
    Unit.FLAG: frozenset({"=", "!="}) | KNOWING,
    Unit.CODE: frozenset({"=", "!=", "one_of"}) | KNOWING,
}
"""What may be asked of a measure, by its unit."""

ATTRIBUTE_OPERATORS: Mapping[AttributeKind, frozenset[str]] = {
    AttributeKind.NUMBER: _ORDERED | {"one_of"},
    AttributeKind.DATE: _ORDERED,
    AttributeKind.CHOICE: frozenset({"=", "!=", "one_of"}) | KNOWING,
    AttributeKind.TEXT: frozenset({"=", "!=", "one_of"}) | KNOWING,
}
"""What may be asked of an attribute, by its kind."""

_STEPS: dict[str, str | Promise] = {
    "all": _("all"),
    "any": _("any"),
    "not": _("not"),
    "measure": _("measure"),
    "attribute": _("attribute"),
    "segment": pgettext_lazy("saved group of customers", "segment"),
    "op": _("comparison"),
    "value": _("value"),
    "factor": _("factor"),
    "other": _("other measure"),
    "unknown": _("when unknown"),
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
