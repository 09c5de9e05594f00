"""What else could have filled as many calls: chance, longest silence, greatest margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retention.backtest.alarms import Alarm
from retention.backtest.scoring import Starts, counted
from retention.backtest.span import Span

Numbers = Any
"""A NumPy array of whole numbers."""


@dataclass(frozen=True)
class AtRisk:
    """The customers at risk at one step, in order, with the two numbers that the baselines go by."""

    ids: Numbers
    last_order: Numbers  # local day; the greatest number there is for whoever never ordered
    margin: Numbers


@dataclass
class Ranked:
    """An alarm for those who come first by a number, as many at each step as the rule gave.

    Whoever was chosen is chosen again only when the gap and the horizon of that choice are over. Of equal
    numbers the lower id comes first.
    """

    span: Span
    alarms: list[Alarm] = field(default_factory=list)
    _free_on: dict[int, int] = field(default_factory=dict)

    def step(self, day: int, number: int, ids: Numbers, order: Numbers) -> None:
        """Choose ``number`` of ``ids``, the least of ``order`` first."""
        if not number:
            return
        busy = [customer for customer, free in self._free_on.items() if free >= day]
        free = ~np.isin(ids, np.array(busy, dtype=np.int64))
        chosen = ids[free][np.argsort(order[free], kind="stable")[:number]]
        for customer in chosen.tolist():
            self.alarms.append((customer, day))
            self._free_on[customer] = day + self.span.gap + self.span.horizon


@dataclass
class Chance:
    """As many customers at each step drawn from all at risk: what is to be expected, exactly, not drawn."""

    span: Span
    losses: Starts
    _steps: dict[int, tuple[int, int, set[int]]] = field(default_factory=dict)

    def step(self, day: int, number: int, ids: Numbers) -> None:
        """Note how many are drawn of whom."""
        lost = np.array(sorted(self.losses), dtype=np.int64)
        self._steps[day] = (number, len(ids), set(np.intersect1d(ids, lost).tolist()))

    def precision(self, *, known_until: int) -> float | None:
        """Return the expected share that is right: Σ n·K/N ÷ Σ n over the steps whose windows are over.

        n are drawn of N at risk, of whom K are lost in the window.
        """
        drawn, right = 0, 0.0
        for day, (number, at_risk, lost) in self._steps.items():
            if number and self.span.is_decided(day, known_until=known_until):
                hits = sum(any(self.span.holds(day, loss) for loss in self.losses[one]) for one in lost)
                drawn, right = drawn + number, right + number * hits / at_risk
        return right / drawn if drawn else None

    def recall(self, *, known_until: int) -> float | None:
        """Return the expected share of losses foreseen: 1 − Π(1 − n/N) over the steps that could tell."""
        asked = list(counted(self.losses, span=self.span, known_until=known_until))
        foreseen = 0.0
        for customer, loss in asked:
            missed = 1.0
            for day, (number, at_risk, lost) in self._steps.items():
                if customer in lost and self.span.holds(day, loss):
                    missed *= 1 - number / at_risk
            foreseen += 1 - missed
        return foreseen / len(asked) if asked else None
