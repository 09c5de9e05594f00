"""The span of a backtest: its steps, and the window after each in which a loss proves it right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import localtime
from customers.ground.errors import Refused

STEP, HORIZON, GAP, STEPS = 28, 90, 7, 13
"""Without any wish: 13 steps of four weeks, losses of 90 days, after a week in which somebody can act."""

MOST_STEPS, LONGEST_STEP, LONGEST_HORIZON, LONGEST_GAP = 400, 366, 1_830, 366


class SpanRefused(Refused):
    code = "backtest_span"
    message = _(
        "A backtest goes from a day to the same or a later one that is not to come, in at most %(steps)s "
        "steps of 1 to %(step)s days. Its horizon is 1 to %(horizon)s days and its gap 0 to %(gap)s."
    )

    def __init__(self) -> None:
        super().__init__(steps=MOST_STEPS, step=LONGEST_STEP, horizon=LONGEST_HORIZON, gap=LONGEST_GAP)


@dataclass(frozen=True)
class Span:
    """Local days by number: a step at the midnight that begins each of them, all lengths in days.

    Attributes:
        first, last: the first day with a step; no step lies after the last day.
        step: days from one step to the next.
        gap: days after an alarm that a loss comes too soon for anybody to act.
        horizon: days after the gap in which a loss proves the alarm right.
    """

    first: int
    last: int
    step: int = STEP
    horizon: int = HORIZON
    gap: int = GAP

    @property
    def steps(self) -> list[int]:
        """Return the days of the steps."""
        return list(range(self.first, self.last + 1, self.step))

    @property
    def weeks(self) -> float:
        """Return how many weeks the steps stand for: each for the days up to the next."""
        return len(self.steps) * self.step / 7

    def moment(self, day: int, zone: str) -> datetime:
        """Return the moment of a step: the midnight with which its local day begins."""
        return localtime.start_of_day(day, zone)

    def holds(self, alarm: int, loss: int) -> bool:
        """Say whether a loss lies in (alarm + gap, alarm + gap + horizon], all of them days."""
        return alarm + self.gap < loss <= alarm + self.gap + self.horizon

    def reaches(self, loss: int) -> bool:
        """Say whether a loss lies in the time that the windows of all steps span."""
        return self.first + self.gap < loss <= self.steps[-1] + self.gap + self.horizon

    def is_decided(self, alarm: int, *, known_until: int) -> bool:
        """Say whether the window of an alarm is over by the last day whose losses are known."""
        return alarm + self.gap + self.horizon <= known_until

    def counts(self, loss: int, *, known_until: int) -> bool:
        """Say whether a loss can be asked of the rule: one of the steps, or none any more, foresaw it.

        It lies after the first step's gap, and not so late that only steps after the last one could tell.
        """
        return self.first + self.gap < loss <= min(self.steps[-1] + self.step + self.gap, known_until)

    def check(self, *, today: int) -> Span:
        """Return it; raise :class:`SpanRefused` when it cannot be asked on the local day ``today``."""
        fits = (
            1 <= self.first <= self.last <= today
            and 1 <= self.step <= LONGEST_STEP
            and 1 <= self.horizon <= LONGEST_HORIZON
            and 0 <= self.gap <= LONGEST_GAP
            and (self.last - self.first) // self.step < MOST_STEPS
        )
        if not fits:
            raise SpanRefused()
        return self


def asked(
    *,
    at: datetime,
    first: int | None = None,
    last: int | None = None,
    step: int = STEP,
    horizon: int = HORIZON,
    gap: int = GAP,
) -> Span:
    """Return a checked span; what is left out is the newest past whose windows are over at ``at``.

    Raises :class:`SpanRefused`, ``NoCompany``.
    """
    today = company.today(at).number
    if last is None:
        last = today - 1 - gap - horizon
    if first is None:
        first = last - (STEPS * STEP // max(step, 1) - 1) * step
    return Span(first, last, step, horizon, gap).check(today=today)
