"""What an import made and changed, kept so that it can be listed and taken back.

Facts need no row here: they and their versions point to the batch themselves. Every other record does,
with what it held before; so does a fact whose personal text was overwritten, which no version keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from customers.batch import inserting
from customers.models import ImportBatch, ImportChange

REFS = "+refs"  # in ``before``: the numbers of the references that the import gave to the record


@dataclass(slots=True)
class Before:
    """One record that stood before, what it held, and the number of the sealed value with the rest."""

    obj: models.Model
    values: dict[str, Any] = field(default_factory=dict)
    sealed_id: int | None = None
    at: datetime | None = None


def note_new(objs: Iterable[models.Model], *, batch: ImportBatch | None, at: datetime) -> None:
    """Note records that an import made."""
    if batch is None:
        return
    moment = inserting.moment_text(at)
    inserting.insert(
        ImportChange,
        ("batch_id", "model", "object_id", "is_new", "before", "at"),
        (
            (batch.pk, obj._meta.label_lower, obj.pk, 1, "{}", moment if hasattr(obj, "updated_at") else None)
            for obj in objs
        ),
    )


def note_changed(found: Iterable[Before], *, batch: ImportBatch | None) -> None:
    """Note records that an import changed."""
    if batch is not None:
        ImportChange.objects.bulk_create(
            [
                ImportChange(
                    batch=batch,
                    model=before.obj._meta.label_lower,
                    object_id=before.obj.pk,
                    is_new=False,
                    before=_plain(before.values),
                    sealed_id=before.sealed_id,
                    at=before.at,
                )
                for before in found
            ],
            batch_size=1000,
        )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as JSON holds them; ``Field.to_python`` reads them back."""
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return plain
