"""The work of taking an import back: chunk by chunk, each a transaction that notes how far it came.

A worker leases the import and goes on for a short while. When it dies, the lease ends, and another one
goes on where the last chunk that was committed ended, so the result is the same.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import translation

from customers import movers, touched
from customers.facts import TWINS
from customers.ground import audit, clock, drain, events
from customers.models import Customer, HistoryTakenBack, ImportBatch
from customers.search import index
from customers.undo import records
from customers.undo.facts import Done, retract

log = logging.getLogger(__name__)

MOST_FACTS = 1_000
MOST_RECORDS = 500
STEP_SECONDS = 2.0
LEASE = timedelta(seconds=60)
LONGEST_PAUSE = 600  # seconds after a failure
Status = ImportBatch.Status
_COUNTS = ("voided", "restored", "removed", "taken", "left", "lost")
_RECORDS = ["remove", "room", "restore", "leave"]


class Overtaken(Exception):
    """Another worker has taken this undo over."""


@drain.poller("customers.undo_import")
def work(at: datetime) -> int:
    """Go on with one import that is being taken back; return 1 if there was one."""
    batch = _lease()
    if batch is None:
        return 0
    until = time.monotonic() + STEP_SECONDS
    language = batch.undone_by.language if batch.undone_by else settings.LANGUAGE_CODE
    try:
        with translation.override(language):
            while not advance(batch) and time.monotonic() < until:
                pass
    except Overtaken:
        return 1
    except Exception:
        log.exception("undo failed", extra={"import_id": batch.pk})
        pause = timedelta(seconds=min(2**batch.attempts, LONGEST_PAUSE))
        _held(batch).update(lease_until=clock.real_now() + pause, lease_token="", attempts=F("attempts") + 1)
    else:
        _held(batch).update(lease_until=None, lease_token="")
    return 1


def finish(batch: ImportBatch) -> ImportBatch:
    """Take an import back to the end here and now (commands); return it."""
    leased = _lease(batch.pk)
    if leased is None:
        raise Overtaken()
    while not advance(leased):
        _held(leased).update(lease_until=clock.real_now() + LEASE)
    leased.refresh_from_db()
    return leased


def advance(batch: ImportBatch) -> bool:
    """Do one chunk of a leased undo in a transaction; return whether all is done."""
    with transaction.atomic():
        progress = dict(batch.progress)
        steps = _steps()
        step = progress.get("step") or steps[0]
        done = _do(step, batch, after=progress.get("after", 0))
        _follow(step, done, at=_moment(batch))
        _add(progress, done)
        ended = not done.ids
        progress["step"], progress["after"] = step, done.last
        if ended:
            following = steps[steps.index(step) + 1 :]
            progress["step"], progress["after"] = (following or ["end"])[0], 0
        noted = _held(batch).filter(status=Status.UNDOING).update(progress=progress)
        if not noted:
            raise Overtaken()
        if progress["step"] == "end":
            _end(batch, progress)
    batch.progress = progress
    return bool(progress["step"] == "end")


def _lease(pk: int | None = None) -> ImportBatch | None:
    real = clock.real_now()
    free = ImportBatch.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=real), status=Status.UNDOING
    )
    first = pk or free.order_by("pk").values_list("pk", flat=True).first()
    if first is None:
        return None
    token = uuid.uuid4().hex
    taken = free.filter(pk=first).update(lease_until=real + LEASE, lease_token=token)
    return ImportBatch.objects.select_related("undone_by").get(pk=first) if taken else None


def _held(batch: ImportBatch) -> Any:
    return ImportBatch.objects.filter(pk=batch.pk, lease_token=batch.lease_token)


def _moment(batch: ImportBatch) -> datetime:
    """Return when the undo was asked for, which is when its effects happen."""
    assert batch.undo_asked_at is not None  # noqa: S101 — set with the status
    return batch.undo_asked_at


def _steps() -> list[str]:
    return [*(model._meta.label_lower for model in TWINS), *movers.undo_steps(), *_RECORDS]


def _do(step: str, batch: ImportBatch, *, after: int) -> Done:
    if step == "remove":
        return records.remove(batch, after=after, most=MOST_RECORDS)
    if step == "room":
        records.make_room(batch)
        return Done()
    if step == "restore":
        return records.restore(batch, after=after, most=MOST_RECORDS)
    if step == "leave":
        return records.leave(batch, after=after, most=MOST_RECORDS, at=_moment(batch))
    if step in movers.undo_steps():
        ids, last = movers.undo_steps()[step](batch, after, MOST_RECORDS, _moment(batch))
        return Done(last=last, ids=ids, taken=len(ids))
    model: Any = next(model for model in TWINS if model._meta.label_lower == step)
    return retract(model, batch, after=after, most=MOST_FACTS)


def _follow(step: str, done: Done, *, at: datetime) -> None:
    """Let others do what follows, and mark the customers, who are judged anew."""
    for model in TWINS:
        if model._meta.label_lower == step and done.ids:
            movers.follow(model, done.ids, at=at)
    if step == "leave" and done.gone:
        movers.follow(Customer, done.gone, at=at)
    if step in {"remove", "restore"}:
        index.write(done.customers)
    present = Customer.objects.present().filter(pk__in=done.customers)  # type: ignore[attr-defined]
    touched.mark(present.values_list("pk", flat=True), at=at)


def _add(progress: dict[str, Any], done: Done) -> None:
    for name in _COUNTS:
        progress[name] = progress.get(name, 0) + getattr(done, name)
    progress["done"] = sum(progress[name] for name in ("voided", "restored", "removed", "taken"))
    if done.earliest is not None:
        earliest = progress.get("earliest")
        progress["earliest"] = min(filter(None, [earliest, done.earliest.isoformat()]))


def _end(batch: ImportBatch, progress: dict[str, Any]) -> None:
    at = _moment(batch)
    facts = progress["voided"] + progress["restored"]
    earliest = progress.get("earliest")
    ImportBatch.objects.filter(pk=batch.pk).update(
        status=Status.UNDONE, undone_at=at, lease_until=None, lease_token=""
    )
    batch.refresh_from_db()
    HistoryTakenBack.objects.create(
        batch=batch,
        at=at,
        facts=facts,
        recorded_from=datetime.fromisoformat(earliest) if earliest else None,
    )
    codes = {"kind": batch.kind, **{name: progress[name] for name in _COUNTS}}
    events.record("import.undone", customer_id=None, subject=batch, occurred_at=at, data=codes)
    audit.record("import.undone", obj=batch, by=batch.undone_by, at=at, codes=codes)
