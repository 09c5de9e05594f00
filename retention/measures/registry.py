"""The registry: every source and every measure is declared once, here their forms and their books."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
            aggregated; it may read ``{latest_activity}`` (``user_id, is_active``) as well.
        crossings: day columns with the days after which a row counts differently, beside the edges
            that the windows of its measures give: ``("ends_day", 1)`` = the day after it.
    """

    code: str
    label: str | Promise
    fact: str
    columns: tuple[str, ...]
    rows: str = "{facts}"
    crossings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Measure:
    """A number (or day, flag, code) about one customer as of a moment.

    A *stored* measure has an ``aggregate``, SQL over the rows of its source, and a nullable column
    of the wide table that bears its code. In it ``%(today)s`` is the local day of ``as_of`` and
    ``%(back_90)s`` the day 90 days before: ``occurred_day > %(back_90)s`` are the last 90 days.
    A *derived* one has a ``form`` over stored columns. ``help`` says in a sentence what is counted.
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
        return (
            0
            if self.is_counted and self.is_stored and self.unit in (Unit.COUNT, Unit.MONEY, Unit.FLAG)
            else None
        )

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
    if measure.is_stored != bool(measure.aggregate):
        raise ValueError(f"{measure.code} needs either an aggregate or a form")
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
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
