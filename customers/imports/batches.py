"""One import as a record: begun, run at once (command), ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.db import transaction

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.imports.kinds import Kind
from customers.imports.mapping import Mapping
from customers.imports.run import Progress, Report, importing, undisturbed
from customers.models import ImportBatch, User


def import_file(
    path: Path,
    kind: Kind,
    mapping: Mapping,
    *,
    errors_to: Path | None = None,
    is_dry: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    by: User | None,
    at: datetime,
) -> Report:
    """Import a file in one go and return what became of it.

    ``is_dry`` writes nothing at all. Raises ``Refused`` when nothing could be read. Side effects: the
    facts, an ``ImportBatch`` that they point to, event ``import.finished``, audit ``import.run``, and
    the error file when lines were refused.
    """
    batch = None
    if not is_dry:
        batch = ImportBatch.objects.create(
            kind=kind.code,
            status=ImportBatch.Status.RUNNING,
            file_name=path.name[:255],
            mapping=mapping.as_data(),
            size=path.stat().st_size if path.exists() else 0,
            by=by,
            made_at=at,
            started_at=at,
        )
    steps = importing(path, kind, mapping, batch=batch, is_dry=is_dry, errors_to=errors_to, at=at)
    try:
        with undisturbed():
            while True:
                on_progress(next(steps))
    except StopIteration as done:
        report: Report = done.value
    except Refused as refusal:
        if batch is not None:
            end_refused(batch, str(refusal), by=by, at=at)
        raise
    if batch is not None:
        end(batch, report, by=by, at=at)
    return report


def end(batch: ImportBatch, report: Report, *, by: User | None, at: datetime) -> None:
    """Note that an import has ended; counts of records stand in ``batch`` already."""
    with transaction.atomic():
        ImportBatch.objects.filter(pk=batch.pk).update(
            status=ImportBatch.Status.DONE,
            lines=report.lines,
            accepted=report.accepted,
            refused=report.refused,
            error_stored_as=report.error_file.name if report.error_file else "",
            finished_at=at,
            lease_until=None,
            lease_token="",
        )
        batch.refresh_from_db()
        codes = {"kind": batch.kind, "lines": batch.lines, "refused": batch.refused}
        events.record("import.finished", customer_id=None, subject=batch, occurred_at=at, data=codes)
        audit.record("import.run", obj=batch, by=by, at=at, codes=codes)


def end_refused(batch: ImportBatch, problem: str, *, by: User | None, at: datetime) -> None:
    """Note that nothing of the file could be read, and why."""
    with transaction.atomic():
        ImportBatch.objects.filter(pk=batch.pk).update(
            status=ImportBatch.Status.REFUSED,
            problem=problem,
            finished_at=at,
            lease_until=None,
            lease_token="",
        )
        batch.refresh_from_db()
        audit.record("import.refuse", obj=batch, by=by, at=at, codes={"kind": batch.kind})
