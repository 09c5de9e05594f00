"""32 open connections, counted on the server: every outcome exactly once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.races import RACES


@pytest.mark.parametrize("promise", RACES, ids=lambda promise: promise.__name__)
def test_race(promise: Callable[[int], None], seed: int, database: str) -> None:
    promise(seed)
