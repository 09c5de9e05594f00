"""Communities: joined and left by hand, landed from files; the catalogue, its pages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from customers import batch, communities
from customers.batch import CommunityRecord
from customers.ground.models import AuditEvent, Event
from customers.imports import batches, kinds, mapping
from customers.models import (
    Community,
    CommunityMembership,
    CommunityMembershipVersion,
    Customer,
    ExternalRef,
    TouchedCustomer,
    User,
)
from customers.writing import InTheFuture
from tests.factories import (
    NOW,
    CommunityFactory,
    CommunityMembershipFactory,
    CustomerFactory,
    ago,
    day,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea(company: object) -> Community:
    return CommunityFactory(code="tea", name="茶友群")


# --- By hand -----------------------------------------------------------------------------------
def test_join_community_and_leave_it_keep_both_moments_and_tell_of_them(
    customer: Customer, manager: User, tea: Community
) -> None:
    TouchedCustomer.objects.all().delete()
    contact = customer.contacts.get()
    made = communities.join_community(
        customer, community=tea, contact=contact, occurred_at=ago(9), by=manager, at=ago(8)
    )
    assert (made.community, made.contact, made.left_at) == (tea, contact, None)
    left = communities.leave_community(made, left_at=ago(2), by=manager, at=NOW)

    assert (left.left_at, left.left_day, left.recorded_at) == (ago(2), day(ago(2)), NOW)
    version = CommunityMembershipVersion.objects.get()
    assert (version.left_day, version.recorded_at, version.contact_id) == (None, ago(8), contact.pk)
    assert TouchedCustomer.objects.filter(customer=customer).exists()
    told = Event.objects.filter(kind__startswith="community.").order_by("pk")
    assert list(told.values_list("kind", "occurred_at")) == [
        ("community.joined", ago(9)),
        ("community.left", ago(2)),
    ]
    for act in ("community.join", "community.leave"):
        assert AuditEvent.objects.get(act=act).actor_id == manager.pk


def test_a_standing_membership_is_not_entered_twice_but_they_may_come_back(
    customer: Customer, tea: Community
) -> None:
    def join(**values: Any) -> CommunityMembership:
        return communities.join_community(customer, community=tea, by=None, at=NOW, **values)

    first = join(occurred_at=ago(5))
    with pytest.raises(communities.AlreadyMember):
        join()
    join(contact=customer.contacts.get())  # one of its people is somebody else
    communities.leave_community(first, by=None, at=NOW)
    with pytest.raises(communities.AlreadyLeft):
        communities.leave_community(first, by=None, at=NOW)
    join()
    assert CommunityMembership.objects.filter(left_at=None).count() == 2


def test_what_cannot_be_is_refused(customer: Customer, tea: Community) -> None:
    later, stranger = NOW + timedelta(seconds=1), CustomerFactory().contacts.get()
    said: dict[str, Any] = {"community": tea, "by": None, "at": NOW}
    with pytest.raises(InTheFuture):
        communities.join_community(customer, occurred_at=later, **said)
    with pytest.raises(communities.NotTheirContact):
        communities.join_community(customer, contact=stranger, **said)
    made = communities.join_community(customer, occurred_at=ago(2), **said)
    with pytest.raises(InTheFuture):
        communities.leave_community(made, left_at=later, by=None, at=NOW)
    with pytest.raises(communities.LeftBeforeJoined):
        communities.leave_community(made, left_at=ago(3), by=None, at=NOW)
    closed = communities.change_community(tea, name="旧群", platform="qq", is_retired=True, by=None, at=NOW)
    with pytest.raises(communities.CommunityRetired):
        communities.join_community(CustomerFactory(), **{**said, "community": closed})
    assert CommunityMembership.objects.get().left_at is None


def test_remove_membership_keeps_the_earlier_version_and_is_done_once(customer: Customer) -> None:
    made = CommunityMembershipFactory(customer=customer)
    for _twice in range(2):
        made = communities.remove_membership(made, by=None, at=NOW)
    assert made.void
    assert CommunityMembershipVersion.objects.get().void is False
    assert AuditEvent.objects.filter(act="community.remove").count() == 1


# --- The catalogue -----------------------------------------------------------------------------
def test_a_code_is_taken_once_and_a_change_is_audited(tea: Community, admin: User) -> None:
    with pytest.raises(communities.CommunityExists):
        communities.add_community(code="tea", name="T", platform="qq", by=admin, at=NOW)
    for _twice in range(2):
        communities.change_community(tea, name="Tea", platform="forum", is_retired=False, by=admin, at=NOW)
    tea.refresh_from_db()
    assert (tea.name, tea.platform, str(tea)) == ("Tea", "forum", "Tea")
    assert AuditEvent.objects.get(act="community.change").codes == {"changed": ["name", "platform"]}


# --- Many at once ------------------------------------------------------------------------------
def record(number: int, *, left_at: Any = ..., **values: Any) -> CommunityRecord:
    said: dict[str, Any] = {
        "external_id": f"M{number}",
        "customer": "C-1",
        "occurred_at": ago(number),
        "recorded_at": ago(number),
        "community": "tea",
        "values": {} if left_at is ... else {"left_at": left_at},
        **values,
    }
    return CommunityRecord(**said)


def land(*records: CommunityRecord) -> batch.Landed:
    return batch.upsert_communities(records, source="app", batch=None, at=NOW)


@pytest.fixture
def named(customer: Customer, tea: Community) -> Customer:
    contact = customer.contacts.get()
    for kind, name, pk in (("customer", "C-1", customer.pk), ("contact", "K-1", contact.pk)):
        ExternalRef.objects.create(source="app", kind=kind, external_id=name, object_id=pk)
    return customer


def test_upsert_communities_lands_once_and_changes_what_differs(named: Customer) -> None:
    told = [record(5), record(6, community="茶友群", contact="K-1"), record(7, left_at=ago(1))]
    first, again = land(*told), land(*told)
    changed = land(record(5, left_at=ago(2)), *told[1:])
    assert (first.created, again.unchanged, changed.updated, changed.unchanged) == (3, 3, 1, 2)
    rows = CommunityMembership.objects.order_by("-occurred_at").values_list("contact", "left_at", "left_day")
    assert list(rows) == [
        (None, ago(2), day(ago(2))),
        (named.contacts.get().pk, None, None),
        (None, ago(1), day(ago(1))),
    ]
    assert land(record(5, left_at=None), *told[1:]).updated == 1  # an empty cell: still there
    assert CommunityMembership.objects.get(occurred_at=ago(5)).left_day is None
    assert CommunityMembershipVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"community": "coffee"}, "community", "unknown_community"),
        ({"contact": "K-9"}, "contact", "unknown_contact"),
        ({"customer": "C-9"}, "customer", "unknown_customer"),
        ({"left_at": ago(9)}, "left_at", "left_before_joined"),
        ({"left_at": NOW + timedelta(days=1)}, "left_at", "in_the_future"),
    ],
)
def test_upsert_communities_refuses_one_record_and_lands_the_others(
    named: Customer, values: dict[str, Any], field: str, code: str
) -> None:
    landed = land(record(1), record(2, **values))
    assert [(refusal.field, refusal.reason.code) for refusal in landed.refused] == [(field, code)]
    assert landed.created == CommunityMembership.objects.count() == 1


def test_file_of_memberships_is_understood_in_chinese_and_repeats_without_effect(
    named: Customer, tmp_path: Path
) -> None:
    path = tmp_path / "社群.csv"
    path.write_text(
        "成员编号,客户编号,入群日期,群名,退群日期\n1,C-1,2026-05-01,茶友群,\n2,C-1,2026-05-02,tea,2026-05-04\n"
        "3,C-1,2026-05-03,咖啡群,\n4,C-1,2026-05-03,tea,2026-05-01\n",
        encoding="utf-8",
    )
    for created in (2, 0):
        report = batches.import_file(
            path, kinds.named("communities"), mapping.from_data({"source": "app"}), by=None, at=NOW
        )
        assert (report.landed.created, report.refused) == (created, 2)
    assert CommunityMembership.objects.filter(left_day=None).count() == 1


# --- Pages -----------------------------------------------------------------------------
def test_admin_adds_and_retires_a_community_on_the_page(client: Client, admin: User, lead: User) -> None:
    client.force_login(admin)
    said = {"code": "vip", "name": "VIP 群", "platform": "wecom"}
    assert client.post("/settings/communities/", said).status_code == 302
    assert "VIP 群" in client.get("/settings/communities/").content.decode()
    assert client.post("/settings/communities/", said).status_code == 422
    made = Community.objects.get()
    page = f"/settings/communities/{made.pk}/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "", "platform": "wecom"}).status_code == 422
    assert client.post(page, {"name": "V", "platform": "qq", "is_retired": "on"}).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.platform, made.is_retired) == ("V", "qq", True)
    client.force_login(lead)
    assert client.get("/settings/communities/").status_code == 403


def test_a_community_is_joined_and_left_on_the_page_of_dealings(
    client: Client, manager: User, customer: Customer, tea: Community
) -> None:
    client.force_login(manager)
    page = f"/customers/{customer.pk}/dealings/"
    said = {"community": tea.pk, "contact": customer.contacts.get().pk}
    assert client.post(f"{page}community/", said).status_code == 302
    refused = client.post(f"{page}community/", said)
    assert refused.status_code == 422 and "茶友群" in refused.content.decode()
    made = CommunityMembership.objects.get()
    assert f"{page}community/{made.pk}/leave/" in client.get(page).content.decode()
    for left in (True, True):  # the second time it says so
        assert client.post(f"{page}community/{made.pk}/leave/").status_code == 302
        assert bool(CommunityMembership.objects.get().left_at) is left
    assert client.post(f"{page}community/{made.pk}/remove/").status_code == 302
    assert CommunityMembership.objects.get().void
    other = CommunityMembershipFactory(customer=CustomerFactory())
    assert client.post(f"{page}community/{other.pk}/leave/").status_code == 404
    assert client.post(f"{page}community/", {"community": "x"}).status_code == 422
