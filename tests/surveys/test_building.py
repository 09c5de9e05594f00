"""Surveys are drafted, published, changed, closed and copied; versions stay as they were."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from customers.ground.models import AuditEvent
from surveys import building
from surveys.models import Survey, SurveyVersion
from tests.factories import NOW
from tests.retention.racing import race
from tests.surveys.documents import both, nps, question
from tests.surveys.makers import draft, live

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


def acts() -> list[str]:
    return list(
        AuditEvent.objects.filter(act__startswith="survey.").order_by("pk").values_list("act", flat=True)
    )


def test_draft_becomes_live_and_closes():
    survey = draft()
    assert (survey.status, survey.version) == ("draft", 0)
    version = building.publish(survey, **WHO)
    assert (version.number, version.document) == (1, nps())
    assert (survey.status, survey.version, survey.draft) == ("live", 1, None)
    building.close_survey(survey, **WHO)
    assert (survey.status, survey.closed_at) == ("closed", NOW)
    assert acts() == ["survey.create", "survey.publish", "survey.close"]


def test_change_of_a_live_survey_is_a_new_version_and_the_old_one_stays():
    survey = live()
    changed = nps()
    question(changed, "nps")["text"] = both("Would you recommend us?")
    building.save_draft(survey, document=changed, revision=survey.revision, **WHO)
    assert SurveyVersion.objects.get().document == nps()  # customers still answer this one
    building.publish(survey, **WHO)
    documents = dict(SurveyVersion.objects.values_list("number", "document"))
    assert documents == {1: nps(), 2: changed}


def test_versions_cannot_be_changed_or_deleted():
    live()
    with pytest.raises(DatabaseError), transaction.atomic():
        SurveyVersion.objects.update(document={})
    with pytest.raises(DatabaseError), transaction.atomic():
        SurveyVersion.objects.all().delete()


def test_publishing_without_a_change_is_refused():
    survey = live()
    with pytest.raises(building.NothingToPublish):
        building.publish(survey, **WHO)
    building.save_draft(survey, document=nps(), **WHO)
    with pytest.raises(building.NothingToPublish):
        building.publish(survey, **WHO)


def test_incomplete_survey_is_saved_but_not_published():
    document = nps()
    del question(document, "nps")["text"]["zh-hans"]
    survey = draft(document=document)
    with pytest.raises(building.SurveyIncomplete) as refused:
        building.publish(survey, **WHO)
    assert [one.question for one in refused.value.problems] == ["nps"]
    assert "简体中文" in str(refused.value)
    survey.refresh_from_db()
    assert (survey.status, SurveyVersion.objects.count()) == ("draft", 0)


def test_of_two_who_save_the_second_is_told():
    survey = draft()
    building.save_draft(survey, document=nps(), revision=1, **WHO)
    with pytest.raises(building.SurveyChanged):
        building.save_draft(survey, document=nps(), revision=1, **WHO)
    with pytest.raises(building.SurveyChanged):
        building.publish(survey, revision=1, **WHO)
    building.publish(survey, revision=2, **WHO)


def test_closed_survey_changes_no_more():
    survey = building.close_survey(live(), **WHO)
    for act in (
        lambda: building.save_draft(survey, document=nps(), **WHO),
        lambda: building.publish(survey, **WHO),
        lambda: building.close_survey(survey, **WHO),
    ):
        with pytest.raises(building.SurveyClosed):
            act()


def test_draft_cannot_be_closed_or_thrown_away():
    survey = draft()
    with pytest.raises(building.SurveyNotLive):
        building.close_survey(survey, **WHO)
    with pytest.raises(building.SurveyNotLive):
        building.discard_draft(survey, **WHO)


def test_discarded_change_leaves_what_is_live():
    survey = live()
    changed = {**nps(), "title": both("Another")}
    building.save_draft(survey, document=changed, **WHO)
    building.discard_draft(survey, **WHO)
    assert building.document_of(survey) == nps()
    with pytest.raises(building.NothingToPublish):
        building.discard_draft(survey, **WHO)


def test_copy_is_a_draft_of_what_is_asked():
    survey = building.close_survey(live(), **WHO)
    copied = building.copy_survey(survey, code="again", name_en="Again", name_zh="再问", **WHO)
    assert (copied.status, copied.occasion, copied.draft) == ("draft", survey.occasion, nps())
    with pytest.raises(building.SurveyCodeTaken):
        building.copy_survey(survey, code="again", name_en="Again", name_zh="再问", **WHO)
    assert Survey.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"status": "live", "version": 0},
        {"status": "closed", "version": 1, "draft": None},  # without its moment
        {"status": "draft", "draft": None},
    ],
)
def test_database_keeps_the_states_apart(change):
    survey = draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        Survey.objects.filter(pk=survey.pk).update(**change)


def test_every_status_has_its_transitions():
    assert set(building.TRANSITIONS) == set(Survey.Status.values)


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_make_one_version():
    survey = draft()

    def act() -> bool:
        try:
            building.publish(Survey.objects.get(pk=survey.pk), **WHO)
        except building.NothingToPublish:
            return False
        return True

    assert sorted(race(*[act] * 4)) == [False, False, False, True]
    assert SurveyVersion.objects.count() == 1
