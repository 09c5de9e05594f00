"""Each process of ours says every ten seconds that it lives and what it is at.

A loop that no longer turns (the drain, the scheduler) falls silent although its process lives: that is
what health checks ask for. What the process counted goes to the database with the same beat.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connection

from customers.ground import clock, tally
from customers.ground.models import Heartbeat

log = logging.getLogger(__name__)

Kind = Heartbeat.Kind
SECONDS = 10.0
SILENT_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(hours=1)
# How long one turn of a loop may take before its process counts as stuck.
LONGEST_TURN = {Kind.WORKER: 45 * 60.0, Kind.BEAT: 180.0}

_process = secrets.token_hex(6)
_started: datetime | None = None
_kinds: set[str] = set()
_turned: dict[str, float] = {}
_doing: dict[int, list[tuple[str, datetime]]] = {}
_thread: threading.Thread | None = None
_end = threading.Event()
_soon = threading.Event()


def process() -> str:
    """Return the short name of this process: lease tokens begin with it."""
    return _process


def lease_token() -> str:
    """Return a new lease token of this process, 32 characters."""
    return _process + secrets.token_hex(10)


def start(kind: str) -> None:
    """Begin to say that this process lives as ``kind``; a process may be of several kinds."""
    global _thread, _started
    _started = _started or clock.real_now()
    _kinds.add(kind)
    turn(kind)
    _soon.set()
    if _thread is None or not _thread.is_alive():
        _end.clear()
        _thread = threading.Thread(target=_run, name="pulse", daemon=True)
        _thread.start()
        atexit.register(stop)


def stop() -> None:
    """Say good-bye: write what was counted and take the process off the list."""
    if not _kinds:
        return
    _kinds.clear()
    _end.set()
    _soon.set()
    if _thread is not None:
        _thread.join(2.0)
    with suppress(DatabaseError):
        tally.flush()
        Heartbeat.objects.filter(process=_process).delete()
    if not connection.in_atomic_block:
        connection.close()


def turn(kind: str) -> None:
    """Say that the loop of ``kind`` has come round."""
    _turned[kind] = time.monotonic()


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what this thread is at while the block runs; with blocks in blocks the innermost is shown."""
    stack = _doing.setdefault(threading.get_ident(), [])
    stack.append((what[:100], clock.real_now()))
    try:
        yield
    finally:
        stack.pop()
        if not stack:
            _doing.pop(threading.get_ident(), None)


def beat() -> int:
    """Write one row for each kind whose loop turns; return how many."""
    real = clock.real_now()
    at_work = [top for stack in list(_doing.values()) for top in stack[-1:]]
    what, since = min(at_work, key=lambda pair: pair[1]) if at_work else ("", None)
    rows = [
        Heartbeat(
            process=_process,
            kind=kind,
            host=socket.gethostname()[:255],
            pid=os.getpid(),
            started_at=_started or real,
            seen_at=real,
            doing=what if kind == Kind.WORKER else "",
            since=since if kind == Kind.WORKER else None,
        )
        for kind in sorted(_kinds)
        if _turns(kind)
    ]
    Heartbeat.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["process", "kind"],
        update_fields=["seen_at", "doing", "since"],
    )
    return len(rows)


def _turns(kind: str) -> bool:
    longest = LONGEST_TURN.get(Kind(kind))
    return longest is None or time.monotonic() - _turned.get(kind, 0.0) < longest


def _run() -> None:
    """Beat until told to end. A database that is away is waited for, said once in the log."""
    failing = False
    forget_at = 0.0
    while True:
        try:
            if time.monotonic() >= forget_at:
                Heartbeat.objects.filter(seen_at__lt=clock.real_now() - FORGOTTEN_AFTER).delete()
                forget_at = time.monotonic() + FORGOTTEN_AFTER.total_seconds()
            beat()
            tally.flush()
            failing = False
        except Exception:
            if not failing:
                log.exception("pulse failed")
            failing = True
        connection.close()  # ten seconds are long: no process keeps a second connection for this
        _soon.wait(SECONDS)
        _soon.clear()
        if _end.is_set():
            return


def _forget() -> None:
    """After a fork the child is a process of its own, of no kind as yet."""
    global _process, _started, _thread
    _process, _started, _thread = secrets.token_hex(6), None, None
    _kinds.clear()
    _turned.clear()
    _doing.clear()
    _end.clear()
    _soon.clear()


os.register_at_fork(after_in_child=_forget)
