"""What may be said of timings: medians of pairs, and nothing when the floor was not steady."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import pairs
from benchmarks.book import Benchmark, Limit, Measured, Ratio, Trial, Unequal
from benchmarks.pairs import Outcome


def benchmark(*ratios: Ratio, limits: tuple[Limit, ...] = ()) -> Benchmark:
    return Benchmark(
        "test",
        "Test",
        lambda stage: None,
        ratios,
        limits,
        "floor",
        "row",
        (),
        (),
        (),
        (),
        {},  # type: ignore[arg-type, return-value]
    )


def run(floor: list[float], ours: list[float], *, count: int, **more: Any) -> Outcome:
    """Run a trial whose ways take the given seconds, one after the other, by a clock of our own."""
    clock = [0.0]
    left: dict[str, Iterator[float]] = {"floor": iter(floor), "ours": iter(ours)}
    untimed = {"floor", "ours"}

    def way(name: str) -> Any:
        def act() -> int:
            if name in untimed:
                untimed.remove(name)
            else:
                clock[0] += next(left[name])
            return 7

        return act

    trial = Trial(
        ways={"floor": way("floor"), "ours": way("ours")},
        same=lambda outputs: f"both gave {outputs['ours']}",
        rows=10,
        **more,
    )
    return pairs.run(benchmark(), trial, pairs=count, now=lambda: clock[0])


def test_the_ratio_is_the_median_of_each_pairs_own_ratio() -> None:
    outcome = run([1.0, 1.2, 1.1], [2.0, 6.0, 1.1], count=3)

    found = pairs.ratio(outcome.pairs, Ratio("ours", "floor", at_most=2.0))

    # pair by pair 2, 5, 1; the ratio of the medians would be 2 ÷ 1.1
    assert (found["median"], found["min"], found["max"]) == (2.0, 1.0, 5.0)
    assert (found["target"], found["met"]) == ("≤ 2", True)
    assert pairs.ratio(outcome.pairs, Ratio("ours", "floor", at_most=1.99))["met"] is False
    assert pairs.ratio(outcome.pairs, Ratio("ours", "floor", at_least=2.0))["met"] is True


def test_a_steady_floor_needs_no_more_pairs() -> None:
    outcome = run([1.0, 1.25, 1.0], [1.0] * 3, count=3)

    assert outcome.refused == ""
    assert (len(outcome.pairs), outcome.thrown_away) == (3, 0)
    assert outcome.equal == "both gave 7"


def test_a_wobbling_floor_gets_more_pairs_and_the_last_ones_count() -> None:
    outcome = run([9.0, 1.0, 1.0, 1.0], [1.0] * 4, count=3)

    assert outcome.refused == ""
    assert (len(outcome.pairs), outcome.thrown_away) == (3, 1)


def test_nothing_is_concluded_when_the_floor_stays_unsteady() -> None:
    outcome = run([1.0, 1.4] * 3, [1.0] * 6, count=3)

    assert outcome.refused == "the floor varied by 29%"
    assert outcome.thrown_away == 3


def test_unequal_outputs_are_never_timed() -> None:
    timed = []

    def same(outputs: Any) -> str:
        raise Unequal("7 is not 8")

    def act() -> int:
        timed.append(1)
        return 1

    trial = Trial(ways={"floor": act, "ours": act}, same=same, rows=1)
    with pytest.raises(Unequal, match="7 is not 8"):
        pairs.run(benchmark(), trial, pairs=3)
    assert len(timed) == 2  # the untimed round


def test_what_lies_in_the_database_is_read_after_the_untimed_round() -> None:
    seen: dict[str, Any] = {}

    def same(outputs: Any) -> str:
        seen.update(outputs)
        return ""

    trial = Trial(
        ways={"floor": lambda: Measured(output=3), "ours": lambda: 4},
        outputs={"ours": lambda: "read later"},
        same=same,
        rows=1,
    )
    pairs.run(benchmark(), trial, pairs=1)
    assert seen == {"floor": 3, "ours": "read later"}


def test_a_way_may_keep_its_own_time_and_figures() -> None:
    trial = Trial(
        ways={"floor": lambda: Measured(seconds=2.0, figures={"p95 ms": 80.0})}, same=lambda o: "", rows=1
    )
    outcome = pairs.run(benchmark(), trial, pairs=3)

    assert pairs.seconds(outcome.pairs, "floor") == [2.0, 2.0, 2.0]
    limit = pairs.figure(outcome.pairs, Limit("floor", "p95 ms", at_most=80))
    assert (limit["median"], limit["met"]) == (80.0, True)
    assert pairs.figure(outcome.pairs, Limit("floor", "p95 ms", at_most=79))["met"] is False


def test_making_ready_is_not_timed() -> None:
    clock = [0.0]

    def slowly() -> None:
        clock[0] += 100

    def act() -> None:
        clock[0] += 1

    trial = Trial(ways={"floor": act}, before={"floor": slowly}, same=lambda o: "", rows=1)
    outcome = pairs.run(benchmark(), trial, pairs=2, now=lambda: clock[0])
    assert pairs.seconds(outcome.pairs, "floor") == [1.0, 1.0]


def test_buffers_and_rows_are_what_the_untimed_round_added() -> None:
    done = {"buffers": 100, "rows read": 0}

    def act() -> None:
        done["buffers"] += 30
        done["rows read"] += 5

    trial = Trial(ways={"floor": act}, same=lambda o: "", rows=10)
    outcome = pairs.run(benchmark(), trial, pairs=2, counters=lambda: dict(done))
    assert outcome.counted == {"floor": {"buffers": 30, "rows read": 5}}
