"""What a merge does to rows, kept so that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models import QuerySet

from customers import movers
from customers.ground.rows import update_rows
from customers.models import ExternalRef, Merge, MergedRow, SearchToken, TouchedCustomer

DERIVED = (TouchedCustomer, SearchToken)
"""What follows from the other rows, and is made anew when they have moved."""
_TABLE = MergedRow._meta.db_table


def note_pointers(merge: Merge) -> None:
    """Note every row that points to the customer who is merged away, a statement for each column."""
    with connection.cursor() as cursor:
        for model in movers.movers():
            if model in DERIVED:
                continue
            for column in movers.pointers(model, "customer"):
                if not model._meta.get_field(column).primary_key:
                    _note(cursor, merge, model, column, f'"{column}" = %s', [merge.merged_id])
        where = "kind = 'customer' AND object_id = %s"
        _note(cursor, merge, ExternalRef, "object_id", where, [merge.merged_id])


def _note(
    cursor: Any, merge: Merge, model: type[models.Model], column: str, where: str, bound: list[Any]
) -> None:
    cursor.execute(
        f'INSERT INTO {_TABLE} (merge_id, model, "column", object_id) '  # noqa: S608 — names of our own models
        f'SELECT %s, %s, %s, id FROM "{model._meta.db_table}" WHERE {where} ON CONFLICT DO NOTHING',
        [merge.pk, model._meta.label, column, *bound],
    )


def point_back(merge: Merge) -> None:
    """Re-point to the customer who was merged away what pointed there before, and still stands as moved.

    What was written since for one of those rows goes with it: a step of a complaint, a line of an order.
    """
    noted = MergedRow.objects.filter(merge=merge).exclude(column="")
    for label, column in noted.order_by().values_list("model", "column").distinct():
        model = apps.get_model(label)
        ids = noted.filter(model=label, column=column).values("object_id")
        back = model._base_manager.filter(**{column: merge.survivor_id}, pk__in=ids)
        back.update(**{column: merge.merged_id})
    while sum(_follow_parents(model, merge) for model in movers.movers()):
        pass


def pointed_there(merge: Merge, model: type[models.Model], column: str) -> QuerySet[MergedRow, int]:
    """Return, as a query, the ids of the rows of ``model`` that pointed to the one who was merged away."""
    noted = MergedRow.objects.filter(merge=merge, model=model._meta.label, column=column)
    return noted.values_list("object_id", flat=True)


def _follow_parents(model: type[models.Model], merge: Merge) -> int:
    """Let rows of the survivor follow a row that they belong to and that went back; return how many."""
    if "customer_id" not in movers.pointers(model, "customer"):
        return 0
    followed = 0
    for field in model._meta.concrete_fields:
        parent = field.related_model
        if not isinstance(parent, type) or parent is model or parent not in movers.movers():
            continue
        if "customer_id" in movers.pointers(parent, "customer"):
            gone = parent._base_manager.filter(customer_id=merge.merged_id)
            rows = model._base_manager.filter(customer_id=merge.survivor_id, **{f"{field.name}__in": gone})
            followed += rows.update(customer_id=merge.merged_id)
    return followed


# --- Rows that change otherwise ----------------------------------------------------------------
def keep(merge: Merge, rows: Iterable[models.Model], *columns: str) -> None:
    """Keep the values of ``columns`` as they stand in ``rows``, which the merge is about to change.

    Of a row that is kept already the first values count.
    """
    MergedRow.objects.bulk_create(
        [
            MergedRow(
                merge=merge,
                model=row._meta.label,
                object_id=row.pk,
                before={column: _plain(getattr(row, column)) for column in columns},
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def close(merge: Merge) -> None:
    """Add to what was kept how it stands after the merge; forget the rows that did not change."""
    for label, every in _kept(merge).items():
        kept = [one for one in every if one.after is None]
        present = apps.get_model(label)._base_manager.in_bulk([one.object_id for one in kept])
        for one in kept:
            row = present[one.object_id]
            one.after = {column: _plain(getattr(row, column)) for column in one.before}
        same = [one.pk for one in kept if one.after == one.before]
        MergedRow.objects.filter(pk__in=same).delete()
        MergedRow.objects.bulk_update(
            [one for one in kept if one.pk not in set(same)], ["after"], batch_size=200
        )


def put_back(merge: Merge) -> None:
    """Give the kept rows their values from before, but for those that were changed since."""
    for label, kept in _kept(merge).items():
        model = apps.get_model(label)
        present = model._base_manager.in_bulk([one.object_id for one in kept])
        groups: dict[tuple[bool, tuple[str, ...]], list[models.Model]] = {}
        for one in kept:
            row = present.get(one.object_id)
            after = one.after or {}
            untouched = [
                name for name in one.before if row is not None and _plain(getattr(row, name)) == after[name]
            ]
            if row is None or not untouched:
                continue
            for name in untouched:
                setattr(row, name, model._meta.get_field(name).to_python(one.before[name]))
            stays = all(one.before[name] == after[name] for name in untouched if name.endswith("_id"))
            groups.setdefault((stays, tuple(untouched)), []).append(row)
        for _stays, columns in sorted(groups):  # what goes elsewhere first: it may stand in the way
            update_rows(groups[_stays, columns], columns)


def kept_of(merge: Merge, model: type[models.Model]) -> dict[int, MergedRow]:
    """Return what was kept of the rows of ``model``, by their id."""
    return {one.object_id: one for one in _kept(merge).get(model._meta.label, [])}


def _kept(merge: Merge) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in MergedRow.objects.filter(merge=merge, column="").order_by("model", "object_id"):
        found.setdefault(row.model, []).append(row)
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
