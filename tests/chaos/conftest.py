"""The bench, and a fresh company's database for each test; without the bench every test is passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connections

from customers.ground import clock
from tests.chaos import kit as bench
from tests.chaos.kit import MORNING, Kit

SMALL = 40
SEEDS = range(
    int(os.environ.get("CHAOS_FIRST", "1")),
    int(os.environ.get("CHAOS_FIRST", "1")) + int(os.environ.get("CHAOS_SEEDS", "1")),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chaos" in item.path.parts:
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(scope="session")
def kit() -> Kit:
    """The bench that ``python -m tests.chaos`` has set up."""
    if bench.CURRENT is None:
        pytest.skip("the servers of the chaos tests are not there: run `python -m tests.chaos`")
    return bench.CURRENT


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    """One of the seeds; the number is part of the test's name."""
    number: int = request.param
    return number


@pytest.fixture
def database(kit: Kit, django_db_blocker: object) -> Iterator[str]:
    """A copy of the small company's database, to which every connection of this process goes."""
    name = kit.copy(kit.template(SMALL)[0])
    settings = connections.settings["default"]
    before = settings["NAME"]
    connections.close_all()
    settings["NAME"] = name
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        clock.forget()
        clock.fix(MORNING)
        yield name
        connections.close_all()
    settings["NAME"] = before
    clock.forget()
    kit.drop(name)
