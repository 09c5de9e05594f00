"""How many records land at once: chunk by chunk, each one transaction and few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from django.db import IntegrityError, OperationalError, models, transaction

from customers import writing
from customers.batch import keeping
from customers.batch.keeping import Before
from customers.batch.records import Landed
from customers.facts import Fact
from customers.ground import clock, guards, rows, sealed
from customers.models import ExternalRef, ImportBatch

MOST_RECORDS = 5_000
MOST_LINES = 20_000
_TRIES = 5
_AGAIN = {"40001", "40P01", "23505"}  # serialization, deadlock, unique: somebody else was quicker
Record = TypeVar("Record")


class SomebodyWasQuicker(OperationalError):
    """What a chunk was about to write was overtaken by somebody else's commit; it is tried again."""


class State(Enum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(slots=True)
class Wanted:
    """How one row shall stand: ``fields`` are compared, ``derived`` only written with a change."""

    external_id: str
    fields: dict[str, Any]
    derived: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] = field(default_factory=dict)  # for a new row only
    recorded_at: datetime | None = None
    recorded_assumed: bool = False

    def differs(self, obj: Any) -> bool:
        """Say whether ``obj`` stands otherwise."""
        return any(getattr(obj, name) != value for name, value in self.fields.items())


@dataclass(slots=True)
class Row:
    """How one row came to stand."""

    obj: Any
    state: State
    left: int | None = None  # the customer that it belonged to before
    kind_was: str | None = None  # its kind before, where that changed


def in_chunks(
    records: Iterable[Record],
    land: Callable[[list[Record]], Landed],
    *,
    key: Callable[[Record], Any] = lambda record: record.external_id,  # type: ignore[attr-defined]
) -> Landed:
    """Land records in chunks, each in a transaction that is tried again when another was quicker.

    A second record with the same key begins a new chunk, so that the later one counts.
    """
    total = Landed()
    for chunk in _cut(records, key):
        total += _tried_again(land, chunk)
    return total


def _cut(records: Iterable[Record], key: Callable[[Record], Any]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    seen: set[Any] = set()
    lines = 0
    for record in records:
        name = key(record)
        if chunk and (len(chunk) >= MOST_RECORDS or lines >= MOST_LINES or name in seen):
            yield chunk
            chunk, seen, lines = [], set(), 0
        chunk.append(record)
        seen.add(name)
        lines += len(getattr(record, "lines", ()))
    if chunk:
        yield chunk


def _tried_again(land: Callable[[list[Record]], Landed], chunk: list[Record]) -> Landed:
    for left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                return land(chunk)
        except (IntegrityError, OperationalError) as error:
            if not left or not _somebody_was_quicker(error):
                raise
    raise AssertionError("unreachable")


def _somebody_was_quicker(error: Exception) -> bool:
    if isinstance(error, _ErasedMeanwhile | SomebodyWasQuicker) or guards.RECORDED_BEFORE in str(error):
        return True  # another import wrote a later version since we looked
    state = getattr(error.__cause__, "sqlstate", None)
    return state in _AGAIN if state else "UNIQUE constraint failed" in str(error)


# --- References --------------------------------------------------------------------------------
def find_refs(kind: str, names: Iterable[str], *, source: str) -> dict[str, int]:
    """Return our numbers of the records that ``source`` calls by ``names``."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    return dict(
        ExternalRef.objects.filter(source=source, kind=kind, external_id__in=wanted).values_list(
            "external_id", "object_id"
        )
    )


def add_refs(kind: str, named: Iterable[tuple[str, int]], *, source: str) -> list[ExternalRef]:
    """Remember the names; raises ``IntegrityError`` when another import was quicker."""
    return ExternalRef.objects.bulk_create(
        [ExternalRef(source=source, kind=kind, external_id=name, object_id=pk) for name, pk in sorted(named)]
    )


# --- Rows --------------------------------------------------------------------------------------
def land_rows(
    model: type[models.Model],
    kind: str,
    wanted: Sequence[Wanted],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
) -> list[Row]:
    """Insert what is new, write a version of what differs, leave the rest; return one row for each.

    Rows are known by their ``ExternalRef``; ``external_id`` is unique within ``wanted``. The moment
    of a change is never before the one that stands. Old personal values are sealed first.
    """
    refs = find_refs(kind, (want.external_id for want in wanted), source=source)
    present = _present(model, list(refs.values()))
    landed: list[Row] = []
    new: list[tuple[str, Any]] = []
    for want in wanted:
        obj = present.get(refs.get(want.external_id, 0))
        if obj is None:
            obj = model(**want.first, **want.fields, **want.derived)
            _date(obj, want, batch=batch, at=at)
            new.append((want.external_id, obj))
            landed.append(Row(obj, State.CREATED))
        else:
            landed.append(Row(obj, State.UNCHANGED))
    _hold_what_differs(model, wanted, landed)
    changes = Changes(model, batch=batch, at=at)
    for want, row in zip(wanted, landed, strict=True):
        if row.state is State.UNCHANGED:
            owner, kind_was = getattr(row.obj, "customer_id", None), getattr(row.obj, "kind", None)
            if changes.put(row.obj, want):
                row.state = State.UPDATED
                row.left = owner if owner != getattr(row.obj, "customer_id", None) else None
                row.kind_was = kind_was if kind_was != getattr(row.obj, "kind", None) else None
    changes.write()
    model._default_manager.bulk_create([obj for _name, obj in new])
    add_refs(kind, ((name, obj.pk) for name, obj in new), source=source)
    if not issubclass(model, Fact):
        keeping.note_new((obj for _name, obj in new), batch=batch, at=at)
    return landed


class _ErasedMeanwhile(OperationalError):
    """Somebody was erased between the look-up of her name and the writing: the chunk is landed anew."""


def _present(model: type[models.Model], ids: list[int]) -> dict[Any, Any]:
    """Return the rows, by number; people are held, so that none is erased before they are written."""
    rows = model._default_manager.all()
    if not any(field.name == "erased_at" for field in model._meta.concrete_fields):
        return rows.in_bulk(ids)
    found: dict[Any, Any] = rows.select_for_update().order_by("pk").in_bulk(ids)
    if any(row.erased_at is not None for row in found.values()):
        raise _ErasedMeanwhile("erased meanwhile")
    return found


def _hold_what_differs(model: type[models.Model], wanted: Sequence[Wanted], landed: Sequence[Row]) -> None:
    """Read the rows that will change once more, and hold them: another import may just have changed them."""
    differing = {
        row.obj.pk: row
        for want, row in zip(wanted, landed, strict=True)
        if row.state is State.UNCHANGED and want.differs(row.obj)
    }
    held = model._default_manager.select_for_update().order_by("pk").in_bulk(differing)
    for pk, row in differing.items():
        row.obj = held[pk]


class Changes:
    """Changed rows of one model, gathered and written at once."""

    def __init__(self, model: type[models.Model], *, batch: ImportBatch | None, at: datetime) -> None:
        self.model, self.batch, self.at = model, batch, at
        self.rows: list[Any] = []
        self.names: set[str] = set()
        self.old: list[tuple[str, models.Model, dict[str, Any]]] = []
        self.before: list[tuple[Before, int | None]] = []  # and the place of its sealed values in ``old``
        self.personal = set(writing.personal_fields(model))

    def put(self, obj: Any, want: Wanted) -> bool:
        """Set what differs on ``obj``; say whether anything does."""
        changed = {name for name, value in want.fields.items() if getattr(obj, name) != value}
        if not changed:
            return False
        changed |= {name for name, value in want.derived.items() if getattr(obj, name) != value}
        self._keep(obj, changed)
        for name in changed:
            setattr(obj, name, want.fields[name] if name in want.fields else want.derived[name])
        changed |= _date(obj, want, batch=self.batch, at=self.at)
        self.names |= changed
        self.rows.append(obj)
        return True

    def write(self) -> None:
        """Seal the old personal values, note what stood before, and write the rows."""
        if not self.rows:
            return
        kept = sealed.seal_many(self.old)
        for before, place in self.before:
            before.sealed_id = None if place is None else kept[place].pk
        keeping.note_changed((before for before, _place in self.before), batch=self.batch)
        rows.update_rows(self.rows, sorted(self.names))

    def _keep(self, obj: Any, changed: set[str]) -> None:
        """Gather what ``obj`` holds in ``changed``; of a fact the texts alone, the rest is in its version."""
        is_fact = isinstance(obj, Fact)
        kept = {name: getattr(obj, name) for name in changed if name in self.personal or not is_fact}
        hidden = {name: value for name, value in kept.items() if name in self.personal and value}
        if hidden:
            self.old.append((writing.holder_of(obj), obj, {"old": hidden}))
        if not kept:
            return
        plain = {_column(self.model, n): value for n, value in kept.items() if n not in hidden}
        at = None
        if hasattr(obj, "updated_at"):
            plain["updated_at"], at = obj.updated_at, self.at
        if any(isinstance(value, models.Model) for value in plain.values()):
            plain = {n: getattr(value, "pk", value) for n, value in plain.items()}
        self.before.append((Before(obj, plain, at=at), len(self.old) - 1 if hidden else None))


def _column(model: type[models.Model], name: str) -> str:
    return str(model._meta.get_field(name).attname)  # type: ignore[union-attr]


def _date(obj: Any, want: Wanted, *, batch: ImportBatch | None, at: datetime) -> set[str]:
    """Set the moments of a row that is new or changes; return the names of the fields set."""
    if not isinstance(obj, Fact):
        if not hasattr(obj, "updated_at"):
            return set()
        obj.updated_at = at
        return {"updated_at"}
    recorded_at = want.recorded_at or at
    if obj.pk is not None:
        recorded_at = max(recorded_at, obj.recorded_at)
        obj.ingested_at = clock.real_now()
    obj.recorded_at, obj.recorded_assumed, obj.batch = recorded_at, want.recorded_assumed, batch
    return {"recorded_at", "recorded_assumed", "batch", "ingested_at"}


def count(states: Iterable[Row]) -> Landed:
    """Return how many rows are in each state."""
    landed = Landed()
    for row in states:
        setattr(landed, row.state.value, getattr(landed, row.state.value) + 1)
    return landed
