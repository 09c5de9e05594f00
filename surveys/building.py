"""Surveys are made, written, published, closed and copied here; each act is audited.

A live survey is changed by a new version: who has begun to answer goes on with the one that she was
asked, and answers keep theirs.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import User
from surveys.definition import Definition, Json, Problem, problems, read, written
from surveys.models import Survey, SurveyVersion

Status = Survey.Status
TRANSITIONS: dict[str, set[str]] = {
    Status.DRAFT: {Status.LIVE},
    Status.LIVE: {Status.CLOSED},
    Status.CLOSED: set(),
}


class SurveyCodeTaken(Refused):
    code = "survey_code_taken"
    message = _("There is a survey with the code “%(code)s” already. Choose another code.")


class SurveyChanged(Refused):
    code = "survey_changed"
    message = _("Somebody else saved this survey meanwhile. Load the page again and make your change there.")


class SurveyClosed(Refused):
    code = "survey_closed"
    message = _("This survey is closed: nobody answers it any more. Copy it to ask again.")


class SurveyNotLive(Refused):
    code = "survey_not_live"
    message = _("This survey is not live. Publish it first.")


class NothingToPublish(Refused):
    code = "survey_unchanged"
    message = _("Nothing has changed since the survey was published.")


class SurveyIncomplete(Refused):
    """The survey cannot be answered yet; ``problems`` says why, the first of them in the message."""

    code = "survey_incomplete"
    message = _("The survey cannot be published yet: %(first)s")

    def __init__(self, found: list[Problem]) -> None:
        super().__init__(first=found[0].text)
        self.problems = found


@transaction.atomic
def create_survey(
    code: str,
    *,
    name_en: str,
    name_zh: str,
    occasion: str,
    document: Json,
    by: User | None,
    at: datetime,
) -> Survey:
    """Make a survey as a draft; return it.

    Args:
        document: what it asks, which may be incomplete yet.

    Raises :class:`SurveyCodeTaken`, ``DefinitionRefused``. Side effects: audit ``survey.create``.
    """
    try:
        with transaction.atomic():
            survey = Survey.objects.create(
                code=code,
                name_en=name_en.strip(),
                name_zh=name_zh.strip(),
                occasion=Survey.Occasion(occasion),
                draft=written(read(document)),
                made_at=at,
            )
    except IntegrityError as error:
        raise SurveyCodeTaken(code=code) from error
    audit.record("survey.create", obj=survey, by=by, at=at)
    return survey


@transaction.atomic
def save_draft(
    survey: Survey,
    *,
    document: Json,
    revision: int | None = None,
    name_en: str | None = None,
    name_zh: str | None = None,
    by: User | None,
    at: datetime,
) -> Survey:
    """Save what is being written; of a live survey nothing changes for customers yet.

    Args:
        revision: the one that was read; whoever saved since is not overwritten.

    Raises :class:`SurveyChanged`, :class:`SurveyClosed`, ``DefinitionRefused``. Side effects: audit
    ``survey.save``.
    """
    definition = read(document)
    names = {"name_en": name_en, "name_zh": name_zh}
    kept = {name: value.strip() for name, value in names.items() if value is not None}
    read_at = survey.revision if revision is None else revision
    rows = Survey.objects.filter(pk=survey.pk, revision=read_at).exclude(status=Status.CLOSED)
    if not rows.update(draft=written(definition), revision=F("revision") + 1, **kept):
        survey.refresh_from_db()
        raise SurveyClosed() if survey.status == Status.CLOSED else SurveyChanged()
    survey.refresh_from_db()
    audit.record("survey.save", obj=survey, by=by, at=at, codes={"revision": survey.revision})
    return survey


@transaction.atomic
def discard_draft(survey: Survey, *, by: User | None, at: datetime) -> Survey:
    """Throw away what was written since a live survey was published.

    Raises :class:`SurveyNotLive`, :class:`NothingToPublish`. Side effects: audit ``survey.discard``.
    """
    rows = Survey.objects.filter(pk=survey.pk, status=Status.LIVE, draft__isnull=False)
    changed = rows.update(draft=None, revision=F("revision") + 1)
    survey.refresh_from_db()
    if not changed:
        raise NothingToPublish() if survey.status == Status.LIVE else SurveyNotLive()
    audit.record("survey.discard", obj=survey, by=by, at=at, codes={"revision": survey.revision})
    return survey


@transaction.atomic
def publish(survey: Survey, *, revision: int | None = None, by: User | None, at: datetime) -> SurveyVersion:
    """Let customers answer what the draft asks, as the survey's next version; return that.

    Args:
        revision: the one that was read; whoever saved since is not published unseen.

    Raises :class:`SurveyClosed`, :class:`NothingToPublish`, :class:`SurveyChanged` and, naming all that
    is missing, :class:`SurveyIncomplete`. Side effects: audit ``survey.publish``.
    """
    locked = Survey.objects.select_for_update(no_key=True).get(pk=survey.pk)
    if locked.status == Status.CLOSED:
        raise SurveyClosed()
    if revision is not None and locked.revision != revision:
        raise SurveyChanged()
    if locked.draft is None or (locked.version and locked.draft == _newest(locked).document):
        raise NothingToPublish()
    if found := problems(read(locked.draft)):
        raise SurveyIncomplete(found)
    number = locked.version + 1
    version = SurveyVersion.objects.create(
        survey=locked, number=number, document=locked.draft, made_at=at, by=by
    )
    guarded = Survey.objects.filter(pk=locked.pk, revision=locked.revision, version=number - 1)
    if not guarded.update(status=Status.LIVE, version=number, draft=None, revision=F("revision") + 1):
        raise SurveyChanged()
    survey.refresh_from_db()
    audit.record("survey.publish", obj=survey, by=by, at=at, codes={"version": number})
    return version


@transaction.atomic
def close_survey(survey: Survey, *, by: User | None, at: datetime) -> Survey:
    """Let nobody answer any more; what was answered stays.

    Raises :class:`SurveyClosed`, :class:`SurveyNotLive`. Side effects: a draft goes; event
    ``survey.closed``, upon which invitations that wait are not sent; audit ``survey.close``.
    """
    with transaction.atomic():
        rows = Survey.objects.filter(pk=survey.pk, status=Status.LIVE)
        closed = rows.update(status=Status.CLOSED, closed_at=at, draft=None, revision=F("revision") + 1)
        survey.refresh_from_db()
        if not closed:
            raise SurveyClosed() if survey.status == Status.CLOSED else SurveyNotLive()
        events.record("survey.closed", customer_id=None, subject=survey, occurred_at=at)
        audit.record("survey.close", obj=survey, by=by, at=at)
    return survey


def copy_survey(
    survey: Survey, *, code: str, name_en: str, name_zh: str, by: User | None, at: datetime
) -> Survey:
    """Make a draft that asks what ``survey`` asks, or is about to ask; return it.

    Raises :class:`SurveyCodeTaken`. Side effects: audit ``survey.create``.
    """
    return create_survey(
        code,
        name_en=name_en,
        name_zh=name_zh,
        occasion=survey.occasion,
        document=document_of(survey),
        by=by,
        at=at,
    )


def document_of(survey: Survey) -> Json:
    """Return what is being written, or what customers answer while nobody changes it."""
    return survey.draft if survey.draft is not None else _newest(survey).document


def definition_of(survey: Survey) -> Definition:
    """Return :func:`document_of`, read."""
    return read(document_of(survey))


def _newest(survey: Survey) -> SurveyVersion:
    return SurveyVersion.objects.get(survey=survey, number=survey.version)
