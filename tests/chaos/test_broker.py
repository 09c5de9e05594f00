"""The broker is only a bell: what people do and what follows from it goes on without it (P4)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.chaos import living, tasks
from tests.chaos.kit import Broken, Kit, say
from tests.chaos.living import System

FULL = bool(os.environ.get("CHAOS_FULL"))
SECONDS, WRITES = (60, 1_000) if FULL else (5, 100)


@pytest.fixture(scope="module")
def system(kit: Kit) -> Iterator[System]:
    """A web process, workers and a scheduler, which all tests of this module share."""
    with living.running(kit) as running:
        yield living.settled(running)


@pytest.mark.parametrize("how", ["up", "stopped"])
def test_event_is_an_open_case_within_five_seconds(system: System, how: str) -> None:
    seconds = living.latency(system, events=300 if FULL else 50, redis=how)
    say(f"event to open case, Redis {how}: {seconds}")
    assert seconds.p95 <= 5


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_nothing_is_lost_and_nobody_waits_while_the_broker_is_away(system: System, how: str) -> None:
    requests, caught_up = living.broker_away(system, how=how, seconds=SECONDS, writes=WRITES)
    say(f"Redis {how} for {SECONDS} s, {WRITES} writes: {requests}; all followed up {caught_up:.1f} s later")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_worker_that_starts_without_a_broker_works(kit: Kit, pool: str) -> None:
    if not FULL and pool == "prefork":
        pytest.skip("in `make chaos`")
    say(f"{pool} worker started without Redis: {living.started_without_broker(kit, pool=pool):.1f} s")


def test_task_whose_process_is_killed_is_done_by_another(kit: Kit) -> None:
    say(f"a task whose process was killed was done {tasks.killed_task_is_done(kit):.1f} s later")


@pytest.mark.skipif(not FULL, reason="in `make chaos`")
@pytest.mark.parametrize(("guard", "how"), [("no broker in requests", "frozen"), ("drain thread", "stopped")])
def test_promise_breaks_without(kit: Kit, guard: str, how: str) -> None:
    with pytest.raises(Broken) as broken, living.running(kit, without=guard) as running:
        living.broker_away(running, how=how, seconds=10, writes=20)
    say(f"without {guard!r}: {broken.value}")


@pytest.mark.skipif(not FULL, reason="in `make chaos`")
def test_promise_breaks_without_late_acknowledgement(kit: Kit) -> None:
    with pytest.raises(Broken) as broken:
        tasks.killed_task_is_done(kit, without="acknowledged late")
    say(f"without 'acknowledged late': {broken.value}")
