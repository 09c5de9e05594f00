"""Runs of the sweep are kept for 90 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from retention.models import EarlyWarning, SweepRun, SweepShard

KEPT = timedelta(days=90)
EVERYBODY = [SweepRun.Scope.FULL, SweepRun.Scope.CHANGED]
AT_ONCE = 500
MOST = 50_000  # a call: the next one goes on


def forget_old(*, at: datetime) -> int:
    """Delete the runs that ended more than 90 days before ``at``; return how many.

    One that a warning names stays as the warning's origin, without its parts; the newest over everybody stays
    too, since no sweep may be dated before it. Side effects: rows of runs
    and their parts are deleted, at most 50,000 runs a call, each 500 in a transaction of their own.
    """
    full = SweepRun.objects.filter(status=SweepRun.Status.DONE, scope__in=EVERYBODY)
    newest = full.order_by("-day", "-pk").values("pk")[:1]
    old = SweepRun.objects.filter(started_at__lt=at - KEPT).exclude(status=SweepRun.Status.RUNNING)
    old = old.exclude(pk__in=list(newest.values_list("pk", flat=True)))
    named = EarlyWarning.objects.filter(sweep_run=OuterRef("pk"))
    deleted = 0
    while deleted < MOST:
        with transaction.atomic():
            going = list(old.filter(~Exists(named)).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            SweepShard.objects.filter(run__in=going).delete()
            SweepRun.objects.filter(pk__in=going).delete()
        deleted += len(going)
        if len(going) < AT_ONCE:
            break
    SweepShard.objects.filter(run__in=old).delete()
    return deleted
