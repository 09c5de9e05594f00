"""Several at once on PostgreSQL: one end, one alarm, one message."""

from __future__ import annotations

from typing import Any

import pytest

from customers import contact as contacting
from customers.contact import Limit
from customers.ground import outbox
from customers.models import Message
from retention.improving import attaching, planning, telling, watching
from retention.models import ImprovementAction, ImprovementNotice, RiseAlarm
from tests.customers.test_contact import agreeing
from tests.factories import (
    NOW,
    CompanyFactory,
    ComplaintFactory,
    CustomerFactory,
    ProductFactory,
    UserFactory,
    ago,
)
from tests.retention.improvers import complaint, done, improvement
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
WHO: dict[str, Any] = {"by": None, "at": NOW}


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    CompanyFactory()


@pytest.mark.parametrize("turn", range(3))
def test_of_finishing_and_giving_up_one_wins(turn: int) -> None:
    made = improvement()
    one, other = (ImprovementAction.objects.get(pk=made.pk) for _n in range(2))
    results = race(lambda: planning.finish(one, **WHO), lambda: planning.drop(other, reason="no", **WHO))
    refused = [one for one in results if isinstance(one, Exception)]
    assert len(refused) == 1 and isinstance(refused[0], planning.ImprovementState), results


@pytest.mark.parametrize("turn", range(3))
def test_two_watches_raise_one_alarm(turn: int) -> None:
    product = ProductFactory()
    for _n in range(6):
        ComplaintFactory(customer=CustomerFactory(), product=product, occurred_at=ago(5))
    results = race(*[lambda: watching.watch(at=NOW)] * 2)
    assert not any(isinstance(one, Exception) for one in results), results
    assert RiseAlarm.objects.count() == 1


@pytest.mark.parametrize("turn", range(3))
def test_two_who_take_an_alarm_up_plan_one_improvement(turn: int) -> None:
    product = ProductFactory()
    for _n in range(6):
        ComplaintFactory(customer=CustomerFactory(), product=product, occurred_at=ago(5))
    watching.watch(at=NOW)
    one, other = (RiseAlarm.objects.get() for _n in range(2))
    lead = UserFactory(role="team_lead")
    race(*(lambda alarm=alarm: watching.take_up(alarm, by=lead, at=NOW) for alarm in (one, other)))
    assert ImprovementAction.objects.count() == 1


@pytest.mark.parametrize("turn", range(3))
def test_two_who_tell_send_one_message_each(turn: int) -> None:
    contacting.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, **WHO)
    made = done(told_en="x")
    for n in range(3):
        one = agreeing(email=f"p{n}@example.org")
        attaching.attach(made, complaint=complaint(one.customer, contact=one), **WHO)
    race(*[lambda: telling.tell_customers(made, **WHO)] * 2)
    telling._go_on(made.pk, after=0, by=None, since="again", at=NOW)
    results = race(*[lambda: outbox.drain(at=NOW)] * 3)
    assert not any(isinstance(one, Exception) for one in results), results
    while outbox.drain(at=NOW):
        pass
    assert (Message.objects.count(), ImprovementNotice.objects.count()) == (3, 3)
