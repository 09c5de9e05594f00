"""Segments in the API: made, changed, asked for members and counts of any day."""

from __future__ import annotations

import pytest

from customers.ground import clock
from customers.models import Attribute
from retention import segments
from retention.models import CustomerMeasures, Segment
from tests.factories import NOW, CustomerFactory, OrderFactory, TeamFactory, UserFactory, ago

pytestmark = pytest.mark.django_db
CONDITION = {"measure": "orders_90d", "op": ">=", "value": 2}
SEGMENT = {"code": "buyers", "name_en": "Buyers", "name_zh": "买家"}


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def bought(customer):
    """Two customers who bought twice, one of them of another team."""
    far = CustomerFactory(name="Far", owner=UserFactory(username="far", team=TeamFactory(name="Far")))
    for one in (customer, far):
        CustomerMeasures.objects.create(customer=one, as_of=NOW, orders_90d=2)
        for days in (40, 30):
            OrderFactory(customer=one, occurred_at=ago(days))
    return [customer.pk, far.pk]


def make(caller, admin, **values):
    made = caller(admin)("post", "segments/", {**SEGMENT, **values})
    assert made.status_code == 201, made.content
    return made.json()


def test_a_segment_is_made_revised_renamed_and_said_in_words(caller, admin, company):
    Attribute.objects.create(code="size", kind="number", label_en="Size", label_zh="规模")
    call = caller(admin)
    made = call("post", "segments/", {**SEGMENT, "condition": CONDITION})
    assert (made.status_code, made.json()["kind"], made.json()["version"]) == (201, "condition", 1)
    assert made.json()["sentence"]["zh"].endswith("至少为 2。")
    path = made["Location"].removeprefix("/api/v1/")
    wanted = {"condition": {"all": [CONDITION, {"attribute": "size", "op": ">", "value": "2.50"}]}}
    assert call("post", f"{path}revise/", wanted).json()["code"] == "match_required"
    revised = call("post", f"{path}revise/", wanted, If_Match=call.get(path)["ETag"]).json()
    assert revised["version"] == 2
    assert revised["condition"]["all"][1] == {"attribute": "size", "op": ">", "value": "2.5"}
    named = call("post", f"{path}rename/", {"name_en": "Good", "name_zh": "好"}).json()
    assert (named["name_en"], named["code"]) == ("Good", "buyers")
    assert [row["code"] for row in call.get("segments/").json()["results"]] == ["buyers"]


@pytest.mark.parametrize(
    "condition", [{}, {"measure": "shoe", "op": "<", "value": 1}, {"segment": "gold"}, []]
)
def test_a_condition_that_cannot_stand_is_refused_at_its_place(caller, admin, company, condition):
    refused = caller(admin)("post", "segments/", {**SEGMENT, "condition": condition})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"].startswith("#/condition")
    assert not Segment.objects.exists()


def test_a_circle_is_refused_and_named(caller, admin, company):
    call = caller(admin)
    first = make(caller, admin, condition=CONDITION)
    make(caller, admin, code="b", name_en="Second", condition={"segment": "buyers"})
    path = f"segments/{first['id']}/"
    tag = call.get(path)["ETag"]
    refused = call("post", f"{path}revise/", {"condition": {"segment": "b"}}, If_Match=tag)
    assert refused.status_code == 400
    assert "Buyers › Second › Buyers" in str(refused.json()["errors"][0])
    assert call.get(path).json()["used_by"] == ["b"]
    for act in ("retire", "remove"):
        stopped = call("post", f"{path}{act}/")
        assert (stopped.status_code, stopped.json()["code"]) == (409, "segment_in_use")


def test_members_and_counts_of_a_day_are_of_those_that_one_may_see(caller, admin, manager, bought):
    segment = make(caller, admin, condition=CONDITION)
    path = f"segments/{segment['id']}/"
    for user, ids in ((admin, bought), (manager, bought[:1])):
        call = caller(user)
        assert [row["id"] for row in call.get(f"{path}members/").json()["results"]] == ids
        day = ago(30).date().isoformat()
        assert [row["id"] for row in call.get(f"{path}members/", on=day).json()["results"]] == ids
        assert call.get(f"{path}members/", on=ago(31).date().isoformat()).json()["results"] == []
        assert call.get(f"{path}on/{day}/").json() == {"day": day, "customers": len(ids)}
        assert call.get(f"{path}on/2026-05-11/").json()["customers"] == len(ids)
        kept = call.get(f"{path}counts/").json()["results"]
        assert kept == [{"day": "2026-05-11", "customers": 2}]
    assert call.get(f"{path}on/2026-05-12/").json()["code"] == "day_to_come"
    assert call.get(f"{path}members/", on="2001-01-01").json()["code"] == "nothing_known"
    assert call.get(f"{path}on/2026-13-01/").status_code == 404
    assert call.get(f"{path}members/", on="soon").status_code == 400
    assert call.get("segments/999/members/").status_code == 404


def test_members_come_in_pages(caller, admin, bought):
    path = f"segments/{make(caller, admin, condition=CONDITION)['id']}/members/"
    call = caller(admin)
    first = call.get(path, page_size=1).json()
    assert [row["id"] for row in first["results"]] == bought[:1]
    rest = call.get(first["next"].partition("/api/v1/")[2]).json()
    assert ([row["id"] for row in rest["results"]], rest["next"]) == (bought[1:], None)
    assert call.get(path, cursor="x").status_code == 400


def test_a_list_takes_customers_that_one_may_see(caller, admin, lead, bought, customer):
    segment = make(caller, admin)
    assert segment["kind"] == "list"
    path = f"segments/{segment['id']}/"
    call = caller(lead)
    assert call("post", f"{path}put/", {"customers": bought}).status_code == 400  # one is foreign
    assert call("post", f"{path}put/", {"customers": [customer.pk]}).json() == {"changed": 1}
    assert call("post", f"{path}put/", {"customers": [customer.pk]}).json() == {"changed": 0}
    assert [row["id"] for row in call.get(f"{path}members/").json()["results"]] == [customer.pk]
    assert call("post", f"{path}take/", {"customers": [customer.pk]}).json() == {"changed": 1}
    assert call("post", f"{path}remove/").json()["code"] == "segment_list_kept"
    assert call("post", f"{path}retire/").json()["retired_at"] is not None
    assert [row["id"] for row in call.get("segments/", is_retired="false").json()["results"]] == []
    assert len(call.get("segments/", is_retired="true").json()["results"]) == 1
    assert call("post", f"{path}bring-back/").json()["retired_at"] is None


def test_only_leads_and_admins_write(caller, admin, manager, analyst, customer):
    segment = make(caller, admin)
    for user in (manager, analyst):
        call = caller(user)
        assert call("post", "segments/", SEGMENT).status_code == 403
        assert call("post", f"segments/{segment['id']}/put/", {"customers": [customer.pk]}).status_code == 403
        assert call.get(f"segments/{segment['id']}/").status_code == 200
    assert caller(admin, ["rules:read"]).get("segments/").status_code == 403
    assert caller(admin)("post", "segments/", SEGMENT).json()["code"] == "segment_code_taken"
    assert segments.users_of(Segment.objects.get()) == []
