"""Reading and checking trees: what is wrong is refused, with its place and the cure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from retention.measures.registry import Measure, Unit, UnknownMeasure, get
from retention.rules.conditions.dated import InSegment
from retention.rules.conditions.leaves import Against, Between, Compare, IsKnown, OneOf, OrUnknown
from retention.rules.conditions.numbers import exact_number
from retention.rules.conditions.reading_own import names_own, own_leaf
from retention.rules.conditions.reading_terms import SegmentContainsItself, attribute_leaf, segment_named
from retention.rules.conditions.terms import MEASURES_ONLY, Terms
from retention.rules.conditions.tree import All, AnyOf, Condition, Leaf, Not, OfMeasure
from retention.rules.conditions.vocabulary import (
    COUNTED,
    DEEPEST,
    KNOWING,
    LARGEST,
    LARGEST_FACTOR,
    MOST_NODES,
    MOST_UNFOLDED,
    OPERATORS,
    TESTS,
    ConditionRefused,
    Json,
    Path,
)


def parse(data: Json, *, terms: Terms = MEASURES_ONLY, within: str = "") -> Condition:
    """Read and check a tree; raise :class:`ConditionRefused`, which names the place and the cure.

    ``terms``: the attributes and segments that it may name beside measures. ``within``: the code of the
    segment whose condition it is, which it must not contain, directly or by way of others.
    """
    return _Reader(terms).node(data, Path(), depth=1, within=(within,) if within else ())


class TooFarUnfolded(ConditionRefused):
    """Segments within segments that come to too many conditions."""

    code = "segments_too_large"

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            _(
                "%(path)s: with the conditions of the segments in it this comes to more than %(most)d. "
                "Use fewer segments within segments."
            ),
            path=path,
            most=MOST_UNFOLDED,
        )


class _Reader:
    """Reads one tree and counts its nodes, and those of the segments that it names."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.nodes = 0
        self.unfolded = 0

    def node(self, data: Json, path: Path, *, depth: int, within: tuple[str, ...]) -> Condition:
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
            return self._group(data, path, depth, within)
        if keys == {"not"}:
            return self._negation(data["not"], path / "not", depth, within)
        if "attribute" in keys and self.terms is not MEASURES_ONLY:
            return attribute_leaf(data, path, terms=self.terms)
        if names_own(data):
            return own_leaf(data, path, terms=self.terms)
        if keys == {"segment"} and self.terms is not MEASURES_ONLY:
            return self._segment(data["segment"], path / "segment", within)
        return _leaf(data, path)

    def _segment(self, code: Json, path: Path, within: tuple[str, ...]) -> Condition:
        term = segment_named(code, path, terms=self.terms, within=within)
        if term.list_id is not None:
            return InSegment(term)
        inner = _Reader(self.terms)
        inner.unfolded = self.unfolded
        try:
            condition = inner.node(term.condition, Path(), depth=1, within=(*within, term.code))
        except (SegmentContainsItself, TooFarUnfolded) as error:
            error.path = error.values["path"] = path  # told of the tree that is read, not of one in it
            raise
        except ConditionRefused as error:
            raise ConditionRefused(
                _("%(path)s: the segment “%(segment)s” cannot be used as it stands. %(reason)s"),
                path=path,
                segment=term.name,
                reason=str(error),
            ) from error
        self.unfolded = inner.unfolded + inner.nodes
        if self.unfolded > MOST_UNFOLDED:
            raise TooFarUnfolded(path=path)
        return InSegment(term, condition)

    def _group(self, data: dict[str, Json], path: Path, depth: int, within: tuple[str, ...]) -> Condition:
        ((word, parts),) = data.items()
        path = path / word
        if not isinstance(parts, list) or not parts:
            raise ConditionRefused(
                _("%(path)s: this group is empty. Put at least one condition into it, or remove it."),
                path=path,
            )
        read = tuple(
            self.node(part, path / n, depth=depth + 1, within=within) for n, part in enumerate(parts, start=1)
        )
        return All(read) if word == "all" else AnyOf(read)

    def _negation(self, part: Json, path: Path, depth: int, within: tuple[str, ...]) -> Condition:
        if not part:
            raise ConditionRefused(
                _("%(path)s: nothing stands after “not”. Put a condition there, or remove it."), path=path
            )
        return Not(self.node(part, path, depth=depth + 1, within=within))


def _leaf(data: dict[str, Json], path: Path) -> Leaf:
    known = {"measure", "op", "value", "factor", "other", "unknown"}
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
    if op in KNOWING:
        if "unknown" in data:
            raise ConditionRefused(
                _("%(path)s: whether a measure is known is never unknown. Remove it."), path=path / "unknown"
            )
        if "value" in data:
            raise ConditionRefused(
                _("%(path)s: known and unknown are asked without a value. Remove it."), path=path / "value"
            )
        if "other" not in data and "factor" not in data:
            return IsKnown(measure.code, op == "is_known")
    if "other" in data or "factor" in data:
        leaf = _against(measure, op, data, path)
    else:
        leaf = _against_value(measure, op, data.get("value"), path / "value")
    return OrUnknown(measure.code, leaf) if _unknown_counts(data, path / "unknown") else leaf


def _unknown_counts(data: dict[str, Json], path: Path) -> bool:
    """Return whether the comparison holds where it cannot be made; left out, it does not."""
    said = data.get("unknown", "no")
    if said not in ("yes", "no"):
        raise ConditionRefused(
            _("%(path)s: say “yes” if unknown shall count as a match, else “no”."), path=path
        )
    return bool(said == "yes")


def _measure(code: Json, path: Path) -> Measure:
    try:
        return get(code)
    except UnknownMeasure as error:
        raise ConditionRefused(
            _("%(path)s: there is no measure called “%(measure)s”. Choose one from the list."),
            path=path,
            measure=str(code)[:64],
        ) from error


def _against(measure: Measure, op: str, data: dict[str, Json], path: Path) -> OfMeasure:
    if "value" in data:
        raise ConditionRefused(
            _("%(path)s: compare either with a value or with another measure, not with both."),
            path=path / "value",
        )
    if op not in TESTS:
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
    factor = exact_number(data.get("factor", 1), path / "factor", most=LARGEST_FACTOR)
    if factor <= 0:
        raise ConditionRefused(_("%(path)s: the factor must be greater than zero."), path=path / "factor")
    return Against(measure.code, op, factor, other.code)


def _comparable(one: Unit, other: Unit) -> bool:
    # An average such as the usual days between orders is a ratio, and compares with days.
    if one == other:
        return one in COUNTED or one == Unit.RATIO
    return {one, other} == {Unit.DAYS, Unit.RATIO}


def _against_value(measure: Measure, op: str, value: Json, path: Path) -> OfMeasure:
    if op == "one_of":
        return OneOf(measure.code, _choices(measure, value, path))
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ConditionRefused(_("%(path)s: “between” needs two values, the lower one first."), path=path)
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
    return exact_number(value, path, most=LARGEST_FACTOR if measure.unit == Unit.RATIO else LARGEST)
