"""Factories of surveys: the smallest true record of each kind, as those of ``tests.factories``."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from surveys.models import Survey, SurveyAnswer, SurveyAsked, SurveyResponse, SurveyVersion
from tests.factories import NOW, FactFactory
from tests.surveys.documents import nps

POINTS = {"nps": 11, "csat": 5, "ces": 7, "rating": 5}


class SurveyFactory(DjangoModelFactory[Survey]):
    """A survey that customers answer."""

    class Meta:
        model = Survey

    code = factory.Sequence(lambda n: f"survey-{n}")
    name_en = factory.Sequence(lambda n: f"Survey {n}")
    name_zh = factory.Sequence(lambda n: f"问卷 {n}")
    status = "live"
    version = 1
    made_at = NOW


class SurveyVersionFactory(DjangoModelFactory[SurveyVersion]):
    """What it asks: one score, why, and whether one may call."""

    class Meta:
        model = SurveyVersion
        django_get_or_create = ("survey", "number")

    survey = factory.SubFactory(SurveyFactory)
    number = 1
    document = factory.LazyFunction(nps)
    made_at = NOW


class SurveyAskedFactory(FactFactory):
    """That a customer was asked, and has not answered."""

    class Meta:
        model = SurveyAsked

    survey = factory.SubFactory(SurveyFactory)


class SurveyResponseFactory(FactFactory):
    """A response that came with a file; its answers are made beside it."""

    class Meta:
        model = SurveyResponse

    version = factory.SubFactory(SurveyVersionFactory)
    survey = factory.LazyAttribute(lambda o: o.version.survey)
    language = "zh-hans"


class SurveyAnswerFactory(FactFactory):
    """An answer with its response: NPS 9 unless told otherwise; ``version``: of which survey."""

    class Meta:
        model = SurveyAnswer
        exclude = ("version",)

    version: Any = factory.SubFactory(SurveyVersionFactory)
    kind = "nps"
    question = factory.LazyAttribute(lambda o: o.kind)
    points = factory.LazyAttribute(lambda o: POINTS.get(o.kind, 0))
    number = 9
    response = factory.LazyAttribute(
        lambda o: SurveyResponseFactory(
            customer=o.customer,
            version=o.version,
            occurred_at=o.occurred_at,
            recorded_at=o.recorded_at,
            metric=o.kind if o.kind != "rating" else "",
            points=o.points,
            score=o.number,
            comment=getattr(o, "text", ""),
        )
    )
