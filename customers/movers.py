"""What merging and erasing do to each table: upper apps enter theirs in ``AppConfig.ready()``.

A *mover* re-points rows from one customer (or contact) to another. An *eraser* does to a person's
rows what the model's privacy declaration says. The verbs that merge and erase call every entry inside
their own transaction, never by the outbox (decision 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models

from customers.ground.privacy import Declaration, Erasure

Mover = Callable[[str, int, int], int]  # ("customer" or "contact", from id, to id) -> rows moved
Eraser = Callable[[str, int], int]  # ("customer" or "contact", id) -> rows changed
Exporter = Callable[[str, int], list[dict[str, Any]]]  # ("customer" or "contact", id) -> rows


@dataclass(frozen=True)
class Blocker:
    """One thing that stands in the way of taking an import back, in words and with where it is seen."""

    text: str
    customer_id: int | None = None
    url: str = ""


UndoBlocker = Callable[[int], Iterable[Blocker | str]]  # import batch id -> what stands in the way
Follower = Callable[[type[models.Model], list[int], datetime], None]  # model, ids taken back, moment

_movers: dict[type[models.Model], Mover] = {}
_erasers: dict[type[models.Model], Eraser] = {}
_exporters: dict[type[models.Model], Exporter] = {}
_undo_blockers: dict[str, UndoBlocker] = {}
_followers: dict[str, Follower] = {}
PERSONS = ("customer", "contact")


def register(
    model: type[models.Model],
    *,
    mover: Mover | None = None,
    eraser: Eraser | None = None,
    exporter: Exporter | None = None,
) -> None:
    """Enter what happens to the rows of ``model``; what is not given is done the general way."""
    _movers[model] = mover or _general_mover(model)
    _erasers[model] = eraser or _general_eraser(model)
    _exporters[model] = exporter or _general_exporter(model)


def register_app(app_label: str) -> None:
    """Enter, the general way, every model of the app that points to a customer or contact."""
    for model in apps.get_app_config(app_label).get_models():
        if model not in _movers and (_persons_of(model) or model._meta.model_name in PERSONS):
            register(model)


def move_contacts(person: str, source: int, target: int) -> int:
    """Move contacts to another customer, which keeps its own main contact."""
    from customers.models import Contact

    if person != "customer":
        return 0
    return Contact.objects.filter(customer_id=source).update(customer_id=target, is_main=False)


def register_undo_blocker(name: str, blocker: UndoBlocker) -> None:
    """Enter a question that is asked before an import is taken back."""
    _undo_blockers[name] = blocker


def register_follower(name: str, follower: Follower) -> None:
    """Enter what follows, in the same transaction, when records were taken back with their import."""
    _followers[name] = follower


def movers() -> dict[type[models.Model], Mover]:
    """Return the mover of every model."""
    return dict(_movers)


def erasers() -> dict[type[models.Model], Eraser]:
    """Return the eraser of every model."""
    return dict(_erasers)


def exporters() -> dict[type[models.Model], Exporter]:
    """Return the exporter of every model."""
    return dict(_exporters)


def undo_blockers() -> dict[str, UndoBlocker]:
    """Return the questions that are asked before an import is taken back."""
    return dict(_undo_blockers)


def follow(model: type[models.Model], ids: list[int], *, at: datetime) -> None:
    """Tell everybody who asked for it that records were taken back with their import."""
    for follower in list(_followers.values()):
        follower(model, ids, at)


def _persons_of(model: type[models.Model]) -> dict[str, str]:
    """Return the columns of ``model`` that point to a person: "customer" or "contact" -> attribute."""
    found = {}
    for field in model._meta.concrete_fields:
        for person in PERSONS:
            target = field.related_model
            points = isinstance(target, type) and target._meta.label_lower == f"customers.{person}"
            if field.attname == f"{person}_id" and (points or not field.is_relation):
                found[person] = field.attname
    return found


def _rows(model: type[models.Model], person: str, pk: int) -> models.QuerySet[Any]:
    if model._meta.model_name == person:
        return model._base_manager.filter(pk=pk)
    column = _persons_of(model).get(person)
    return model._base_manager.filter(**{column: pk}) if column else model._base_manager.none()


def _general_mover(model: type[models.Model]) -> Mover:
    def move(person: str, source: int, target: int) -> int:
        column = _persons_of(model).get(person)
        return _rows(model, person, source).update(**{column: target}) if column else 0

    return move


def _general_eraser(model: type[models.Model]) -> Eraser:
    def erase(person: str, pk: int) -> int:
        rows = _rows(model, person, pk)
        blank = {name: nothing(model, name) for name in _names(model, Erasure.BLANK)}
        changed = rows.update(**blank) if blank else 0
        if _names(model, Erasure.DESTROY):
            changed += rows.delete()[0]
        return changed

    return erase


def _general_exporter(model: type[models.Model]) -> Exporter:
    def export(person: str, pk: int) -> list[dict[str, Any]]:
        return list(_rows(model, person, pk).order_by("pk").values())

    return export


def _names(model: type[models.Model], action: Erasure) -> list[str]:
    declared: Declaration = getattr(model, "privacy", {})
    return [name for name, (_data, erasure) in declared.items() if erasure == action]


def nothing(model: type[models.Model], name: str) -> Any:
    """Return what stands in a column that was blanked."""
    field = model._meta.get_field(name)
    return None if getattr(field, "null", False) else ""
