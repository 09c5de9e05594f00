"""What merging and erasing do to each table: upper apps enter theirs in ``AppConfig.ready()``.

A *mover* re-points rows from one customer (or contact) to another. An *eraser* does to a person's
rows what the model's privacy declaration says. The verbs that merge and erase call every entry inside
their own transaction, never by the outbox (decision 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Concat

from customers.ground.privacy import Declaration, Erasure

if TYPE_CHECKING:
    from customers.models import ImportBatch, Merge

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
Ending = Callable[[datetime], None]  # the moment of erasing
# import, last id done, how many, moment -> ids done, the last of them; no ids when nothing is left
UndoStep = Callable[["ImportBatch", int, int, datetime], tuple[list[int], int]]
Made = Callable[["ImportBatch"], "models.QuerySet[Any]"]
Follower = Callable[[type[models.Model], list[int], datetime], None]  # model, ids taken back, moment


@dataclass(frozen=True)
class Joining:
    """What an app does of its own when two customers become one, beside moving rows.

    ``lock`` takes the app's locks for both, after their own and before they are closed to writers;
    ``join`` makes one of what may stand but once, before the rows move; ``settle`` follows when they
    have moved. ``blockers`` says in words what forbids to take a merge back, ``part`` comes after
    the rows went back; who took it back, and when, stands in the merge by then.
    """

    lock: Callable[[int, int], None]
    join: Callable[[Merge], None]
    settle: Callable[[Merge], None]
    blockers: Callable[[Merge], list[str]]
    part: Callable[[Merge], None]


_movers: dict[type[models.Model], Mover] = {}
_own_movers: set[type[models.Model]] = set()  # the models whose mover is not the general one
_hiding: set[type[models.Model]] = set()  # the models with rows that nobody is told of
_joinings: dict[str, Joining] = {}
_erasers: dict[type[models.Model], Eraser] = {}
_exporters: dict[type[models.Model], Exporter] = {}
_undo_blockers: dict[str, UndoBlocker] = {}
_answered_for: set[type[models.Model]] = set()
_followers: dict[str, Follower] = {}
_undo_steps: dict[str, UndoStep] = {}
_undo_made: dict[str, Made] = {}
_endings: dict[str, Ending] = {}
PERSONS = ("customer", "contact")
# The kind of a fact's references where it is not its own name.
REFERENCES = {"attributevalue": "attribute", "competitorsighting": "sighting"}


def register(
    model: type[models.Model],
    *,
    mover: Mover | None = None,
    eraser: Eraser | None = None,
    exporter: Exporter | None = None,
    hides: bool = False,
) -> None:
    """Enter what happens to the rows of ``model``; what is not given is done the general way.

    ``hides``: nobody is told of some of its rows, so that nothing that is shown may count them.
    """
    _movers[model] = mover or _general_mover(model)
    (_own_movers.add if mover else _own_movers.discard)(model)
    (_hiding.add if hides else _hiding.discard)(model)
    _erasers[model] = eraser or _general_eraser(model)
    _exporters[model] = exporter or _general_exporter(model)


def register_app(app_label: str) -> None:
    """Enter, the general way, every model of the app that points to a customer or contact."""
    for model in apps.get_app_config(app_label).get_models():
        points = any(pointers(model, person) for person in PERSONS)
        if model not in _movers and (points or model._meta.model_name in PERSONS):
            register(model)


def stay(person: str, source: int, target: int) -> int:
    """Move nothing: the mover of models whose rows tell of the two customers themselves."""
    return 0


def move_contacts(person: str, source: int, target: int) -> int:
    """Move contacts to another customer, which keeps its own main contact."""
    from customers.models import Contact

    if person != "customer":
        return 0
    return Contact.objects.filter(customer_id=source).update(customer_id=target, is_main=False)


def erase_references(person: str, pk: int) -> int:
    """Destroy the names that other systems give to a person, and to the facts of a customer."""
    from customers.facts import TWINS
    from customers.models import ExternalRef

    gone = ExternalRef.objects.filter(kind=person, object_id=pk).delete()[0]
    if person == "customer":
        for fact in TWINS:
            theirs = fact._default_manager.filter(customer_id=pk).order_by().values("pk")
            kind = REFERENCES.get(fact._meta.model_name or "", fact._meta.model_name)
            gone += ExternalRef.objects.filter(kind=kind, object_id__in=theirs).delete()[0]
    return gone


def export_references(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the names that other systems give to a person."""
    from customers.models import ExternalRef

    rows: Any = ExternalRef.objects.filter(kind=person, object_id=pk).order_by("pk").values()
    return list(rows)


def register_joining(name: str, joining: Joining) -> None:
    """Enter what an app does when two customers become one."""
    _joinings[name] = joining


def register_ending(name: str, ending: Ending) -> None:
    """Enter what else ends when somebody is erased: after all erasers, in their transaction."""
    _endings[name] = ending


def endings() -> list[Ending]:
    """Return what else ends when somebody is erased."""
    return list(_endings.values())


def joinings() -> list[Joining]:
    """Return what the apps do when two customers become one."""
    return list(_joinings.values())


def register_undo_blocker(
    name: str, blocker: UndoBlocker, *, answers_for: Iterable[type[models.Model]] = ()
) -> None:
    """Enter a question that is asked before an import is taken back.

    It alone says whether rows of ``answers_for`` keep the contacts that the import made.
    """
    _undo_blockers[name] = blocker
    _answered_for.update(answers_for)


def register_follower(name: str, follower: Follower) -> None:
    """Enter what follows, in the same transaction, when records were taken back with their import."""
    _followers[name] = follower


def register_undo_step(name: str, step: UndoStep, *, made: Made) -> None:
    """Enter what takes back rows of an import that are neither facts nor records: chunk by chunk.

    Each chunk is done in the transaction that notes how far the undo came, after the facts. ``made`` says
    which rows an import brought; they have a ``customer``.
    """
    _undo_steps[name] = step
    _undo_made[name] = made


def undo_steps() -> dict[str, UndoStep]:
    """Return what takes back other rows of an import, by name."""
    return dict(_undo_steps)


def undo_made(batch: ImportBatch) -> list[models.QuerySet[Any]]:
    """Return the rows of an import that are neither facts nor records, one query for each model."""
    return [made(batch) for made in _undo_made.values()]


def movers() -> dict[type[models.Model], Mover]:
    """Return the mover of every model."""
    return dict(_movers)


def hiding() -> set[type[models.Model]]:
    """Return the models with rows that nobody is told of."""
    return set(_hiding)


def erasers() -> dict[type[models.Model], Eraser]:
    """Return the eraser of every model."""
    return dict(_erasers)


def exporters() -> dict[type[models.Model], Exporter]:
    """Return the exporter of every model."""
    return dict(_exporters)


def undo_blockers() -> dict[str, UndoBlocker]:
    """Return the questions that are asked before an import is taken back."""
    return dict(_undo_blockers)


def answered_for() -> set[type[models.Model]]:
    """Return the models of which a question of their own says whether they stand in the way."""
    return set(_answered_for)


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


def pointers(model: type[models.Model], person: str) -> list[str]:
    """Return the columns of ``model`` that a merge of two persons re-points.

    The person's own column, and every other foreign key to it; a stub keeps what it was merged into.
    """
    if _movers.get(model) is stay:
        return []
    own = _persons_of(model).get(person)
    others = [
        field.attname
        for field in model._meta.concrete_fields
        if field.attname not in (own, "merged_into_id")
        and isinstance(field.related_model, type)
        and field.related_model._meta.label_lower == f"customers.{person}"
    ]
    return ([own] if own else []) + others


def _general_mover(model: type[models.Model]) -> Mover:
    def move(person: str, source: int, target: int) -> int:
        return sum(
            _movable(model, column, model._base_manager.filter(**{column: source}), target).update(
                **{column: target}
            )
            for column in pointers(model, person)
        )

    return move


def of_stubs(model: type[models.Model], column: str) -> models.QuerySet[Any]:
    """Return the rows that point to customers who were merged away, and that their mover would move."""
    from customers.models import Customer

    stubs = Customer.objects.filter(merged_into__isnull=False)
    rows = model._base_manager.filter(**{f"{column}__in": stubs.values("pk")})
    if model in _own_movers:
        return rows
    into = Subquery(stubs.filter(pk=OuterRef(column)).values("merged_into_id")[:1])
    return _movable(model, column, rows.annotate(moves_to=into), OuterRef("moves_to"))


def _movable(
    model: type[models.Model], column: str, rows: models.QuerySet[Any], target: int | OuterRef
) -> models.QuerySet[Any]:
    """Return those of ``rows`` that do not say a second time what ``target`` has.

    What a unique constraint forbids beside a row of the target stays where it is.
    """
    names = {field.name: field.attname for field in model._meta.concrete_fields}
    for constraint in model._meta.constraints:
        if not isinstance(constraint, models.UniqueConstraint):
            continue
        fields = [names[name] for name in constraint.fields]
        if column not in fields:
            continue
        same = {name: OuterRef(name) for name in fields if name != column}
        there = model._base_manager.filter(constraint.condition or Q(), **{column: target}, **same)
        rows = rows.exclude(Exists(there) & (constraint.condition or Q()))
    return rows


def _general_eraser(model: type[models.Model]) -> Eraser:
    def erase(person: str, pk: int) -> int:
        rows = _rows(model, person, pk)
        blank = {name: nothing(model, name) for name in _names(model, Erasure.BLANK)}
        if model._meta.model_name in PERSONS:
            blank["name"] = Concat(Value("#"), Cast("pk", models.CharField()))  # pages need something to show
        written = models.Q()
        for name, empty in blank.items():
            if not model._meta.get_field(name).editable:
                continue  # follows from the others
            same = models.Q(**({f"{name}__isnull": True} if empty is None else {name: empty}))
            written |= ~same
        changed = rows.filter(written).update(**blank) if blank else 0
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
