"""A worker works without its broker, from its first second and for as long as that is away."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery.concurrency import get_implementation

from config import celery


@pytest.mark.parametrize(("pool", "drains"), [("threads", True), ("solo", True), ("prefork", False)])
def test_worker_drains_before_it_has_found_the_broker(
    pool: str, drains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(celery, "start_draining", lambda: started.append(True))

    for given in (pool, get_implementation(pool)):
        celery.signals.celeryd_after_setup.send("worker@here", instance=SimpleNamespace(pool_cls=given))

    assert bool(started) == drains


def test_worker_never_gives_the_broker_up() -> None:
    assert celery.app.conf.broker_connection_max_retries is None
