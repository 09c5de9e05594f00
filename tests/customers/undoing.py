"""What the tests of taking imports back share: bringing files, and what every measure says of the past."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from customers import undo
from customers.imports import batches, kinds, mapping
from customers.models import Customer, ExternalRef, ImportBatch, User
from retention import measures
from retention.measures import compute
from tests.factories import NOW

LATER = NOW + timedelta(days=1)


def bring(
    folder: Path, kind: str, text: str, *, at: datetime = NOW, by: User | None = None, **stated: Any
) -> ImportBatch:
    """Import a text and return the batch."""
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    stated.setdefault("on_missing_customer", "create")
    batches.import_file(path, kinds.named(kind), mapping.from_data(stated), by=by, at=at)
    return ImportBatch.objects.latest("pk")


def take_back(batch: ImportBatch, *, at: datetime = LATER, by: User | None = None) -> ImportBatch:
    """Take an import back to the end."""
    return undo.finish(undo.undo_import(batch, reason="wrong file", by=by, at=at))


def past(moments: list[datetime]) -> dict[datetime, dict[str, dict[str, Any]]]:
    """Return every measure of every customer by the name that its source gave it, as of each moment."""
    names = dict(ExternalRef.objects.filter(kind="customer").values_list("object_id", "external_id"))
    ids = list(Customer.objects.values_list("pk", flat=True))
    found: dict[datetime, dict[str, dict[str, Any]]] = {}
    for moment in moments:
        today = compute.today(moment).number
        with compute.at(as_of=moment) as table:
            rows = compute.values_of(ids, table=table)
        found[moment] = {
            names.get(pk, f"?{pk}"): {
                code: measure.read(row, today=today) for code, measure in measures.every().items()
            }
            for pk, row in rows.items()
        }
    return found


def now(at: datetime) -> dict[str, dict[str, Any]]:
    """Return every measure of every customer as a live pass writes it."""
    compute.refresh(as_of=at)
    names = dict(ExternalRef.objects.filter(kind="customer").values_list("object_id", "external_id"))
    rows = compute.values_of(list(Customer.objects.values_list("pk", flat=True)))
    today = compute.today(at).number
    return {
        names.get(pk, f"?{pk}"): {
            code: measure.read(row, today=today) for code, measure in measures.every().items()
        }
        for pk, row in rows.items()
    }
