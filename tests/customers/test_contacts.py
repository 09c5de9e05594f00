"""Contacts: the first is main, another can take over, and a main contact who left is a dated fact."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from customers import changing, contacts
from customers.ground.models import Event
from customers.models import Contact, MainContactChange, MainContactChangeVersion, TouchedCustomer
from tests.factories import NOW, ContactFactory, CustomerFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 11)


@pytest.fixture
def main(customer):
    return customer.contacts.get()


@pytest.fixture
def other(customer):
    return ContactFactory(customer=customer, name="Zhao Min", is_main=False)


def told(customer):
    facts = MainContactChange.objects.filter(customer=customer, void=False)
    return list(facts.order_by("occurred_at", "pk").values_list("kind", "contact_id", "occurred_day"))


def test_create_contact_is_main_only_when_asked_or_the_first(customer, main, manager):
    plain = contacts.create_contact(customer, name=" Zhao Min ", phone="1", by=manager, at=NOW)
    assert (plain.name, plain.is_main) == ("Zhao Min", False)
    asked = contacts.create_contact(customer, name="Qian", is_main=True, by=manager, at=NOW)
    assert Contact.objects.filter(customer=customer, is_main=True).get() == asked
    first = contacts.create_contact(CustomerFactory(contact=False), name="Sun", by=manager, at=NOW)
    assert first.is_main
    assert told(customer) == []  # nobody left


def test_create_contact_without_a_name_is_refused(customer, manager):
    with pytest.raises(contacts.ContactWithoutName):
        contacts.create_contact(customer, name=" ", by=manager, at=NOW)


def test_main_contact_who_leaves_is_a_fact_on_that_day(customer, main, manager):
    left = TODAY - timedelta(days=3)
    contacts.change_contact(main, left_on=left, by=manager, at=NOW)
    assert told(customer) == [("left", main.pk, left.toordinal())]
    assert MainContactChange.objects.get().recorded_at == NOW
    assert TouchedCustomer.objects.filter(customer=customer).exists()
    assert Event.objects.filter(kind="contact.left", customer_id=customer.pk).count() == 1


def test_another_contact_who_leaves_is_no_such_fact(customer, main, other, manager):
    contacts.change_contact(other, left_on=TODAY, by=manager, at=NOW)
    assert told(customer) == []


def test_successor_takes_over_as_main_contact(customer, main, other, manager):
    contacts.change_contact(main, left_on=TODAY, successor=other, by=manager, at=NOW)
    other.refresh_from_db()
    assert (other.is_main, main.is_main, main.successor) == (True, False, other)
    assert told(customer) == [
        ("left", main.pk, TODAY.toordinal()),
        ("followed", other.pk, TODAY.toordinal()),
    ]


def test_leaving_that_was_a_mistake_is_void_from_then_on(customer, main, manager):
    contacts.change_contact(main, left_on=TODAY, by=manager, at=NOW)
    contacts.change_contact(main, left_on=None, by=manager, at=NOW + timedelta(hours=1))
    assert told(customer) == []
    assert MainContactChangeVersion.objects.get().void is False


def test_another_day_of_leaving_is_a_version_of_the_same_fact(customer, main, manager):
    contacts.change_contact(main, left_on=TODAY, by=manager, at=NOW)
    earlier = TODAY - timedelta(days=9)
    contacts.change_contact(main, left_on=earlier, by=manager, at=NOW + timedelta(hours=1))
    assert told(customer) == [("left", main.pk, earlier.toordinal())]
    assert MainContactChange.objects.count() == 1


def test_leaving_in_the_future_is_refused_and_today_is_taken(customer, main, manager):
    with pytest.raises(contacts.LeavesInFuture):
        contacts.change_contact(main, left_on=TODAY + timedelta(days=1), by=manager, at=NOW)
    contacts.change_contact(main, left_on=TODAY, by=manager, at=NOW)


def test_successor_must_be_another_contact_of_the_same_customer(customer, main, manager):
    for wrong in (main, CustomerFactory().contacts.get()):
        with pytest.raises(contacts.NotASuccessor):
            contacts.change_contact(main, left_on=TODAY, successor=wrong, by=manager, at=NOW)


def test_name_main_refuses_somebody_who_left(customer, main, other, manager):
    contacts.change_contact(other, left_on=TODAY, by=manager, at=NOW)
    with pytest.raises(contacts.HasLeft):
        contacts.name_main(other, by=manager, at=NOW)
    main.refresh_from_db()
    assert main.is_main


def test_change_contact_is_refused_when_somebody_else_wrote_since(customer, main, manager, lead):
    theirs = Contact.objects.get(pk=main.pk)
    contacts.change_contact(theirs, phone="2", by=lead, at=NOW)
    with pytest.raises(changing.ChangedMeanwhile):
        contacts.change_contact(main, phone="3", by=manager, at=NOW)
    main.refresh_from_db()
    assert main.phone == "2"
