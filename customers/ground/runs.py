"""Scheduled runs that are made once for each name and slot, whoever asks for them and however often."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from customers.ground import clock
from customers.ground.models import BackgroundRun

LEASE = timedelta(minutes=30)
TRY_AGAIN = timedelta(minutes=5)
Status = BackgroundRun.Status


def take(name: str, slot: str, *, at: datetime) -> bool:
    """Take a slot by its unique row; return whether it is ours.

    One that was begun and not ended is taken over when its lease (real time) ends.
    """
    real = clock.real_now()
    try:
        with transaction.atomic():
            BackgroundRun.objects.create(name=name, slot=slot, started_at=at, lease_until=real + LEASE)
        return True
    except IntegrityError:
        left = BackgroundRun.objects.filter(
            ~Q(status=Status.DONE), name=name, slot=slot, lease_until__lt=real
        )
        taken = left.update(status=Status.RUNNING, started_at=at, lease_until=real + LEASE, finished_at=None)
        return bool(taken)


def end(name: str, slot: str, *, at: datetime) -> None:
    """Note that the slot's run is done."""
    BackgroundRun.objects.filter(name=name, slot=slot).update(status=Status.DONE, finished_at=at)


def is_done(name: str, slot: str) -> bool:
    """Return whether the slot's run was ended."""
    return BackgroundRun.objects.filter(name=name, slot=slot, status=Status.DONE).exists()


def give_up(name: str, slot: str) -> None:
    """Note that it failed; it may be tried again in five minutes."""
    BackgroundRun.objects.filter(name=name, slot=slot).update(
        status=Status.FAILED, lease_until=clock.real_now() + TRY_AGAIN
    )
