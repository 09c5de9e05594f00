"""What records held before an import changed them, as the import kept it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from customers.batch.keeping import REFS
from customers.ground import sealed
from customers.models import ImportBatch, ImportChange


@dataclass
class Kept:
    """What one record held, by column; ``lost`` counts sealed values that erasure destroyed."""

    values: dict[str, Any] = field(default_factory=dict)
    refs: list[int] = field(default_factory=list)
    lost: int = 0


def kept_of(batch: ImportBatch, model: type[Any], ids: Iterable[int]) -> dict[int, Kept]:
    """Return what records of a model held before the import, the earliest of several values."""
    changes = ImportChange.objects.filter(
        batch=batch, model=model._meta.label_lower, object_id__in=list(ids), is_new=False
    )
    return opened(model, changes.order_by("-pk"))


def opened(model: type[Any], changes: Iterable[ImportChange]) -> dict[int, Kept]:
    """Return what the records of ``changes`` (the newest first) held before all of them."""
    changes = list(changes)
    hidden = sealed.unseal_many(change.sealed_id for change in changes if change.sealed_id is not None)
    found: dict[int, Kept] = {}
    for change in changes:
        kept = found.setdefault(change.object_id, Kept())
        before = dict(change.before)
        kept.refs += before.pop(REFS, [])
        if change.sealed_id is not None:
            if change.sealed_id in hidden:
                before.update(hidden[change.sealed_id]["old"])
            else:
                kept.lost += 1
        kept.values.update({name: _read(model, name, value) for name, value in before.items()})
    return found


def _read(model: type[Any], name: str, value: Any) -> Any:
    column = model._meta.get_field(name)
    return value if column.is_relation else column.to_python(value)
