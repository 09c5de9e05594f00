"""A sweep by real workers that are killed, over servers that break, ends as if undisturbed (P3)."""

from __future__ import annotations

import os

from tests.chaos import storm, tasks
from tests.chaos.conftest import SEEDS
from tests.chaos.kit import Kit

CUSTOMERS = int(os.environ.get("CHAOS_CUSTOMERS", "5000"))
KILLS = int(os.environ.get("CHAOS_KILLS", "5"))


def test_storm_leaves_what_an_undisturbed_run_leaves(kit: Kit) -> None:
    reports = storm.blow_and_compare(kit, customers=CUSTOMERS, kills=KILLS, seeds=list(SEEDS), least=5)
    assert len(reports) == len(SEEDS)


def test_three_schedulers_make_the_days_sweep_once(kit: Kit) -> None:
    tasks.three_schedulers(kit)
