"""Each test with its guard taken out: it must fail, else it proves nothing (P17)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.chaos import deaths, races, races_of_cases
from tests.chaos.guards import GUARDS
from tests.chaos.kit import Broken, say

# The guard, and the one promise that must break without it.
NAMED: dict[str, Callable[[int], None]] = {
    "outbox lease": races.claiming_rows,
    "outbox skip locked": races.a_frozen_claimer,
    "dedupe key": races.adding_one_key,
    "held": races.late_holders,
    "order key": races.in_order,
    "done with the work": deaths.during_the_work,
    "attempts before the work": deaths.deadly_work,
    "tried again": deaths.two_in_each_others_way,
    "desk": races_of_cases.the_last_place,
    "one open case": races_of_cases.opening_one_case,
    "conditional move": races_of_cases.taking_one_case,
    "locked cases": races_of_cases.assigning_due_cases,
    "one open warning": races.sweeps_at_once,
    "one run a slot": races.three_schedulers,
    "lease of a run": races.three_schedulers,
    "taken over": races.a_dead_run,
    "newer rows stay": deaths.news_during_a_full_pass,
    "marks by their ids": deaths.news_during_a_sweep,
    "marks with the sweep": deaths.death_of_a_sweep,
    "marks given back": deaths.a_sweep_in_somebodys_way,
    "shard held": races.shards_at_once,
    "ended once": races.shards_at_once,
    "shard done with its work": deaths.death_of_a_shard,
    "helping out": deaths.death_of_a_shard,
    "one external name": races.filing_one_order,
}
QUICK = {
    "outbox lease", "held", "order key", "done with the work", "one open case", "one run a slot",
    "newer rows stay", "marks by their ids", "marks with the sweep", "one open warning",
    "shard done with its work", "ended once",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_promise_breaks_without(name: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name not in QUICK and not os.environ.get("CHAOS_FULL"):
        pytest.skip("in `make chaos`")
    GUARDS[name].take_out(monkeypatch)

    with pytest.raises(Broken) as broken:
        NAMED[name](1)

    assert "nothing was shown" not in str(broken.value)
    say(f"without {name!r}: {broken.value}")
