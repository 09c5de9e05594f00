"""What is told of the health of a rule: counts, shares that name their whole, and when a share is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from retention.models import WarningRule

ENOUGH = 30  # below so many customers a share of the untouched says little
Z = 1.959964  # of 95 %


@dataclass(frozen=True)
class Share:
    """A part of a whole; nothing is the share of a whole that is empty."""

    part: int
    of: int

    @property
    def share(self) -> float | None:
        return self.part / self.of if self.of else None


@dataclass(frozen=True)
class Untouched:
    """Customers whom a rule saw and nobody contacted, and how many of them were lost within the horizon.

    Below thirty nothing is told, not even how many they are.
    """

    lost: int
    customers: int

    @property
    def is_enough(self) -> bool:
        return self.customers >= ENOUGH

    @property
    def precision(self) -> float | None:
        return self.lost / self.customers if self.is_enough else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the precision."""
        return wilson(self.lost, self.customers) if self.is_enough else None


@dataclass(frozen=True)
class Pair:
    """Another rule that warned of almost the same customers: of so many that either warned of, both did."""

    rule: WarningRule
    shared: int
    either: int


@dataclass
class Health:
    """What a rule did in a span. ``fired`` leaves baselines and who is held out aside.

    Attributes:
        shadow, waiting: of what it fired, what was told to nobody: in shadow, or beyond its cases of a day.
        cases: that its warnings opened or joined; ``opened``: those that were there for it.
        acted_on: cases on which somebody logged a call, or whose customer somebody spoke with, after the
            warning and before the close.
        kept, lost, recovered: of the closed cases: saved or regained, lost, recovered by itself.
        dismissed: warnings that somebody called noise; ``reasons``: by reason.
        flapping: customers for whom it came and went three times in 90 days, of all whom it warned of.
    """

    rule: WarningRule
    days: int
    fired: int = 0
    shadow: int = 0
    waiting: int = 0
    cases: int = 0
    opened: int = 0
    acted_on: Share = Share(0, 0)
    closed: int = 0
    kept: Share = Share(0, 0)
    lost: Share = Share(0, 0)
    recovered: Share = Share(0, 0)
    dismissed: Share = Share(0, 0)
    reasons: dict[str, int] = field(default_factory=dict)
    untouched: Untouched = Untouched(0, 0)
    flapping: Share = Share(0, 0)
    together: list[Pair] = field(default_factory=list)

    @property
    def told(self) -> int:
        """Return how many of its warnings people heard of."""
        return self.fired - self.shadow - self.waiting

    @property
    def is_idle(self) -> bool:
        """Say whether there is nothing to tell: no warning that is counted, and no share from before."""
        return not (self.fired or self.flapping.of or self.untouched.is_enough)

    @property
    def joined(self) -> int:
        """Return how many cases were open already when its warning came."""
        return self.cases - self.opened


def wilson(part: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson's score; ``of`` is not 0."""
    share, square = part / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)
