"""A second worker beside the one that asks for a sweep: the shipped drain, with nothing to do but sweeps."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import server


@contextmanager
def beside(engine: str) -> Iterator[None]:
    """Let a second worker help with sweeps inside the block; SQLite has one writer, so none there."""
    if engine == "sqlite":
        yield
        return
    words = [sys.executable, "-m", "benchmarks.worker"]
    helper = subprocess.Popen(words, cwd=server.ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if helper.stdout is None or helper.stdout.readline() != "ready\n":
            raise RuntimeError("the second worker did not start")
        yield
    finally:
        helper.terminate()
        helper.wait(30)


def main() -> None:
    """Drain until told to end: sweeps alone, since touched marks are what some benchmarks time."""
    import django

    django.setup()
    from customers.ground import drain

    for name in [name for name in drain._pollers if name != "sweep"]:
        del drain._pollers[name]
    stop = threading.Event()

    def end(*_told: object) -> None:
        stop.set()
        drain.wake()

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    drain.run_forever(stop)


if __name__ == "__main__":
    main()
