"""Reading the leaves about attributes and segments: what is wrong is refused, with its place and the cure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from retention.rules.conditions.dated import SCALE, OfAttribute
from retention.rules.conditions.numbers import exact_number
from retention.rules.conditions.terms import AttributeKind, AttributeTerm, SegmentTerm, Terms
from retention.rules.conditions.vocabulary import (
    ATTRIBUTE_OPERATORS,
    KNOWING,
    LARGEST_OF_ATTRIBUTES,
    LONGEST_TEXT,
    MOST_NODES,
    ConditionRefused,
    Json,
    Path,
)


def attribute_leaf(data: dict[str, Json], path: Path, *, terms: Terms) -> OfAttribute:
    """Read ``{"attribute": code, "op": …, "value": …}``."""
    _only(data, {"attribute", "op", "value"}, path)
    term = _attribute(data["attribute"], path / "attribute", terms)
    op = data.get("op")
    allowed = ATTRIBUTE_OPERATORS[term.kind]
    if not isinstance(op, str) or op not in allowed:
        raise ConditionRefused(
            _("%(path)s: “%(measure)s” cannot be compared by “%(op)s”. Choose one of: %(allowed)s."),
            path=path / "op",
            measure=term.label,
            op=str(op)[:16],
            allowed=", ".join(sorted(allowed)),
        )
    if op in KNOWING:
        if "value" in data:
            raise ConditionRefused(
                _("%(path)s: known and unknown are asked without a value. Remove it."), path=path / "value"
            )
        return OfAttribute(term, op)
    return OfAttribute(term, op, _values(term, op, data.get("value"), path / "value"))


def segment_named(code: Json, path: Path, *, terms: Terms, within: tuple[str, ...]) -> SegmentTerm:
    """Return the segment of a leaf; refuse one that is not there, and one that would contain itself."""
    if not isinstance(code, str) or code not in terms.segments:
        raise ConditionRefused(
            _("%(path)s: there is no segment called “%(segment)s”. Choose one from the list."),
            path=path,
            segment=str(code)[:64],
        )
    if code in within:
        chain = [*within[within.index(code) :], code]
        raise SegmentContainsItself(
            path=path,
            segment=terms.segments[code].name,
            chain=" › ".join(terms.segments[one].name for one in chain),
        )
    if terms.segments[code].is_retired:
        raise ConditionRefused(
            _("%(path)s: the segment “%(segment)s” is retired. Bring it back, or choose another one."),
            path=path,
            segment=terms.segments[code].name,
        )
    return terms.segments[code]


class SegmentContainsItself(ConditionRefused):
    """A segment that would contain itself by way of others."""

    code = "segment_contains_itself"

    def __init__(self, *, path: Path, segment: str, chain: str) -> None:
        super().__init__(
            _(
                "%(path)s: “%(segment)s” would contain itself: %(chain)s. "
                "Take one of these out of the conditions of the one before it."
            ),
            path=path,
            segment=segment,
            chain=chain,
        )


def _only(data: dict[str, Json], known: set[str], path: Path) -> None:
    for key in data:
        if key not in known:
            raise ConditionRefused(
                _("%(path)s: “%(word)s” is not a part of a condition. Remove it."),
                path=path,
                word=str(key)[:64],
            )


def _attribute(code: Json, path: Path, terms: Terms) -> AttributeTerm:
    if not isinstance(code, str) or code not in terms.attributes:
        raise ConditionRefused(
            _("%(path)s: there is no attribute called “%(attribute)s”. Choose one from the list."),
            path=path,
            attribute=str(code)[:64],
        )
    return terms.attributes[code]


def _values(term: AttributeTerm, op: str, value: Json, path: Path) -> tuple[int | str, ...]:
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ConditionRefused(_("%(path)s: “between” needs two values, the lower one first."), path=path)
        low, high = (_whole(term, end, path / n) for n, end in enumerate(value, start=1))
        if low > high:
            raise ConditionRefused(
                _("%(path)s: the first value is greater than the second. Exchange them."), path=path
            )
        return low, high
    if op != "one_of":
        return (_value(term, value, path),)
    if not isinstance(value, list) or not value:
        raise ConditionRefused(_("%(path)s: choose at least one value."), path=path)
    if len(value) > MOST_NODES:
        raise ConditionRefused(
            _("%(path)s: these are more than %(most)d values. Choose fewer."), path=path, most=MOST_NODES
        )
    return tuple(_value(term, one, path / n) for n, one in enumerate(value, start=1))


def _value(term: AttributeTerm, value: Json, path: Path) -> int | str:
    if term.kind == AttributeKind.CHOICE:
        codes = [code for code, _en, _zh in term.choices]
        if not isinstance(value, str) or value not in codes:
            raise ConditionRefused(
                _("%(path)s: “%(value)s” is not a choice of “%(measure)s”. Choose one of: %(allowed)s."),
                path=path,
                value=str(value)[:64],
                measure=term.label,
                allowed=", ".join(codes),
            )
        return value
    if term.kind == AttributeKind.TEXT:
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or "\0" in value:
            raise ConditionRefused(
                _("%(path)s: write a text of 1 to %(most)d characters."), path=path, most=LONGEST_TEXT
            )
        return value
    return _whole(term, value, path)


def _whole(term: AttributeTerm, value: Json, path: Path) -> int:
    """Return a day as its number, a number in ten-thousandths."""
    if term.kind != AttributeKind.DATE:
        return int(exact_number(value, path, most=LARGEST_OF_ATTRIBUTES) * Decimal(SCALE))
    try:
        return date.fromisoformat(value).toordinal()
    except (TypeError, ValueError) as error:
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a date. Write it as 2026-05-11."),
            path=path,
            value=str(value)[:32],
        ) from error
