"""Reading texts: never in the request, but from the outbox right after, and by the clock what files brought.

A reading holds codes and numbers only and goes with its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from customers import stubs
from customers.ground import outbox
from customers.ground.models import OutboxRow
from customers.models import TextReading
from customers.text import features, readers, sources
from customers.text.readers import Reader
from customers.text.sources import Source

HANDLER = "customers.read_text"
STEP = 500  # texts of one transaction
MOST = 20_000  # texts of one pass by the clock
_READ = ["customer", "language", "text_recorded_at", "code", "percent", "is_sure", "model", "read_at"]


def read_soon(row: models.Model, *, at: datetime) -> None:
    """Have the text of a row read within seconds, if it has one; in the caller's transaction."""
    source = sources.of(row)
    if source is not None and getattr(row, source.column):
        outbox.add(
            HANDLER,
            due_at=at,
            dedupe_key=f"text:{source.kind}:{row.pk}:{at.isoformat()}",
            payload={"kind": source.kind, "id": row.pk},
        )


@outbox.handler(HANDLER)
def read(row: OutboxRow, at: datetime) -> None:
    """Read one text; nothing when it is gone."""
    read_texts(row.payload["kind"], [row.payload["id"]], at=at)


def read_text(subject: models.Model, *, at: datetime) -> list[TextReading]:
    """Read the text of a row now; return its readings, one for each aspect (none when it has no text)."""
    source = sources.of(subject)
    if source is None:
        raise ValueError(f"nobody said that {subject._meta.label} has a text")
    read_texts(source.kind, [subject.pk], at=at)
    mine = TextReading.objects.filter(subject_kind=source.kind, subject_id=subject.pk)
    return list(mine.order_by("id"))


def read_texts(kind: str, ids: Sequence[int], *, at: datetime, by: Iterable[Reader] | None = None) -> int:
    """Read some texts anew, in one transaction; return how many.

    What a person said of them stays. Readings of texts that are gone are deleted. Customers and rows are
    held, in the order in which who erases or merges takes them: a text that is erased meanwhile leaves no
    reading, and neither waits for the other for ever.
    """
    source = sources.named(kind)
    if source is None:  # its app is not installed any more
        return 0
    with transaction.atomic():
        asked = source.model._default_manager.filter(pk__in=ids)
        theirs = asked.filter(customer__isnull=False).order_by().values_list("customer_id", flat=True)
        stubs.resolved(theirs.distinct())
        list(asked.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        rows = list(
            source.rows()
            .filter(pk__in=ids)
            .order_by("pk")
            .values_list("pk", "customer_id", "recorded_at", source.column)
        )
        gone = set(ids) - {pk for pk, *_rest in rows}
        if gone:
            TextReading.objects.filter(subject_kind=kind, subject_id__in=gone).delete()
        _write(source, rows, list(readers.current() if by is None else by), at=at)
    return len(rows)


def read_unread(*, at: datetime, most: int = MOST) -> int:
    """Read the newest texts that nobody has read yet, or that changed since; return how many.

    Each step is a transaction of at most 500 texts, at most ``most`` of each kind; the next call goes on.
    """
    by, done = readers.current(), 0
    for source in sources.every():
        ids = list(_unread(source).order_by("-pk").values_list("pk", flat=True)[:most])
        for first in range(0, len(ids), STEP):
            done += read_texts(source.kind, ids[first : first + STEP], at=at, by=by)
    return done


def read_again(aspect: str, *, at: datetime, most: int = MOST) -> int:
    """Let who reads now read the newest texts that another one has read; return how many."""
    by = [reader for reader in readers.current() if reader.aspect == aspect]
    other = TextReading.objects.filter(aspect=aspect).exclude(model=by[0].model_id)
    if by[0].model_id is None:
        other = TextReading.objects.filter(aspect=aspect, model__isnull=False)
    found: dict[str, list[int]] = {}
    for kind, pk in other.order_by("-id").values_list("subject_kind", "subject_id")[:most]:
        found.setdefault(kind, []).append(pk)
    done = 0
    for kind, ids in found.items():
        for first in range(0, len(ids), STEP):
            done += read_texts(kind, ids[first : first + STEP], at=at, by=by)
    return done


def forget(model: type[models.Model], ids: Iterable[int], at: datetime) -> None:
    """Delete the readings of rows that were taken back with their import (a follower of ``movers``)."""
    for source in sources.every():
        if source.model is model:
            TextReading.objects.filter(subject_kind=source.kind, subject_id__in=list(ids)).delete()


def erase(person: str, pk: int) -> int:
    """Delete the readings of what a person said (an eraser of ``movers``).

    Takes the rows first, so that nobody reads a text that is about to go.
    """
    for source in sources.every():
        theirs = source.model._default_manager.select_for_update(of=("self",)).filter(**{f"{person}_id": pk})
        list(theirs.order_by("pk").values_list("pk"))
    return of_person(person, pk).delete()[0]


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the readings of what a person said (an exporter of ``movers``)."""
    rows: Any = of_person(person, pk).order_by("pk").values()
    return list(rows)


def of_person(person: str, pk: int) -> models.QuerySet[TextReading]:
    """Return the readings of a customer's texts, or of those of one contact."""
    if person == "customer":
        return TextReading.objects.filter(customer_id=pk)
    said = models.Q(pk__in=[])
    for source in sources.every():
        theirs = source.model._default_manager.filter(contact_id=pk).values("pk")
        said |= models.Q(subject_kind=source.kind, subject_id__in=theirs)
    return TextReading.objects.filter(said)


def _unread(source: Source) -> Any:
    read = TextReading.objects.filter(
        subject_kind=source.kind, subject_id=OuterRef("pk"), text_recorded_at=OuterRef("recorded_at")
    )
    return source.rows().filter(~Exists(read))


def _write(source: Source, rows: list[Any], by: list[Reader], *, at: datetime) -> None:
    texts = [text for *_rest, text in rows]
    pieces = [features.hashed(text) for text in texts]
    spoken = [features.language(text) for text in texts]
    readings = [
        TextReading(
            subject_kind=source.kind,
            subject_id=pk,
            aspect=reader.aspect,
            customer_id=customer_id,
            language=spoken[place],
            text_recorded_at=recorded_at,
            code=answer.code,
            percent=answer.percent,
            is_sure=answer.is_sure,
            model_id=reader.model_id,
            read_at=at,
        )
        for reader in by
        for place, ((pk, customer_id, recorded_at, _text), answer) in enumerate(
            zip(rows, reader.read(texts, pieces), strict=True)
        )
    ]
    TextReading.objects.bulk_create(
        readings,
        update_conflicts=True,
        unique_fields=["subject_kind", "subject_id", "aspect"],
        update_fields=_READ,
        batch_size=STEP,
    )
