"""The embedded run: web server, worker, scheduler and drain as threads of one process."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from celery.beat import EmbeddedService
from celery.worker import WorkController
from celery.worker import state as worker_state
from django.conf import settings
from waitress.server import create_server

from config.celery import app, start_draining, stop_draining
from customers.ground import pulse

log = logging.getLogger(__name__)

WEB_THREADS = 8
WORK_THREADS = 2
ENDS_WITHIN_SECONDS = 8.0
REST_SECONDS = 1.0  # between a worker that ended by itself and the next


class Stack:
    """The four parts. ``serve`` blocks until SIGINT or SIGTERM and then ends all of them."""

    def __init__(self, application: Callable[..., Any], *, host: str, port: int) -> None:
        """Bind the port; raise ``OSError`` when somebody else has it."""
        self.server = create_server(
            application,
            host=host,
            port=port,
            threads=WEB_THREADS,
            ident="",
            clear_untrusted_proxy_headers=True,
        )
        self.port: int = self.server.effective_port
        self.worker: WorkController | None = None
        self.threads: dict[str, threading.Thread] = {}
        self.beat: Any = None

    def serve(self, *, ready: Callable[[int], None]) -> None:
        """Start the other parts, call ``ready`` with the port, and answer requests until a signal."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, _end)
        try:
            self._start_work()
            ready(self.port)
            self.server.run()
        except SystemExit:
            pass
        finally:
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, signal.SIG_IGN)
            self._stop()

    def _start_work(self) -> None:
        for folder in settings.CELERY_BROKER_TRANSPORT_OPTIONS.values():
            if isinstance(folder, str):
                Path(folder).mkdir(parents=True, exist_ok=True)
        worker_state.should_stop = None
        pulse.start(pulse.Kind.WEB)
        self.threads["drain"] = start_draining()
        self.threads["worker"] = threading.Thread(target=self._work, name="worker", daemon=True)
        self.threads["worker"].start()
        self.beat = EmbeddedService(app, thread=True, scheduler_cls=app.conf.beat_scheduler)
        self.threads["scheduler"] = self.beat
        self.beat.start()

    def _work(self) -> None:
        # A worker ends for good when it reads a message that is not yet written whole: the next one goes on.
        while worker_state.should_stop is None:
            # WorkController, not the Worker of the command line: signal handlers are for main threads.
            self.worker = app.WorkController(
                hostname="embedded@%h",
                pool_cls="threads",
                concurrency=WORK_THREADS,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
            self.worker.start()
            time.sleep(REST_SECONDS)

    def _stop(self) -> None:
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        _end_worker()
        self.beat and self.beat.service.stop()
        stop_draining()
        self.server.close()
        for thread in self.threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        pulse.stop()
        still_at_work = [name for name, thread in self.threads.items() if thread.is_alive()]
        if still_at_work:
            # What they hold is leased in the database: it comes back when the lease ends.
            log.warning("ended while still at work", extra={"parts": still_at_work})
            logging.shutdown()
            os._exit(0)


def _end_worker() -> None:
    vars(worker_state)["should_stop"] = 0  # the exit code; its own type says None only


def _end(_signal: int, _frame: FrameType | None) -> None:
    _end_worker()  # it looks every two seconds: say it first
    raise SystemExit(0)
