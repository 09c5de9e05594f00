"""Running ways in turn, and what may be said of it: medians of paired ratios, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.book import Benchmark, Limit, Measured, Ratio, Trial

MOST_VARIATION = 0.25
"""Of the floor, (greatest − least) ÷ median: beyond it the machine was too noisy to say anything."""

Pair = dict[str, Measured]


@dataclass
class Outcome:
    """What the pairs of one benchmark in one state gave."""

    pairs: list[Pair]  # those that count
    thrown_away: int
    variation: float
    equal: str
    counted: dict[str, dict[str, int]] = field(default_factory=dict)  # by way, in the untimed round

    @property
    def refused(self) -> str:
        """Why nothing may be concluded; empty when something may."""
        if self.variation <= MOST_VARIATION:
            return ""
        return f"the floor varied by {self.variation:.0%}"


def run(
    benchmark: Benchmark,
    trial: Trial,
    *,
    pairs: int,
    counters: Callable[[], dict[str, int]] = dict,
    now: Callable[[], float] = perf_counter,
) -> Outcome:
    """Prove the outputs equal in an untimed round, then run pairs until the floor is steady.

    At most twice as many pairs are run; the last ``pairs`` successive ones count. Raises ``Unequal``.
    """
    outputs: dict[str, Any] = {}
    counted: dict[str, dict[str, int]] = {}
    for name in trial.ways:
        outputs[name], counted[name] = _untimed(trial, name, counters)
    equal = trial.same(outputs)
    outputs.clear()
    ran: list[Pair] = []
    while len(ran) < 2 * pairs:
        ran.append({name: _timed(trial, name, now) for name in trial.ways})
        last = ran[-pairs:]
        if len(last) == pairs and variation(seconds(last, benchmark.floor)) <= MOST_VARIATION:
            break
    kept = ran[-pairs:]
    return Outcome(
        pairs=kept,
        thrown_away=len(ran) - len(kept),
        variation=variation(seconds(kept, benchmark.floor)),
        equal=equal,
        counted=counted,
    )


def _untimed(trial: Trial, name: str, counters: Callable[[], dict[str, int]]) -> tuple[Any, dict[str, int]]:
    if name in trial.before:
        trial.before[name]()
    before = counters()
    output = trial.ways[name]()
    used = {what: count - before[what] for what, count in counters().items()}
    if isinstance(output, Measured):
        output = output.output
    return (trial.outputs[name]() if name in trial.outputs else output), used


def _timed(trial: Trial, name: str, now: Callable[[], float]) -> Measured:
    if name in trial.before:
        trial.before[name]()
    began = now()
    output = trial.ways[name]()
    took = now() - began
    measured = output if isinstance(output, Measured) else Measured()
    return Measured(
        seconds=took if measured.seconds is None else measured.seconds, figures=dict(measured.figures)
    )


def seconds(pairs: Sequence[Pair], way: str) -> list[float]:
    """Return the seconds of one way, a pair each."""
    return [float(pair[way].seconds or 0.0) for pair in pairs]


def variation(values: Sequence[float]) -> float:
    """Return (greatest − least) ÷ median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def ratio(pairs: Sequence[Pair], which: Ratio) -> dict[str, Any]:
    """Return the median of the pairs' ratios with the least and the greatest, and whether it is met."""
    found = [
        top / bottom
        for top, bottom in zip(seconds(pairs, which.top), seconds(pairs, which.bottom), strict=True)
    ]
    return {
        "median": round(median(found), 4),
        "min": round(min(found), 4),
        "max": round(max(found), 4),
        **_target(median(found), which),
    }


def figure(pairs: Sequence[Pair], which: Limit) -> dict[str, Any]:
    """Return the median of a figure over the pairs, and whether its limit is kept."""
    found = [pair[which.way].figures[which.figure] for pair in pairs]
    return {
        "median": round(median(found), 4),
        "min": round(min(found), 4),
        "max": round(max(found), 4),
        **_target(median(found), which),
    }


def figures(pairs: Sequence[Pair], way: str) -> Mapping[str, float]:
    """Return the medians of all figures of a way."""
    names = {name for pair in pairs for name in pair[way].figures}
    return {
        name: round(median(pair[way].figures[name] for pair in pairs if name in pair[way].figures), 4)
        for name in sorted(names)
    }


def _target(value: float, which: Ratio | Limit) -> dict[str, Any]:
    if which.at_most is not None:
        return {"target": f"≤ {which.at_most:g}", "met": value <= which.at_most}
    if which.at_least is not None:
        return {"target": f"≥ {which.at_least:g}", "met": value >= which.at_least}
    return {"target": "", "met": None}
