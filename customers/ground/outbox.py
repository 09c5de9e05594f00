"""Work to be done later is a row (decision 6): claimed by lease, tried again, done once."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from customers.ground import audit, clock, context, pulse, tally
from customers.ground.models import Event, OutboxRow

log = logging.getLogger(__name__)

Handler = Callable[[OutboxRow, datetime], None]
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 8
DONE, NOT_OURS = "done", "not ours"
_handlers: dict[str, Handler] = {}


def handler(name: str) -> Callable[[Handler], Handler]:
    """Register the function that does the work of rows named ``name``: ``f(row, at)``.

    It runs inside one transaction together with the row's done mark, so what it writes to the
    database happens exactly once.
    """

    def register(function: Handler) -> Handler:
        if _handlers.setdefault(name, function) is not function:
            raise ValueError(f"two handlers are called {name}")
        return function

    return register


def handlers() -> dict[str, Handler]:
    """Return the registered handlers by name."""
    return dict(_handlers)


def row(
    name: str,
    *,
    due_at: datetime,
    dedupe_key: str,
    payload: dict[str, Any] | None = None,
    event: Event | None = None,
    order_key: str = "",
) -> OutboxRow:
    """Return an unsaved row; ``payload`` holds references only. It carries the id of who asks now."""
    if name not in _handlers:
        raise ValueError(f"no handler is called {name}")
    return OutboxRow(
        handler=name,
        event=event,
        payload=payload or {},
        order_key=order_key,
        dedupe_key=dedupe_key,
        due_at=due_at,
        request_id=context.current().root,
    )


def add(name: str, **values: Any) -> None:
    """Add one row in the caller's transaction; a second one with the same key is ignored."""
    add_many([row(name, **values)])


def add_many(rows: Iterable[OutboxRow]) -> None:
    """Add rows in the caller's transaction; those whose ``dedupe_key`` exists are ignored."""
    rows = list(rows)
    if rows:
        OutboxRow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        transaction.on_commit(_wake)


def claim(*, limit: int, at: datetime) -> list[OutboxRow]:
    """Lease up to ``limit`` rows that are due at ``at`` (product time) and return them.

    A row waits while an earlier undone row has the same ``order_key``. The lease is on real time. A row
    that was tried most often and whose worker never came back is dead: ``lost``. Asks with a plain read
    first, so that an idle drain takes no write lock on SQLite.
    """
    real = clock.real_now()
    token = pulse.lease_token()
    earlier = OutboxRow.objects.filter(
        order_key=OuterRef("order_key"), id__lt=OuterRef("id"), done_at__isnull=True, dead_at__isnull=True
    )
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=real)
    due = (
        OutboxRow.objects.filter(free, due_at__lte=at, done_at__isnull=True, dead_at__isnull=True)
        .filter(Q(order_key="") | ~Exists(earlier))
        .order_by("due_at", "id")
    )
    if not due.exists():
        return []
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        rows = list(due.values_list("id", "attempts", "lease_until")[:limit])
        lost = [pk for pk, attempts, lease in rows if attempts >= MOST_ATTEMPTS and lease is not None]
        _bury(lost, real=real)
        ids = [pk for pk, _attempts, _lease in rows if pk not in lost]
        OutboxRow.objects.filter(free, id__in=ids, done_at__isnull=True).update(
            lease_until=real + LEASE, lease_token=token
        )
    return list(OutboxRow.objects.filter(lease_token=token).select_related("event").order_by("due_at", "id"))


def drain(*, at: datetime, limit: int = 50) -> int:
    """Do what is due at ``at``; return how many rows were done. One failing row stops no other."""
    done = 0
    for claimed in claim(limit=limit, at=at):
        done += _do(claimed, at=at)
    return done


def _do(claimed: OutboxRow, *, at: datetime) -> bool:
    """Do one row as what its request asked for, say so in one line, and count how long it took."""
    with (
        context.acting(channel="task", request_id=uuid.uuid4().hex, caused_by=claimed.request_id),
        pulse.doing(f"{claimed.handler} #{claimed.id}"),
    ):
        began = time.monotonic()
        outcome = _try(claimed, at=at)
        seconds = time.monotonic() - began
        if outcome != NOT_OURS:
            tally.observe("liuke_task_seconds", seconds, name=claimed.handler)
            if outcome == DONE:
                waited = max((at - claimed.due_at).total_seconds(), 0.0) + seconds
                tally.observe("liuke_queue_seconds", waited, handler=claimed.handler)
            else:
                tally.count("liuke_drain_failures_total", name=claimed.handler)
            said = {"outbox_id": claimed.id, "handler": claimed.handler, "attempts": claimed.attempts}
            log.info("outbox row", extra={**said, "outcome": outcome, "seconds": round(seconds, 3)})
    return outcome == DONE


def _try(claimed: OutboxRow, *, at: datetime) -> str:
    if not _count_attempt(claimed):
        return NOT_OURS
    try:
        with transaction.atomic():
            mine = _held(claimed).update(done_at=clock.real_now(), error="")
            if not mine:
                return NOT_OURS
            _handlers[claimed.handler](claimed, at)
        return DONE
    except Exception as error:
        log.exception("outbox row failed", extra={"outbox_id": claimed.id, "handler": claimed.handler})
        return _put_back(claimed, error=type(error).__name__, at=at)


def _held(claimed: OutboxRow) -> QuerySet[OutboxRow]:
    """Return the row while it is still ours and not done."""
    return OutboxRow.objects.filter(id=claimed.id, lease_token=claimed.lease_token, done_at__isnull=True)


def _count_attempt(claimed: OutboxRow) -> bool:
    """Count the attempt before the work, committed alone so that a kill counts; return whether it is ours.

    The lease begins anew: rows claimed together wait for each other.
    """
    lease = clock.real_now() + LEASE
    if not _held(claimed).update(attempts=F("attempts") + 1, lease_until=lease):
        return False
    claimed.attempts += 1
    return True


def _bury(ids: list[int], *, real: datetime) -> None:
    if ids:
        OutboxRow.objects.filter(id__in=ids).update(
            dead_at=real, lease_until=None, lease_token="", error="lost"
        )
        log.error("outbox rows lost", extra={"outbox_ids": ids})


def _put_back(claimed: OutboxRow, *, error: str, at: datetime) -> str:
    fields: dict[str, Any] = {"lease_until": None, "error": error[:100]}
    dead = claimed.attempts >= MOST_ATTEMPTS
    if dead:
        fields["dead_at"] = clock.real_now()
    else:
        fields["due_at"] = at + timedelta(seconds=min(2**claimed.attempts, 3600))
    OutboxRow.objects.filter(id=claimed.id, lease_token=claimed.lease_token).update(**fields)
    return "dead" if dead else "failed"


# --- Dead rows --------------------------------------------------------------------------------


def retry(row: OutboxRow, *, by: audit.Actor | None, at: datetime) -> bool:
    """Give a dead row all its attempts again, due at once; return whether it was dead.

    Side effects: an audit event ``outbox.retry``; the drain wakes after the commit.
    """
    with transaction.atomic():
        risen = _raise_dead(OutboxRow.objects.filter(pk=row.pk), at=at)
        if risen:
            audit.record("outbox.retry", obj=row, by=by, at=at, codes={"handler": row.handler})
    return bool(risen)


def retry_dead(handler_name: str, *, by: audit.Actor | None, at: datetime) -> int:
    """Give all dead rows of one handler their attempts again, as :func:`retry`; return how many."""
    with transaction.atomic():
        risen = _raise_dead(OutboxRow.objects.filter(handler=handler_name), at=at)
        if risen:
            codes = {"handler": handler_name, "rows": risen}
            audit.record("outbox.retry_dead", obj=None, by=by, at=at, codes=codes)
    return risen


def _raise_dead(rows: QuerySet[OutboxRow], *, at: datetime) -> int:
    risen = rows.filter(dead_at__isnull=False, done_at__isnull=True).update(
        dead_at=None, attempts=0, due_at=at, lease_until=None, lease_token="", error=""
    )
    if risen:
        transaction.on_commit(_wake)
    return risen


def _wake() -> None:
    from customers.ground import drain

    drain.wake()
