"""Open links that ask who answers: exactly one or nobody, never told; what was written stays."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import keeping
from customers.erasure import erase_person
from customers.ground import clock
from customers.ground.api import throttles
from customers.models import Contact, Customer, ExternalRef
from customers.recognising import Person, recognise
from customers.search import index
from surveys import invitations, stating
from surveys.models import Invitation, OpenLink, SurveyAnswer, SurveyResponse
from tests.factories import NOW, ContactFactory, CustomerFactory
from tests.surveys.documents import every
from tests.surveys.makers import live
from tests.surveys.test_answering import form

pytestmark = pytest.mark.django_db
Asks = OpenLink.Asks


@pytest.fixture(autouse=True)
def _now(company: Any) -> Any:
    clock.fix(NOW)
    throttles.forget()
    yield
    throttles.forget()


@pytest.fixture
def wang() -> Contact:
    customer = CustomerFactory(name="Blue Lake Trading", contact=False)
    return person(customer, name="Wang Wei", email="Wang.Wei@example.org", phone="+86 139 1234 5678")


def person(customer: Customer | None = None, **values: Any) -> Contact:
    values = {
        "email": "",
        "phone": "",
        "is_main": customer is None or not customer.contacts.exists(),
    } | values
    if customer is not None:
        values["customer"] = customer
    made: Contact = ContactFactory(**values)
    index.write([made.customer_id])
    return made


def known(reach: str, name: str = "") -> Person | None:
    return recognise(name=name, reach=reach, at=NOW)


def of(contact: Contact) -> Person:
    return Person(contact.customer_id, contact.pk)


# --- Recognising ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "reach",
    ["wang.wei@example.org", " WANG.WEI@EXAMPLE.ORG ", "13912345678", "+86 139-1234-5678", "008613912345678"],
)
def test_exact_address_or_number_of_one_person_is_she(wang, reach):
    assert known(reach) == of(wang)


@pytest.mark.parametrize(
    "reach",
    [
        *("wang.wei@example.or", "wang.wei@example.orgg", "wei@example.org", "wang.wei@", "@example.org"),
        *("3912345678", "139123456789", "5678", "12345678", "wang wei", "", "%", "139%"),
    ],
)
def test_near_miss_is_nobody(wang, reach):
    assert known(reach, "Wang Wei") is None


def test_long_addresses_are_compared_whole(wang):
    stem = "a" * 50
    long = person(email=f"{stem}1@example.org")
    person(email=f"{stem}2@example.org")
    assert known(f"{stem}1@example.org") == of(long)
    assert known(f"{stem}3@example.org") is None


def test_shared_address_is_the_one_of_the_name_else_the_common_customer_else_nobody(wang):
    li = person(wang.customer, name="Li Na", email=wang.email)
    assert known(wang.email, "li na") == of(li)
    assert known(wang.email, "Zhao") == known(wang.email) == Person(wang.customer_id)
    other = person(name="Chen", email=wang.email)
    assert known(wang.email, "Zhao") is None
    assert known(wang.email, "Chen") == of(other)
    person(name="Chen", email=wang.email)
    assert known(wang.email, "Chen") is None


def test_switchboard_is_nobody(wang, monkeypatch):
    monkeypatch.setattr("customers.recognising.MOST", 1)
    assert known(wang.email) == of(wang)
    person(wang.customer, name="Li Na", email=wang.email)
    assert known(wang.email, "Wang Wei") is None


def test_customer_number_needs_the_name_too(wang):
    ExternalRef.objects.create(source="erp", kind="customer", external_id="K-77", object_id=wang.customer_id)
    ExternalRef.objects.create(source="erp", kind="order", external_id="K-78", object_id=wang.customer_id)
    assert known("K-77") is None
    assert known("K-77", "Li Na") is None
    assert known("K-77", "wang wei") == of(wang)
    assert known("K-77", "Blue Lake Trading Ltd.") == Person(wang.customer_id)
    assert known("K-78", "Wang Wei") is None
    assert known("k-77", "Wang Wei") is None


def test_number_that_two_systems_use_for_two_customers_is_told_apart_by_the_name(wang):
    twin = person(name="Wang Wei")
    for source, who in (("erp", wang), ("shop", twin)):
        ExternalRef.objects.create(
            source=source, kind="customer", external_id="77", object_id=who.customer_id
        )
    assert known("77", "Wang Wei") is None
    assert known("77", "Blue Lake Trading") == Person(wang.customer_id)


def test_number_of_a_merged_customer_is_that_of_the_survivor(wang, admin):
    from customers import merges

    old = CustomerFactory()
    ExternalRef.objects.create(source="erp", kind="customer", external_id="K-1", object_id=old.pk)
    merges.merge_customers(wang.customer, old, values={}, reason="same", by=admin, at=NOW)
    assert known("K-1", "Wang Wei") == of(wang)


@pytest.mark.parametrize("change", [{"left_on": "2026-05-11"}, {"erased_at": NOW}])
def test_who_left_or_was_erased_is_nobody(wang, change):
    Contact.objects.filter(pk=wang.pk).update(**change)
    assert known(wang.email) is None


def test_who_leaves_later_is_still_she(wang):
    Contact.objects.filter(pk=wang.pk).update(left_on="2026-05-12")
    assert known(wang.email) == of(wang)


@pytest.mark.parametrize("field", ["gone_at", "erased_at"])
def test_nobody_of_a_customer_that_is_gone(wang, field):
    ExternalRef.objects.create(source="erp", kind="customer", external_id="K-77", object_id=wang.customer_id)
    Customer.objects.filter(pk=wang.customer_id).update(**{field: NOW})
    assert known(wang.email) is None
    assert known("K-77", "Wang Wei") is None


# --- What is written --------------------------------------------------------------------------
@pytest.mark.parametrize("reach", ["a@b.example", "13912345678", "010-5550 0001", "K-77", "客户123"])
def test_what_could_be_an_address_or_number_is_taken(reach):
    assert stating.problems(stating.Stated("A", reach), is_required=True) == {}


@pytest.mark.parametrize("reach", ["a@b", "@b.example", "a b@c.example", "ab", "---"])
def test_what_can_be_none_is_refused(reach):
    assert set(stating.problems(stating.Stated("A", reach), is_required=False)) == {stating.REACH}


def test_required_wants_both_and_optional_nothing():
    assert set(stating.problems(stating.NOTHING, is_required=True)) == {stating.NAME, stating.REACH}
    assert stating.problems(stating.NOTHING, is_required=False) == {}


def test_what_is_sent_is_made_storable():
    read = stating.read({stating.NAME: " Wang\0 \n Wei ", stating.REACH: "x" * 999})
    assert read == stating.Stated("Wang Wei", "x" * 254)


# --- The page ---------------------------------------------------------------------------------
def opened(client: Client, asks: str, document: Any = None) -> str:
    survey = live("open", document=document)
    link = invitations.make_open_link(survey, label="Till", asks=asks, by=None, now=clock.real_now(), at=NOW)
    return reverse("surveys:answer", args=[invitations.token_of(link)])


def press(client: Client, address: str, **typed: str) -> Any:
    page = client.get(address).content.decode()
    return client.post(
        address, form(page) | {name.replace("__", "."): value for name, value in typed.items()}
    )


def test_page_asks_only_where_the_link_does(client):
    assert "who.name" not in client.get(opened(client, Asks.NOBODY)).content.decode()
    _close()
    for asks, optional in ((Asks.OPTIONAL, True), (Asks.REQUIRED, False)):
        html = client.get(opened(client, asks)).content.decode()
        block = html[html.index('id="q-who"') :]
        assert ("(optional)" in block) is optional
        _close()


def _close() -> None:
    from surveys import building
    from surveys.models import Survey

    survey = Survey.objects.get(code="open")
    building.close_survey(survey, by=None, at=NOW)
    Survey.objects.filter(pk=survey.pk).update(code=f"closed-{survey.pk}")


def test_recognised_answer_is_hers_and_unknown_one_looks_the_same(client, wang):
    address = opened(client, Asks.OPTIONAL)
    pages = [
        press(client, address, q__nps="9", who__name=name, who__reach=reach)
        for name, reach in (("W", wang.email), ("W", "nobody@example.org"), ("", ""))
    ]
    assert len({re.sub(r"\s+", " ", page.content.decode()) for page in pages}) == 1
    assert {page.status_code for page in pages} == {200}
    hers, unknown, silent = SurveyResponse.objects.order_by("id")
    assert (hers.customer_id, hers.contact_id) == (wang.customer_id, wang.pk)
    assert (unknown.customer_id, unknown.contact_id) == (None, None)
    assert (unknown.stated_name, unknown.stated_reach) == ("W", "nobody@example.org")
    assert (silent.customer_id, silent.stated_name, silent.stated_reach) == (None, "", "")
    assert set(SurveyAnswer.objects.filter(response=hers).values_list("customer", "contact")) == {
        (wang.customer_id, wang.pk)
    }


def test_required_link_takes_nothing_without_who_it_is(client):
    address = opened(client, Asks.REQUIRED)
    page = press(client, address, q__nps="9", who__name="", who__reach="a@b")
    html = page.content.decode()
    assert page.status_code == 422
    assert 'href="#q-who-name"' in html and 'href="#q-who-reach"' in html
    assert 'value="a@b"' in html  # what was typed stays
    assert not SurveyResponse.objects.exists()
    goes = re.search(r'action="\.\./([^"/]+)/"', html)
    assert goes
    again = reverse("surveys:answer", args=[goes[1]])
    assert (
        client.post(
            again, form(html) | {"q.nps": "9", "who.name": "A", "who.reach": "a@b.example"}
        ).status_code
        == 200
    )
    assert SurveyResponse.objects.get().stated_reach == "a@b.example"


def test_form_without_the_block_does_not_pass_a_required_link(client):
    address = opened(client, Asks.REQUIRED)
    sent = form(client.get(address).content.decode()) | {"q.nps": "9"}
    del sent["who"]
    page = client.post(address, sent)
    assert 'id="q-who"' in page.content.decode()
    assert not SurveyResponse.objects.exists()


def test_link_that_asks_nobody_keeps_nothing_that_is_sent_all_the_same(client, wang):
    press(client, opened(client, Asks.NOBODY), q__nps="9", who="1", who__name="W", who__reach=wang.email)
    response = SurveyResponse.objects.get()
    assert (response.customer_id, response.stated_name, response.stated_reach) == (None, "", "")


def test_over_several_pages_it_is_asked_on_the_last(client, wang):
    address = opened(client, Asks.OPTIONAL, every())
    page = client.get(address).content.decode()
    assert 'id="q-who"' not in page
    html = client.post(address, form(page) | {"q.ces": "5"}).content.decode()
    goes = re.search(r'action="\.\./([^"/]+)/"', html)
    assert goes
    sent = form(html) | {"q.again": "yes"}
    if "who" not in sent:
        html = client.post(reverse("surveys:answer", args=[goes[1]]), sent).content.decode()
        assert not SurveyResponse.objects.exists()
        sent = form(html) | {"q.again": "yes"}
    client.post(reverse("surveys:answer", args=[goes[1]]), sent | {"who.reach": wang.email})
    assert SurveyResponse.objects.get().contact_id == wang.pk


def test_evil_text_is_inert(client):
    evil = '"><script>alert(1)</script>'
    page = press(client, opened(client, Asks.REQUIRED), q__nps="9", who__name=evil, who__reach="")
    assert evil not in page.content.decode() and "&lt;script&gt;" in page.content.decode()


def test_personal_link_ignores_what_is_stated(client, wang):
    _invitation, token = invitations.invite(live(), wang, by=None, now=clock.real_now(), at=NOW)
    client.post(
        reverse("surveys:answer", args=[token]),
        {
            "page": "0",
            "asked": "nps",
            "q.nps": "9",
            "who": "1",
            "who.name": "Li",
            "who.reach": "li@example.org",
        },
    )
    response = SurveyResponse.objects.get()
    assert (response.contact_id, response.stated_name, response.stated_reach) == (wang.pk, "", "")


# --- Persons ----------------------------------------------------------------------------------
def test_erasing_blanks_what_she_wrote_of_herself(client, wang):
    press(client, opened(client, Asks.OPTIONAL), q__nps="9", who__name="Wang W", who__reach=wang.email)
    erase_person(wang, reason="request", by=None, at=NOW)
    response = SurveyResponse.objects.get()
    assert (response.score, response.stated_name, response.stated_reach) == (9, "", "")


def test_what_people_wrote_of_themselves_is_kept_for_some_months_only(client):
    press(client, opened(client, Asks.OPTIONAL), q__nps="9", who__name="W", who__reach="w@example.org")
    assert keeping.periods()["survey_names"] == 24
    keeping.clear_old(at=NOW + timedelta(days=720))
    assert SurveyResponse.objects.get().stated_reach == "w@example.org"
    keeping.clear_old(at=NOW + timedelta(days=740))
    response = SurveyResponse.objects.get()
    assert (response.stated_name, response.stated_reach, response.score) == ("", "", 9)
    assert Invitation.objects.count() == 1
