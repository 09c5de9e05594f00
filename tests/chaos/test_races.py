"""32 open connections, counted on the server, and deaths at chosen places: every outcome exactly once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.deaths import DEATHS
from tests.chaos.races import RACES


@pytest.mark.parametrize("promise", [*RACES, *DEATHS], ids=lambda promise: promise.__name__)
def test_promise(promise: Callable[[int], None], seed: int, database: str) -> None:
    promise(seed)
