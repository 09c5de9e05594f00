"""What changes something: one key one act, no lost update, one action per verb."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from customers import customers
from customers.ground import clock
from customers.ground.api import idempotency, throttles
from customers.ground.models import ApiAnswer, AuditEvent, RateCounter
from customers.models import Complaint, Contract, Customer, Interaction, Order, Ownership
from tests.factories import ComplaintFactory, CustomerFactory, ProductFactory


# --- One key, one act ---------------------------------------------------------------------------
def test_key_is_required(program):
    answer = program("post", "customers/", {"name": "x"}, key=None)
    assert (answer.status_code, answer.json()["code"]) == (428, "key_required")
    for key in ("a b", "é", "k" * 256):
        assert program("post", "customers/", {"name": "x"}, key=key).status_code == 428
    assert not Customer.objects.exists()


def test_same_call_again_answers_the_same_and_acts_no_more(program):
    first = program("post", "customers/", {"name": "New"}, key="one")
    again = program("post", "customers/", {"name": "New"}, key="one")
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Customer.objects.count() == 1


def test_key_with_another_call_is_422(program, customer):
    program("post", "customers/", {"name": "New"}, key="one")
    for method, path, body in (
        ("post", "customers/", {"name": "Other"}),
        ("post", "complaints/", {"name": "New"}),
        ("patch", f"customers/{customer.pk}/", {"name": "New"}),
    ):
        answer = program(method, path, body, key="one", If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


def test_keys_of_two_users_are_two_keys(program, caller, admin):
    program("post", "customers/", {"name": "New"}, key="one")
    assert caller(admin)("post", "customers/", {"name": "New"}, key="one").status_code == 201
    assert Customer.objects.count() == 2


def test_refused_call_leaves_its_key_free(program):
    assert program("post", "customers/", {"name": ""}, key="one").status_code == 400
    assert program("post", "customers/", {"name": "New"}, key="one").status_code == 201


def test_failed_act_leaves_neither_act_nor_key(program, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("the machine dies after the act")

    monkeypatch.setattr(idempotency, "_sealed", fail)
    program.client.raise_request_exception = False
    assert program("post", "customers/", {"name": "New"}, key="one").status_code == 500
    assert not Customer.objects.exists() and not ApiAnswer.objects.exists()


def test_stored_answer_is_sealed_and_purged(program):
    program("post", "customers/", {"name": "Very secret name"}, key="one")
    row = ApiAnswer.objects.get()
    assert b"secret" not in bytes(row.answer) and "one" not in row.key_hash
    said = b'POST /api/v1/customers/\n{"name": "Very secret name"}'
    assert row.fingerprint == hashlib.sha256(b"one\n" + said).hexdigest()  # to be guessed only with the key
    assert idempotency.purge(at=clock.real_now() + timedelta(hours=47)) == 0
    assert idempotency.purge(at=clock.real_now() + timedelta(hours=49)) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_eight_calls_at_once_with_one_key_act_once(program):
    barrier, answers = threading.Barrier(8), []

    def call():
        barrier.wait()
        answers.append(program("post", "customers/", {"name": "New"}, key="one"))
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Customer.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum("Idempotency-Replayed" not in a for a in answers if a.status_code == 201) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: the second waits")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_call_whose_twin_is_under_way_is_409_and_comes_back_later(program, monkeypatch):
    begun, may_end, answers = threading.Event(), threading.Event(), []
    create = customers.create_customer

    def slowly(**values):
        begun.set()
        may_end.wait(30)
        return create(**values)

    def call():
        answers.append(program("post", "customers/", {"name": "New"}, key="one"))
        connections.close_all()

    monkeypatch.setattr(customers, "create_customer", slowly)
    first = threading.Thread(target=call)
    first.start()
    begun.wait(30)
    early = program("post", "customers/", {"name": "New"}, key="one")
    may_end.set()
    first.join()
    assert (early.status_code, early.json()["code"]) == (409, "in_progress")
    assert int(early["Retry-After"]) > 0
    assert answers[0].status_code == 201
    assert program("post", "customers/", {"name": "New"}, key="one").content == answers[0].content
    assert Customer.objects.count() == 1


# --- No lost update -----------------------------------------------------------------------------
def test_unchanged_is_304_and_changed_is_200(program, customer):
    path = f"customers/{customer.pk}/"
    tag = program.get(path)["ETag"]
    assert tag.startswith('"')
    same = program("get", path, If_None_Match=tag)
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", tag)
    Customer.objects.update(city="Wuxi")
    assert program("get", path, If_None_Match=tag).status_code == 200


def test_change_needs_the_version_that_was_read(program, customer):
    path = f"customers/{customer.pk}/"
    answer = program("patch", path, {"city": "Wuxi"})
    assert (answer.status_code, answer.json()["code"]) == (428, "match_required")
    tag = program.get(path)["ETag"]
    done = program("patch", path, {"city": "Wuxi"}, If_Match=tag)
    assert done.status_code == 200 and done["ETag"] == program.get(path)["ETag"] != tag
    for stale in (tag, f"W/{done['ETag']}", '"x"', "x"):
        answer = program("patch", path, {"city": "Suzhou"}, If_Match=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert Customer.objects.get().city == "Wuxi"


def test_contacts_are_changed_by_their_verb(program, customer):
    contact = customer.contacts.get()
    path = f"contacts/{contact.pk}/"
    tag = program.get(path)["ETag"]
    assert program("patch", path, {"phone": "+86 1"}, If_Match=tag).json()["phone"] == "+86 1"
    assert AuditEvent.objects.filter(act="contact.change", channel="api").exists()


# --- Verbs --------------------------------------------------------------------------------------
def test_patch_refuses_what_only_verbs_change(program, customer):
    complaint = ComplaintFactory(customer=customer)
    assert program("patch", f"complaints/{complaint.pk}/", {"state": "resolved"}).status_code == 405
    answer = program("patch", f"customers/{customer.pk}/", {"owner": 1}, If_Match="*")
    assert answer.json()["errors"][0]["code"] == "unknown_field"


def test_complaint_goes_its_way(program, customer):
    made = program(
        "post", "complaints/", {"customer": customer.pk, "text": "Wet boxes.", "due_on": "2190-01-01"}
    )
    assert made.status_code == 201, made.content
    path = made["Location"].removeprefix("/api/v1/")
    assert program("post", path + "acknowledge/").json()["steps"][-1]["kind"] == "acknowledged"
    odd = program("post", path + "resolve/", {"occurred_at": "2026-05-11T10:00:00Z"})
    assert odd.json()["errors"][0]["code"] == "unknown_field"  # it takes no body
    assert program("post", path + "resolve/").json()["state"] == "resolved"
    again = program("post", path + "resolve/")
    assert (again.status_code, again.json()["code"]) == (409, "complaint_state")
    assert program("post", path + "reopen/", {"due_on": "2190-02-01"}).json()["state"] == "open"
    assert (
        program("post", path + "due/", {"due_on": "2190-03-01"}).json()["steps"][-1]["due_on"] == "2190-03-01"
    )
    assert Complaint.objects.get().customer == customer


def test_facts_are_recorded_by_their_verbs(program, customer):
    ProductFactory(code="P-100")
    order = program(
        "post",
        "orders/",
        {"customer": customer.pk, "lines": [{"product": "P-100", "quantity": "2", "unit_price": "49.9"}]},
    )
    assert order.status_code == 201, order.content
    assert order.json()["sold"] == "99.80" and order.json()["lines"][0]["amount"] == "99.80"
    contract = program(
        "post",
        "contracts/",
        {"customer": customer.pk, "starts_on": "2026-06-01", "ends_on": "2027-05-31", "value": "1200.5"},
    )
    assert contract.json()["value"] == "1200.50" and contract.json()["ends_on"] == "2027-05-31"
    talk = program("post", "interactions/", {"customer": customer.pk, "kind": "call", "text": "Hello."})
    assert talk.json()["by"] == program.user.pk
    assert [m.objects.get().customer for m in (Order, Contract, Interaction)] == [customer] * 3
    assert set(AuditEvent.objects.values_list("act", flat=True)) >= {"order.record", "contract.record"}


def test_facts_of_customers_that_one_may_not_see_are_refused_as_unknown(caller, outsider, customer):
    body = {"customer": customer.pk, "kind": "call"}
    foreign = caller(outsider)("post", "interactions/", body)
    missing = caller(outsider)("post", "interactions/", {**body, "customer": 987654})
    assert foreign.status_code == missing.status_code == 400
    said = [
        {**answer.json(), "request_id": "", "errors": [{**answer.json()["errors"][0], "message": ""}]}
        for answer in (foreign, missing)
    ]
    assert said[0] == said[1]
    assert foreign.json()["errors"][0]["message"].replace(str(customer.pk), "N") == (
        missing.json()["errors"][0]["message"].replace("987654", "N")
    )
    assert not Interaction.objects.exists()


def test_contact_of_another_customer_is_refused(program, customer):
    stranger = CustomerFactory().contacts.get()
    body = {"customer": customer.pk, "kind": "call", "contact": stranger.pk}
    assert program("post", "interactions/", body).json()["errors"][0]["pointer"] == "#/contact"


def test_owner_is_given_by_leads(caller, lead, manager, teammate, outsider, customer):
    path = f"customers/{customer.pk}/owner/"
    assert caller(manager)("post", path, {"user": teammate.pk}).status_code == 403
    assert caller(lead)("post", path, {"user": outsider.pk}).status_code == 400
    foreign = caller(lead)("post", path, {"user": None, "team": outsider.team_id})
    assert foreign.json()["errors"][0]["pointer"] == "#/team"
    assert caller(lead)("post", path, {"user": None, "team": lead.team_id}).status_code == 200
    assert caller(lead)("post", path, {"user": teammate.pk + 0.5}).status_code == 400
    assert caller(lead)("post", path, {"user": teammate.pk}).json()["owner"] == teammate.pk
    assert Ownership.objects.filter(customer=customer, user=teammate).exists()


# --- Throttles ----------------------------------------------------------------------------------
def test_throttle_counts_each_token_and_says_when_to_come_back(program, caller, admin, settings, monkeypatch):
    settings.API_CALLS_A_MINUTE = {"token": 3, "address": 1000}
    monkeypatch.setattr(throttles, "MINUTE", 60)
    at = clock.real_now().replace(second=20)
    monkeypatch.setattr(clock, "real_now", lambda: at)
    left = [program.get("me/")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = program.get("me/")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "throttled", "40")
    throttles.forget()  # another process
    assert program.get("me/").status_code == 429
    assert caller(admin).get("me/").status_code == 200
    monkeypatch.setattr(clock, "real_now", lambda: at + timedelta(seconds=40))
    assert program.get("me/").status_code == 200


def test_throttle_counts_addresses_before_it_looks_at_tokens(client, company, settings, monkeypatch):
    settings.API_CALLS_A_MINUTE = {"token": 1000, "address": 5}
    at = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: at)
    statuses = [
        client.get("/api/v1/me/", headers={"Authorization": "Bearer guess"}).status_code for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]


def test_reading_writes_nothing_but_counts_now_and_then(program, customer, django_assert_num_queries):
    program.get(f"customers/{customer.pk}/")
    with django_assert_num_queries(2):  # the token with its user, the customer
        program.get(f"customers/{customer.pk}/")
    assert RateCounter.objects.get(holder=f"token:{program.token.pk}").taken == 30
