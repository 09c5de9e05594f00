"""The pass over everybody, once each local day, whoever asks for it and however often."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from customers import company
from customers.ground import clock, localtime, runs
from customers.ground.models import BackgroundRun
from retention import losses, revisits, segments, standing
from retention.losses.nightly import NAME as LOSSES
from retention.measures import coverage, fingerprint, fitted
from retention.models import SweepRun
from retention.standing.judging import NAME as STANDING
from retention.sweep import everybody
from retention.sweep.ending import NIGHTLY as NAME
from retention.sweep.sweeping import run

AFTER = "after_sweep"  # what follows the sweep, as ``BackgroundRun`` names it
LEASE = timedelta(minutes=30)
TRY_AGAIN = timedelta(minutes=5)


def nightly(*, at: datetime) -> SweepRun | None:
    """Sweep everybody as of ``at`` unless this local day's sweep was made or is under way.

    Returns the run, ``None`` when it is somebody else's or no company was set up yet. Only measures
    that time or facts may have moved are computed; every customer is judged. When the worker dies, the
    drains of the others go on with the shards that are left; a run that nobody went on with is taken over
    when its lease (real time) ends; one that failed is tried again after five minutes.

    Before it, parameters that are a week old are fitted anew. Once it is done, losses and returns are found,
    customers judged anew, and who belongs to each segment and of whom each measure is known is counted; what
    of that is left is made up for when it is asked again.
    """
    try:
        day = company.today(at)
    except company.NoCompany:
        return None
    slot = localtime.day_of(day.number).isoformat()
    if not _take(slot, at=at):
        if runs.is_done(NAME, slot):
            _after(slot, at=at)
        return None
    mine = BackgroundRun.objects.filter(name=NAME, slot=slot)
    try:
        fitted.fit_due(at=at)
        ours = SweepRun.objects.filter(slot=slot, fingerprint=fingerprint())
        left = ours.exclude(status=SweepRun.Status.FAILED).last()
        if left is not None:
            done = everybody.work_until_ended(left)
        else:
            done = run(as_of=at, scope=SweepRun.Scope.CHANGED, slot=slot)
    except BaseException:
        mine.update(status=BackgroundRun.Status.FAILED, lease_until=clock.real_now() + TRY_AGAIN)
        raise
    mine.update(status=BackgroundRun.Status.DONE, finished_at=at)
    _after(slot, at=at)
    return done


def _after(slot: str, *, at: datetime) -> None:
    """Do what rests on measures that are up to date, once and in order, one worker at a time.

    What a worker that died or failed left is made up for. Who stands how rests on who is lost, and who is
    visited on both: a step that somebody may still be at is waited for, by trying again later.
    """
    if not runs.take(AFTER, slot, at=at):
        return
    try:
        for name, step in ((LOSSES, losses.nightly), (STANDING, standing.nightly)):
            step(at=at)
            if not runs.is_done(name, slot):
                runs.give_up(AFTER, slot)
                return
        revisits.nightly(at=at)
        segments.note_counts(at=at)
        coverage.note(at=at)
    except BaseException:
        runs.give_up(AFTER, slot)
        raise
    runs.end(AFTER, slot, at=at)


def _take(slot: str, *, at: datetime) -> bool:
    """Take the day's run by its unique row; return whether it is ours."""
    real = clock.real_now()
    try:
        with transaction.atomic():
            BackgroundRun.objects.create(name=NAME, slot=slot, started_at=at, lease_until=real + LEASE)
        return True
    except IntegrityError:
        left = BackgroundRun.objects.filter(
            ~Q(status=BackgroundRun.Status.DONE), name=NAME, slot=slot, lease_until__lt=real
        )
        taken = left.update(
            status=BackgroundRun.Status.RUNNING, started_at=at, lease_until=real + LEASE, finished_at=None
        )
        return bool(taken)
