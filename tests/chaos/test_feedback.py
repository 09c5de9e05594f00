"""Whatever customers tell us while the broker is away is heard, once, and has its case (P4)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.chaos import feedback, heard, living
from tests.chaos.feedback import OF_ONE_CUSTOMER, Crowd
from tests.chaos.kit import Broken, Kit, say
from tests.chaos.living import System

FULL = bool(os.environ.get("CHAOS_FULL"))
SECONDS, PIECES = (100, 1_000) if FULL else (10, 100)
WAYS_AWAY = ("stopped", "frozen", "wiped")
EACH = PIECES // OF_ONE_CUSTOMER  # customers whom one test hears


@pytest.fixture(scope="module")
def system(kit: Kit) -> Iterator[System]:
    """A web process, workers and a scheduler, which all tests of this module share."""
    kit.dress()
    with living.running(kit) as running:
        yield living.settled(running)


@pytest.fixture(scope="module")
def people(system: System) -> Crowd:
    """Those who tell it things, all of whose customers it knows by address and name."""
    return heard.crowd(system, system.ids[: len(WAYS_AWAY) * EACH])


@pytest.mark.parametrize("how", WAYS_AWAY)
def test_every_piece_of_feedback_is_heard_once_while_the_broker_is_away(
    system: System, people: Crowd, how: str
) -> None:
    said, first = f"heard {how}", WAYS_AWAY.index(how) * EACH
    pieces = feedback.pieces(system.ids[first : first + EACH], PIECES, said=said)

    requests, cases = heard.told_while(system, people, pieces, how=how, said=said, seconds=SECONDS)

    say(f"Redis {how} in {SECONDS} s of {PIECES} pieces: requests {requests}; to the open case {cases}")
    assert cases.p95 <= 5


def test_promise_breaks_without_one_name_of_feedback(kit: Kit) -> None:
    kit.dress()
    with living.running(kit, without="one name of feedback") as running:
        people = heard.crowd(running, running.ids[:12])
        pieces = feedback.pieces(running.ids[:12], 60, said="careless")
        heard.tell(running, people, pieces, how="wiped", seconds=6)
        heard.followed(running, "careless")
        with pytest.raises(Broken, match="pieces: 1 too many") as broken:
            heard.stands(running, pieces, "careless")
    say(f"without 'one name of feedback': {broken.value}")
