"""Communities by the API: joined, left, listed, removed, in batches; the catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from customers.models import Community, CommunityMembership, Customer, User
from tests.factories import CommunityFactory, CommunityMembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea(company: object) -> Community:
    return CommunityFactory(code="tea", name="茶友群")


def test_api_joins_leaves_lists_and_removes(program: Any, customer: Customer, tea: Community) -> None:
    contact = customer.contacts.get()
    body = {"customer": customer.pk, "community": "tea", "contact": contact.pk}
    made = program("post", "community-memberships/", body)
    assert made.status_code == 201, made.content
    assert (made.json()["community"], made.json()["left_at"]) == ("tea", None)
    assert program("post", "community-memberships/", body).json()["code"] == "already_member"
    for name, value in (("community", "x"), ("contact", 10**9), ("customer", 10**9)):
        refused = program("post", "community-memberships/", {**body, name: value})
        assert refused.status_code == 400, refused.content
    one = f"community-memberships/{made.json()['id']}/"
    assert program("post", f"{one}leave/", {}).json()["left_at"]
    assert program("post", f"{one}leave/", {}).json()["code"] == "already_left"
    listed = program.get("community-memberships/", has_left="true", community="tea").json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert not program.get("community-memberships/", has_left="false").json()["results"]
    assert program("post", f"{one}remove/").json()["void"] is True


def test_api_of_others_memberships_and_of_the_catalogue(
    caller: Any, outsider: User, manager: User, program: Any, customer: Customer
) -> None:
    mine = CommunityMembershipFactory(customer=customer)
    assert caller(outsider).get("community-memberships/").json()["results"] == []
    assert caller(outsider)("post", f"community-memberships/{mine.pk}/leave/", {}).status_code == 404
    said = {"code": "vip", "name": "VIP", "platform": "wecom"}
    assert program("post", "communities/", said).status_code == 201
    assert program("post", "communities/", said).json()["code"] == "community_exists"
    assert caller(manager)("post", "communities/", {**said, "code": "b"}).status_code == 403


def test_batch_of_memberships_says_what_became_of_each_record(program: Any, tea: Community) -> None:
    first = {"external_id": "1", "customer": "C-1", "occurred_at": "2026-05-01T09:00:00Z", "community": "tea"}
    records = [first, {**first, "external_id": "2", "community": "coffee"}]
    said = {"source": "s", "records": records, "on_missing_customer": "create"}
    answer = program("post", "batch/communities/", said).json()
    assert [row["status"] for row in answer["results"]] == ["created", "refused"], answer
    again = {**said, "records": [{**first, "left_at": "2026-05-03T09:00:00Z"}]}
    assert program("post", "batch/communities/", again).json()["updated"] == 1
    assert CommunityMembership.objects.get().left_day is not None


@pytest.mark.parametrize(
    ("path", "said", "changed"),
    [
        ("communities", {"name": "VIP", "platform": "wecom"}, {"platform": "qq"}),
        ("indicators", {"name_en": "S", "name_zh": "分", "unit": "p", "worse": "lower"}, {"unit": ""}),
        ("usage-metrics", {"name_en": "Seats", "name_zh": "席位", "kind": "balance"}, {"name_zh": "座位"}),
    ],
)
def test_api_changes_and_retires_an_entry_of_a_catalogue_for_admins_only(
    program: Any, caller: Any, manager: User, lead: User, path: str, said: Any, changed: Any
) -> None:
    made = program("post", f"{path}/", {"code": "own", **said}).json()
    one = f"{path}/{made['id']}/"

    def change(values: Any, by: Any = program) -> Any:
        return by("patch", one, values, if_match="*")

    after = change(changed)
    assert after.status_code == 200, after.content
    assert after.json() == {**made, **changed}
    assert change({"is_retired": True}).json() == {**made, **changed, "is_retired": True}
    assert change({"code": "other"}).status_code == 400
    assert program("patch", one, changed).status_code == 428
    assert program("patch", f"{path}/{10**9}/", changed, if_match="*").status_code == 404
    for user in (manager, lead):
        assert change({"is_retired": False}, caller(user)).status_code == 403
    assert program.get(one).json() == {**made, **changed, "is_retired": True}
    assert change({"is_retired": False}).json() == {**made, **changed}
