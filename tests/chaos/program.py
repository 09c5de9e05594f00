"""One process of the product as the chaos tests start it: leases of seconds, and perhaps a guard taken out.

    python -m tests.chaos.program celery worker -P prefork …
    python -m tests.chaos.program manage runstack --port 0
    python -m tests.chaos.program web 8123
    python -m tests.chaos.program build 5000
    python -m tests.chaos.program listen '[1, 2]'

The product itself knows no such switch: everything is patched here, before the program begins.
"""

from __future__ import annotations

import importlib
import os
import sys
from datetime import timedelta
from typing import Any

import django
import pytest

LEASES = (
    ("customers.ground.outbox", "LEASE"),
    ("retention.sweep.marks", "LEASE"),
    ("retention.sweep.marks", "LEASE_OF_FAILED"),
    ("retention.sweep.shards", "LEASE"),
    ("retention.sweep.nightly", "LEASE"),
    ("retention.sweep.nightly", "TRY_AGAIN"),
)
RUNS, LONGER = ("customers.ground.runs", "LEASE"), 15
"""Nobody renews the lease of a run: it has to be longer than the work, so many times the others."""


def prepare() -> None:
    """Load Django, shorten leases and schedule, take out the guards named by the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.chaos import guards, handlers  # noqa: F401 — enters the tests' own outbox handlers

    patch = pytest.MonkeyPatch()
    if seconds := os.environ.get("CHAOS_LEASE"):
        shorten_leases(patch, timedelta(seconds=float(seconds)))
    if seconds := os.environ.get("CHAOS_SCHEDULE"):
        _ring_often(float(seconds))
    if name := os.environ.get("CHAOS_WITHOUT"):
        guards.GUARDS[name].take_out(patch)


def shorten_leases(patch: pytest.MonkeyPatch, span: timedelta) -> None:
    """Let what a dead worker held come back after ``span`` of real time."""
    for module, name in LEASES:
        patch.setattr(importlib.import_module(module), name, span)
    patch.setattr(importlib.import_module(RUNS[0]), RUNS[1], LONGER * span)


def _ring_often(seconds: float) -> None:
    from config.celery import app

    for entry in app.conf.beat_schedule.values():
        entry["schedule"] = seconds


def main(words: list[str]) -> Any:
    """Run the program that the first word names."""
    prepare()
    what, *rest = words
    if what == "celery":
        from config.celery import app

        return app.start(argv=rest)
    if what == "manage":
        from django.core.management import execute_from_command_line

        return execute_from_command_line(["manage.py", *rest])
    if what == "web":
        from waitress import serve

        from config.wsgi import application

        return serve(application, host="127.0.0.1", port=int(rest[0]), threads=8)
    if what == "build":
        from tests.chaos import company

        return company.main(int(rest[0]))
    if what == "listen":
        from tests.chaos import ears

        return ears.main(rest[0])
    raise SystemExit(f"no such program: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
