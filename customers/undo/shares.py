"""What an import did: how many records of each model it made and changed, and which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from customers import movers
from customers.facts import TWINS, Fact
from customers.models import ImportBatch, ImportChange
from customers.undo import names


@dataclass(frozen=True)
class Share:
    """One model's part of an import."""

    model: type[Any]
    created: int
    changed: int

    @property
    def code(self) -> str:
        """Return the model's short name, as addresses and answers of programs have it."""
        return str(self.model._meta.model_name)

    @property
    def label(self) -> str:
        """Return what the records are called."""
        return names.many_of(self.model)


@dataclass(frozen=True)
class Entry:
    """One record that an import made or changed."""

    code: str
    object_id: int
    customer_id: int | None
    is_new: bool


def shares_of(batch: ImportBatch) -> list[Share]:
    """Return what an import made and changed, models without any left out.

    Facts count where the version that stands is the import's: what was changed again since is not its
    work any more.
    """
    found = []
    for model in TWINS:
        counts = written_by(batch, model).aggregate(
            changed=Count("pk", filter=had_before(batch, model)), all=Count("pk")
        )
        if counts["all"]:
            found.append(Share(model, counts["all"] - counts["changed"], counts["changed"]))
    for model in movers.undo_steps():
        if count := model._default_manager.filter(batch=batch).count():
            found.append(Share(model, count, 0))
    kept = ImportChange.objects.filter(batch=batch)
    new = kept.filter(is_new=True).values("object_id")
    for label in kept.order_by("model").values_list("model", flat=True).distinct():
        model = apps.get_model(label)
        if issubclass(model, Fact):
            continue
        mine = kept.filter(model=label)
        changed = mine.filter(is_new=False).exclude(object_id__in=new.filter(model=label))
        counts = mine.aggregate(created=Count("pk", filter=Q(is_new=True)))
        found.append(Share(model, counts["created"], changed.values("object_id").distinct().count()))
    return found


def records_of(batch: ImportBatch, code: str, *, after: int, most: int) -> list[Entry]:
    """Return records of one model that an import made or changed, by number, from ``after`` on."""
    for model in TWINS:
        if model._meta.model_name == code:
            rows = written_by(batch, model).filter(pk__gt=after).annotate(old=had_before(batch, model))
            return [
                Entry(code, pk, customer_id, not old)
                for pk, customer_id, old in rows.order_by("pk").values_list("pk", "customer_id", "old")[:most]
            ]
    for model in movers.undo_steps():
        if model._meta.model_name == code:
            mine = model._default_manager.filter(batch=batch, pk__gt=after).order_by("pk")
            ids = list(mine.values_list("pk", flat=True)[:most])
            customers = _customers_of(model, ids)
            return [Entry(code, pk, customers.get(pk), True) for pk in ids]
    rows = ImportChange.objects.filter(
        batch=batch, model__endswith=f".{code}", object_id__gt=after, model__in=_others(batch)
    )
    ids = list(rows.order_by("object_id").values_list("object_id", flat=True).distinct()[:most])
    new = set(rows.filter(object_id__in=ids, is_new=True).values_list("object_id", flat=True))
    label = rows.values_list("model", flat=True).first()
    customers = _customers_of(apps.get_model(label), ids) if label else {}
    return [Entry(code, pk, customers.get(pk), pk in new) for pk in ids]


def written_by(batch: ImportBatch, model: type[Any]) -> QuerySet[Any]:
    """Return the facts of a model whose version that stands was written by an import."""
    found: QuerySet[Any] = model._default_manager.filter(batch=batch)
    return found


def had_before(batch: ImportBatch, model: type[Any]) -> Exists:
    """Return the condition that a fact had a version before the import that still counts for something."""
    undone = ImportBatch.objects.filter(status=ImportBatch.Status.UNDONE).values("pk")
    versions = TWINS[model]._default_manager.filter(fact_id=OuterRef("pk"))
    return Exists(versions.exclude(batch_id=batch.pk).exclude(batch_id__in=undone))


def _others(batch: ImportBatch) -> list[str]:
    labels = ImportChange.objects.filter(batch=batch).values_list("model", flat=True).distinct()
    return [label for label in labels if not issubclass(apps.get_model(label), Fact)]


def _customers_of(model: type[Any], ids: list[int]) -> dict[int, int]:
    """Return the customer of each record, itself if it is one."""
    if model._meta.label_lower == "customers.customer":
        return {pk: pk for pk in ids}
    if any(field.attname == "customer_id" for field in model._meta.concrete_fields):
        return dict(model._default_manager.filter(pk__in=ids).values_list("pk", "customer_id"))
    return {}
