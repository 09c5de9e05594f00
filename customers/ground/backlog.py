"""What waits, is late, runs, failed or is dead: counted up to a bound, for the page and the metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from customers.ground.models import OutboxRow

COUNT_UP_TO = 10_000
LATE_AFTER = timedelta(seconds=60)


@dataclass
class Line:
    """What one handler has to do. ``waiting`` holds the others but the dead."""

    waiting: int = 0
    running: int = 0
    late: int = 0
    failed: int = 0
    dead: int = 0
    oldest_due: datetime | None = None


@dataclass
class Backlog:
    """The lines by handler; ``is_capped`` when there is more than was counted."""

    lines: dict[str, Line] = field(default_factory=dict)
    running_ids: list[int] = field(default_factory=list)
    is_capped: bool = False

    @property
    def total(self) -> Line:
        """The sum over all handlers."""
        lines = list(self.lines.values())
        due = [line.oldest_due for line in lines if line.oldest_due is not None]
        return Line(
            waiting=sum(line.waiting for line in lines),
            running=sum(line.running for line in lines),
            late=sum(line.late for line in lines),
            failed=sum(line.failed for line in lines),
            dead=sum(line.dead for line in lines),
            oldest_due=min(due, default=None),
        )


def undone() -> QuerySet[OutboxRow]:
    """Return the rows that are neither done nor dead (the partial index ``outbox_due``)."""
    return OutboxRow.objects.filter(done_at__isnull=True, dead_at__isnull=True)


def late(*, at: datetime) -> QuerySet[OutboxRow]:
    """Return the undone rows that were due more than a minute ago (product time)."""
    return undone().filter(due_at__lt=at - LATE_AFTER)


def failed() -> QuerySet[OutboxRow]:
    """Return the undone rows whose last attempt failed (the partial index ``outbox_failed``)."""
    return undone().exclude(error="")


def dead() -> QuerySet[OutboxRow]:
    """Return the rows that are tried no more (the partial index ``outbox_dead``)."""
    return OutboxRow.objects.filter(dead_at__isnull=False)


def count(*, at: datetime, real: datetime) -> Backlog:
    """Count the rows that are due soonest, at most ``COUNT_UP_TO``, and as many dead ones; two queries.

    Args:
        at: product time, for what is due.
        real: real time, for leases.
    """
    found = Backlog()
    soonest = undone().order_by("due_at", "id").values_list("id", "handler", "due_at", "lease_until", "error")
    rows = list(soonest[: COUNT_UP_TO + 1])
    for pk, handler, due_at, lease_until, error in rows[:COUNT_UP_TO]:
        line = found.lines.setdefault(handler, Line())
        line.waiting += 1
        line.failed += bool(error)
        if lease_until is not None and lease_until > real:
            line.running += 1
            found.running_ids.append(pk)
        if due_at <= at:
            line.late += due_at < at - LATE_AFTER
            line.oldest_due = line.oldest_due or due_at  # they come in order
    buried = list(dead().order_by("id").values_list("handler", flat=True)[: COUNT_UP_TO + 1])
    for handler, number in Counter(buried[:COUNT_UP_TO]).items():
        found.lines.setdefault(handler, Line()).dead = number
    found.is_capped = max(len(rows), len(buried)) > COUNT_UP_TO
    return found
