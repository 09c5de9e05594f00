"""The registry: every source and every measure is declared once, here their forms and their books."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from customers.ground.errors import Refused
from retention.measures.expressions import Col, Expr, Ratio, Row

_EDGE = re.compile(r"%\(back_(\d+)\)s")


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
class Source:
    """One table of facts and how its rows are prepared for the aggregates, in one pass.

    Attributes:
        fact: the model's label, such as ``customers.Order``.
        columns: what the pass reads of it beside ``id`` and ``customer_id``.
        rows: a select over ``{facts}`` (the rows visible as of the moment) that gives the rows to be
            aggregated; it may read ``{latest_activity}`` (``user_id, is_active``) and ``{orders}``
            (``id, status``) as well, ask ``{withdrawn}`` of a ``product_id``, and put ``{within}``, the
            condition on ``customer_id``, to a table that has no moments of its own.
        dated_by: the model whose ``occurred_day`` tells when rows enter or leave; that of ``fact`` when
            not given.
        moved: a select of customers whose rows count differently from a day on that stands elsewhere,
            between ``%(from_day)s`` and ``%(to_day)s``; ``{within}`` is the condition on ``customer_id``.
        crossings: day columns with the days after which a row counts differently, beside the edges
            that the windows of its measures give: ``("ends_day", 1)`` = the day after it.
        is_ledger: its rows stay as they were written: they are never void and have no earlier versions.
    """

    code: str
    label: str | Promise
    fact: str
    columns: tuple[str, ...]
    rows: str = "{facts}"
    crossings: tuple[tuple[str, int], ...] = ()
    dated_by: str = ""
    moved: str = ""
    is_ledger: bool = False

    @property
    def days_of(self) -> str:
        """Return the label of the model whose days tell when rows enter or leave."""
        return self.dated_by or self.fact


Numbers = NDArray[np.float64]
"""A number for each customer of a shard, ``nan`` where it is unknown."""


@dataclass(frozen=True)
class Inputs:
    """What a vector measure is computed from: stored columns of a shard, and parameters.

    ``fitted`` holds the newest parameters by kind, those that come with the product where none were
    fitted yet; ``today`` is the local day of ``as_of``.
    """

    columns: Mapping[str, Numbers]
    today: int
    fitted: Mapping[str, Mapping[str, Any]]

    def __getitem__(self, code: str) -> Numbers:
        return self.columns[code]


@dataclass(frozen=True)
class Parameters:
    """A kind of parameters that is learnt from the company's customers; ``shipped`` counts before that."""

    code: str
    shipped: Mapping[str, Any] = field(hash=False, compare=False)


@dataclass(frozen=True)
class Vector:
    """How a vector measure is made: a pure function of stored columns and fitted parameters.

    It gives whole numbers, ``nan`` for unknown. A change of the function needs a new version of its
    measure, since the fingerprint cannot see it.
    """

    reads: tuple[str, ...]
    compute: Callable[[Inputs], Numbers]
    fitted: tuple[Parameters, ...] = ()


@dataclass(frozen=True)
class Measure:
    """A number (or day, flag, code) about one customer as of a moment.

    A *stored* measure has an ``aggregate``, SQL over the rows of its source, and a nullable column
    of the wide table that bears its code. In it ``%(today)s`` is the local day of ``as_of`` and
    ``%(back_90)s`` the day 90 days before: ``occurred_day > %(back_90)s`` are the last 90 days.
    A *vector* measure has a column too, filled from other columns by NumPy, a shard at a time.
    A *derived* one has a ``form`` over stored columns. ``help`` says in a sentence what is counted.
    An *inner* one is a column for others to read, in units that nobody should have to know.
    """

    code: str
    label: str | Promise
    unit: Unit
    source: str
    help: str | Promise = ""
    aggregate: str = ""
    window: int | None = None  # days
    form: Expr | Ratio | None = None
    vector: Vector | None = None
    is_inner: bool = False
    choices: tuple[tuple[str, str | Promise], ...] = ()
    version: int = 1
    spark: str = ""  # the monthly history of the customer page that shows its course, see ``history``
    higher_is_worse: bool | None = None
    is_counted: bool = True  # 0 without any fact, where the unit allows it; else unknown
    edges: frozenset[int] = field(init=False)  # days back at which a fact enters or leaves

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", frozenset(int(n) for n in _EDGE.findall(self.aggregate)))

    @property
    def is_stored(self) -> bool:
        """Say whether the measure has a column of its own."""
        return self.form is None

    @property
    def empty(self) -> int | None:
        """Return its value for a customer without any fact: nothing counted, no moment known."""
        is_number = self.unit in (Unit.COUNT, Unit.MONEY, Unit.FLAG)
        return 0 if self.aggregate and self.is_counted and is_number else None

    @property
    def value(self) -> Expr | Ratio:
        """Return the expression that gives the measure's value from a row of the wide table."""
        return self.form if self.form is not None else Col(self.code)

    def columns(self) -> frozenset[str]:
        """Return the stored columns that the measure reads."""
        return self.value.columns()

    def read(self, row: Row, *, today: int) -> int | Fraction | str | None:
        """Return the measure's value from a row of the wide table on local day ``today``."""
        return row[self.code] if self.is_stored else self.value.evaluate(row, today=today)


_book: dict[str, Measure] = {}
_sources: dict[str, Source] = {}


def declare_source(source: Source) -> Source:
    """Enter a source; a code may be declared once."""
    if source.code in _sources:
        raise ValueError(f"source {source.code} is declared twice")
    _sources[source.code] = source
    return source


def declare(measure: Measure) -> Measure:
    """Enter a measure; a code may be declared once, and derived ones read stored columns only."""
    if measure.code in _book:
        raise ValueError(f"measure {measure.code} is declared twice")
    if measure.source not in _sources:
        raise ValueError(f"{measure.code} reads {measure.source}, which is not a source")
    if [bool(measure.aggregate), measure.vector is not None, measure.form is not None].count(True) != 1:
        raise ValueError(f"{measure.code} needs either an aggregate, a vector or a form")
    reads = measure.vector.reads if measure.vector else () if measure.is_stored else measure.columns()
    for column in reads:
        if column not in _book or not _book[column].is_stored:
            raise ValueError(f"{measure.code} reads {column}, which is not a stored measure")
        if measure.vector and not _book[column].aggregate:
            raise ValueError(f"{measure.code} reads {column}, which is not computed before it")
    _book[measure.code] = measure
    return measure


def every() -> dict[str, Measure]:
    """Return all measures by code, in order of declaration, without the inner ones."""
    return {code: measure for code, measure in _book.items() if not measure.is_inner}


def stored() -> list[Measure]:
    """Return the measures that have a column, inner ones too."""
    return [measure for measure in _book.values() if measure.is_stored]


def aggregated() -> list[Measure]:
    """Return the stored measures that the passes over the sources fill."""
    return [measure for measure in stored() if measure.aggregate]


def vectors() -> list[Measure]:
    """Return the stored measures that are filled from other columns."""
    return [measure for measure in stored() if measure.vector]


def sources() -> dict[str, Source]:
    """Return all sources by code, in order of declaration."""
    return dict(_sources)


def get(code: object) -> Measure:
    """Return one measure; raise :class:`UnknownMeasure`."""
    if not isinstance(code, str) or code not in _book:
        raise UnknownMeasure(measure=str(code)[:64])
    return _book[code]


def fingerprint() -> str:
    """Return the fingerprint of what every measure counts: warnings and models keep it.

    Labels and help may change without a trace; code, version, source, aggregate and form may not.
    """
    lines = [f"{s.code} {s.fact} {s.rows}" for s in _sources.values()]
    lines += [f"{m.code} {m.version} {m.source} {m.aggregate} {m.form!r}" for m in _book.values()]
    lines += [f"{m.code} {m.vector.reads}" for m in _book.values() if m.vector]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
