"""Taking back what is no fact: records that an import made go, those it changed hold again what they held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.db.models import ProtectedError

from customers import movers, writing
from customers.facts import TWINS, Fact
from customers.ground import rows, sealed
from customers.models import (
    Contact,
    Customer,
    ExternalRef,
    ImportBatch,
    ImportChange,
    Product,
    SearchToken,
    TouchedCustomer,
)
from customers.products import buyers_of
from customers.search import index
from customers.undo.blockers import pointing
from customers.undo.facts import Done, free_names
from customers.undo.keepsakes import opened

_CUSTOMER = "customers.customer"


def remove(batch: ImportBatch, *, after: int, most: int) -> Done:
    """Remove the next records that the import made, the last ones first; customers stay for now."""
    changes = ImportChange.objects.filter(batch=batch, is_new=True).exclude(model=_CUSTOMER)
    found = _next(changes, after=after, most=most)
    done = Done(last=found[-1].pk if found else 0, ids=[change.pk for change in found])
    for model, part in _by_model(found):
        ids = [change.object_id for change in part]
        done.customers |= _customers_of(model, ids)
        _let_go(model, ids)
        gone = _delete(model, ids)
        free_names(model, ids)
        _blank(model, set(ids) - set(gone))
        done.removed += len(gone)
        done.left += len(ids) - len(gone)
    return done


def make_room(batch: ImportBatch) -> None:
    """Let no contact be the main one that was not before, so that those who were can be it again."""
    was_not = ImportChange.objects.filter(batch=batch, model=Contact._meta.label_lower, before__is_main=False)
    Contact.objects.filter(pk__in=was_not.values("object_id"), is_main=True).update(is_main=False)


def restore(batch: ImportBatch, *, after: int, most: int) -> Done:
    """Give the next records that the import changed what they held before it, the last changes first."""
    changes = ImportChange.objects.filter(batch=batch, is_new=False).exclude(
        model__in=[model._meta.label_lower for model in TWINS]
    )
    found = _next(changes, after=after, most=most)
    done = Done(last=found[-1].pk if found else 0, ids=[change.pk for change in found])
    for model, part in _by_model(found):
        kept = opened(model, part)
        names = sorted({name for one in kept.values() for name in one.values})
        present: dict[int, Any] = model._default_manager.in_bulk(list(kept))
        for pk, obj in present.items():
            for name, value in kept[pk].values.items():
                setattr(obj, name, value)
        if names:
            rows.update_rows(list(present.values()), names)
        ExternalRef.objects.filter(pk__in=[pk for one in kept.values() for pk in one.refs]).delete()
        done.customers |= _customers_of(model, list(present))
        done.restored += len(present)
        done.lost += sum(one.lost for one in kept.values())
    return done


def leave(batch: ImportBatch, *, after: int, most: int, at: datetime) -> Done:
    """Let the next customers that the import made be gone: nameless, counted nowhere, their names free.

    The row stays, for facts that count at no moment point to it.
    """
    changes = ImportChange.objects.filter(batch=batch, is_new=True, model=_CUSTOMER)
    found = _next(changes, after=after, most=most)
    ids = [change.object_id for change in found]
    done = Done(
        last=found[-1].pk if found else 0, ids=[change.pk for change in found], gone=ids, removed=len(ids)
    )
    if ids:
        named: dict[str, Any] = {n: movers.nothing(Customer, n) for n in writing.personal_fields(Customer)}
        Customer.objects.filter(pk__in=ids).update(**named, owner=None, team=None, gone_at=at, updated_at=at)
        index.write(ids)
        SearchToken.objects.filter(customer_id__in=ids).delete()  # former names, too
        TouchedCustomer.objects.filter(customer_id__in=ids).delete()
        free_names(Customer, ids)
        for pk in ids:  # few of them have a key at all
            sealed.destroy(f"customer:{pk}")
    return done


def _next(changes: models.QuerySet[ImportChange], *, after: int, most: int) -> list[ImportChange]:
    if after:
        changes = changes.filter(pk__lt=after)
    return list(changes.order_by("-pk")[:most])


def _by_model(found: Sequence[ImportChange]) -> list[tuple[type[Any], list[ImportChange]]]:
    """Return the changes by model, models in the order of their first change here."""
    parts: dict[str, list[ImportChange]] = {}
    for change in found:
        parts.setdefault(change.model, []).append(change)
    return [(apps.get_model(label), part) for label, part in parts.items()]


def _customers_of(model: type[Any], ids: Sequence[int]) -> set[int]:
    if model is Customer:
        return set(ids)
    if model is Product:
        return buyers_of(ids)
    if not any(column.attname == "customer_id" for column in model._meta.concrete_fields):
        return set()
    return set(model._default_manager.filter(pk__in=ids).values_list("customer_id", flat=True)) - {None}


def _let_go(model: type[Any], ids: Sequence[int]) -> None:
    """Let void facts point to the records no more: a column of theirs would keep them."""
    for fact, column in pointing(model):
        if issubclass(fact, Fact) and column.null:
            void = fact._default_manager.filter(void=True, **{f"{column.name}__in": ids})
            void.update(**{column.name: None})


def _blank(model: type[Any], ids: Collection[int]) -> None:
    """Leave nothing personal in records that cannot go."""
    named = {name: movers.nothing(model, name) for name in writing.personal_fields(model)}
    if ids and named:
        model._default_manager.filter(pk__in=ids).update(**named)


def _delete(model: type[Any], ids: Sequence[int]) -> list[int]:
    """Delete what can go, all at once if possible; return the numbers of those that went."""
    there = list(model._default_manager.filter(pk__in=ids).values_list("pk", flat=True))
    missing = [pk for pk in ids if pk not in set(there)]
    try:
        with transaction.atomic():
            model._default_manager.filter(pk__in=there).delete()
    except (ProtectedError, DatabaseError):
        if len(there) <= 1:
            return missing
        half = len(there) // 2
        return missing + _delete(model, there[:half]) + _delete(model, there[half:])
    return [*missing, *there]
