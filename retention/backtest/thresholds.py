"""One comparison of a condition at other thresholds: which they are, and the condition with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from customers import company
from customers.ground.errors import Refused
from customers.models import Customer
from retention.measures import Unit, compute, display, get
from retention.measures.expressions import Row
from retention.rules.conditions import Against, All, AnyOf, Compare, Condition, Leaf, Not, OrUnknown
from retention.rules.conditions.leaves import exactly

EACH_SIDE = 4
SAMPLE = 4_000
_ORDERED = frozenset({"<", "<=", ">", ">="})
_MOVED = (Unit.COUNT, Unit.DAYS, Unit.MONEY, Unit.RATIO)


class NoThreshold(Refused):
    code = "backtest_no_threshold"
    message = _("This condition has no comparison number %(number)s with a threshold to be moved.")


@dataclass(frozen=True)
class Threshold:
    """A comparison that can be moved: the how-manieth leaf of the tree it is, and where it stands.

    ``or_unknown``: it holds as well where a measure in it is unknown, also when it is moved.
    """

    number: int  # from 0
    leaf: Compare | Against
    or_unknown: bool = False

    @property
    def whole(self) -> Leaf:
        """Return the leaf as it stands in the tree."""
        return OrUnknown(self.leaf.measure, self.leaf) if self.or_unknown else self.leaf

    @property
    def present(self) -> Decimal:
        """Return the threshold that stands."""
        return self.leaf.factor if isinstance(self.leaf, Against) else Decimal(self.leaf.value)

    @property
    def is_exact(self) -> bool:
        """Say whether thresholds are whole numbers."""
        return isinstance(self.leaf, Compare) and get(self.leaf.measure).unit != Unit.RATIO

    def at(self, value: Decimal) -> Leaf:
        """Return the leaf with another threshold."""
        if isinstance(self.leaf, Against):
            return replace(self, leaf=replace(self.leaf, factor=value)).whole
        return replace(self, leaf=replace(self.leaf, value=value)).whole

    def read(self, row: Row, *, today: int) -> Fraction | None:
        """Return where a customer stands on the scale of the threshold; nothing when that is unknown."""
        found = get(self.leaf.measure).read(row, today=today)
        if isinstance(self.leaf, Against):
            other = get(self.leaf.other).read(row, today=today)
            if found is None or other is None or isinstance(found, str) or Fraction(other) <= 0:
                return None
            return Fraction(found) / Fraction(other)
        return None if found is None or isinstance(found, str) else Fraction(found)


def every(condition: Condition) -> list[Threshold]:
    """Return the comparisons of a condition whose threshold can be moved, from left to right."""
    found = []
    for number, whole in enumerate(condition.leaves()):
        leaf = whole.of if isinstance(whole, OrUnknown) else whole
        if isinstance(leaf, Compare | Against) and _can_be_moved(leaf):
            found.append(Threshold(number, leaf, or_unknown=leaf is not whole))
    return found


def chosen(condition: Condition, number: int | None) -> Threshold | None:
    """Return one of them, the first when none is named; raise :class:`NoThreshold` when it is not there."""
    found = every(condition)
    if number is None:
        return found[0] if found else None
    for one in found:
        if one.number == number:
            return one
    raise NoThreshold(number=number)


def moved(condition: Condition, threshold: Threshold, value: Decimal) -> Condition:
    """Return the condition with another threshold in that comparison."""
    leaves = iter(range(10**6))

    def turn(leaf: Leaf) -> Condition:
        return threshold.at(value) if next(leaves) == threshold.number else leaf

    return _mapped(condition, turn)


def shown(threshold: Threshold, value: Decimal, *, currency: str) -> str:
    """Return a threshold as people read it, never rounded: with its measure's unit, factors as ``× 0.5``."""
    if isinstance(threshold.leaf, Against):
        return pgettext("a factor", "× %(number)s") % {"number": exactly(value)}
    measure, language = get(threshold.leaf.measure), translation.get_language() or "en"
    if not threshold.is_exact or value != value.to_integral_value():
        return display.format_number(value)
    return display.format_value(measure, int(value), currency=currency, language=language)


def around(threshold: Threshold, *, as_of: datetime) -> list[Decimal]:
    """Return at most nine thresholds in order: the one that stands, and four to each side of it.

    They divide the customers below it, and those above it, into five equal parts: quantiles of the measure
    as of ``as_of``, over some 4,000 to 8,000 customers at most.
    """
    values = sorted(_values(threshold, as_of=as_of))
    present = threshold.present
    below = [value for value in values if value < present]
    above = [value for value in values if value > present]
    found = {present}
    for side in (below, above):
        for part in range(1, EACH_SIDE + 1):
            if side:
                found.add(_round(side[len(side) * part // (EACH_SIDE + 1)], threshold))
    return sorted(found)


def _values(threshold: Threshold, *, as_of: datetime) -> Iterator[Fraction]:
    every_nth = max(1, Customer.objects.count() // SAMPLE)
    sampled = Customer.objects.annotate(place=F("pk") % every_nth).filter(place=0)
    ids = list(sampled.order_by("pk").values_list("pk", flat=True))
    columns = frozenset().union(*(get(code).columns() for code in threshold.leaf.codes()))
    day = company.today(as_of).number
    with compute.at(as_of=as_of, customers=compute.only(ids), columns=columns) as table:
        for row in compute.values_of(ids, table=table).values():
            if (value := threshold.read(row, today=day)) is not None:
                yield value


def _round(value: Fraction, threshold: Threshold) -> Decimal:
    """Return a threshold that people would write: few decimals, whole numbers, amounts of two figures."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if not threshold.is_exact:
        return exact.quantize(Decimal("0.01") if abs(exact) < 10 else Decimal("0.1"), ROUND_HALF_UP)
    if isinstance(threshold.leaf, Compare) and get(threshold.leaf.measure).unit == Unit.MONEY and exact:
        unit = Decimal(10) ** max(exact.adjusted() - 1, 0)
        return (exact / unit).to_integral_value(ROUND_HALF_UP) * unit
    return exact.to_integral_value(ROUND_HALF_UP)


def _can_be_moved(leaf: Compare | Against) -> bool:
    if leaf.op not in _ORDERED:
        return False
    return isinstance(leaf, Against) or get(leaf.measure).unit in _MOVED


def _mapped(condition: Condition, turn: Callable[[Leaf], Condition]) -> Condition:
    """Return the tree with each of its leaves, in order, turned into another one."""
    if isinstance(condition, All | AnyOf):
        return replace(condition, parts=tuple(_mapped(part, turn) for part in condition.parts))
    if isinstance(condition, Not):
        return replace(condition, part=_mapped(condition.part, turn))
    return turn(condition) if isinstance(condition, Leaf) else condition
