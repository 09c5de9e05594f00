"""Reading the leaves about attributes and segments: what is wrong is refused, with its place and the cure."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from django.utils.translation import gettext_lazy as _

from retention.rules.conditions.dated import SCALE, OfAttribute
from retention.rules.conditions.numbers import exact_number
from retention.rules.conditions.reading_values import choice, day, values
from retention.rules.conditions.terms import AttributeKind, AttributeTerm, SegmentTerm, Terms
from retention.rules.conditions.vocabulary import (
    ATTRIBUTE_OPERATORS,
    KNOWING,
    LARGEST_OF_ATTRIBUTES,
    LONGEST_TEXT,
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
    return values(op, value, path, one=partial(_value, term), number=partial(_whole, term))


def _value(term: AttributeTerm, value: Json, path: Path) -> int | str:
    if term.kind == AttributeKind.CHOICE:
        codes = [code for code, _en, _zh in term.choices]
        return choice(value, path, codes=codes, label=str(term.label))
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
    return day(value, path)
