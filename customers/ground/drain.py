"""The drain: each worker process looks every second what the database says is to be done.

No request and no verb ever talks to the broker (decision 6, made simpler: see docs/decisions).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections, connection

from customers.ground import clock, context, outbox, pulse, tally

log = logging.getLogger(__name__)

Poller = Callable[[datetime], int]
POLL_SECONDS = 1.0
_pollers: dict[str, Poller] = {}
_bell = threading.Event()


def poller(name: str) -> Callable[[Poller], Poller]:
    """Register a function ``f(at) -> int`` that does what is due and returns how much it did."""

    def register(function: Poller) -> Poller:
        _pollers[name] = function
        return function

    return register


def wake() -> None:
    """Shorten the wait of the drain thread in this process, if there is one."""
    _bell.set()


def once(*, at: datetime) -> int:
    """Do everything that is due at ``at`` once; return how much was done."""
    done = outbox.drain(at=at)
    for name, poll in list(_pollers.items()):
        done += _poll(name, poll, at=at)
    return done


def _poll(name: str, poll: Poller, *, at: datetime) -> int:
    """Ask one poller; a line in the log and a count only when it did something or failed."""
    began = time.monotonic()
    try:
        with pulse.doing(name):
            did = poll(at)
    except Exception:
        log.exception("drain poller failed", extra={"poller": name})
        tally.count("liuke_drain_failures_total", name=name)
        return 0
    if did:
        seconds = time.monotonic() - began
        tally.observe("liuke_task_seconds", seconds, name=name)
        log.info("drained", extra={"poller": name, "did": did, "seconds": round(seconds, 3)})
    return did


def until_empty(*, at: datetime, most_rounds: int = 200) -> int:
    """Drain until nothing is due (tests, commands); return how much was done."""
    total = 0
    for _round in range(most_rounds):
        done = once(at=at)
        total += done
        if not done:
            break
    return total


def run_forever(stop: threading.Event) -> None:
    """Drain until ``stop`` is set, looking every second or when woken."""
    failures = 0
    while not stop.is_set():
        did = 0
        pulse.turn(pulse.Kind.WORKER)
        try:
            with context.acting(channel="task"):
                close_old_connections()
                did = once(at=clock.now())
            failures = 0
        except Exception:
            failures += 1
            log.exception("drain round failed")
            connection.close()
        if not did:
            _bell.wait(POLL_SECONDS * min(1 + failures, 5))
            _bell.clear()
        else:
            time.sleep(0)
    connection.close()
