"""One occasion asked at the same moment by several, and decided while its survey closes."""

from __future__ import annotations

from typing import Any

import pytest

from customers import contact as contacting
from customers.ground import clock, drain, outbox
from customers.models import ContactGate, ContactReservation, Message
from surveys import building, sending
from surveys.models import Invitation, SurveyDispatch
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CompanyFactory
from tests.retention.racing import race
from tests.surveys.makers import live
from tests.surveys.test_sending import MORNING, NIGHT

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _company() -> None:
    clock.fix(NOW)
    CompanyFactory()


def send(contact: Any, survey: Any, *, at: Any = NOW, key: str = "1:case:1") -> SurveyDispatch:
    return sending.send_invitation(
        contact, survey, channel="email", key=key, by=None, now=clock.real_now(), at=at
    )


@pytest.mark.parametrize("_round", range(3))
def test_one_occasion_is_asked_once_however_many_ask(_round: int) -> None:
    survey, contact = live(), agreeing(email="a@example.org")
    results = race(*(lambda: send(contact, survey) for _n in range(4)))
    assert len({one.pk for one in results}) == 1
    assert (SurveyDispatch.objects.count(), ContactReservation.objects.count()) == (1, 1)
    assert (Invitation.objects.count(), Message.objects.count()) == (1, 1)
    assert ContactGate.objects.get().granted == 1


@pytest.mark.parametrize("_round", range(3))
def test_grants_are_written_once_by_several_workers(_round: int) -> None:
    survey = live()
    for n in range(6):
        send(agreeing(email=f"a{n}@example.org"), survey, at=NIGHT, key=f"1:{n}")
    race(*(lambda: drain.until_empty(at=MORNING) for _n in range(3)))
    drain.until_empty(at=MORNING)
    assert (Invitation.objects.count(), Message.objects.count()) == (6, 6)
    assert set(SurveyDispatch.objects.values_list("state", flat=True)) == {"sending"}


@pytest.mark.parametrize("_round", range(3))
def test_grant_and_closing_survey_leave_nothing_between(_round: int) -> None:
    survey = live()
    for n in range(4):
        send(agreeing(email=f"a{n}@example.org"), survey, at=NIGHT, key=f"1:{n}")
    race(
        lambda: contacting.consider_due(MORNING),
        lambda: building.close_survey(survey, by=None, at=MORNING),
        lambda: outbox.drain(at=MORNING),
    )
    drain.until_empty(at=MORNING)
    for one in SurveyDispatch.objects.all():
        message = Message.objects.filter(reservation=one.reservation_id).first()
        assert (one.state, one.reason) == ("closed", "survey_closed")
        assert message is None or message.state == "dropped"
