"""Consents and objections by the API: recorded, listed, refused, and of nobody else's contacts."""

from __future__ import annotations

import pytest

from customers import consents
from customers.ground import clock
from customers.models import Consent, Objection
from tests.factories import NOW, ContactFactory, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def test_create_records_a_statement_and_another_takes_it_back(program, customer):
    contact = customer.contacts.get()
    said = {"contact": contact.pk, "purpose": "offer", "channel": "email", "is_given": True}
    made = program("post", "consents/", said)
    assert made.status_code == 201, made.content
    assert (made.json()["purpose"], made.json()["is_given"]) == ("offer", True)
    at = clock.now()
    assert consents.may_contact(contact, purpose="offer", channel="email", at=at)
    assert program("post", "consents/", {**said, "is_given": False}).status_code == 201
    assert not consents.may_contact(contact, purpose="offer", channel="email", at=clock.now())
    assert len(program.get("consents/", contact=contact.pk).json()["results"]) == 2
    assert program.get("consents/", contact=contact.pk, is_given="true").json()["results"] == [made.json()]
    assert program.get("consents/", customer=CustomerFactory().pk).json()["results"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"channel": None}, 400, "null"),
        ({"purpose": "spam"}, 400, "invalid_choice"),
        ({"contact": 99_999}, 400, "does_not_exist"),
        ({"occurred_at": "2030-01-01T00:00:00Z"}, 409, "in_the_future"),
    ],
)
def test_create_refuses_what_cannot_be(program, customer, change, status, code):
    said = {"contact": customer.contacts.get().pk, "purpose": "offer", "channel": "email", "is_given": True}
    answer = program("post", "consents/", {**said, **change})
    assert answer.status_code == status and code in answer.content.decode()
    assert not Consent.objects.exists()


def test_create_refuses_a_reaching_purpose_without_a_channel(program, customer):
    said = {"contact": customer.contacts.get().pk, "purpose": "offer", "is_given": True}
    assert program("post", "consents/", said).json()["code"] == "consent_without_purpose"
    assert program("post", "consents/", {**said, "purpose": "profiling"}).status_code == 201


def test_contacts_of_others_are_not_there(caller, outsider, customer):
    theirs = caller(outsider)
    said = {"contact": customer.contacts.get().pk, "purpose": "offer", "channel": "email", "is_given": True}
    assert theirs("post", "consents/", said).status_code == 400
    assert theirs("post", "objections/", {"customer": customer.pk}).status_code == 400
    assert not Consent.objects.exists() and not Objection.objects.exists()


def test_objections_are_made_once_and_lifted(program, customer):
    made = program("post", "objections/", {"customer": customer.pk, "source": "call"})
    assert made.status_code == 201 and made.json()["lifted_at"] is None
    again = program("post", "objections/", {"customer": customer.pk})
    assert again.json()["id"] == made.json()["id"]
    other = ContactFactory()
    foreign = program("post", "objections/", {"customer": customer.pk, "contact": other.pk})
    assert foreign.status_code == 400
    lifted = program("post", f"objections/{made.json()['id']}/lift/")
    assert lifted.json()["lifted_at"] is not None
    assert program.get("objections/", standing="true").json()["results"] == []
    assert len(program.get("objections/", standing="false").json()["results"]) == 1


def test_texts_get_the_next_version_and_only_admins_add_them(program, caller, manager):
    said = {"code": "news", "text_en": "Yes, please.", "valid_from": "2026-05-01"}
    assert [program("post", "consent-texts/", said).json()["version"] for _ in range(2)] == [1, 2]
    assert program("post", "consent-texts/", {**said, "text_en": ""}).status_code == 409
    assert caller(manager)("post", "consent-texts/", said).status_code == 403


def test_batch_lands_consents_by_the_ids_of_their_source(program, customer):
    head = {"source": "crm", "records": [{"external_id": "C1", "name": "One"}]}
    assert program("post", "batch/customers/", head).status_code == 200
    record = {
        "external_id": "E1",
        "customer": "C1",
        "purpose": "offer",
        "channel": "email",
        "is_given": True,
        "occurred_at": "2026-05-01T00:00:00Z",
    }
    body = {"source": "crm", "records": [record, {**record, "external_id": "E2", "channel": None}]}
    answer = program("post", "batch/consents/", body).json()
    assert (answer["created"], answer["refused"]) == (1, 1)
    assert answer["results"][1]["errors"][0]["pointer"] == "#/records/1/channel"
    assert program("post", "batch/consents/", body).json()["unchanged"] == 1
    changed = {"source": "crm", "records": [{**record, "is_given": False}]}
    refused = program("post", "batch/consents/", changed).json()["results"][0]
    assert refused["status"] == "refused" and refused["errors"][0]["code"] == "consent_fixed"
