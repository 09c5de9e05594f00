"""Facts: what happened, with the moments that decide when it was known (decisions 1 and 2).

``occurred_at``: when it happened. ``recorded_at``: when the company knew it. ``ingested_at``: when
Liuke wrote it (audit only). A fact keeps its earlier versions in a twin table that database
triggers fill; a *void* version removes it from the moment of removal.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from customers.ground import guards
from customers.ground.privacy import Data, Erasure

FACT_PRIVACY: dict[str, tuple[Data, Erasure]] = {
    **dict.fromkeys(("id", "void", "batch", "recorded_assumed"), (Data.NONE, Erasure.KEEP)),
    **dict.fromkeys(
        ("customer", "occurred_at", "occurred_day", "recorded_at", "ingested_at"),
        (Data.CONDUCT, Erasure.KEEP),
    ),
}
# A new moment or another import makes a version, too: texts are not in the twin, and a row that only
# had its text changed would else not be known any more for the time before.
_NOT_CONTENT = {"id", "recorded_assumed", "ingested_at"}
TWINS: dict[type[models.Model], type[models.Model]] = {}
DERIVED: set[type[models.Model]] = set()
"""Facts that Liuke concludes from the others: nobody told them, so nobody's work rests on them."""


class Fact(models.Model):
    """The columns that every fact has. Subclasses call :func:`twin_of` after their definition."""

    # Every fact has an index of its own that begins with the customer; a plain one beside it would only
    # lead the planner astray and cost every insert.
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="%(class)ss", db_index=False
    )
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()  # local day number in the company's zone
    recorded_at = models.DateTimeField()
    recorded_assumed = models.BooleanField(default=False)
    ingested_at = models.DateTimeField(auto_now_add=True)
    void = models.BooleanField(default=False)
    batch = models.ForeignKey("customers.ImportBatch", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


def twin_of(
    model: type[models.Model], *, caches: tuple[str, ...] = (), is_derived: bool = False
) -> type[models.Model]:
    """Make and return the version table of a fact, and register its guards.

    The twin has the same columns plus ``superseded_at``, without personal text or names (those are
    sealed by the verb that changes them) and without ``caches``, the state columns kept for pages.
    ``is_derived``: see :data:`DERIVED`.
    """
    privacy: dict[str, tuple[Data, Erasure]] = model.privacy  # type: ignore[attr-defined]
    personal = {Data.IDENTITY, Data.REACH, Data.TEXT}
    copied = [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key and privacy[field.name][0] not in personal and field.name not in caches
    ]
    attributes: dict[str, Any] = {
        "__module__": model.__module__,
        "__doc__": f"Earlier versions of {model.__name__}, written by a trigger only.",
        "fact_id": models.BigIntegerField(),
        "superseded_at": models.DateTimeField(),
        "privacy": {
            **{_twin_name(f): privacy[f.name] for f in copied},
            **dict.fromkeys(("id", "fact_id", "superseded_at"), (Data.NONE, Erasure.KEEP)),
        },
        "Meta": type(
            "Meta",
            (),
            {
                "app_label": model._meta.app_label,
                "db_table": f"{model._meta.db_table}_version",
                "indexes": [
                    models.Index(
                        fields=["customer_id", "recorded_at"],
                        name=f"{model.__name__.lower()[:16]}_v_customer",
                    ),
                    models.Index(fields=["fact_id"], name=f"{model.__name__.lower()[:16]}_v_fact"),
                ],
            },
        ),
    }
    for field in copied:
        attributes[_twin_name(field)] = _plain(field)
    twin: type[models.Model] = type(f"{model.__name__}Version", (models.Model,), attributes)
    columns = tuple(str(field.column) for field in copied)
    guards.versioned(
        guards.Versioned(model, twin, columns, tuple(c for c in columns if c not in _NOT_CONTENT))
    )
    guards.append_only(twin, movable=["customer_id", "contact_id"], may_retract=True)
    guards.append_only(model, may_update=True)
    TWINS[model] = twin
    if is_derived:
        DERIVED.add(model)
    return twin


def _twin_name(field: models.Field[Any, Any]) -> str:
    return field.attname


def _plain(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """Return the field as a bare column: relations become numbers, nothing is unique or indexed."""
    if field.is_relation:
        return models.BigIntegerField(null=field.null)
    _name, _path, args, kwargs = field.deconstruct()
    for option in ("unique", "db_index", "auto_now_add", "auto_now", "choices"):
        kwargs.pop(option, None)
    return type(field)(*args, **kwargs)


def visible(fact: type[models.Model], *, as_of: Any) -> Q:
    """Return the condition for *current* rows that count as of ``as_of`` (live passes)."""
    return Q(void=False, occurred_at__lt=as_of, recorded_at__lt=as_of)
