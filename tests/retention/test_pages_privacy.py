"""The privacy tab of a customer: how things stand, what was said, and what one records there."""

from __future__ import annotations

import pytest
from django.urls import reverse

from customers import consents, objections
from customers.ground import clock
from customers.models import Consent, Objection
from tests.factories import NOW, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def address(name, customer):
    return reverse(f"retention:{name}", args=[customer.pk])


def said(contact, **more):
    return {
        "contact": contact.pk,
        "is_given": "yes",
        "purposes": ["offer", "survey"],
        "channels": ["email"],
        "source": "call",
        **more,
    }


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["Record a consent", "needs none", "Nobody objects"]), ("zh-hans", ["登记同意", "无需同意"])],
)
def test_page_tells_how_things_stand_in_the_readers_language(client, manager, customer, language, words):
    manager.language = language
    manager.save()
    client.force_login(manager)
    page = client.get(address("customer_privacy", customer)).content.decode()
    for word in words:
        assert word in page


def test_recording_shows_at_once_as_state_and_history(client, manager, customer):
    client.force_login(manager)
    contact = customer.contacts.get()
    answer = client.post(address("customer_privacy_consent", customer), said(contact))
    assert answer.url == address("customer_privacy", customer)
    assert Consent.objects.count() == 2 and set(Consent.objects.values_list("by", flat=True)) == {manager.pk}
    page = client.get(answer.url).content.decode()
    assert page.count("tag-good") == 4 and "tag-bad" not in page  # two cells, two lines of history
    client.post(address("customer_privacy_consent", customer), said(contact, is_given="no"))
    page = client.get(answer.url).content.decode()
    assert page.count("tag-bad") == 4


def test_a_form_without_channel_comes_back_with_what_was_entered(client, manager, customer):
    client.force_login(manager)
    answer = client.post(
        address("customer_privacy_consent", customer), said(customer.contacts.get(), channels=[])
    )
    page = answer.content.decode()
    assert answer.status_code == 422 and "data-open" in page and "Choose at least one purpose" in page
    assert not Consent.objects.exists()


def test_contacts_of_another_customer_cannot_be_chosen(client, manager, customer):
    client.force_login(manager)
    answer = client.post(address("customer_privacy_consent", customer), said(ContactFactory()))
    assert answer.status_code == 422 and not Consent.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["customer_privacy", "customer_privacy_consent", "customer_privacy_object", "customer_privacy_lift"],
)
def test_customers_of_others_are_not_there(client, outsider, customer, name):
    client.force_login(outsider)
    ask = client.get if name == "customer_privacy" else client.post
    assert ask(address(name, customer)).status_code == 404


def test_analysts_read_and_change_nothing(client, analyst, customer):
    client.force_login(analyst)
    page = client.get(address("customer_privacy", customer)).content.decode()
    assert 'id="consent"' not in page
    answer = client.post(address("customer_privacy_object", customer), {"source": "call"})
    assert answer.status_code == 403 and not Objection.objects.exists()


def test_an_objection_shows_as_a_tag_and_is_lifted(client, manager, customer):
    client.force_login(manager)
    client.post(address("customer_privacy_object", customer), {"source": "call", "contact": ""})
    assert "objects to profiling" in client.get(address("customer", customer)).content.decode()
    assert "Take the objection back" in client.get(address("customer_privacy", customer)).content.decode()
    objection = Objection.objects.get()
    client.post(address("customer_privacy_lift", customer), {"objection": objection.pk})
    assert "objects to profiling" not in client.get(address("customer", customer)).content.decode()
    foreign = objections.object_to_profiling(ContactFactory().customer, by=None, at=NOW)
    answer = client.post(address("customer_privacy_lift", customer), {"objection": foreign.pk})
    assert answer.status_code == 404


def test_who_asked_not_to_be_called_is_marked_where_people_call(client, manager, customer):
    client.force_login(manager)
    contact = customer.contacts.get()
    assert "do not call" not in client.get(address("customer", customer)).content.decode()
    consents.record_consent(
        contact, purposes=["care"], channels=["phone"], is_given=False, source="call", by=manager, at=NOW
    )
    assert "do not call" in client.get(address("customer", customer)).content.decode()


def test_page_takes_the_same_queries_for_one_and_for_three(
    client, manager, customer, django_assert_max_num_queries
):
    client.force_login(manager)
    contacts = [*customer.contacts.all(), *ContactFactory.create_batch(2, customer=customer, is_main=False)]
    counts = []
    for some in (contacts[:1], contacts):
        for contact in some:
            client.post(address("customer_privacy_consent", customer), said(contact))
        with django_assert_max_num_queries(20) as asked:
            client.get(address("customer_privacy", customer))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_long_histories_are_paged(client, manager, customer):
    client.force_login(manager)
    contact = customer.contacts.get()
    for given in (True, False):
        consents.record_consent(
            contact,
            purposes=["offer", "survey", "care"],
            channels=["email", "sms", "post", "phone"],
            is_given=given,
            source="form",
            by=None,
            at=NOW,
        )
    first = client.get(address("customer_privacy", customer))
    assert len(first.context["statements"]) == 20
    older = client.get(
        address("customer_privacy", customer) + first.context["older"].removesuffix("#history")
    )
    assert len(older.context["statements"]) == 4 and older.context["older"] is None
