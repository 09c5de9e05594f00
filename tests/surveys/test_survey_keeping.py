"""How long words of answers are kept, and what was filled in and never sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import keeping
from customers.ground import clock
from customers.models import Contact
from surveys import answering, invitations
from surveys.definition import Given
from surveys.models import Invitation, SurveyAnswer, SurveyResponse
from tests.customers.test_contact import agreeing
from tests.factories import NOW
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def contact(company: Any) -> Contact:
    clock.fix(NOW)
    return agreeing(email="wang@example.org")


def invited(contact: Contact) -> Invitation:
    survey = live("nps")
    invitation, _token = invitations.invite(survey, contact, by=None, now=clock.real_now(), at=NOW)
    return invitation


def test_words_of_answers_are_kept_as_long_as_the_company_says(contact):
    given = {"nps": Given(number=3, text="Too late twice.")}
    answering.submit(invited(contact), answers=given, by=None, now=clock.real_now(), at=NOW)
    assert keeping.periods()["survey_answers"] is None
    keeping.set_periods({"survey_answers": 12}, by=None, at=NOW)
    keeping.clear_old(at=NOW + 360 * DAY)
    assert SurveyResponse.objects.get().comment == SurveyAnswer.objects.get().text == "Too late twice."
    assert keeping.clear_old(at=NOW + 370 * DAY) == {"survey_answers": 2}
    response, answer = SurveyResponse.objects.get(), SurveyAnswer.objects.get()
    assert (response.comment, response.score, answer.text, answer.number) == ("", 3, "", 3)


def test_what_was_never_sent_goes_three_months_after_its_link_died(contact):
    invitation = invited(contact)
    Invitation.objects.update(answers={"nps": {"text": "never sent"}}, saved_at=clock.real_now())
    keeping.clear_old(at=invitation.expires_at + 80 * DAY)
    assert Invitation.objects.get().answers is not None
    assert keeping.clear_old(at=invitation.expires_at + 93 * DAY) == {"survey_unsent": 1}
    assert Invitation.objects.get().answers is None
