"""The customer's file by programs: what a form can enter, they can; what a form refuses, they are refused."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers import attributes
from customers.ground import clock
from customers.models import Address, Attachment, AttributeValue, Customer, SocialHandle
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    clock.fix(NOW)


def test_account_manager_makes_a_customer_that_she_then_owns(caller, manager, teammate):
    call = caller(manager)
    file = {"name": "Red Pine", "country": "CN", "region": "3205", "source": "referral"}
    made = call("post", "customers/", {**file, "contact": {"name": "Wang", "is_decision_maker": True}})
    assert (made.status_code, made.json()["owner"], made.json()["region"]) == (201, manager.pk, "3205")
    assert Address.objects.get().place == "CN-32-05"
    given = call("post", "customers/", {**file, "owner": teammate.pk})
    assert given.status_code == 400
    assert Customer.objects.count() == 1


def test_change_of_an_old_version_is_refused_and_a_move_is_dated(program, customer):
    path = f"customers/{customer.pk}/"
    tag = program.get(path)["ETag"]
    moved = program("patch", path, {"country": "GB", "region": "LND", "moved_on": "2026-05-01"}, If_Match=tag)
    assert moved.status_code == 200, moved.content
    assert program("patch", path, {"city": "London"}, If_Match=tag).status_code == 412
    told = program.get("addresses/", customer=customer.pk).json()["results"]
    assert [(fact["country"], fact["region"], fact["occurred_at"][:10]) for fact in told] == [
        ("GB", "LND", "2026-04-30")
    ]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ({"country": "XX"}, "unknown_country"),
        ({"country": "CN", "region": "LND"}, "unknown_region"),
        ({"country": "CN", "registration_number": "1"}, "wrong_registration_number"),
    ],
)
def test_change_that_cannot_be_is_refused_by_its_code(program, customer, file, code):
    answer = program("patch", f"customers/{customer.pk}/", file, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_parent_and_successor_are_those_that_the_caller_may_see(caller, manager, customer):
    call = caller(manager)
    foreign = CustomerFactory()
    path = f"customers/{customer.pk}/"
    assert call("patch", path, {"parent": foreign.pk}, If_Match="*").status_code == 400
    own = CustomerFactory(owner=manager)
    assert call("patch", path, {"parent": own.pk}, If_Match="*").json()["parent"] == own.pk
    assert call("patch", f"customers/{own.pk}/", {"parent": customer.pk}, If_Match="*").status_code == 409
    person = f"contacts/{customer.contacts.get().pk}/"
    stranger = {"left_on": "2026-05-01", "successor": foreign.contacts.get().pk}
    assert call("patch", person, stranger, If_Match="*").status_code == 400


def test_contact_is_added_and_made_main(program, customer):
    before = customer.contacts.get()
    made = program("post", "contacts/", {"customer": customer.pk, "name": "Zhao Min", "function": "finance"})
    assert (made.status_code, made.json()["is_main"]) == (201, False)
    main = program("post", f"contacts/{made.json()['id']}/main/")
    assert main.json()["is_main"] is True
    before.refresh_from_db()
    assert not before.is_main


def test_need_and_name_are_added_and_taken_away(program, customer):
    need = {"customer": customer.pk, "kind": "need", "topic": "price", "source": "call", "text": "Net 30"}
    made = program("post", "needs/", need)
    assert (made.status_code, made.json()["text"]) == (201, "Net 30")
    assert program("post", f"needs/{made.json()['id']}/withdraw/").json()["void"] is True
    name = program("post", "social-handles/", {"customer": customer.pk, "platform": "line", "handle": "@x"})
    assert name.json()["handle"] == "x"
    assert program("post", f"social-handles/{name.json()['id']}/drop/").json()["handle"] == "x"
    assert not SocialHandle.objects.exists()


def test_attribute_is_defined_set_and_retired(program, customer):
    size = {"code": "size", "kind": "choice", "label_en": "Size", "label_zh": "规模"}
    made = program("post", "attributes/", {**size, "choices": [{"code": "big", "label_zh": "大"}]})
    assert (made.status_code, made.json()["choices"]) == (201, ["big"])
    path = f"attributes/{made.json()['id']}/"
    value = {"customer": customer.pk, "attribute": "size", "value": "big", "since": "2026-05-01"}
    first, again = (program("post", "attribute-values/", value) for _time in range(2))
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    wrong = program("post", "attribute-values/", {**value, "value": "huge"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_attribute_value")
    assert program("patch", path, {"label_en": "Scale", "label_zh": "规模"}, If_Match="*").json()[
        "choices"
    ] == ["big"]
    assert program("post", path + "retire/", {"retired": True}).json()["retired_at"] is not None
    assert program("post", "attribute-values/", {**value, "value": ""}).json()["code"] == "attribute_retired"
    assert AttributeValue.objects.count() == 1


def test_batch_of_attributes_lands_by_the_ids_of_its_source(program, customer):
    attributes.define_attribute(code="staff", kind="number", label_en="S", label_zh="员", by=None, at=NOW)
    record = {"external_id": "1", "customer_id": customer.pk, "attribute": "staff", "value": "12"}
    sent = {"source": "crm", "records": [{**record, "occurred_at": "2026-05-01T00:00:00Z"}]}
    assert program("post", "batch/attributes/", sent).json()["created"] == 1
    assert AttributeValue.objects.get().number == 12


def test_file_is_kept_listed_and_removed(program, customer):
    answer = program.client.post(
        "/api/v1/attachments/",
        {"customer": customer.pk, "file": SimpleUploadedFile("a.pdf", b"%PDF-1.7")},
        headers={"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "one"},
    )
    assert (answer.status_code, answer.json()["type"]) == (201, "pdf"), answer.content
    listed = program.get("attachments/", customer=customer.pk).json()["results"]
    assert [row["name"] for row in listed] == ["a.pdf"]
    assert program("post", f"attachments/{answer.json()['id']}/remove/").status_code == 200
    assert not Attachment.objects.exists()


def test_a_birthday_is_written_whole_and_refused_with_its_code(program, customer):
    path = f"contacts/{customer.contacts.get().pk}/"

    def patch(**sent):
        return program("patch", path, sent, If_Match=program.get(path)["ETag"])

    assert patch(birth_month=5, birth_day=12).json()["birth_calendar"] == "solar"
    assert patch(birth_day=None).json()["code"] == "birthday_incomplete"
    assert patch(birth_day=31, birth_month=4).json()["code"] == "no_such_birthday"
    assert patch(birth_year=2026).json()["code"] == "born_in_future"
    shown = program.get(path).json()
    assert (shown["birth_month"], shown["birth_day"], shown["birth_year"]) == (5, 12, None)
