"""Two people finish the same interview; an interview and a loss are written at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from customers.ground import drain
from customers.models import Customer, Interaction
from retention.losses import recording
from retention.models import Loss, LossCause
from surveys.interviews import holding
from surveys.models import Guide, Interview, InterviewAnswer
from tests.factories import NOW, CompanyFactory, CustomerFactory, UserFactory
from tests.retention.racing import race
from tests.surveys.talks import begun, guide, said

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customer() -> Customer:
    CompanyFactory()
    made: Customer = CustomerFactory(owner=UserFactory())
    return made


def finishing(interview: Interview, code: str, *, revision: int) -> Callable[[], Any]:
    mine = Interview.objects.get(pk=interview.pk)
    return lambda: holding.finish(mine, said(code), revision=revision, by=None, at=NOW)


@pytest.mark.parametrize("turn", range(5))
def test_two_who_finish_the_same_interview_give_one(customer: Customer, turn: int) -> None:
    interview = begun(customer)
    results = race(*(finishing(interview, code, revision=1) for code in ("price", "competitor")))
    refused = [one for one in results if isinstance(one, Exception)]
    assert len(refused) == 1 and isinstance(refused[0], holding.InterviewEnded), results
    assert (Interaction.objects.count(), InterviewAnswer.objects.count()) == (1, 1)
    assert Interview.objects.get().revision == 2


@pytest.mark.parametrize("turn", range(5))
def test_two_who_begin_hold_one_interview(customer: Customer, turn: int) -> None:
    asked: Guide = guide()
    results = race(*[lambda: begun(customer, guide=asked)] * 3)
    assert {type(one) for one in results} == {Interview}, results
    assert len({one.pk for one in results}) == Interview.objects.count() == 1


@pytest.mark.parametrize("turn", range(5))
def test_a_loss_and_an_interview_at_the_same_moment_find_each_other(customer: Customer, turn: int) -> None:
    interview = begun(customer, at=NOW - timedelta(minutes=1))

    def lose() -> Loss:
        began = NOW - timedelta(days=1)
        loss = Loss.objects.create(customer=customer, occurred_at=began, recorded_at=NOW)
        recording.write_down_many([loss], at=NOW)
        return loss

    def handle() -> int:
        return drain.until_empty(at=NOW)

    race(finishing(interview, "price", revision=1), lose, handle, handle)
    drain.until_empty(at=NOW)
    assert list(LossCause.objects.values_list("cause__code", flat=True)) == ["price"]
