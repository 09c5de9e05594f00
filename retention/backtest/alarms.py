"""From match sets to alarms: a spell of consecutive steps is one, and a rule that cools down gives none."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

Alarm = tuple[int, int]
"""Customer and the day of the step at which the rule spoke."""


@dataclass
class Fold:
    """What a rule would have raised, step by step: ``raises(matches, state)`` of decision 9.

    Unit is the episode (customer × spell of risk). A sign that stands at consecutive steps is one alarm.
    When it is gone the re-fire period begins; until it is over the same customer gives no alarm, as in a
    sweep while the rule cools down.
    """

    re_fire_days: int
    standing: set[int] = field(default_factory=set)
    gone: dict[int, int] = field(default_factory=dict)  # customer → day at which the sign was gone
    alarms: list[Alarm] = field(default_factory=list)

    def step(self, day: int, matched: Set[int]) -> list[int]:
        """Take the customers who match on a day, later than the last; return for whom it alarms, in order."""
        for customer in self.standing - matched:
            self.gone[customer] = day
        new = sorted(one for one in matched - self.standing if self._may_speak_of(one, day))
        self.standing = (self.standing & matched) | set(new)
        self.alarms += [(customer, day) for customer in new]
        return new

    def _may_speak_of(self, customer: int, day: int) -> bool:
        gone = self.gone.get(customer)
        return gone is None or day - gone >= self.re_fire_days
