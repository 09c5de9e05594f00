"""Addresses of this app's API, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from customers.api.batch import batch_of
from surveys.api import answers, distributions, interviews, surveys

ID = "[0-9]{1,18}"

RESOURCES = (
    ("surveys", surveys.Surveys, "survey"),
    ("survey-distributions", distributions.Distributions, "survey-distribution"),
    (
        f"survey-distributions/(?P<distribution>{ID})/asks",
        distributions.PlannedAsks,
        "survey-distribution-ask",
    ),
    ("survey-dispatches", surveys.SurveyDispatches, "survey-dispatch"),
    ("survey-answers", answers.SurveyAnswers, "survey-answer"),
    ("survey-responses", surveys.SurveyResponses, "survey-response"),
    (f"surveys/(?P<survey>{ID})/versions", surveys.SurveyVersions, "survey-version"),
    ("interview-guides", interviews.Guides, "interview-guide"),
    ("interviews", interviews.Interviews, "interview"),
)
"""Path, resource, and the stem of its route names (``survey-list``, ``survey-detail`` …)."""

PATHS = [
    path(
        "batch/responses/",
        batch_of(
            "responses",
            scope="facts:write",
            example={
                "source": "old-surveys",
                "records": [
                    {
                        "external_id": "R-1",
                        "customer": "C-1",
                        "survey": "Yearly survey",
                        "asked_at": "2026-05-08T09:00:00+08:00",
                        "occurred_at": "2026-05-10T09:00:00+08:00",
                        "answers": [{"metric": "nps", "score": 4, "comment": "The delivery came late."}],
                    }
                ],
            },
        ).as_view({"post": "upsert"}),
        name="batch-responses",
    ),
]
