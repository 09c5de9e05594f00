"""Alarms against the losses that came after: how many were right, what was foreseen, how early."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from statistics import median

from retention.backtest.alarms import Alarm
from retention.backtest.span import Span

Starts = Mapping[int, Sequence[int]]
"""Customer → the days on which it was lost, in order."""

Caught = tuple[int, int]
"""Customer and the day of a loss that an alarm foresaw."""


@dataclass
class Score:
    """What came of some alarms. ``judged`` are those whose window is over: only they are right or wrong."""

    alarms: int = 0
    judged: int = 0
    right: int = 0
    losses: int = 0
    is_told: bool = True  # a loss is known in the time of the windows: without any, nothing can be right
    caught: dict[Caught, int] = field(default_factory=dict)  # with how many days ahead the first alarm spoke
    by_customer: dict[int, tuple[int, int]] = field(default_factory=dict)  # judged and right

    @property
    def precision(self) -> float | None:
        """Return right ÷ judged; nothing where no loss is known, or no alarm was judged."""
        return self.right / self.judged if self.is_told and self.judged else None

    @property
    def recall(self) -> float | None:
        """Return losses foreseen ÷ losses; nothing where no loss is known."""
        return len(self.caught) / self.losses if self.losses else None

    @property
    def lead_median(self) -> float | None:
        """Return the median of the days ahead, over the losses that were foreseen."""
        return float(median(self.caught.values())) if self.caught else None

    @property
    def lead_p10(self) -> float | None:
        """Return the tenth percentile of the days ahead: nine in ten losses had at least so many."""
        return quantile(list(self.caught.values()), Fraction(1, 10)) if self.caught else None


def score(alarms: Iterable[Alarm], losses: Starts, *, span: Span, known_until: int) -> Score:
    """Join alarms with losses.

    precision = alarms with a loss of the customer in (alarm + gap, alarm + gap + horizon] ÷ alarms whose
    window is over; recall = losses that lie in the window of one of the customer's alarms ÷ losses
    (``Span.counts``). Source: ``science.md`` §9; unit is the episode.

    Args:
        known_until: the last local day whose losses are known.
    """
    found = Score(
        losses=len(list(counted(losses, span=span, known_until=known_until))),
        is_told=any(span.reaches(loss) for days in losses.values() for loss in days),
    )
    for customer, day in alarms:
        found.alarms += 1
        after = [loss for loss in losses.get(customer, ()) if span.holds(day, loss)]
        if span.is_decided(day, known_until=known_until):
            judged, right = found.by_customer.get(customer, (0, 0))
            found.by_customer[customer] = (judged + 1, right + bool(after))
            found.judged += 1
            found.right += bool(after)
        for loss in after:
            if span.counts(loss, known_until=known_until):
                ahead = loss - day
                found.caught[customer, loss] = max(ahead, found.caught.get((customer, loss), 0))
    return found


def counted(losses: Starts, *, span: Span, known_until: int) -> Iterable[Caught]:
    """Yield the losses that recall is about."""
    for customer, days in losses.items():
        for loss in days:
            if span.counts(loss, known_until=known_until):
                yield customer, loss


def quantile(numbers: Sequence[int], share: Fraction) -> float:
    """Return a quantile, linear between the two numbers that it lies between."""
    ordered = sorted(numbers)
    place = (len(ordered) - 1) * share
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return float(low + (high - low) * (place - floor(place)))


def ppv(*, prevalence: float, sensitivity: float, specificity: float) -> float:
    """Return the precision that a rule can have: π·Se ÷ (π·Se + (1 − π)(1 − Sp)) (``science.md`` §9)."""
    right = prevalence * sensitivity
    return right / (right + (1 - prevalence) * (1 - specificity))
