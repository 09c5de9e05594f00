"""Answers of the past, many at once, by the ids of their source: imports and programs come through here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.batch import people, references
from customers.batch.landing import (
    Changes,
    Row,
    SomebodyWasQuicker,
    State,
    Wanted,
    find_refs,
    in_chunks,
    land_rows,
)
from customers.batch.records import FactRecord, Landed, Refusal
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import ImportBatch
from surveys import building
from surveys.definition import ALARM_AT, POINTS, SCORES, Json, Kind, Question
from surveys.models import Survey, SurveyAnswer, SurveyAsked, SurveyResponse, SurveyVersion

ASKED, RESPONSE, ANSWER = "surveyasked", "surveyresponse", "surveyanswer"
LONGEST_NAME = 190  # of a reference
WORDS = "comment"  # the question under which words without a score stand
NAMELESS = ("Imported answers", "导入的答卷")
_TEXTS = {
    Kind.NPS: ("How likely are you to recommend us?", "您有多大可能推荐我们？"),
    Kind.CSAT: ("How satisfied are you?", "您的满意程度如何？"),
    Kind.CES: ("It was easy to get what I needed.", "我轻松办成了要办的事。"),
    Kind.RATING: ("How do you rate us?", "您给我们打几分？"),
}


class NotAsked(Refused):
    code = "survey_does_not_ask"
    message = _(
        "The survey “%(survey)s” does not ask for %(metric)s on %(points)s points. Write the name of another "
        "survey; one that nobody knows is made."
    )


class NotPublished(Refused):
    code = "survey_not_published"
    message = _("The survey “%(survey)s” was never published. Publish it first, or write another name.")


@dataclass(slots=True)
class Told:
    """The answer to one question. ``metric``: nps, csat, ces or rating, empty for words without a score;
    ``points``: of its scale (0: the usual number).
    """

    metric: str = ""
    points: int = 0
    score: int | None = None
    comment: str = ""

    @property
    def scale(self) -> int:
        """Return how many points its scale has."""
        return self.points or (POINTS[Kind(self.metric)][0] if self.metric else 0)


@dataclass(slots=True, kw_only=True)
class ResponseRecord(FactRecord):
    """What a customer answered, or that it was asked and did not answer.

    ``occurred_at``: when it answered; when it was asked, if it did not. ``survey``: a code or a name in
    either language; one that nobody knows is made, closed. Without ``answers`` there was none; with ``adds``
    they join the answers that the response has.
    """

    survey: str = ""
    asked_at: datetime | None = None
    answers: Sequence[Told] = ()
    adds: bool = False


def upsert_responses(
    records: Iterable[ResponseRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change answers of the past; nobody is called because of one.

    An answer that a response no longer has becomes void, and so does a response without any, unless the
    record only ``adds``.

    Side effects: surveys that nobody knows, made and closed; marks on the customers touched.
    """
    firm = company.current()

    def land(chunk: list[ResponseRecord]) -> Landed:
        landed = Landed()
        versions = _versions(chunk, batch=batch, at=at)
        sound: dict[int, Meant] = {}
        for record in chunk:
            try:
                version = versions.get(_key(record))
                if version is None:
                    raise NotPublished(survey=record.survey)
                day = localtime.day_number(record.occurred_at, firm.time_zone)
                sound[id(record)] = Meant(record, version, _questions_of(record, version), day)
            except Refused as refusal:
                landed.refused.append(Refusal(record, "survey", refusal))
        ids, kept = people.customers_for(
            [meant.record for meant in sound.values()],
            source=source,
            create_missing=create_missing,
            batch=batch,
            at=at,
            landed=landed,
        )
        told = [sound[id(record)] for record in kept]
        for meant in told:
            meant.customer = ids[meant.record.customer]
        _join(told, source=source)
        where: dict[str, Any] = {"source": source, "batch": batch, "at": at}
        asked = land_rows(SurveyAsked, ASKED, [_asked(one, zone=firm.time_zone) for one in told], **where)
        answered = [n for n, one in enumerate(told) if one.record.answers]
        wanted = [_response(told[n], asked[n].obj, language=firm.language) for n in answered]
        responses = land_rows(SurveyResponse, RESPONSE, wanted, **where)
        pairs = [
            (n, _answer(told[n], place, row.obj))
            for n, row in zip(answered, responses, strict=True)
            for place in range(len(told[n].record.answers))
        ]
        answers = land_rows(SurveyAnswer, ANSWER, [one for _n, one in pairs], **where)
        gone = _void_the_rest(told, asked, [*responses, *answers], batch=batch, at=at)
        references.mark_changed([*asked, *responses, *answers, *(row for _n, row in gone)], at=at)
        parts = [[row] for row in asked]
        for n, row in gone:
            parts[n].append(row)
        for n, row in [*zip(answered, responses, strict=True)]:
            parts[n].append(row)
        for (n, _one), row in zip(pairs, answers, strict=True):
            parts[n].append(row)
        _count(landed, parts)
        return landed

    return in_chunks(records, land)


@dataclass(slots=True)
class Meant:
    """A record with what it means here: the version asked, its questions, the local day, the customer."""

    record: ResponseRecord
    version: SurveyVersion
    questions: list[Question | None]  # one for each answer; nothing of words without a score
    day: int
    customer: int = 0


def _join(told: Sequence[Meant], *, source: str) -> None:
    """Let the answers of records that only add join those that their responses have; two queries."""
    adding = {one.record.external_id: one for one in told if one.record.adds}
    refs = {pk: name for name, pk in find_refs(RESPONSE, adding, source=source).items()}
    if not refs:
        return
    kept: dict[str, list[SurveyAnswer]] = {}
    for row in SurveyAnswer.objects.filter(response__in=refs, void=False).order_by("pk"):
        kept.setdefault(refs[row.response_id], []).append(row)
    for name, rows in kept.items():
        meant = adding[name]
        given = {WORDS if one is None else one.code for one in meant.questions}
        rows = [row for row in rows if row.question not in given]
        scored = [row.number is not None for row in rows]
        meant.record.answers = [
            *(
                Told(row.kind if is_scored else "", row.points, row.number, row.text)
                for row, is_scored in zip(rows, scored, strict=True)
            ),
            *meant.record.answers,
        ]
        meant.questions = [
            *(Question(code=row.question, kind=Kind(row.kind), text={}, points=row.points) for row in rows),
            *meant.questions,
        ]


def _void_the_rest(
    told: Sequence[Meant],
    asked: Sequence[Row],
    landed: Sequence[Row],
    *,
    batch: ImportBatch | None,
    at: datetime,
) -> list[tuple[int, Row]]:
    """Void what the records no longer have of what stood before; return it by place of the record."""
    places = {row.obj.pk: n for n, row in enumerate(asked) if row.state is not State.CREATED}
    kept = {(type(row.obj), row.obj.pk) for row in landed}
    found: list[tuple[int, Row]] = []
    for model, path in ((SurveyResponse, "asked_id"), (SurveyAnswer, "response__asked_id")):
        standing = model._default_manager.filter(**{f"{path}__in": places}, void=False)
        of = dict(standing.order_by("pk").values_list("pk", path))
        rest = [pk for pk in of if (model, pk) not in kept]
        changes = Changes(model, batch=batch, at=at)
        rows = model._default_manager.filter(pk__in=rest, void=False).order_by("pk")
        for row in rows.select_for_update() if rest else ():
            record = told[places[of[row.pk]]].record
            when: dict[str, Any] = {
                "recorded_at": record.recorded_at,
                "recorded_assumed": record.recorded_assumed,
            }
            changes.put(row, Wanted("", {"void": True}, **when))
            found.append((places[of[row.pk]], Row(row, State.UPDATED)))
        changes.write()
    return found


def _count(landed: Landed, records: Sequence[Sequence[Row]]) -> None:
    """Count each record once: it was changed when any of its rows was."""
    for rows in records:
        states = {row.state for row in rows}
        if rows[0].state is State.CREATED:
            landed.created += 1
        elif states == {State.UNCHANGED}:
            landed.unchanged += 1
        else:
            landed.updated += 1


# --- Rows --------------------------------------------------------------------------------------
def _asked(meant: Meant, *, zone: str) -> Wanted:
    record = meant.record
    moment = min(record.asked_at or record.occurred_at, record.occurred_at)
    wanted = _wanted(
        meant, survey_id=meant.version.survey_id, answered_day=meant.day if record.answers else None
    )
    wanted.fields |= {"occurred_at": moment, "occurred_day": localtime.day_number(moment, zone)}
    return wanted


def _response(meant: Meant, asked: SurveyAsked, *, language: str) -> Wanted:
    told = meant.record.answers
    first = next((one for one in told if one.score is not None and Kind(one.metric) in SCORES), Told())
    return _wanted(
        meant,
        asked_id=asked.pk,
        survey_id=meant.version.survey_id,
        version_id=meant.version.pk,
        language=language,
        metric=first.metric,
        points=first.scale,
        score=first.score,
        is_low=any(_is_low(one) for one in told),
        comment=next((one.comment for one in told if one.comment), ""),
        void=asked.void,
    )


def _is_low(told: Told) -> bool:
    alarm = ALARM_AT.get(Kind(told.metric)) if told.score is not None else None
    return alarm is not None and told.score is not None and told.score <= alarm


def _answer(meant: Meant, place: int, response: SurveyResponse) -> Wanted:
    question, told = meant.questions[place], meant.record.answers[place]
    wanted = _wanted(
        meant,
        response_id=response.pk,
        question=WORDS if question is None else question.code,
        kind=str(Kind.TEXT if question is None else question.kind),
        points=0 if question is None else question.points,
        number=told.score,
        text=told.comment,
        void=response.void,
    )
    name = f"{meant.record.external_id}/{wanted.fields['question']}"
    wanted.external_id = name if len(name) <= LONGEST_NAME else sha256(name.encode()).hexdigest()
    return wanted


def _wanted(meant: Meant, **fields: Any) -> Wanted:
    record = meant.record
    if record.void is not None:
        fields["void"] = record.void
    same = {"customer_id": meant.customer, "occurred_at": record.occurred_at, "occurred_day": meant.day}
    return Wanted(
        record.external_id,
        {**same, **fields},
        recorded_at=record.recorded_at,
        recorded_assumed=record.recorded_assumed,
    )


# --- Surveys -----------------------------------------------------------------------------------
def _key(record: ResponseRecord) -> str:
    return record.survey.strip().lower()


def _questions_of(record: ResponseRecord, version: SurveyVersion) -> list[Question | None]:
    """Return the question that each answer is to; nothing of words without a score.

    Raises :class:`NotAsked`.
    """
    asked = list(version.definition.questions())
    found: list[Question | None] = []
    for told in record.answers:
        fits = (one for one in asked if one.kind == told.metric and one.points == told.scale)
        question = next(fits, None) if told.score is not None else None
        if question is None and told.score is not None:
            name = record.survey or NAMELESS[0]
            raise NotAsked(survey=name, metric=told.metric.upper(), points=told.scale)
        found.append(question)
    return found


def _versions(
    records: Sequence[ResponseRecord], *, batch: ImportBatch | None, at: datetime
) -> dict[str, SurveyVersion]:
    """Return the newest version of each survey named, but of those that were never published."""
    named = {_key(record): record.survey.strip() for record in records}
    asked = Q()
    for name in named.values() or [""]:
        for one in (name,) if name else NAMELESS:
            asked |= Q(code__iexact=one) | Q(name_en__iexact=one) | Q(name_zh__iexact=one)
    known: dict[str, Survey] = {}
    for survey in Survey.objects.filter(asked).order_by("-pk"):
        own = {survey.name_zh.lower(), survey.name_en.lower(), survey.code.lower()}
        keys = {*own, *([""] if own & {name.lower() for name in NAMELESS} else ())}
        known.update(dict.fromkeys(keys & named.keys(), survey))
    for key, name in named.items():
        if key not in known:
            mine = [record for record in records if _key(record) == key]
            known[key] = _make(name, mine, batch=batch, at=at)
    newest = SurveyVersion.objects.filter(survey__in=known.values()).order_by("number")
    found = {version.survey_id: version for version in newest.select_related("survey")}
    return {key: found[survey.pk] for key, survey in known.items() if survey.pk in found}


def _make(name: str, records: Sequence[ResponseRecord], *, batch: ImportBatch | None, at: datetime) -> Survey:
    """Make the survey that a file names, closed: it was asked elsewhere and asks nobody here."""
    by = batch.by if batch is not None else None
    english, chinese = (name, name) if name else NAMELESS
    code = _free(f"imported-{slugify(english)[:40]}".strip("-") if name else slugify(english))
    try:
        survey = building.create_survey(
            code,
            name_en=english[:120],
            name_zh=chinese[:120],
            occasion=Survey.Occasion.OTHER,
            document=_document(english, chinese, records),
            by=by,
            at=at,
        )
    except building.SurveyCodeTaken as taken:
        raise SomebodyWasQuicker(str(taken)) from taken
    building.publish(survey, by=by, at=at)
    return building.close_survey(survey, by=by, at=at)


def _free(wanted: str) -> str:
    taken = set(Survey.objects.filter(code__startswith=wanted).values_list("code", flat=True))
    return next(
        code for n in range(1, 10_000) if (code := wanted if n == 1 else f"{wanted}-{n}") not in taken
    )


def _document(english: str, chinese: str, records: Sequence[ResponseRecord]) -> Json:
    """Return a definition that asks for a score of each kind, on the scales that the records have."""
    told = [one for record in records for one in record.answers if one.metric]
    points = {Kind(one.metric): one.scale for one in reversed(told)}
    questions: list[Json] = [
        {
            "code": str(kind),
            "kind": str(kind),
            "points": points.get(kind, POINTS[kind][0]),
            "text": {"en": texts[0], "zh-hans": texts[1]},
        }
        for kind, texts in _TEXTS.items()
    ]
    questions.append({"code": WORDS, "kind": "text", "text": {"en": "In your words", "zh-hans": "您的原话"}})
    return {
        "format": 1,
        "languages": ["en", "zh-hans"],
        "title": {"en": english[:200], "zh-hans": chinese[:200]},
        "pages": [{"questions": questions}],
        "thanks": {"any": {"en": "Thank you.", "zh-hans": "谢谢您。"}},
    }
