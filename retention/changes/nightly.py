"""What the night does for open changes: who came in since is added, who was lost since is noted."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from customers import company
from customers.ground import localtime, runs
from customers.ground.errors import Refused
from retention.changes.concerned import enrol
from retention.changes.following import follow
from retention.models import BusinessChange, ConcernedCustomer, Loss, LossKind

log = logging.getLogger(__name__)

NAME = "changes"  # of the nightly run in ``BackgroundRun``


def nightly(*, at: datetime) -> dict[str, int] | None:
    """See to the open changes, once each local day; return counts, nothing when it was done.

    A change whose segment no longer stands is left as it is and logged. Side effects: rows of who came in,
    whom the drain tells; steps ``left``.
    """
    firm = company.find()
    if firm is None:
        return None
    slot = localtime.day_of(company.today(at, firm).number).isoformat()
    if not runs.take(NAME, slot, at=at):
        return None
    try:
        done = {"added": add_new(at=at), "left": note_left(at=at)}
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done


def add_new(*, at: datetime) -> int:
    """Add the customers whom an open change concerns by now, some in a transaction; return how many.

    One whose first customers are still being written down is left for the next night.
    """
    done = 0
    known = BusinessChange.objects.filter(state__in=BusinessChange.OPEN, enrolled_at__isnull=False)
    for change in known.order_by("pk"):
        try:
            done += _add_new(change, at=at)
        except Refused as refusal:
            log.warning("change left as it is", extra={"change": change.pk, "code": refusal.code})
    return done


def _add_new(change: BusinessChange, *, at: datetime) -> int:
    done, after = 0, 0
    while True:
        with transaction.atomic():
            ids = enrol(change, is_late=True, after=after, at=at)
        if not ids:
            return done
        done, after = done + len(ids), ids[-1]


def note_left(*, at: datetime) -> int:
    """Note as left who was lost since the announcement and is still; return how many."""
    lost = Loss.objects.filter(
        customer=OuterRef("customer"), occurred_at__gte=OuterRef("change__announced_at"), ended_at=None
    ).exclude(definition=LossKind.PARTIAL)
    rows = ConcernedCustomer.objects.filter(
        Exists(lost), change__state__in=BusinessChange.OPEN, change__announced_at__lte=at
    ).exclude(state=ConcernedCustomer.State.LEFT)
    with transaction.atomic():
        return follow(list(rows.order_by(F("pk"))), ConcernedCustomer.State.LEFT, at=at)
