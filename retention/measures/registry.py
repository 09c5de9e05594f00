"""The registry: every measure is declared once, here its form and its book."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from retention.measures.expressions import Col, Expr, Ratio


class Unit(StrEnum):
    """What the integer of a measure counts."""

    COUNT = "count"
    MONEY = "money"  # minor units of the base currency
    DAYS = "days"
    DAY = "day"  # local day number
    RATIO = "ratio"
    FLAG = "flag"  # 0 or 1
    CODE = "code"  # one of ``choices``


class UnknownMeasure(Refused):
    code = "unknown_measure"
    message = _("There is no measure called “%(measure)s”. Choose one from the list.")


@dataclass(frozen=True)
class Measure:
    """A number (or day, flag, code) about one customer as of a moment.

    A *stored* measure has an ``aggregate``, SQL over the rows of its source, and a nullable column
    of the wide table that bears its code. A *derived* one has a ``form`` over stored columns.
    ``help`` says in a sentence what is counted.
    """

    code: str
    label: str | Promise
    unit: Unit
    source: str
    help: str | Promise = ""
    aggregate: str = ""
    window: int | None = None  # days
    form: Expr | Ratio | None = None
    choices: tuple[tuple[str, str | Promise], ...] = ()
    version: int = 1
    spark: bool = False  # worth a small chart on the customer page
    higher_is_worse: bool | None = None

    @property
    def is_stored(self) -> bool:
        """Say whether the measure has a column of its own."""
        return self.form is None

    @property
    def value(self) -> Expr | Ratio:
        """Return the expression that gives the measure's value from a row of the wide table."""
        return self.form if self.form is not None else Col(self.code)

    def columns(self) -> frozenset[str]:
        """Return the stored columns that the measure reads."""
        return self.value.columns()


_book: dict[str, Measure] = {}


def declare(measure: Measure) -> Measure:
    """Enter a measure; a code may be declared once, and derived ones read stored columns only."""
    if measure.code in _book:
        raise ValueError(f"measure {measure.code} is declared twice")
    if not measure.is_stored:
        for column in measure.columns():
            if column not in _book or not _book[column].is_stored:
                raise ValueError(f"{measure.code} reads {column}, which is not a stored measure")
    _book[measure.code] = measure
    return measure


def every() -> dict[str, Measure]:
    """Return all measures by code, in order of declaration."""
    return dict(_book)


def stored() -> list[Measure]:
    """Return the measures that have a column."""
    return [measure for measure in _book.values() if measure.is_stored]


def get(code: object) -> Measure:
    """Return one measure; raise :class:`UnknownMeasure`."""
    if not isinstance(code, str) or code not in _book:
        raise UnknownMeasure(measure=str(code)[:64])
    return _book[code]


def fingerprint() -> str:
    """Return the fingerprint of every code and version: warnings and models keep it."""
    text = "\n".join(f"{m.code} {m.version}" for m in sorted(_book.values(), key=lambda m: m.code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
