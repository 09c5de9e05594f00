"""A real Celery worker on a real Redis: it takes tasks, and each of its processes drains the database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.services

# What another process would do: a row of the outbox whose handler exists in every process.
ADD_A_ROW = """
import django; django.setup()
from customers.ground import clock, outbox
from customers.ground.models import OutboxRow
name = sorted(outbox.handlers())[0]
OutboxRow.objects.create(handler=name, payload={}, dedupe_key="test-worker", due_at=clock.now())
"""
STATE_OF_THE_ROW = """
import django; django.setup()
from customers.ground.models import OutboxRow
row = OutboxRow.objects.get(dedupe_key="test-worker")
print(row.attempts)
"""


@pytest.fixture
def environment(tmp_path: Path, redis_url: str) -> dict[str, str]:
    """An embedded database of its own, with Redis as the broker."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    env = {
        **kept,
        "LIUKE_VAR": str(tmp_path),
        "REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True
    )
    return env


@pytest.fixture(params=["prefork", "threads"])
def worker(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "config", "worker"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--pool", request.param, "--concurrency", "1", "--loglevel", "INFO"],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
        )
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(what: Callable[[], bool], *, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, log.read_text(errors="replace")[-3000:]
        threading.Event().wait(0.2)


def python(code: str, env: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    ).stdout


def test_worker_takes_tasks_and_drains(worker: Path, environment: dict[str, str], redis_url: str) -> None:
    python("from config.celery import app; app.send_task('celery.backend_cleanup')", environment)
    python(ADD_A_ROW, environment)
    bell = redis.Redis.from_url(redis_url)
    try:
        until(lambda: not bell.llen("liuke") and not bell.hlen("unacked"), seconds=30, log=worker)
        until(lambda: int(python(STATE_OF_THE_ROW, environment)) > 0, seconds=30, log=worker)
    finally:
        bell.close()
