"""A sweep over everybody: laid down as shards, done by whoever has time, ended by whoever is last.

Who asked for the sweep works on it and waits for its end; the drain of every other worker process helps.
When all of them die, the first one that starts again goes on.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import datetime

from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import drain
from customers.ground.errors import Refused
from retention.measures import compute
from retention.measures.compute import Customers
from retention.models import SweepRun, SweepShard
from retention.sweep import ending, marks, shards
from retention.sweep.judging import judge

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.05
MOST_FAILURES = 3
Status = SweepRun.Status


class SweepFailed(Refused):
    code = "sweep_failed"
    message = _("The sweep could not be ended: one part of it failed too often. The log says why.")


def work_until_ended(run: SweepRun) -> SweepRun:
    """Do the shards of a run, wait for those that others do, and return it when it has ended.

    Raises :class:`SweepFailed` when another worker had to give it up. An error here ends the run as
    failed, except for a passing one (a deadlock, a lock), which is tried again.
    """
    passed = 0
    try:
        while _is_running(run):
            shard = shards.claim(run)
            if shard is not None:
                _do(shard)
                continue
            try:
                ended = ending.finish(run)
            except OperationalError as error:
                passed += 1
                if passed > MOST_FAILURES or not _is_passing(error):
                    raise
                log.warning("sweep could not be ended yet", extra={"sweep_id": run.pk})
                time.sleep(WAIT_SECONDS)
            else:
                if not ended:
                    _wait_for_others(run)
    except BaseException:
        with suppress(DatabaseError):  # when the database itself is gone, the first error counts
            ending.fail(run)
        raise
    if run.status == Status.FAILED:
        raise SweepFailed()
    return run


@drain.poller("sweep")
def help_out(at: datetime) -> int:
    """Do one shard of any running sweep, or end one that was left behind; return how much was done."""
    shard = shards.claim()
    if shard is None:
        return sum(_end_if_left(run) for run in _left_behind())
    try:
        _do(shard)
    except Exception as error:
        if shard.attempts >= MOST_FAILURES and not _is_passing(error):
            ending.fail(shard.run)
        raise
    ending.finish(shard.run)
    return 1


def _do(shard: SweepShard) -> None:
    """Do one shard in one transaction; give it back when it fails."""
    try:
        with transaction.atomic():
            customers = shards.hold(shard)
            found = judge(shard.run, customers, measuring=lambda: _measure(shard.run, customers))
            shards.done(shard, found.as_json())
    except shards.LeaseLost:
        log.info("shard was given to another worker", extra={"shard_id": shard.pk})
    except Exception as error:
        shards.give_back(shard, error=error)
        if not _is_passing(error):
            raise


def _measure(run: SweepRun, customers: Customers) -> int:
    """Bring the wide rows of a shard up to date; return how many were written.

    Rows whose values are the same stay: no run of an earlier day can come after us, since those that
    were under way were given up before our first shard.
    """
    if run.scope == SweepRun.Scope.CHANGED:
        changed = compute.changed_of(customers, as_of=run.as_of)
        written = compute.refresh(as_of=run.as_of, customers=changed, only_changes=True)
        return written + compute.refresh_vectors(as_of=run.as_of, customers=customers)
    with marks.of_full_pass(customers, as_of=run.as_of):
        return compute.refresh(as_of=run.as_of, customers=customers, only_changes=True)


def _is_running(run: SweepRun) -> bool:
    run.refresh_from_db()
    return run.status == Status.RUNNING


def _wait_for_others(run: SweepRun) -> None:
    """Wait a moment for shards that others hold; give the run up when one was tried too often."""
    if shards.exhausted(run):
        ending.fail(run)
    elif shards.undone(run):
        time.sleep(WAIT_SECONDS)


def _left_behind() -> list[SweepRun]:
    running = SweepRun.objects.filter(scope__in=shards.EVERYBODY, status=Status.RUNNING)
    return list(running.filter(parts__isnull=False).distinct())


def _end_if_left(run: SweepRun) -> bool:
    if shards.exhausted(run):
        ending.fail(run)
        return True
    return ending.finish(run)


def _is_passing(error: Exception) -> bool:
    """Return whether the database was at fault: a deadlock, a lost connection, a lock."""
    return isinstance(error, OperationalError) and (
        connection.vendor == "postgresql" or "locked" in str(error)
    )
