"""Many connections at once: they are counted on the server before anybody may begin."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from django.db import connection, connections

from tests.chaos.kit import Broken

AT_ONCE = 32
HOUR = timedelta(hours=1)
_COUNT = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def race(acts: Sequence[Callable[[], Any]], *, seed: int, within: float = 60.0) -> list[Any]:
    """Run the acts at once, each in a thread with a connection of its own; return results or errors.

    They start when the server counts as many open connections as there are acts, in an order and with
    pauses of up to 3 ms that follow from ``seed``. One that does not end is a broken promise.
    """
    random = Random(seed)
    pauses = [random.random() * 0.003 for _ in acts]
    results: list[Any] = [None] * len(acts)
    connected = threading.Barrier(len(acts) + 1)
    start = threading.Barrier(len(acts) + 1)

    def run(position: int) -> None:
        try:
            connection.ensure_connection()
            connected.wait(30)
            start.wait(30)
            time.sleep(pauses[position])
            results[position] = acts[position]()
        except BaseException as error:
            results[position] = error
        finally:
            connections.close_all()

    order = list(range(len(acts)))
    random.shuffle(order)
    threads = [threading.Thread(target=run, args=(position,), daemon=True) for position in order]
    for thread in threads:
        thread.start()
    connected.wait(30)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        counted = cursor.fetchone()[0]
    start.wait(30)
    until = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if counted < len(acts):
        raise Broken(f"no race: only {counted} connections were open")
    if any(thread.is_alive() for thread in threads):
        raise Broken("somebody waits for ever")
    return results


def errors(results: Sequence[Any]) -> list[BaseException]:
    """Return those results that are errors."""
    return [result for result in results if isinstance(result, BaseException)]
