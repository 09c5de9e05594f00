"""Conditions that nobody can ever meet: all of them at once leave no value over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from retention.measures import Unit, get
from retention.rules.conditions import (
    All,
    Between,
    Compare,
    Condition,
    ConditionRefused,
    IsKnown,
    Not,
    OfAttribute,
    OfMeasure,
    OfOwn,
    OneOf,
    OrUnknown,
    Path,
)
from retention.rules.conditions.vocabulary import KNOWING

_Asked = OfMeasure | OfAttribute | OfOwn


class Contradiction(ConditionRefused):
    """Conditions that exclude each other stand side by side."""

    code = "condition_contradicts"


@dataclass
class _Room:
    """The values that are left to one measure; codes and numbers, both ends included."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False
    only: frozenset[int | str] | None = None
    without: frozenset[int | str] = frozenset()
    must_be_unknown: bool = False
    must_be_known: bool = False

    def is_empty(self) -> bool:
        """Say whether no value is left."""
        if self.must_be_unknown and (self.must_be_known or self.low is not None or self.high is not None):
            return True
        if self.only is not None:
            return not any(self._holds(one) for one in self.only - self.without)
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def _holds(self, value: int | str) -> bool:
        if isinstance(value, str):
            return True
        number = Fraction(value)
        above = self.low is None or number > self.low or (number == self.low and not self.low_open)
        below = self.high is None or number < self.high or (number == self.high and not self.high_open)
        return above and below

    def at_least(self, value: Fraction, *, is_open: bool) -> None:
        """Take away what lies below."""
        if self.low is None or value > self.low or (value == self.low and is_open):
            self.low, self.low_open = value, is_open

    def at_most(self, value: Fraction, *, is_open: bool) -> None:
        """Take away what lies above."""
        if self.high is None or value < self.high or (value == self.high and is_open):
            self.high, self.high_open = value, is_open

    def one_of(self, values: frozenset[int | str]) -> None:
        """Take away all others."""
        self.only = values if self.only is None else self.only & values


def refuse(condition: Condition) -> None:
    """Raise :class:`Contradiction` when a group asks for all of what excludes each other."""
    for group, path in _groups(condition, Path()):
        rooms: dict[str, _Room] = {}
        for leaf, place in _together(group, path):
            room = rooms.setdefault(leaf.measure if isinstance(leaf, OfMeasure) else leaf.term.key, _Room())
            if isinstance(leaf, OfMeasure):
                _narrow(room, leaf)
            else:
                _narrow_own(room, leaf)
            if room.is_empty():
                raise Contradiction(
                    _(
                        "%(path)s: no customer can meet this together with what else is asked of "
                        "“%(measure)s” in the same group. Change one of them, or ask for any of these."
                    ),
                    path=place,
                    measure=get(leaf.measure).label if isinstance(leaf, OfMeasure) else leaf.term.label,
                )


def _groups(node: Condition, path: Path) -> Iterator[tuple[All, Path]]:
    if isinstance(node, Not):
        yield from _groups(node.part, path / "not")
        return
    if isinstance(node, All):
        yield node, path
    word = "all" if isinstance(node, All) else "any"
    for n, part in enumerate(getattr(node, "parts", ()), start=1):
        yield from _groups(part, path / word / n)


def _together(group: All, path: Path) -> Iterator[tuple[_Asked, Path]]:
    """Yield the leaves that must all hold, those of groups of ``all`` inside too."""
    for n, part in enumerate(group.parts, start=1):
        place = path / "all" / n
        if isinstance(part, All):
            yield from _together(part, place)
        elif isinstance(part, _Asked):
            yield part, place


def _narrow(room: _Room, leaf: OfMeasure) -> None:
    is_whole = get(leaf.measure).unit != Unit.RATIO
    match leaf:
        case IsKnown():
            room.must_be_known |= leaf.known
            room.must_be_unknown |= not leaf.known
            return
        case OrUnknown():
            return  # an unknown value meets it, whatever else is asked
        case Between():
            room.at_least(Fraction(leaf.low), is_open=False)
            room.at_most(Fraction(leaf.high), is_open=False)
        case OneOf():
            room.one_of(frozenset(leaf.values))
        case Compare() if isinstance(leaf.value, str):
            _narrow_code(room, leaf.op, leaf.value)
        case Compare():
            _narrow_number(room, leaf.op, Decimal(leaf.value), is_whole=is_whole)
    room.must_be_known = True


def _narrow_own(room: _Room, leaf: OfAttribute | OfOwn) -> None:
    """Narrow by what the company defined itself; its numbers are whole."""
    if leaf.op in KNOWING:
        room.must_be_known |= leaf.op == "is_known"
        room.must_be_unknown |= leaf.op == "is_unknown"
        return
    if isinstance(leaf, OfOwn) and leaf.or_unknown:
        return
    first = leaf.values[0]
    if leaf.op == "one_of":
        room.one_of(frozenset(leaf.values))
    elif isinstance(first, str):
        _narrow_code(room, leaf.op, first)
    elif leaf.op == "between":
        room.at_least(Fraction(first), is_open=False)
        room.at_most(Fraction(leaf.values[1]), is_open=False)
    else:
        _narrow_number(room, leaf.op, Decimal(first), is_whole=True)
    room.must_be_known = True


def _narrow_code(room: _Room, op: str, value: str) -> None:
    if op == "=":
        room.one_of(frozenset([value]))
    elif op == "!=":
        room.without |= {value}


def _narrow_number(room: _Room, op: str, value: Decimal, *, is_whole: bool) -> None:
    edge = Fraction(value)
    if op == "=":
        room.at_least(edge, is_open=False)
        room.at_most(edge, is_open=False)
    elif op in (">", ">="):
        if is_whole:
            room.at_least(Fraction(math.floor(edge) + 1 if op == ">" else math.ceil(edge)), is_open=False)
        else:
            room.at_least(edge, is_open=op == ">")
    elif op in ("<", "<="):
        if is_whole:
            room.at_most(Fraction(math.ceil(edge) - 1 if op == "<" else math.floor(edge)), is_open=False)
        else:
            room.at_most(edge, is_open=op == "<")
