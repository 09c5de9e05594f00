"""The embedded run: what happens when one of its parts ends by itself."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from celery.worker import state as worker_state
from kombu import Connection

from config import stack
from config.celery import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of messages of a broker of this test's own."""
    places = {name: tmp_path / name for name in ("queue", "processed", "control")}
    for place in places.values():
        place.mkdir()
    options = {
        "data_folder_in": str(places["queue"]),
        "data_folder_out": str(places["queue"]),
        "processed_folder": str(places["processed"]),
        "control_folder": str(places["control"]),
        "polling_interval": 0.05,
    }
    connected = Connection("filesystem://localhost", transport_options=options)
    monkeypatch.setattr(app, "connection_for_read", lambda *_a, **_k: connected.clone())
    return places["queue"]


def test_a_worker_that_reads_half_a_message_is_followed_by_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    build = app.WorkController

    def counted(**how: Any) -> Any:
        made.append(build(**how))
        return made[-1]

    monkeypatch.setattr(app, "WorkController", counted)
    monkeypatch.setattr(stack, "REST_SECONDS", 0.01)
    monkeypatch.setattr(worker_state, "should_stop", None)
    running = object.__new__(stack.Stack)
    (folder / f"1_half.{app.conf.task_default_queue}.msg").write_bytes(b"")
    thread = Thread(target=running._work, daemon=True)
    thread.start()
    until = monotonic() + 30
    while len(made) < 2 and monotonic() < until:
        sleep(0.05)
    stack._end_worker()
    thread.join(15)
    assert len(made) == 2 and not thread.is_alive()
