"""The only process is killed while people work: the file is whole and what was acknowledged is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos import embedded
from tests.chaos.kit import Broken, Kit, say

FULL = bool(os.environ.get("CHAOS_FULL"))
KILLS = 50 if FULL else int(os.environ.get("CHAOS_KILLS", "5"))


@pytest.fixture(scope="session")
def made(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the company's SQLite file that each test copies."""
    folder = tmp_path_factory.mktemp("embedded")
    embedded.template(folder)
    return folder


def test_acknowledged_work_outlives_every_kill_of_the_only_process(made: Path, tmp_path: Path) -> None:
    say(str(embedded.killed_again_and_again(made, tmp_path / "run", kills=KILLS, seed=1)))


@pytest.mark.parametrize("guard", ["answered after the commit", "all of it or nothing"])
def test_promise_breaks_without(made: Path, tmp_path: Path, guard: str) -> None:
    if not FULL:
        pytest.skip("in `make chaos`")
    with pytest.raises(Broken) as broken:
        embedded.killed_again_and_again(made, tmp_path / "run", kills=10, seed=1, without=guard)
    say(f"without {guard!r}: {broken.value}")
