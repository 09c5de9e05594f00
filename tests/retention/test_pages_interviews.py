"""Interviews where people meet them: on the customer's page, in the list of losses, in a case."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from customers import consents, erasure
from customers.ground import clock, drain
from customers.models import Cause, Customer, User
from retention.models import Loss, LossKind
from surveys.guides import writing
from surveys.models import Interview
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.retention.makers import make_case, planned_call
from tests.surveys.talks import guide, held

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def seller(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def lost(customer: Customer) -> Loss:
    began = NOW - timedelta(days=3)
    made: Loss = Loss.objects.create(
        customer=customer, occurred_at=began, recorded_at=began, definition=LossKind.WINDOW
    )
    return made


def test_an_interview_is_begun_from_a_loss_and_its_causes_stand_in_the_list_file_and_api(
    seller: Client, customer: Customer, admin: User
) -> None:
    loss, asked = lost(customer), guide()
    rows = seller.get("/losses/").content.decode()
    assert f"/customers/{customer.pk}/interviews/?loss={loss.pk}" in rows
    page = seller.get(f"/customers/{customer.pk}/interviews/?loss={loss.pk}").content.decode()
    assert f'<option value="{loss.pk}" selected>lost since 2026-05-08' in page
    begun = seller.post(
        f"/customers/{customer.pk}/interviews/",
        {"guide": asked.pk, "contact": customer.contacts.get().pk, "kind": "call", "loss": loss.pk},
    )
    interview = Interview.objects.get()
    assert begun["Location"] == f"/interviews/{interview.pk}/"
    form = {"revision": 1, "q-why-chosen": ["price_raised"], "act": "finish"}
    seller.post(f"/interviews/{interview.pk}/", form)
    drain.until_empty(at=NOW + timedelta(minutes=5))
    assert "Price raised" in seller.get("/losses/").content.decode().split("<tbody")[1]
    assert "Price raised" in seller.get(f"/customers/{customer.pk}/interviews/").content.decode()
    price, brand = (Cause.objects.get(code=code).pk for code in ("price", "brand_damage"))
    assert customer.name in seller.get(f"/losses/?cause={price}").content.decode().split("<main")[1]
    assert customer.name not in seller.get(f"/losses/?cause={brand}").content.decode().split("<main")[1]
    seller.force_login(admin)
    file = seller.get("/losses/export/")
    text = b"".join(file.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert [line.rsplit(",", 1)[1] for line in text.splitlines()] == [
        "Causes named by the customer",
        "Price raised",
    ]


def test_losses_are_listed_by_as_many_queries_for_one_and_three(
    seller: Client, customer: Customer, manager: User, django_assert_max_num_queries: Any
) -> None:
    lost(customer)
    held(customer, "price")
    drain.until_empty(at=NOW + timedelta(minutes=5))
    seller.get("/losses/")
    with django_assert_max_num_queries(60) as asked:
        seller.get("/losses/")
    for _more in range(2):
        another = CustomerFactory(owner=manager)
        lost(another)
        held(another, "price", "competitor")
    drain.until_empty(at=NOW + timedelta(minutes=5))
    with django_assert_max_num_queries(len(asked.captured_queries)):
        assert seller.get("/losses/").content.decode().count("tag-info") >= 5


def test_an_interview_in_the_place_of_the_planned_call(
    seller: Client, customer: Customer, manager: User
) -> None:
    case = make_case(customer, by=manager)
    call = planned_call(case)
    asked = guide("review", purpose="relationship")
    assert f"/customers/{customer.pk}/interviews/?call" in seller.get(f"/cases/{case.pk}/").content.decode()
    page = seller.get(f"/customers/{customer.pk}/interviews/?call").content.decode()
    assert re.search(r'<input type="checkbox" name="is_call"[^>]* checked', page)
    seller.post(f"/customers/{customer.pk}/interviews/", {"guide": asked.pk, "kind": "call", "is_call": "on"})
    interview = Interview.objects.get()
    seller.post(f"/interviews/{interview.pk}/", {"revision": 1, "summary": "Good talk.", "act": "finish"})
    drain.until_empty(at=NOW + timedelta(minutes=5))
    call.refresh_from_db()
    assert (call.status, call.outcome) == ("done", "reached")


def test_what_cannot_begin_is_refused_in_words(seller: Client, customer: Customer) -> None:
    path, asked = f"/customers/{customer.pk}/interviews/", guide()
    stranger = CustomerFactory()
    theirs = lost(stranger)
    lost(customer)
    good: dict[str, Any] = {"guide": asked.pk, "kind": "call"}
    for wrong in (
        {"guide": "x"},
        {"guide": 10**30},
        {"contact": stranger.contacts.get().pk},
        {"loss": theirs.pk},
        {"kind": "smoke"},
    ):
        assert seller.post(path, {**good, **wrong}).status_code == 422
    writing.retire_guide(asked, by=None, at=NOW)
    assert seller.post(path, good).status_code == 422
    assert not Interview.objects.exists()
    assert "There is no guide yet." in seller.get(path).content.decode()


def test_who_wants_no_calls_is_named_before(seller: Client, customer: Customer) -> None:
    guide()
    contact = customer.contacts.get()
    path = f"/customers/{customer.pk}/interviews/"
    assert "asked not to be called" not in seller.get(path).content.decode()
    consents.record_consent(
        contact,
        purposes=list(consents.CALLING),
        channels=["phone"],
        is_given=False,
        source="call",
        by=None,
        at=NOW,
    )
    assert f"{contact.name} asked not to be called" in seller.get(path).content.decode()


def test_who_may_begin(client: Client, customer: Customer, analyst: User) -> None:
    path, good = f"/customers/{customer.pk}/interviews/", {"guide": guide().pk, "kind": "call"}
    client.force_login(analyst)
    assert client.get(path).status_code == 200
    assert client.post(path, good).status_code == 403
    client.force_login(UserFactory(username="outsider"))
    assert client.get(path).status_code == client.post(path, good).status_code == 404
    client.force_login(customer.owner)  # type: ignore[arg-type]
    erasure.erase_customer(customer, reason="request", by=None, at=NOW)
    assert client.post(path, good).status_code == 403
    assert not Interview.objects.exists()


def test_the_form_of_an_interview_is_asked_for_in_good_chinese(
    seller: Client, customer: Customer, manager: User
) -> None:
    guide()
    User.objects.filter(pk=manager.pk).update(language="zh-hans")
    page = seller.get(f"/customers/{customer.pk}/interviews/").content.decode()
    assert "访谈形式" in page and "计算方式" not in page  # that is how a measure is counted
