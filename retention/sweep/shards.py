"""The shards of a run over everybody: rows that any worker claims by lease (decisions 6 and 9).

The lease (real time) says who works on a shard; on PostgreSQL whoever does also holds its row, so that a
slow worker is never overtaken and a dead one is replaced when the lease ends. A shard is marked done in
the transaction of its work, by the token of its lease: whoever lost the lease takes his work back.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, Q

from customers.ground import clock
from retention.measures import fingerprint
from retention.measures.compute import Customers, between
from retention.models import SweepRun, SweepShard

LEASE = timedelta(seconds=20)
TRY_AGAIN = timedelta(seconds=2)
MOST_ATTEMPTS = 20

EVERYBODY = (SweepRun.Scope.FULL, SweepRun.Scope.CHANGED)
Status = SweepRun.Status


class LeaseLost(Exception):
    """The shard was given to another worker meanwhile, or its run given up."""


def lay_down(run: SweepRun, ranges: Sequence[Customers]) -> None:
    """Store a run with a shard for each range, in one transaction."""
    with transaction.atomic():
        run.shards = len(ranges)
        run.save()
        SweepShard.objects.bulk_create(
            [
                SweepShard(run=run, number=number, low=customers.low, high=customers.high)
                for number, customers in enumerate(ranges, start=1)
            ],
            batch_size=500,
        )


def claim(run: SweepRun | None = None) -> SweepShard | None:
    """Lease the first free shard, of ``run`` or of any that is running; ``None`` when there is none.

    Only of runs with our own measures: a worker of another version would compute others. On SQLite one
    worker at a time works on a run, since a second one could only wait.
    """
    free = _free(run)
    if not free.exists():  # on SQLite: no write lock every second
        return None
    real = clock.real_now()
    with transaction.atomic():
        shards = free.order_by("id")
        if connection.features.has_select_for_update_skip_locked:
            shards = shards.select_for_update(skip_locked=True, of=("self",))
        shard = shards.select_related("run").first()
        if shard is None:
            return None
        shard.lease_until, shard.lease_token = real + LEASE, secrets.token_hex(16)
        shard.attempts += 1
        shard.save(update_fields=["lease_until", "lease_token", "attempts"])
    return shard


def hold(shard: SweepShard) -> Customers:
    """Hold a claimed shard's row to the end of the transaction; return its customers.

    Raises :class:`LeaseLost` when it is somebody else's by now.
    """
    held = SweepShard.objects.select_for_update().filter(_mine(shard))
    if not list(held.values_list("pk", flat=True)):
        raise LeaseLost
    return between(shard.low, shard.high)


def done(shard: SweepShard, found: dict[str, Any]) -> None:
    """Mark a shard done, inside the transaction of its work; raises :class:`LeaseLost`.

    Only while its run is running and no later day's run has begun: once a run was given up, or a later
    day's can be seen, none of its shards is written any more.
    """
    held = SweepShard.objects.filter(_mine(shard))
    if not held.update(done_at=clock.real_now(), lease_until=None, error="", found=found):
        raise LeaseLost
    later = SweepRun.objects.filter(
        scope__in=EVERYBODY, status__in=[Status.RUNNING, Status.DONE], day__gt=shard.run.day
    )
    running = SweepRun.objects.filter(~Exists(later), pk=shard.run_id, status=Status.RUNNING)
    if not running.update(shards_done=F("shards_done") + 1):
        raise LeaseLost


def give_back(shard: SweepShard, *, error: Exception) -> None:
    """Let a shard whose work failed be tried again soon, and keep what failed."""
    SweepShard.objects.filter(_mine(shard)).update(
        lease_until=clock.real_now() + TRY_AGAIN, error=type(error).__name__[:100]
    )


def undone(run: SweepRun) -> bool:
    """Return whether a shard of the run is left to do or under way."""
    return SweepShard.objects.filter(run=run, done_at__isnull=True).exists()


def exhausted(run: SweepRun) -> bool:
    """Return whether a shard of the run was tried too often and nobody holds it."""
    gone = Q(lease_until__isnull=True) | Q(lease_until__lt=clock.real_now())
    return SweepShard.objects.filter(
        gone, run=run, done_at__isnull=True, attempts__gte=MOST_ATTEMPTS
    ).exists()


def _free(run: SweepRun | None) -> Any:
    real = clock.real_now()
    running = SweepShard.objects.filter(
        done_at__isnull=True, run__status=Status.RUNNING, run__fingerprint=fingerprint()
    )
    if run is not None:
        running = running.filter(run=run)
    if connection.vendor == "sqlite":
        busy = running.filter(lease_until__gte=real).values("run_id")
        running = running.exclude(run_id__in=busy)
    return running.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=real), attempts__lt=MOST_ATTEMPTS)


def _mine(shard: SweepShard) -> Q:
    return Q(pk=shard.pk, lease_token=shard.lease_token, done_at__isnull=True)
