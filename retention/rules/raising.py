"""``raises(matches, state)``: what a rule's matches of a day come to, as a pure fold over days (decision 9).

The sweeps do the same in sets, in SQL; a look at the past does it here. Customers are their ids, days local
day numbers. Nobody works on cases here, so that a warning ends only when its sign does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class Policy:
    """What of a rule decides when it speaks; ``cases_a_day`` is ``None`` without a limit."""

    hold_days: int = 0
    cool_down_days: int = 0
    cases_a_day: int | None = None


class Standing(StrEnum):
    """What stands for a customer while the rule's sign does."""

    BASELINE = "baseline"
    WAITS = "waits"
    OPEN = "open"


@dataclass(frozen=True)
class State:
    """What a rule remembers from day to day; each by customer."""

    since: Mapping[int, int] = field(default_factory=dict)  # matching without a break
    standing: Mapping[int, Standing] = field(default_factory=dict)
    closed: Mapping[int, int] = field(default_factory=dict)  # day of the last close; no baseline's


@dataclass(frozen=True)
class Day:
    """What one day brought: warnings raised, warnings closed, and those that asked for a case."""

    raised: frozenset[int]
    closed: frozenset[int]
    opened: tuple[int, ...]


def launched(matches: Collection[int]) -> State:
    """Return the state of a rule that has just been launched: who matches is its baseline."""
    return State(standing=dict.fromkeys(matches, Standing.BASELINE))


def raises(
    matches: Collection[int],
    state: State,
    *,
    day: int,
    policy: Policy,
    cleared: Collection[int] | None = None,
    values: Mapping[int, int] | None = None,
) -> tuple[State, Day]:
    """Return the state after a day, and what the day brought.

    Args:
        matches: who meets the condition on that day; days come in order, gaps are allowed.
        cleared: who meets the clear condition; without one, whoever does not match is cleared.
        values: what decides who opens the cases of a limited rule; the most first, then the lower id.
    """
    matching = frozenset(matches)
    since = {one: state.since.get(one, day) for one in matching}
    standing = dict(state.standing)
    raised = {
        one for one in matching if one not in standing and _may(one, since, state, day=day, policy=policy)
    }
    standing |= dict.fromkeys(raised, Standing.WAITS)
    gone = {one for one in standing if one not in matching and (cleared is None or one in cleared)}
    closed = dict(state.closed)
    closed |= {one: day for one in gone if standing[one] != Standing.BASELINE}
    standing = {one: what for one, what in standing.items() if one not in gone}
    opened = _opened(standing, policy, values or {})
    standing |= dict.fromkeys(opened, Standing.OPEN)
    return State(since, standing, closed), Day(frozenset(raised), frozenset(gone), opened)


def _may(one: int, since: Mapping[int, int], state: State, *, day: int, policy: Policy) -> bool:
    """Say whether a match without a warning has held for long enough, and cooled down."""
    if day - since[one] < policy.hold_days:
        return False
    return one not in state.closed or day - state.closed[one] >= policy.cool_down_days


def _opened(standing: Mapping[int, Standing], policy: Policy, values: Mapping[int, int]) -> tuple[int, ...]:
    waiting = [one for one, what in standing.items() if what == Standing.WAITS]
    waiting.sort(key=lambda one: (-values.get(one, 0), one))
    return tuple(waiting[: policy.cases_a_day] if policy.cases_a_day is not None else waiting)
