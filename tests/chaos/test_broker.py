"""The broker is only a bell: what people do and what follows from it goes on without it (P4)."""

from __future__ import annotations

import os

import pytest

from tests.chaos import living
from tests.chaos.kit import Broken, Kit, say

FULL = bool(os.environ.get("CHAOS_FULL"))
SECONDS, WRITES = (60, 1_000) if FULL else (5, 100)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_nothing_is_lost_and_nobody_waits_while_the_broker_is_away(kit: Kit, how: str) -> None:
    requests, caught_up = living.broker_away(kit, how=how, seconds=SECONDS, writes=WRITES)
    say(f"Redis {how} for {SECONDS} s, {WRITES} writes: {requests}; all followed up {caught_up:.1f} s later")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_worker_that_starts_without_a_broker_works(kit: Kit, pool: str) -> None:
    seconds = living.started_without_broker(kit, pool=pool)
    say(f"{pool} worker started without Redis: a case after {seconds:.1f} s")


@pytest.mark.parametrize("broker", ["up", "stopped"])
def test_event_is_an_open_case_within_five_seconds(kit: Kit, broker: str) -> None:
    seconds = living.latency(kit, events=200 if FULL else 100, broker=broker)
    say(f"event to open case, Redis {broker}: {seconds}")
    assert seconds.p95 <= 5


@pytest.mark.skipif(not FULL, reason="in `make chaos`")
@pytest.mark.parametrize(("guard", "how"), [("no broker in requests", "frozen"), ("drain thread", "stopped")])
def test_promise_breaks_without(kit: Kit, guard: str, how: str) -> None:
    with pytest.raises(Broken) as broken:
        living.broker_away(kit, how=how, seconds=10, writes=20, without=guard)
    say(f"without {guard!r}: {broken.value}")
