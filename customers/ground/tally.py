"""Counters of this process, added every few seconds to those of all processes in the database.

So any web process can tell the sums of all, on one machine or many, without a folder to share; what a
killed process had counted in its last seconds is lost, which a counter may.
"""

from __future__ import annotations

import bisect
import json
import os
import threading

from django.db import connection, transaction

from customers.ground.models import Tally

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
LE = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
MOST_SERIES = 5000
_AT_ONCE = 200
_pending: dict[tuple[str, str], float] = {}
_lock = threading.Lock()


def count(metric: str, amount: float = 1.0, **labels: str) -> None:
    """Add to a counter. Labels come from closed lists (names of routes, handlers, tasks): never ids."""
    _add({(metric, _written(labels)): amount})


def observe(metric: str, seconds: float, **labels: str) -> None:
    """Count one duration in a histogram: in its one bucket, and in the sum."""
    le = LE[bisect.bisect_left(BOUNDS, seconds)]
    bucket = (f"{metric}_bucket", _written({**labels, "le": le}))
    _add({bucket: 1.0, (f"{metric}_sum", _written(labels)): max(seconds, 0.0)})


def flush() -> int:
    """Add what was counted since the last time to the table; return how many series changed.

    When the database cannot be asked, nothing is lost: it is tried again with the next flush.
    """
    with _lock:
        taken = dict(_pending)
        _pending.clear()
    try:
        if taken:
            _write(sorted((*key, amount) for key, amount in taken.items()))  # in order: no deadlock
    except BaseException:
        _add(taken)
        raise
    return len(taken)


def _add(amounts: dict[tuple[str, str], float]) -> None:
    with _lock:
        for key, amount in amounts.items():
            if key in _pending or len(_pending) < MOST_SERIES:
                _pending[key] = _pending.get(key, 0.0) + amount


def _write(rows: list[tuple[str, str, float]]) -> None:
    table = Tally._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            cursor.execute(
                f"INSERT INTO {table} (metric, labels, value) VALUES "  # noqa: S608 — our own table's name
                + ", ".join(["(%s, %s, %s)"] * len(some))
                + f" ON CONFLICT (metric, labels) DO UPDATE SET value = {table}.value + excluded.value",
                [value for row in some for value in row],
            )


def _written(labels: dict[str, str]) -> str:
    short = {name: value[:80] for name, value in labels.items()}
    return json.dumps(short, sort_keys=True, separators=(",", ":")) if short else ""


def _forget() -> None:
    """After a fork the child counts from nothing: what was counted before is the parent's."""
    global _lock
    _lock = threading.Lock()
    _pending.clear()


os.register_at_fork(after_in_child=_forget)
