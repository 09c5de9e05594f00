"""Several people at once: each act in a thread with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def race(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts at once, each with a connection of its own; return results or refusals."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(position: int, act: Callable[[], Any]) -> None:
        start.wait(timeout=10)
        try:
            results[position] = act()
        except Exception as error:
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results
