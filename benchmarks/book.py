"""The book of benchmarks: each is entered once, with its ways, its ratios and its targets."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

SIZES = {"xs": 1_000, "s": 10_000, "m": 100_000, "l": 1_000_000}
"""Customers by size; ``xs`` is for the tests alone."""

PAIRS = {"xs": 5, "s": 5, "m": 5, "l": 3}
"""Pairs of a run unless it says otherwise."""

ENGINES = ("postgresql", "sqlite")
STATES = ("fresh", "worn")
"""``fresh``: after VACUUM (ANALYZE). ``worn``: after a random 1 % of the facts was corrected and 1 % added,
with nothing but the autovacuum settings that we ship. Targets are for the second."""

FACTS = tuple(
    f"customers/models/{name}.py"
    for name in ("customers", "orders", "interactions", "complaints", "contracts", "ownership")
)
"""The tables of facts: what most benchmarks depend on beside their own code."""

MODULES = (
    "sweeps",
    "rules",
    "backtests",
    "peer",
    "imports",
    "pages",
    "preview",
    "api",
    "search",
    "surveying",
    "ledger",
)
"""Modules of benchmarks, in the order in which they run; one that is not there is passed over."""


@dataclass(frozen=True)
class Stage:
    """What a benchmark works on: a copy of the generated database, connected by Django as ``default``."""

    size: str
    customers: int
    engine: str
    state: str
    now: datetime  # the moment up to which the generated company lives; the database's clock reads it
    scratch: Path  # a folder of its own for files, emptied before each benchmark
    settle: Callable[[], list[str]]  # let a day of autovacuum pass; returns the tables it was due for


@dataclass
class Measured:
    """What a way may return when the harness's own clock is not enough.

    ``seconds`` replaces the wall time of the call; ``figures`` are kept beside it (p95, queries, bytes…)
    as medians of the pairs; ``output`` is what is compared.
    """

    seconds: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    output: Any = None


Way = Callable[[], Any]


@dataclass
class Trial:
    """One benchmark made ready on one stage. Nothing but ``ways`` is timed.

    Attributes:
        ways: by name, in the order in which each pair runs them; what they return is their output.
        same: gets the outputs of one untimed round by way, raises :class:`Unequal`, and returns in
            a sentence what was found equal.
        outputs: for a way whose output lies in the database: called after its untimed round.
        before: for a way that needs to be made ready: called before each of its runs.
        rows: customers, lines or requests that one run of ``ours`` answers (for buffers per row).
        after: clears up.
    """

    ways: Mapping[str, Way]
    same: Callable[[Mapping[str, Any]], str]
    rows: int
    outputs: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    before: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    after: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Ratio:
    """``top`` ÷ ``bottom`` of the same pair, with its target."""

    top: str
    bottom: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def name(self) -> str:
        return f"{self.top} ÷ {self.bottom}"


@dataclass(frozen=True)
class Limit:
    """A figure of a way (``Measured.figures``) and how large, or small, it may be."""

    way: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def name(self) -> str:
        return f"{self.way}: {self.figure}"


@dataclass(frozen=True)
class Benchmark:
    """An entry of the book; ``depends`` are the paths whose later change makes its results stale."""

    name: str
    title: str
    prepare: Callable[[Stage], Trial]
    ratios: tuple[Ratio, ...]
    limits: tuple[Limit, ...]
    floor: str  # the way whose seconds must not vary by more than 25 %
    row: str  # what ``Trial.rows`` counts
    depends: tuple[str, ...]
    sizes: tuple[str, ...]
    engines: tuple[str, ...]
    states: tuple[str, ...]
    pairs: Mapping[str, int]  # by size, where the usual number would take too long


class Unequal(Exception):
    """Two ways gave different outputs: then their times say nothing."""


_book: dict[str, Benchmark] = {}


def bench(
    name: str,
    *,
    title: str,
    ratios: tuple[Ratio, ...],
    depends: tuple[str, ...],
    limits: tuple[Limit, ...] = (),
    floor: str = "floor",
    row: str = "customer",
    sizes: tuple[str, ...] = ("xs", "s", "m", "l"),
    engines: tuple[str, ...] = ENGINES,
    states: tuple[str, ...] = STATES,
    pairs: Mapping[str, int] | None = None,
) -> Callable[[Callable[[Stage], Trial]], Callable[[Stage], Trial]]:
    """Enter the decorated function, which makes a :class:`Trial` ready on a :class:`Stage`."""

    def enter(prepare: Callable[[Stage], Trial]) -> Callable[[Stage], Trial]:
        if name in _book:
            raise ValueError(f"benchmark {name} is entered twice")
        _book[name] = Benchmark(
            name, title, prepare, ratios, limits, floor, row, depends, sizes, engines, states, pairs or {}
        )
        return prepare

    return enter


def every() -> dict[str, Benchmark]:
    """Return all benchmarks by name in the order in which they run (Django must be set up)."""
    for module in MODULES:
        if (Path(__file__).parent / f"{module}.py").exists():
            importlib.import_module(f"benchmarks.{module}")
    return dict(_book)
