"""What stands in the way of taking an import back: whatever came to rest on it since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import movers
from customers.facts import DERIVED, TWINS, Fact
from customers.models import Contact, Customer, ImportBatch, ImportChange
from customers.movers import Blocker
from customers.undo import names
from customers.undo.shares import had_before, written_by

SHOWN = 20
COUNTED = 1_000
COLLEAGUES = "people"  # the kind of import whose records are no data of customers
ACCOUNTS_STAY = gettext_lazy(
    "Accounts and teams that an import made or changed stay as they are. Deactivate or change them under "
    "“Users and teams”."
)


@dataclass(frozen=True)
class Standing:
    """What stands in the way: the first of it, and how much it is (``more`` than counted, maybe)."""

    shown: list[Blocker]
    count: int
    more: bool = False


def in_the_way(batch: ImportBatch) -> Standing:
    """Return what keeps an import from being taken back."""
    found = list(islice(_all(batch), COUNTED + 1))
    return Standing(found[:SHOWN], min(len(found), COUNTED), len(found) > COUNTED)


def _all(batch: ImportBatch) -> Iterator[Blocker]:
    if batch.kind == COLLEAGUES:
        yield Blocker(str(ACCOUNTS_STAY))
    for model in TWINS:
        yield from _later_versions(batch, model)
    for model in TWINS:
        yield from _resting_on_facts(batch, model)
    yield from _on_new_customers(batch)
    for label in sorted(_labels(batch)):
        model = apps.get_model(label)
        if not issubclass(model, Fact):
            yield from _changed_again(batch, model)
            if model is not Customer:
                yield from _resting_on_records(batch, model)
    for ask in movers.undo_blockers().values():
        yield from (said if isinstance(said, Blocker) else Blocker(said) for said in ask(batch.pk))


def _later_versions(batch: ImportBatch, model: type[Any]) -> Iterator[Blocker]:
    """Yield facts of which a later version replaced the import's."""
    mine = TWINS[model]._default_manager.filter(batch_id=batch.pk).values("fact_id")
    changed = model._default_manager.filter(pk__in=mine).exclude(batch=batch)
    yield from _told(changed, _("changed later: %(what)s no. %(number)s"))


def _resting_on_facts(batch: ImportBatch, model: type[Any]) -> Iterator[Blocker]:
    """Yield facts from elsewhere that point to facts which the import made."""
    if not written_by(batch, model).exists():
        return
    new = written_by(batch, model).exclude(had_before(batch, model))
    for other, name in _keeping(model):
        if issubclass(other, Fact):
            rests = other._default_manager.filter(void=False, **{f"{name}__in": new.values("pk")})
            yield from _told(rests.exclude(batch=batch), _("added since: %(what)s no. %(number)s"))


def _on_new_customers(batch: ImportBatch) -> Iterator[Blocker]:
    """Yield facts and contacts from elsewhere of customers that the import made."""
    new = _records(batch, Customer, is_new=True)
    if not new.exists():
        return
    for model in [fact for fact in TWINS if fact not in DERIVED]:
        facts = model._default_manager.filter(void=False, customer_id__in=new).exclude(batch=batch)
        yield from _told(facts, _("added since: %(what)s no. %(number)s"))
    contacts = apps.get_model("customers.contact")
    own = _records(batch, contacts, is_new=True)
    theirs = contacts._default_manager.filter(customer_id__in=new).exclude(pk__in=own)
    yield from _told(theirs, _("added since: %(what)s no. %(number)s"))


def _changed_again(batch: ImportBatch, model: type[Any]) -> Iterator[Blocker]:
    """Yield records that somebody changed, or a later import, after this one had."""
    undone = ImportBatch.objects.filter(status=ImportBatch.Status.UNDONE).values("pk")
    mine = ImportChange.objects.filter(batch=batch, model=model._meta.label_lower)
    later = ImportChange.objects.filter(
        model=model._meta.label_lower, batch_id__gt=batch.pk, object_id__in=mine.values("object_id")
    ).exclude(batch_id__in=undone)
    again = Q(pk__in=later.values("object_id"))
    rows = model._default_manager.filter(pk__in=mine.values("object_id"))
    if any(column.name == "updated_at" for column in model._meta.concrete_fields):
        wrote = mine.filter(object_id=OuterRef("pk"), at__isnull=False).order_by("-pk").values("at")
        rows = rows.annotate(wrote_at=Subquery(wrote[:1]))
        again |= Q(wrote_at__isnull=False) & ~Q(updated_at=F("wrote_at"))
    yield from _told(rows.filter(again), _("changed later: %(what)s no. %(number)s"))


def _resting_on_records(batch: ImportBatch, model: type[Any]) -> Iterator[Blocker]:
    """Yield what points to records that the import made, and would keep them."""
    new = _records(batch, model, is_new=True)
    if not new.exists():
        return
    own = movers.answered_for() if model is Contact else set()
    for other, name in _keeping(model):
        if other in own:
            continue
        rests = other._default_manager.filter(**{f"{name}__in": new})
        if issubclass(other, Fact):
            rests = rests.filter(void=False).exclude(batch=batch)
        else:
            rests = rests.exclude(pk__in=_records(batch, other, is_new=True))
        yield from _told(rests, _("added since: %(what)s no. %(number)s"))


def pointing(model: type[Any]) -> list[tuple[type[Any], Any]]:
    """Return the models that point to ``model``, each with its column, also those without a way back."""
    return [
        (relation.related_model, relation.field)
        for relation in model._meta.get_fields(include_hidden=True)
        if relation.one_to_many or relation.one_to_one
        if relation.auto_created and not relation.concrete
    ]


def _keeping(model: type[Any]) -> list[tuple[type[Any], str]]:
    """Return the models, and their columns, that point to ``model`` and would not go with it."""
    return [
        (other, column.name)
        for other, column in pointing(model)
        if column.remote_field.on_delete is models.PROTECT and other not in DERIVED
    ]


def _records(batch: ImportBatch, model: type[Any], *, is_new: bool) -> QuerySet[Any]:
    found = ImportChange.objects.filter(batch=batch, model=model._meta.label_lower, is_new=is_new)
    return found.values("object_id")


def _labels(batch: ImportBatch) -> set[str]:
    return set(ImportChange.objects.filter(batch=batch).values_list("model", flat=True).distinct())


def _told(rows: QuerySet[Any], text: str) -> Iterator[Blocker]:
    model = rows.model
    has_customer = any(column.attname == "customer_id" for column in model._meta.concrete_fields)
    columns = ("pk", "customer_id") if has_customer else ("pk",)
    for row in rows.order_by("pk").values_list(*columns)[: COUNTED + 1]:
        customer_id = row[1] if has_customer else row[0] if model is Customer else None
        said = text % {"what": names.one_of(model), "number": row[0]}
        yield Blocker(said, customer_id=customer_id)
