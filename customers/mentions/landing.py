"""How mentions land, one or many: known by platform and id, an edit is a version, the new are told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers import company, keeping, stubs
from customers.batch import references
from customers.batch.landing import Changes, Row, State, Wanted, count, in_chunks
from customers.batch.records import Landed, Refusal
from customers.erasure import names
from customers.ground import events, localtime
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.mentions import judging, matching
from customers.mentions.matching import Poster
from customers.models import ImportBatch, Mention

Key = tuple[str, str]  # platform and id there
FIELDS = frozenset({"handle", "url", "text", "rating"})
MOST_OF_NAME = 200
KEPT_A_WHILE = ("text", "handle", "url")
NEGATIVE, PERSON = Mention.Sentiment.NEGATIVE, Mention.Judged.PERSON


class MentionErased(Refused):
    code = "mention_erased"
    message = _("This post was erased at the person's request or by law, and may not come back.")


@dataclass(slots=True, kw_only=True)
class MentionRecord:
    """A post or review. ``values``: of :data:`FIELDS` those that are known; the others stay as they are.

    ``occurred_at``: without it a new one counts from when we knew it, a known one keeps its moment.
    ``external_id``: the platform's, or the address; without one it is always a new row. ``customer``: our
    number of whose it is; without one it is looked for by the name. ``history`` tells nobody to act.
    """

    external_id: str
    platform: str
    occurred_at: datetime | None = None
    recorded_at: datetime
    recorded_assumed: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    customer: int | None = None
    contact: int | None = None
    history: bool = False
    pk: int | None = None  # of the row that it became


@dataclass(slots=True)
class Plan:
    """A record, the row that it is, if it is known, and how that shall stand."""

    record: MentionRecord
    obj: Mention | None
    want: Wanted


def upsert_mentions(
    records: Iterable[MentionRecord],
    *,
    source: str,
    batch: ImportBatch | None = None,
    revives: bool = False,
    at: datetime,
) -> Landed:
    """Write mentions: new ones are judged and matched by name, changed ones judged anew unless a person did.

    Args:
        source: by which way they came: form, import, api, webhook, feed.
        revives: let removed ones count again; they are told of as new ones.

    Refuses in the answer those of erased people. Side effects: marks on the customers, event
    ``mention.recorded`` for each new one with ``{"negative", "history"}``, ``mention.judged`` for a known
    one that turned negative or is it no more. Texts are read by the clock, or by ``read_soon``. Of a known
    one older than texts are kept the text, name and address do not come back.
    """
    zone = company.current().time_zone
    kept = list(records)

    def land(chunk: list[MentionRecord]) -> Landed:
        landed = Landed()
        sound = _without_erased(chunk, landed)
        rows = _land(sound, source=source, batch=batch, revives=revives, zone=zone, at=at)
        for record, row in zip(sound, rows, strict=True):
            record.pk = row.obj.pk
        landed += count(rows)
        return landed

    return in_chunks(
        kept, land, key=lambda one: (one.platform, one.external_id) if one.external_id else id(one)
    )


def _without_erased(chunk: Sequence[MentionRecord], landed: Landed) -> list[MentionRecord]:
    ids: dict[str, list[str]] = {}
    for record in chunk:
        ids.setdefault(record.platform, []).append(record.external_id)
    gone = {platform: names.erased("mention", some, source=platform) for platform, some in ids.items()}
    kept = []
    for record in chunk:
        if record.external_id in gone[record.platform]:
            landed.refused.append(Refusal(record, "external_id", MentionErased()))
        else:
            kept.append(record)
    return kept


def _land(
    records: Sequence[MentionRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    revives: bool,
    zone: str,
    at: datetime,
) -> list[Row]:
    whose, present = _held(records)
    plans = [Plan(record, present.get(_key(record)), _wanted(record, zone=zone)) for record in records]
    _leave_cleared(plans, at=at)
    _judge(plans)
    changes = Changes(Mention, batch=batch, at=at)
    rows, told_of, made = [], [], []
    for plan in plans:
        record, obj = plan.record, plan.obj
        if obj is None:
            obj = _new(plan, whose.get(id(record)), source=source, batch=batch, zone=zone)
            made.append(obj)
            rows.append(Row(obj, State.CREATED))
            told_of.append(("mention.recorded", obj, record))
            continue
        was, was_void = obj.sentiment, obj.void
        if revives:
            plan.want.fields["void"] = False
        is_changed = changes.put(obj, plan.want)
        rows.append(Row(obj, State.UPDATED if is_changed else State.UNCHANGED))
        if was_void and not obj.void:
            told_of.append(("mention.recorded", obj, record))
        elif (was == NEGATIVE) != (obj.sentiment == NEGATIVE):
            told_of.append(("mention.judged", obj, record))
    changes.write()
    Mention.objects.bulk_create(made)
    changed = {row.obj.customer_id for row in rows if row.state is not State.UNCHANGED}
    references.mark(changed - {None}, at=at)
    events.record_many(
        told(kind, obj, at=obj.occurred_at, history=record.history) for kind, obj, record in told_of
    )
    return rows


def _held(records: Sequence[MentionRecord]) -> tuple[dict[int, Poster], dict[Key, Mention]]:
    """Return who posted each new record and the rows of the known ones; customers, then rows, are held."""
    present = _present(records)
    fresh = [record for record in records if _key(record) not in present]
    found = matching.posters(
        (record.platform, record.values.get("handle", "")) for record in fresh if record.customer is None
    )
    whose = {id(record): poster for record in fresh if (poster := _poster(record, found)) is not None}
    theirs = {row.customer_id for row in present.values() if row.customer_id is not None}
    now = stubs.resolved(theirs | {poster.customer_id for poster in whose.values()})
    whose = {one: Poster(now[who.customer_id], who.contact_id) for one, who in whose.items()}
    held = Mention.objects.select_for_update(of=("self",)).order_by("pk")
    rows = held.in_bulk([row.pk for row in present.values()])
    return whose, {key: rows[row.pk] for key, row in present.items() if row.pk in rows}


def _new(plan: Plan, poster: Poster | None, *, source: str, batch: ImportBatch | None, zone: str) -> Mention:
    record = plan.record
    moment = record.occurred_at or record.recorded_at
    values = {
        "occurred_at": moment,
        "occurred_day": localtime.day_number(moment, zone),
        **plan.want.fields,
    }
    return Mention(
        platform=record.platform,
        external_id=record.external_id,
        customer_id=poster.customer_id if poster is not None else None,
        contact_id=poster.contact_id if poster is not None else None,
        recorded_at=record.recorded_at,
        recorded_assumed=record.recorded_assumed,
        source=source,
        batch=batch,
        **values,
    )


def name_of(said: str) -> str:
    """Return the id under which a post is kept: what is said, of what is too long a hash."""
    return said if len(said) <= MOST_OF_NAME else sha256(said.encode("utf-8", "replace")).hexdigest()


def told(kind: str, mention: Mention, *, at: datetime, history: bool = False) -> Event:
    """Return the event that tells of a mention."""
    return Event(
        kind=kind,
        customer_id=mention.customer_id,
        subject_type=Mention._meta.label_lower,
        subject_id=mention.pk,
        occurred_at=at,
        data={"negative": mention.sentiment == NEGATIVE, "history": history},
    )


def _key(record: MentionRecord) -> Key:
    return record.platform, record.external_id


def _present(records: Sequence[MentionRecord]) -> dict[Key, Mention]:
    ids: dict[str, set[str]] = {}
    for record in records:
        if record.external_id:
            ids.setdefault(record.platform, set()).add(record.external_id)
    if not ids:
        return {}
    known = Q(pk__in=[])
    for platform, some in ids.items():
        known |= Q(platform=platform, external_id__in=some)
    return {(row.platform, row.external_id): row for row in Mention.objects.filter(known)}


def _poster(record: MentionRecord, found: Mapping[matching.Name, Poster]) -> Poster | None:
    if record.customer is not None:
        return Poster(record.customer, record.contact)
    return found.get(matching.key_of(record.platform, record.values.get("handle", "")))


def _wanted(record: MentionRecord, *, zone: str) -> Wanted:
    """Return how the row of a record shall stand; its sentiment is told by :func:`_judge`."""
    fields = {name: value for name, value in record.values.items() if name in FIELDS}
    if "handle" in fields:
        fields["handle"] = matching.plain(fields["handle"])
    if record.occurred_at is not None:
        fields["occurred_at"] = record.occurred_at
        fields["occurred_day"] = localtime.day_number(record.occurred_at, zone)
    return Wanted(
        record.external_id,
        fields,
        recorded_at=record.recorded_at,
        recorded_assumed=record.recorded_assumed,
    )


def _leave_cleared(plans: Sequence[Plan], *, at: datetime) -> None:
    """Take what is not kept any longer out of what known rows shall hold."""
    known = [(plan.want.fields, plan.obj) for plan in plans if plan.obj is not None]
    if not any(fields.get(name, "") != getattr(obj, name) for fields, obj in known for name in KEPT_A_WHILE):
        return
    before = keeping.kept_since("mentions", at=at)
    for fields, obj in known:
        if before is not None and obj.occurred_at < before:
            for name in KEPT_A_WHILE:
                fields.pop(name, None)


def _judge(plans: Sequence[Plan]) -> None:
    """Let each new text, and each that changed and was not judged by a person, have its sentiment."""
    unread = []
    for plan in plans:
        obj, fields = plan.obj, plan.want.fields
        rating = fields.get("rating", obj.rating if obj is not None else None)
        text = fields.get("text", obj.text if obj is not None else "")
        if obj is None or ((rating, text) != (obj.rating, obj.text) and obj.judged != PERSON):
            unread.append((fields, rating, text))
    answers = judging.judge([(rating, text) for _fields, rating, text in unread])
    for (fields, _rating, _text), (sentiment, judged) in zip(unread, answers, strict=True):
        fields.update(sentiment=sentiment, judged=judged)
