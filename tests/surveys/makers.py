"""Surveys, invitations and answers, made by the verbs."""

from __future__ import annotations

from typing import Any

from customers.ground import clock
from customers.models import Contact
from surveys import answering, building, invitations
from surveys.definition import Given
from surveys.models import Survey, SurveyResponse
from tests.factories import NOW
from tests.surveys.documents import nps

WHO: dict[str, Any] = {"by": None, "at": NOW}


def draft(code: str = "nps", *, document: Any = None, occasion: str = "relationship") -> Survey:
    """Return a survey that is being written."""
    return building.create_survey(
        code,
        name_en=f"Survey {code}",
        name_zh=f"问卷 {code}",
        occasion=occasion,
        document=nps() if document is None else document,
        **WHO,
    )


def live(code: str = "nps", **given: Any) -> Survey:
    """Return a survey that customers can answer."""
    survey = draft(code, **given)
    building.publish(survey, **WHO)
    return survey


def answered(
    contact: Contact, *, score: int = 3, text: str = "", survey: Survey | None = None
) -> SurveyResponse:
    """Return the response of a contact to a survey of one score."""
    asked = survey or Survey.objects.filter(code="asked").first() or live("asked")
    now = clock.real_now()
    invitation, _token = invitations.invite(asked, contact, by=None, now=now, at=NOW)
    given = {"nps": Given(number=score, text=text)}
    return answering.submit(invitation, answers=given, by=None, now=now, at=NOW)
