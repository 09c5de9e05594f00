"""The Celery application: bells and schedule. What is to be done stands in the database."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

from celery import Celery, signals
from celery.beat import PersistentScheduler

from config.schedule import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

log = logging.getLogger(__name__)
app = Celery("liuke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()


@signals.setup_logging.connect
def _keep_our_logs(**_kwargs: Any) -> None:
    """Leave the logs as the settings have made them: Celery would raise the root's level to its own."""


_stop_draining = threading.Event()
_draining: threading.Thread | None = None
DRAIN_ENDS_WITHIN_SECONDS = 5.0


def start_draining() -> threading.Thread:
    """Start this process's drain thread; a second call returns the one that runs."""
    from customers.ground import drain, pulse

    global _draining
    pulse.start(pulse.Kind.WORKER)
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


@signals.celeryd_after_setup.connect
def _drain_in_the_worker(instance: Any, **_kwargs: Any) -> None:
    # Not when the worker is ready: that is when it has found the broker, which may be away for hours.
    if "prefork" not in str(instance.pool_cls):
        start_draining()


@signals.worker_process_shutdown.connect
@signals.worker_shutting_down.connect
def _end_the_drain(**_kwargs: Any) -> None:
    _stop_draining.set()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _say_good_bye(**_kwargs: Any) -> None:
    from customers.ground import pulse

    pulse.stop()


# --- The scheduler ----------------------------------------------------------------------------


class Scheduler(PersistentScheduler):
    """The scheduler, which says that it lives each time its loop comes round."""

    def setup_schedule(self) -> None:
        """Begin to say so."""
        from customers.ground import pulse

        super().setup_schedule()
        pulse.start(pulse.Kind.BEAT)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ring for what is due, at least every half minute."""
        from customers.ground import pulse

        pulse.turn(pulse.Kind.BEAT)
        wait: float = super().tick(*args, **kwargs)
        return wait


# --- Tasks: whose they are, how long they took ------------------------------------------------
CAUSED_BY = "liuke_caused_by"
_running: dict[str, tuple[ExitStack, float]] = {}


@signals.before_task_publish.connect
def _carry_the_id(headers: dict[str, Any] | None = None, **_kwargs: Any) -> None:
    """Send the id of the request (or task) that asks along with the task."""
    from customers.ground import context

    if headers is not None and (root := context.current().root):
        headers.setdefault(CAUSED_BY, root)


@signals.task_prerun.connect
def _begin(task_id: str, task: Any, **_kwargs: Any) -> None:
    from customers.ground import context, pulse

    given = (task.request.headers or {}).get(CAUSED_BY) or task.request.get(CAUSED_BY) or ""
    stack = ExitStack()
    stack.enter_context(
        context.acting(channel="task", request_id=task_id, caused_by=given if context.is_id(given) else "")
    )
    stack.enter_context(pulse.doing(task.name))
    _running[task_id] = (stack, time.monotonic())


@signals.task_postrun.connect
def _end(task_id: str, task: Any, state: str = "", **_kwargs: Any) -> None:
    """Say in one line which task ran, how long and how it ended, and count it."""
    from django.db import DatabaseError

    from customers.ground import clock, tally, updates

    if task_id not in _running:
        return
    stack, began = _running.pop(task_id)
    seconds = time.monotonic() - began
    tally.observe("liuke_task_seconds", seconds, name=task.name)
    outcome = (state or "unknown").lower()
    with suppress(DatabaseError):  # it is told again by the next run
        updates.note(task.name, at=clock.real_now(), seconds=seconds, is_done=outcome == "success")
    log.info("task", extra={"task": task.name, "outcome": outcome, "seconds": round(seconds, 3)})
    stack.close()
