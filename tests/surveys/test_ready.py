"""Ready surveys can be published as they are, in both languages, and ask what their names promise."""

from __future__ import annotations

import pytest

from surveys import building, ready
from surveys.definition import Given, Kind, problems, shown, written
from surveys.models import Survey
from tests.surveys.makers import WHO

CODES = ["relationship-nps", "after-complaint", "after-call", "exit", "onboarding-ces"]


def test_five_are_offered_in_this_order():
    assert [one.code for one in ready.offered()] == CODES
    assert {one.occasion for one in ready.offered()} == set(Survey.Occasion.values) - {"other"}


@pytest.mark.parametrize("code", CODES)
def test_ready_survey_is_complete_in_both_languages(code):
    definition = ready.find(code).definition
    assert problems(definition) == []
    assert definition.languages == ("en", "zh-hans")
    assert written(definition) == ready.find(code).document


@pytest.mark.django_db
@pytest.mark.parametrize("code", CODES)
def test_ready_survey_can_be_published(code):
    one = ready.find(code)
    survey = building.create_survey(
        code,
        name_en=one.name_en,
        name_zh=one.name_zh,
        occasion=one.occasion,
        document=one.document,
        **WHO,
    )
    assert building.publish(survey, **WHO).number == 1


def asked(code: str, **answers: Given) -> list[str]:
    return [question.code for question in shown(ready.find(code).definition, answers)]


def test_a_call_is_offered_after_a_bad_score_only():
    for code, score, worst, good in (
        ("relationship-nps", "nps", 6, 7),
        ("after-complaint", "csat", 2, 3),
        ("after-call", "csat", 2, 3),
        ("onboarding-ces", "ces", 3, 4),
    ):
        assert "call" in asked(code, **{score: Given(number=worst)})
        assert "call" not in asked(code, **{score: Given(number=good)})
    assert "call" in asked("after-complaint", csat=Given(number=5), solved=Given(chosen=("no",)))


def test_exit_survey_asks_about_the_competitor_when_there_was_one():
    assert {"competitor", "offered"} <= set(asked("exit", causes=Given(chosen=("price", "competitor"))))
    assert not {"competitor", "offered"} & set(asked("exit", causes=Given(chosen=("price",))))
    assert "other_cause" in asked("exit", causes=Given(chosen=("other",)))
    assert "return" in asked("exit")


def test_whoever_leaves_is_not_called_for_the_score_alone():
    nps = ready.find("exit").definition.question("nps")
    assert (nps.kind, nps.alarm_at) == (Kind.NPS, None)
