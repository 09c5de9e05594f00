"""Answers by the API: figures with intervals, hidden below thirty, and words that are searched."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from tests.factories import NOW, CustomerFactory, UserFactory, ago
from tests.surveys.factories import SurveyAnswerFactory, SurveyAskedFactory, SurveyVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company):
    clock.fix(NOW)


@pytest.fixture
def call(caller, admin):
    return caller(admin)


@pytest.fixture
def version():
    return SurveyVersionFactory()


def test_figures_are_those_of_thirty_answers_and_null_for_fewer(call, version):
    path = f"surveys/{version.survey_id}/figures/"
    for number in (*[10] * 15, *[8] * 9, *[0] * 5):
        SurveyAnswerFactory(version=version, number=number)
    SurveyAskedFactory(survey=version.survey, occurred_at=ago(20))
    said = call.get(path).json()
    (asked,) = said["questions"]
    assert (asked["answers"], asked["value"], asked["low"], asked["shares"]) == (29, None, None, None)
    assert (said["asked"], said["answered"], said["fewest"]) == (1, 0, 30)
    SurveyAnswerFactory(version=version, number=0)
    said = call.get(path).json()
    (asked,) = said["questions"]
    assert (asked["question"], asked["kind"], asked["points"], asked["answers"]) == ("nps", "nps", 11, 30)
    assert (asked["value"], asked["shares"]) == (30.0, [0.2, 0.3, 0.5])
    # by hand: n' = 33, p' = 15.75/33, q' = 6.75/33
    assert (round(asked["low"], 2), round(asked["high"], 2)) == (0.68, 53.86)
    assert [one["answers"] for one in asked["months"]] == [0] * 11 + [30]
    assert [(one["name"], one["answers"]) for one in said["versions"]] == [("Version 1", 30)]


def test_figures_and_answers_are_of_whom_the_caller_sees(caller, version):
    manager = UserFactory(role="account_manager")
    call = caller(manager)
    mine = SurveyAnswerFactory(version=version, customer=CustomerFactory(owner=manager), text="太慢")
    SurveyAnswerFactory(version=version, customer=CustomerFactory(owner=UserFactory()), text="foreign")
    SurveyAnswerFactory(version=version, customer=None, text="unsigned")
    assert call.get(f"surveys/{version.survey_id}/figures/").json()["questions"][0]["answers"] == 2
    (row,) = call.get("survey-answers/").json()["results"]
    assert (row["id"], row["text"], row["number"]) == (mine.pk, "太慢", 9)
    assert len(caller(UserFactory(role="admin")).get("survey-answers/").json()["results"]) == 3


def test_answers_are_searched_by_text_score_and_survey(call, version):
    low = SurveyAnswerFactory(version=version, number=2, text="送货太慢")
    high = SurveyAnswerFactory(version=version, number=9, text="送货很快")
    none = SurveyAnswerFactory(version=version, number=7)
    other = SurveyAnswerFactory(text="送货")
    SurveyAnswerFactory(text="送货", void=True)

    def found(**query):
        return [row["id"] for row in call.get("survey-answers/", **query).json()["results"]]

    assert found(q="送货") == [low.pk, high.pk, other.pk]
    assert found(q="送货", band="low", survey=version.survey_id) == [low.pk]
    assert found(has_text="false") == [none.pk]
    assert found(has_text="true", survey=version.survey_id, band="middle") == []
    assert call.get("survey-answers/", band="worst").status_code == 400


def test_figures_ask_as_often_for_three_groups_as_for_one(call, version):
    def fill():
        SurveyAnswerFactory(version=version, customer=CustomerFactory(owner=UserFactory()))

    def queries():
        with CaptureQueriesContext(connection) as seen:
            call.get(f"surveys/{version.survey_id}/figures/")
        return len([q for q in seen if "ratecounter" not in q["sql"]])

    fill()
    queries()
    first = queries()
    fill()
    fill()
    assert queries() == first
