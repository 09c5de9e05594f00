"""Entering and changing a customer's file by hand, and what two people see who do it at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from customers import contact, contacts, customers
from customers.ground import clock
from customers.models import Contact, Customer, MainContactChange
from customers.search import index
from retention.pages.file.finding import written
from tests.factories import NOW, ContactFactory, CustomerFactory

pytestmark = pytest.mark.django_db
NEW = "/customers/new/"


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def signed_in(client, manager):
    client.force_login(manager)
    return client


def edit_of(customer):
    return reverse("retention:customer_edit", args=[customer.pk])


def loaded(client, address):
    """Return the fields of a form as a browser would send them back."""
    form = client.get(address).context["form"]
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not False}
    version = re.search(r'name="loaded" value="([^"]*)"', client.get(address).content.decode())
    return {**sent, "loaded": version[1] if version else ""}


# --- New --------------------------------------------------------------------------------------
def test_new_customer_stands_with_its_contact_and_belongs_to_who_made_it(signed_in, manager):
    sent = {"kind": "company", "name": "Red Pine", "contact_name": "Wang Jing", "contact_phone": "139"}
    sent |= {
        "country": "CN",
        "region_0": "32",
        "region_1": "3205",
        "registration_number": "91110000600037341L",
    }
    response = signed_in.post(NEW, sent, follow=True)
    made = Customer.objects.get(name="Red Pine")
    assert response.redirect_chain == [(reverse("retention:customer", args=[made.pk]), 302)]
    assert (made.owner, made.region, made.contacts.get().name) == (manager, "3205", "Wang Jing")
    assert "Red Pine is in the file now." in response.content.decode()


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"country": "CN", "registration_number": "9111"}, "registration_number", "no valid registration"),
        ({"country": "CN", "region_0": "33", "region_1": "3205"}, "region", "does not lie there"),
        ({"parent": "Nobody Ltd"}, "parent", "no customer of this name"),
        ({"contact_email": "x"}, "contact_email", "valid email"),
    ],
)
def test_new_customer_that_is_refused_keeps_what_was_entered(signed_in, sent, field, words):
    response = signed_in.post(NEW, {"kind": "company", "name": "Red Pine", "segment": "retail", **sent})
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert 'value="retail"' in response.content.decode()
    assert not Customer.objects.exists()


def test_new_customer_shows_the_lists_without_script_and_saves_nothing(signed_in):
    sent = {"kind": "company", "name": "Red Pine", "country": "CN", "region_0": "32", "look": "1"}
    response = signed_in.post(NEW, sent)
    text = response.content.decode()
    assert response.status_code == 200
    assert 'value="Red Pine"' in text
    assert '<option value="32" selected>' in text
    assert '<option value="3205">' in text
    assert not Customer.objects.exists()


def test_region_lists_follow_what_is_chosen(signed_in):
    text = signed_in.get(
        "/regions/", {"country": "CN", "region_0": "44", "region_1": "3205"}
    ).content.decode()
    assert 'id="id_region_1"' in text
    assert "Shenzhen 深圳市" in text
    assert 'id="id_region_2"' not in text
    assert "Choose the country first" in signed_in.get("/regions/").content.decode()


def test_new_customer_of_a_lead_is_given_to_whom_she_chooses(client, lead, teammate, outsider):
    client.force_login(lead)
    assert client.get(NEW).context["form"]["owner"].value() == lead.pk
    client.post(NEW, {"kind": "company", "name": "Red Pine", "owner": teammate.pk})
    assert Customer.objects.get().owner == teammate
    refused = client.post(NEW, {"kind": "company", "name": "Blue Pine", "owner": outsider.pk})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("who", "status"), [("manager", 200), ("lead", 200), ("admin", 200), ("analyst", 403)]
)
def test_new_customer_is_for_who_may_work(client, request, who, status):
    client.force_login(request.getfixturevalue(who))
    assert client.get(NEW).status_code == status
    assert ("/customers/new/" in client.get("/customers/").content.decode()) is (status == 200)


# --- Parent -----------------------------------------------------------------------------------
def test_parent_is_found_by_name_or_number_among_those_one_sees(signed_in, customer, manager):
    top, twin, foreign = CustomerFactory(name="Top", owner=manager), None, CustomerFactory(name="Foreign")
    sent = loaded(signed_in, edit_of(customer))
    signed_in.post(edit_of(customer), {**sent, "parent": "top"})
    customer.refresh_from_db()
    assert customer.parent == top

    twin = CustomerFactory(name="TOP", owner=manager)
    sent = loaded(signed_in, edit_of(customer))
    assert sent["parent"] == written(top)
    several = signed_in.post(edit_of(customer), {**sent, "parent": "Top"})
    assert "Several customers" in several.context["form"].errors["parent"][0]
    signed_in.post(edit_of(customer), {**sent, "parent": written(twin)})
    customer.refresh_from_db()
    assert customer.parent == twin

    for hidden in ("Foreign", f"#{foreign.pk}"):
        response = signed_in.post(
            edit_of(customer), {**loaded(signed_in, edit_of(customer)), "parent": hidden}
        )
        assert response.status_code == 422


def test_parent_that_one_does_not_see_is_not_shown_and_stays(signed_in, customer, manager):
    foreign = CustomerFactory(name="Foreign")
    customers.change_customer(customer, parent=foreign, by=None, at=NOW)
    page = signed_in.get(edit_of(customer))
    assert "Foreign" not in page.content.decode()
    signed_in.post(edit_of(customer), {**loaded(signed_in, edit_of(customer)), "notes": "New"})
    customer.refresh_from_db()
    assert (customer.parent, customer.notes) == (foreign, "New")


def test_names_are_suggested_of_visible_customers_only(signed_in, customer):
    index.write([customer.pk, CustomerFactory(name="Blue Sea").pk])
    text = signed_in.get("/customers/names/", {"parent": "blue"}).content.decode()
    assert written(customer) in text
    assert "Blue Sea" not in text


# --- Two people at once -----------------------------------------------------------------------
def test_edit_saves_what_was_entered(signed_in, customer):
    sent = loaded(signed_in, edit_of(customer))
    response = signed_in.post(edit_of(customer), {**sent, "segment": "wholesale", "notes": "Likes tea"})
    assert response.status_code == 302
    customer.refresh_from_db()
    assert (customer.segment, customer.notes, customer.name_alt) == ("wholesale", "Likes tea", "蓝湖贸易")


@pytest.fixture
def conflict(signed_in, customer, lead):
    """What a manager sent from a form that a lead's change had made old."""
    sent = {**loaded(signed_in, edit_of(customer)), "city": "Wuxi", "notes": "Mine"}
    theirs = Customer.objects.get(pk=customer.pk)
    at = NOW + timedelta(minutes=1)
    customers.change_customer(theirs, city="Suzhou", segment="retail", by=lead, at=at)
    return sent


def test_edit_of_an_old_version_shows_both_and_saves_nothing(signed_in, customer, conflict, lead):
    response = signed_in.post(edit_of(customer), conflict)

    assert response.status_code == 409
    lines = {line.name: line for line in response.context["differences"]}
    assert {n: (line.mine, line.now, line.by, line.is_theirs) for n, line in lines.items()} == {
        "city": ("Wuxi", "Suzhou", str(lead), True),
        "segment": ("—", "retail", str(lead), True),
        "notes": ("Mine", "—", "", False),
    }
    customer.refresh_from_db()
    assert (customer.city, customer.notes) == ("Suzhou", "")


@pytest.mark.parametrize(
    ("keep", "stands"),
    [
        ({"city": "theirs", "segment": "theirs", "notes": "mine"}, ("Suzhou", "retail", "Mine")),
        ({"city": "mine", "segment": "theirs", "notes": "mine"}, ("Wuxi", "retail", "Mine")),
        ({"city": "mine", "segment": "mine", "notes": "theirs"}, ("Wuxi", "", "")),
    ],
)
def test_conflict_saves_field_by_field_what_was_chosen(signed_in, customer, conflict, keep, stands):
    page = signed_in.post(edit_of(customer), conflict).content.decode()
    again = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    again |= {f"keep.{name}": choice for name, choice in keep.items()}

    assert signed_in.post(edit_of(customer), again).status_code == 302

    customer.refresh_from_db()
    assert (customer.city, customer.segment, customer.notes) == stands


def test_conflict_that_is_overtaken_again_is_shown_again(signed_in, customer, conflict, lead):
    page = signed_in.post(edit_of(customer), conflict).content.decode()
    again = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    third = Customer.objects.get(pk=customer.pk)
    customers.change_customer(third, notes="Third", by=lead, at=NOW + timedelta(minutes=2))
    response = signed_in.post(edit_of(customer), {**again, "keep.city": "mine", "keep.notes": "mine"})
    assert response.status_code == 409
    customer.refresh_from_db()
    assert (customer.city, customer.notes) == ("Suzhou", "Third")


def test_conflict_over_the_region_keeps_country_and_region_together(signed_in, customer, lead):
    sent = loaded(signed_in, edit_of(customer))
    theirs = Customer.objects.get(pk=customer.pk)
    customers.change_customer(theirs, country="GB", region="LND", by=lead, at=NOW + timedelta(minutes=1))
    sent |= {"country": "CN", "region_0": "32"}
    response = signed_in.post(edit_of(customer), sent)
    lines = {line.name: (line.mine, line.now) for line in response.context["differences"]}
    assert lines == {"country": ("China · Jiangsu 江苏省", "United Kingdom · London, City of")}
    again = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', response.content.decode())
    )
    signed_in.post(edit_of(customer), {**again, "keep.country": "theirs"})
    customer.refresh_from_db()
    assert (customer.country, customer.region) == ("GB", "LND")


def test_conflict_with_a_program_proposes_what_stands(signed_in, customer):
    sent = {**loaded(signed_in, edit_of(customer)), "city": "Wuxi"}
    Customer.objects.filter(pk=customer.pk).update(city="Suzhou", updated_at=NOW + timedelta(minutes=1))
    response = signed_in.post(edit_of(customer), sent)
    assert [(line.name, line.is_theirs) for line in response.context["differences"]] == [("city", True)]


def test_conflict_of_a_contact_shows_what_another_changed(signed_in, customer, lead):
    person = customer.contacts.get()
    address = reverse("retention:contact_edit", args=[person.pk])
    sent = {**loaded(signed_in, address), "phone": "111"}
    contacts.change_contact(
        Contact.objects.get(pk=person.pk), phone="222", by=lead, at=NOW + timedelta(minutes=1)
    )
    response = signed_in.post(address, sent)
    assert response.status_code == 409
    (line,) = response.context["differences"]
    assert (line.name, line.mine, line.now, line.by) == ("phone", "111", "222", str(lead))


# --- Contacts ---------------------------------------------------------------------------------
def test_contact_is_added_changed_and_made_main(signed_in, customer):
    before = customer.contacts.get()
    new = reverse("retention:contact_new", args=[customer.pk])
    signed_in.post(new, {"name": "Zhao Min", "function": "finance", "is_decision_maker": "on"})
    person = customer.contacts.get(name="Zhao Min")
    assert (person.function, person.is_decision_maker, person.is_main) == ("finance", True, False)
    address = reverse("retention:contact_edit", args=[person.pk])
    signed_in.post(address, {**loaded(signed_in, address), "phone": "139"})
    signed_in.post(reverse("retention:contact_main", args=[person.pk]))
    person.refresh_from_db()
    before.refresh_from_db()
    assert (person.phone, person.is_main, before.is_main) == ("139", True, False)


def test_how_often_a_contact_wants_to_be_contacted_is_seen_and_changed(signed_in, customer, lead):
    person = customer.contacts.get()
    address = reverse("retention:contact_edit", args=[person.pk])
    file = reverse("retention:customer_file", args=[customer.pk])
    assert "at most once" not in signed_in.get(file).text
    old = loaded(signed_in, address)
    signed_in.post(address, {**old, "at_most_once_in_days": "90"})
    person.refresh_from_db()
    assert person.at_most_once_in_days == 90 and "at most once in 90 days" in signed_in.get(file).text
    assert '<option value="90" selected>' in signed_in.get(address).text
    assert (
        signed_in.post(address, {**loaded(signed_in, address), "at_most_once_in_days": "7"}).status_code
        == 422
    )
    contact.set_frequency(person, days=30, by=None, at=NOW + timedelta(minutes=1))  # on her own page
    response = signed_in.post(address, {**old, "phone": "139"})
    (_phone, line) = response.context["differences"]
    assert (response.status_code, line.name, line.mine, line.now, line.is_theirs) == (
        409,
        "at_most_once_in_days",
        "as the company does",
        "once in 30 days",
        True,
    )


def test_main_contact_leaves_and_the_successor_follows(signed_in, customer):
    main, next_one = customer.contacts.get(), ContactFactory(customer=customer, is_main=False)
    address = reverse("retention:contact_edit", args=[main.pk])
    signed_in.post(address, {**loaded(signed_in, address), "left_on": "2026-05-10", "successor": next_one.pk})
    assert customer.contacts.get(is_main=True) == next_one
    assert list(MainContactChange.objects.order_by("pk").values_list("kind", flat=True)) == [
        "left",
        "followed",
    ]


def test_refusals_of_contacts_are_said_in_words(signed_in, customer):
    main = customer.contacts.get()
    address = reverse("retention:contact_edit", args=[main.pk])
    future = signed_in.post(address, {**loaded(signed_in, address), "left_on": "2026-05-12"})
    assert (future.status_code, "not come yet" in future.content.decode()) == (422, True)
    left = ContactFactory(customer=customer, is_main=False, left_on="2026-05-01")
    answer = signed_in.post(reverse("retention:contact_main", args=[left.pk]), follow=True)
    assert f"{left.name} has left" in answer.content.decode()


# --- Who sees what ----------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["get", "post"])
def test_file_of_somebody_elses_customer_is_not_there(client, outsider, customer, method):
    client.force_login(outsider)
    person = customer.contacts.get()
    paths = [edit_of(customer), reverse("retention:contact_new", args=[customer.pk])]
    paths += [reverse("retention:contact_edit", args=[person.pk])]
    paths += [reverse("retention:contact_main", args=[person.pk])] if method == "post" else []
    for path in paths:
        assert getattr(client, method)(path).status_code == 404


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_forms_open_in_both_languages(client, manager, customer, language):
    manager.language = language
    manager.save()
    client.force_login(manager)
    person = customer.contacts.get()
    for path in (
        NEW,
        edit_of(customer),
        reverse("retention:contact_new", args=[customer.pk]),
        reverse("retention:contact_edit", args=[person.pk]),
    ):
        response = client.get(path)
        assert response.status_code == 200
        assert f'lang="{language}"' in response.content.decode()
