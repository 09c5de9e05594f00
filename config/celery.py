"""The Celery application: bells and schedule. What is to be done stands in the database."""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery, signals

from config.schedule import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("liuke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()

_stop_draining = threading.Event()
_draining: threading.Thread | None = None
DRAIN_ENDS_WITHIN_SECONDS = 5.0


def start_draining() -> threading.Thread:
    """Start this process's drain thread; a second call returns the one that runs."""
    from customers.ground import drain

    global _draining
    if _draining is None or not _draining.is_alive():
        _stop_draining.clear()
        _draining = threading.Thread(
            target=drain.run_forever, args=(_stop_draining,), name="drain", daemon=True
        )
        _draining.start()
    return _draining


def stop_draining() -> bool:
    """Ask the drain thread to end and wait a moment; return whether it has ended."""
    from customers.ground import drain

    _stop_draining.set()
    drain.wake()
    if _draining is not None:
        _draining.join(DRAIN_ENDS_WITHIN_SECONDS)
        return not _draining.is_alive()
    return True


@signals.worker_process_init.connect
def _drain_in_each_child(**_kwargs: Any) -> None:
    # Processes that were forked drain for themselves: a thread of the parent would be alive while
    # the pool forks again, with the database's socket open.
    start_draining()


@signals.worker_ready.connect
def _drain_in_the_worker(sender: Any, **_kwargs: Any) -> None:
    if "prefork" not in type(sender.pool).__module__:
        start_draining()


@signals.worker_process_shutdown.connect
@signals.worker_shutting_down.connect
def _end_the_drain(**_kwargs: Any) -> None:
    _stop_draining.set()
