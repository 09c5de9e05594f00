"""Retracting facts: each version that an import wrote comes to count at no moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F

from customers import movers, writing
from customers.facts import TWINS, Fact
from customers.ground import rows
from customers.models import ExternalRef, ImportBatch, ImportChange
from customers.undo.keepsakes import Kept, kept_of
from customers.undo.shares import written_by

_STAYS = {"recorded_at", "ingested_at"}  # a retraction begins when the version did that it takes away


@dataclass
class Done:
    """What one step did."""

    last: int = 0  # the number it came to
    ids: list[int] = field(default_factory=list)
    customers: set[int] = field(default_factory=set)
    gone: list[int] = field(default_factory=list)  # customers
    voided: int = 0
    restored: int = 0
    removed: int = 0
    taken: int = 0  # stands with what takes it back beside it
    left: int = 0  # could not be removed
    lost: int = 0  # texts that erasure destroyed
    earliest: datetime | None = None


def retract(model: type[Fact], batch: ImportBatch, *, after: int, most: int) -> Done:
    """Take back the next facts of a model, in the caller's transaction.

    What the import created becomes void from the moment on at which it was recorded: the trigger keeps
    its version, which lasts no time. What it changed holds what its predecessor held, from that moment
    on, and the predecessor's import. Texts come back from where they were sealed.
    """
    found: list[Any] = list(
        written_by(batch, model).filter(pk__gt=after).order_by("pk").select_for_update()[:most]
    )
    if not found:
        return Done()
    done = Done(last=found[-1].pk, ids=[fact.pk for fact in found])
    versions = _versions(model, done.ids)
    undone = _undone({v["batch_id"] for of_one in versions.values() for v in of_one})
    hidden, gaps, new, old = list[int](), list[Any](), list[int](), list[tuple[Any, dict[str, Any]]]()
    for fact in found:
        own = [v for v in versions.get(fact.pk, []) if v["batch_id"] == batch.pk]
        before = next(
            (v for v in versions.get(fact.pk, []) if v["batch_id"] not in {batch.pk, *undone}), None
        )
        hidden += [v["id"] for v in own if v["superseded_at"] > v["recorded_at"]]
        done.customers.add(fact.customer_id)
        began = min([fact.recorded_at, *(v["recorded_at"] for v in own)])
        done.earliest = min(done.earliest or began, began)
        if before is None:
            new.append(fact.pk)
        else:
            old.append((fact, before))
            done.customers.add(before["customer_id"])
            if before["superseded_at"] < fact.recorded_at:
                gaps.append(_bridge(model, before, until=fact.recorded_at))
    twin = TWINS[model]._default_manager
    twin.filter(pk__in=hidden).update(superseded_at=F("recorded_at"))
    twin.bulk_create(gaps)
    done.lost = _restore(model, old, batch=batch)
    _void(model, new, batch=batch)
    done.voided, done.restored = len(new), len(old)
    return done


def _versions(model: type[Fact], ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the earlier versions of each fact, the newest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for version in TWINS[model]._default_manager.filter(fact_id__in=ids).order_by("-pk").values():
        found.setdefault(version["fact_id"], []).append(version)
    return found


def _undone(batches: Iterable[int | None]) -> set[int]:
    ids = [pk for pk in batches if pk is not None]
    return set(
        ImportBatch.objects.filter(pk__in=ids, status=ImportBatch.Status.UNDONE).values_list("pk", flat=True)
    )


def _bridge(model: type[Fact], version: dict[str, Any], *, until: datetime) -> Any:
    """Return the version once more, for the time between its end and ``until``."""
    times = {"recorded_at": version["superseded_at"], "superseded_at": until}
    return TWINS[model](**{**version, "id": None, **times})


def _restore(model: type[Fact], found: Sequence[tuple[Any, dict[str, Any]]], *, batch: ImportBatch) -> int:
    """Give facts the content of their earlier versions; return how many texts were lost to erasure."""
    if not found:
        return 0
    columns = [name for name in found[0][1] if name not in {"id", "fact_id", "superseded_at"} | _STAYS]
    texts = kept_of(batch, model, [fact.pk for fact, _before in found])
    personal = writing.personal_fields(model)
    for fact, before in found:
        for name in columns:
            setattr(fact, name, before[name])
        for name, value in texts.get(fact.pk, Kept()).values.items():
            setattr(fact, name, value)
    rows.update_rows([fact for fact, _before in found], [*columns, *personal])
    return sum(kept.lost for kept in texts.values())


def _void(model: type[Fact], ids: Sequence[int], *, batch: ImportBatch) -> None:
    """Let facts count at no moment, without their texts, and free the names that their source gave them."""
    if not ids:
        return
    made = set(
        ImportChange.objects.filter(batch=batch, is_new=True).values_list("model", flat=True).distinct()
    )
    empty: dict[str, Any] = {name: movers.nothing(model, name) for name in writing.personal_fields(model)}
    for one in model._meta.concrete_fields:
        target = one.related_model
        if one.null and isinstance(target, type) and target._meta.label_lower in made:
            empty[one.attname] = None  # what it points to may go
    model._default_manager.filter(pk__in=ids).update(void=True, **empty)
    free_names(model, ids)


def free_names(model: type[Any], ids: Sequence[int]) -> None:
    """Forget what sources call the records, so that a mended file can land under the same names."""
    kind = movers.REFERENCES.get(model._meta.model_name, model._meta.model_name)
    ExternalRef.objects.filter(kind=kind, object_id__in=ids).delete()
