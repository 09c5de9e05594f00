"""Two who want to contact one person at the same moment."""

from __future__ import annotations

import pytest

from customers import contact as contacting
from customers.contact.budget import Limit
from customers.models import ContactGate, ContactReservation
from tests.customers.test_contact import agreeing, ask
from tests.factories import NOW, CompanyFactory
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _company() -> None:
    CompanyFactory()


def states(results):
    return sorted(getattr(result, "state", repr(result)) for result in results)


@pytest.mark.parametrize("_round", range(5))
def test_of_two_at_once_one_is_granted(_round):
    contact = agreeing()
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    results = race(*(lambda n=n: ask(contact, key=f"k{n}") for n in range(2)))
    assert states(results) == ["deferred", "granted"]


@pytest.mark.parametrize("_round", range(3))
def test_of_many_at_once_as_many_as_the_limit_says(_round):
    contact = agreeing()
    contacting.set_limits({"offer": Limit(3, 30), "together": Limit(None, 1)}, by=None, at=NOW)
    results = race(*(lambda n=n: ask(contact, key=f"k{n}") for n in range(8)))
    assert states(results) == ["deferred"] * 5 + ["granted"] * 3
    assert ContactGate.objects.get(contact=contact).granted == 3


@pytest.mark.parametrize("_round", range(3))
def test_of_two_classes_at_once_the_common_limit_lets_one_through(_round):
    contact = agreeing()
    contacting.set_limits({"together": Limit(1, 30)}, by=None, at=NOW)
    results = race(lambda: ask(contact, "offer"), lambda: ask(contact, "care"))
    assert states(results) == ["deferred", "granted"]


@pytest.mark.parametrize("_round", range(3))
def test_the_same_asked_twice_at_once_is_booked_once(_round):
    contact = agreeing()
    results = race(*(lambda: ask(contact) for _n in range(4)))
    assert len({result.pk for result in results}) == 1
    assert ContactReservation.objects.count() == 1
    assert ContactGate.objects.get(contact=contact).granted == 1


@pytest.mark.parametrize("_round", range(3))
def test_two_workers_decide_what_waits_once(_round):
    contact = agreeing()
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    ask(contact, key="a")
    ask(contact, key="b")
    contacting.set_limits({"offer": Limit(2, 30)}, by=None, at=NOW)
    assert sorted(race(*(lambda: contacting.consider_due(NOW) for _n in range(3)))) == [0, 0, 1]
    assert ContactGate.objects.get(contact=contact).granted == 2
