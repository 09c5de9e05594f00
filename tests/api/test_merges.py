"""Duplicates and merges by the API."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers import duplicates
from customers.ground import clock
from customers.models import Customer, DuplicateProposal, Merge, User
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(manager: User) -> tuple[Customer, Customer]:
    clock.fix(NOW)
    one = CustomerFactory(name="One", owner=manager, contact__phone="13912345678")
    two = CustomerFactory(name="Two", owner=manager, city="杭州", contact__phone="13912345678")
    duplicates.find_all(at=NOW)
    return one, two


def post(client: Client, address: str, **said: Any) -> Any:
    return client.post(
        f"/api/v1/{address}", said, content_type="application/json", headers={"Idempotency-Key": uuid4().hex}
    )


def test_duplicates_are_listed_dismissed_and_considered_again(
    client: Client, pair: tuple[Customer, Customer], lead: User
) -> None:
    client.force_login(lead)
    listed = client.get("/api/v1/duplicates/?state=open").json()["results"]
    assert [(row["low"], row["high"], row["reasons"]) for row in listed] == [
        (pair[0].pk, pair[1].pk, ["phone"])
    ]
    pk = listed[0]["id"]
    assert post(client, f"duplicates/{pk}/dismiss/").json()["state"] == "not_a_duplicate"
    assert post(client, f"duplicates/{pk}/dismiss/").json()["code"] == "duplicate_decided"
    assert client.get("/api/v1/duplicates/?state=open").json()["results"] == []
    assert post(client, f"duplicates/{pk}/consider-again/").json()["state"] == "open"


def test_merge_takes_the_named_fields_and_is_taken_back(
    client: Client, pair: tuple[Customer, Customer], lead: User
) -> None:
    one, two = pair
    client.force_login(lead)
    said = {"survivor": one.pk, "merged": two.pk, "take": ["city"], "reason": "Same phone."}
    made = post(client, "merges/", **said)
    assert made.status_code == 201
    one.refresh_from_db()
    assert (one.name, one.city) == ("One", "杭州")
    again = post(client, "merges/", **{**said, "merged": one.pk})
    assert (again.status_code, again.json()["code"]) == (409, "merge_with_itself")
    assert post(client, f"merges/{made.json()['id']}/undo/").json()["undone_by"] == lead.pk
    two.refresh_from_db()
    assert two.merged_into is None


@pytest.mark.parametrize("name", ["survivor", "merged"])
def test_merge_refuses_a_customer_that_one_does_not_see(
    client: Client, pair: tuple[Customer, Customer], lead: User, outsider: User, name: str
) -> None:
    foreign = CustomerFactory(owner=outsider, contact__phone="13912345678")
    duplicates.find_for([foreign.pk], at=NOW)
    client.force_login(lead)
    said = {"survivor": pair[0].pk, "merged": pair[1].pk, "reason": "Same.", name: foreign.pk}
    assert post(client, "merges/", **said).status_code == 400
    hidden = DuplicateProposal.objects.get(low=pair[0], high=foreign)
    assert client.get(f"/api/v1/duplicates/{hidden.pk}/").status_code == 404
    assert not Merge.objects.exists()


def test_merge_is_for_leads(client: Client, pair: tuple[Customer, Customer], manager: User) -> None:
    client.force_login(manager)
    said = {"survivor": pair[0].pk, "merged": pair[1].pk, "reason": "Same."}
    assert post(client, "merges/", **said).status_code == 403


def test_batch_that_names_a_stub_by_number_lands_with_the_survivor(
    client: Client, pair: tuple[Customer, Customer], admin: User
) -> None:
    one, two = pair
    client.force_login(admin)
    post(client, "merges/", survivor=one.pk, merged=two.pk, reason="Same.")
    moment = "2026-05-10T09:30:00+08:00"
    record = {"external_id": "I-1", "customer_id": two.pk, "occurred_at": moment, "kind": "call"}
    answer = post(client, "batch/interactions/", source="shop", records=[record])
    assert answer.status_code == 200, answer.content
    assert one.interactions.count() == 1  # type: ignore[attr-defined]
