"""Imports that the pages asked for, worked off by the drain in short steps.

A worker leases one import and goes on with it step by step, so that other work is done between. When
it dies, the lease ends and another worker starts the import over: what landed already lands again
unchanged and is not counted twice.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Generator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from customers.ground import clock, drain
from customers.ground.errors import Refused
from customers.imports import batches, kinds, mapping
from customers.imports.run import Overtaken, Progress, Report, importing, undisturbed
from customers.models import ImportBatch

log = logging.getLogger(__name__)

STEP_SECONDS = 2.0
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
Steps = Generator[Progress, None, Report]
_running: dict[int, tuple[str, Steps]] = {}  # of this process: import → lease token and its steps

_one_at_a_time = threading.Lock()


def folder() -> Path:
    """Return where uploaded files and error files are kept."""
    return Path(settings.MEDIA_ROOT) / "imports"


def error_file(batch: ImportBatch) -> Path | None:
    """Return where the error file stands; names of files never come from a request."""
    if not batch.error_stored_as or not batch.stored_as:
        return None
    path = folder() / Path(batch.error_stored_as).name
    return path if path.is_file() else None


@drain.poller("customers.run_import")
def work(at: datetime) -> int:
    """Go on with one import for a short while; return 1 if there was one."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0  # another thread of this process is at it
    try:
        batch = _lease()
        if batch is None:
            return 0
        language = batch.by.language if batch.by else settings.LANGUAGE_CODE
        with translation.override(language):
            _step(batch, at=at)
        return 1
    finally:
        _one_at_a_time.release()


def _lease() -> ImportBatch | None:
    """Return an import to work on: the one of this process, else a free one, leased."""
    real = clock.real_now()
    for pk, (token, _steps) in list(_running.items()):
        mine = ImportBatch.objects.filter(pk=pk, lease_token=token, status=ImportBatch.Status.RUNNING)
        if mine.update(lease_until=real + LEASE):
            return mine.select_related("by").get()
        _forget(pk)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=real)
    waiting = ImportBatch.objects.filter(free, status__in=["waiting", "running"]).order_by("id")
    first = waiting.values_list("pk", flat=True).first()
    if first is None:
        return None
    token = uuid.uuid4().hex
    taken = ImportBatch.objects.filter(free, pk=first, status__in=["waiting", "running"]).update(
        status=ImportBatch.Status.RUNNING,
        lease_until=real + LEASE,
        lease_token=token,
        attempts=F("attempts") + 1,
    )
    return ImportBatch.objects.select_related("by").get(pk=first) if taken else None


def _step(batch: ImportBatch, *, at: datetime) -> None:
    if batch.attempts > MOST_ATTEMPTS:
        _forget(batch.pk)
        batches.end_refused(
            batch,
            _("The import stopped several times. Ask for help; what has landed stays."),
            by=batch.by,
            at=at,
        )
        return
    try:
        if batch.pk not in _running:
            _running[batch.pk] = (batch.lease_token, _begin(batch, at=at))
        progress = _advance(_running[batch.pk][1])
    except Refused as refusal:
        _forget(batch.pk)
        batches.end_refused(batch, str(refusal), by=batch.by, at=at)
        _drop_upload(batch)
    except Overtaken:
        _forget(batch.pk)
    except Exception as error:
        _forget(batch.pk)
        log.exception("import failed", extra={"import_id": batch.pk})
        back = timedelta(seconds=0 if isinstance(error, DatabaseError) else 2**batch.attempts)
        ImportBatch.objects.filter(pk=batch.pk, lease_token=batch.lease_token).update(
            lease_until=clock.real_now() + back, lease_token=""
        )
    else:
        if isinstance(progress, Report):
            _forget(batch.pk)
            batches.end(batch, progress, by=batch.by, at=at)
            _drop_upload(batch)
        else:
            shown = {"phase": progress.phase, "done": progress.done, "total": progress.total}
            ImportBatch.objects.filter(pk=batch.pk, lease_token=batch.lease_token).update(progress=shown)


def _begin(batch: ImportBatch, *, at: datetime) -> Steps:
    if batch.started_at is None:
        ImportBatch.objects.filter(pk=batch.pk).update(started_at=at)
        batch.started_at = at
    return importing(
        folder() / batch.stored_as,
        kinds.named(batch.kind),
        mapping.from_data(batch.mapping),
        batch=batch,
        errors_to=folder() / f"{Path(batch.stored_as).stem}.errors.csv",
        at=batch.started_at,
    )


def _advance(steps: Steps) -> Progress | Report:
    """Take steps for a short while; return the report when there are no more."""
    until = time.monotonic() + STEP_SECONDS
    while True:
        try:
            with undisturbed():
                progress = next(steps)
        except StopIteration as done:
            report: Report = done.value
            return report
        if time.monotonic() >= until:
            return progress


def _drop_upload(batch: ImportBatch) -> None:
    """Remove the uploaded file: what was refused stands in the error file."""
    (folder() / batch.stored_as).unlink(missing_ok=True)


def _forget(pk: int) -> None:
    _token, steps = _running.pop(pk, ("", None))
    if steps is not None:
        steps.close()
