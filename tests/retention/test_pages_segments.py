"""The pages of segments: who sees and changes them, members on any day, lists by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from customers.ground import clock
from customers.models import Customer, CustomerListMember, ExternalRef
from retention import segments
from retention.models import CustomerMeasures, Segment
from tests.factories import NOW, CustomerFactory, OrderFactory, TeamFactory, UserFactory, ago

pytestmark = pytest.mark.django_db
ORDERED = {"measure": "orders_90d", "op": ">=", "value": 2}


@pytest.fixture(autouse=True)
def _today(db: None) -> None:
    clock.fix(NOW)


@pytest.fixture
def mine(customer: Customer) -> Customer:
    """A customer of ``manager`` who bought twice."""
    CustomerMeasures.objects.create(customer=customer, as_of=NOW, orders_90d=2)
    for days in (40, 30):
        OrderFactory(customer=customer, occurred_at=ago(days))
    return customer


@pytest.fixture
def foreign(company: Any) -> Customer:
    """A customer of another team who bought twice."""
    owner = UserFactory(username="far", team=TeamFactory(name="Far"))
    other = CustomerFactory(name="Far Away", owner=owner)
    CustomerMeasures.objects.create(customer=other, as_of=NOW, orders_90d=2)
    for days in (40, 30):
        OrderFactory(customer=other, occurred_at=ago(days))
    return other


@pytest.fixture
def buyers(company: Any) -> Segment:
    """The customers who ordered twice."""
    return segments.save("buyers", name_en="Buyers", name_zh="买家", condition=ORDERED, by=None, at=NOW)


@pytest.fixture
def vip(company: Any) -> Segment:
    """An empty list."""
    return segments.make_list("vip", name_en="VIP", name_zh="贵宾", by=None, at=ago(60))


def page_of(client: Any, path: str, status: int = 200) -> str:
    """Return a page's text."""
    response = client.get(path)
    assert response.status_code == status, path
    return str(response.content.decode())


@pytest.mark.parametrize(("language", "word"), [("en", "Buyers"), ("zh-hans", "买家")])
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_pages_open_in_both_languages_for_everybody_who_works_here(
    client: Any,
    request: Any,
    mine: Customer,
    buyers: Segment,
    vip: Segment,
    who: str,
    language: str,
    word: str,
) -> None:
    user = request.getfixturevalue(who)
    type(user).objects.filter(pk=user.pk).update(language=language)
    client.force_login(user)
    for path in ["/segments/", "/segments/buyers/"]:
        html = page_of(client, path)
        assert word in html and f'lang="{language}"' in html
    page_of(client, "/segments/vip/")
    may_write = who in {"lead", "admin"}
    for path in ["/segments/new/", "/segments/new/list/", "/segments/buyers/edit/", "/segments/vip/edit/"]:
        assert client.get(path).status_code == (200 if may_write else 403)
        assert (path in page_of(client, "/segments/")) == (may_write and "new" in path)
    assert ("/segments/" in page_of(client, "/")) == (who != "manager")  # in the navigation


def test_members_are_those_that_one_may_see(
    client: Any, manager: Any, admin: Any, mine: Customer, foreign: Customer, buyers: Segment
) -> None:
    client.force_login(manager)
    html = page_of(client, "/segments/buyers/")
    assert mine.name in html and foreign.name not in html and 'data-count="1"' in html
    client.force_login(admin)
    html = page_of(client, "/segments/buyers/")
    assert mine.name in html and foreign.name in html and 'data-count="2"' in html


def test_members_of_a_past_day_and_days_that_cannot_be(
    client: Any, admin: Any, mine: Customer, buyers: Segment
) -> None:
    client.force_login(admin)
    assert 'data-count="1"' in page_of(client, f"/segments/buyers/?on={ago(30).date()}")
    html = page_of(client, f"/segments/buyers/?on={ago(31).date()}")
    assert 'data-count="0"' in html and mine.name not in html
    assert "was known on that day" in html
    for on, said in [
        ("2026-05-12", "still to come"),
        ("2001-01-01", "Nothing was known"),
        ("soon", "not a date"),
    ]:
        html = page_of(client, f"/segments/buyers/?on={on}")
        assert said in html and "data-count" not in html
    assert page_of(client, "/segments/buyers/?on=&after=x")


def test_members_are_paged(client: Any, admin: Any, vip: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retention.pages.segments.PAGE", 2)
    rows = [CustomerFactory(name=f"Many {n}") for n in range(3)]
    segments.put(vip, rows, is_member=True, by=None, at=ago(1))
    client.force_login(admin)
    first = page_of(client, "/segments/vip/")
    assert [name in first for name in ("Many 0", "Many 1", "Many 2")] == [True, True, False]
    assert f"?after={rows[1].pk}" in first
    second = page_of(client, f"/segments/vip/?after={rows[1].pk}")
    assert [name in second for name in ("Many 0", "Many 1", "Many 2")] == [False, False, True]


def test_list_says_sentence_count_and_what_is_broken(
    client: Any, analyst: Any, mine: Customer, buyers: Segment
) -> None:
    broken = segments.save("b", name_en="B", name_zh="B", condition=ORDERED, by=None, at=NOW)
    Segment.objects.filter(pk=broken.pk).update(condition={"measure": "gone", "op": "<", "value": 1})
    client.force_login(analyst)
    html = page_of(client, "/segments/")
    assert "is at least 2." in html and "there is no measure called “gone”" in html
    assert page_of(client, "/segments/b/").count("there is no measure called “gone”") == 2


def test_edit_renames_revises_and_keeps_what_was_typed_when_refused(
    client: Any, admin: Any, buyers: Segment
) -> None:
    client.force_login(admin)
    sent = {
        "name_en": "Good buyers",
        "name_zh": "",
        "condition.root.is": "all",
        "condition.0.is": "leaf",
        "condition.0.what": "measure:orders_90d",
        "condition.0.op": ">=",
        "condition.0.value": "5",
    }
    assert client.post("/segments/buyers/edit/", {**sent, "name_en": ""}).status_code == 422
    assert client.post("/segments/buyers/edit/", sent).status_code == 302
    buyers.refresh_from_db()
    assert (buyers.name_en, buyers.name_zh, buyers.version) == ("Good buyers", "Good buyers", 2)
    assert buyers.condition == {**ORDERED, "value": 5}


def test_new_list_takes_pasted_ids_and_refuses_unknown_and_foreign_ones(
    client: Any, lead: Any, customer: Customer, foreign: Customer
) -> None:
    other = CustomerFactory(name="By reference", owner=customer.owner)
    ExternalRef.objects.create(source="shop", kind="customer", external_id="C-7", object_id=other.pk)
    client.force_login(lead)
    sent = {"name_en": "", "name_zh": "贵宾", "code": "vip", "customers": f"{customer.pk}, C-7\n"}
    for bad in ("C-8", str(foreign.pk), "x" * 300):
        response = client.post("/segments/new/list/", {**sent, "customers": f"C-7 {bad}"})
        assert response.status_code == 422
        assert bad[:64] in response.content.decode()
    assert not CustomerListMember.objects.exists()
    assert client.post("/segments/new/list/", sent).status_code == 302
    assert set(CustomerListMember.objects.values_list("customer", flat=True)) == {customer.pk, other.pk}
    response = client.post("/segments/new/list/", sent)
    assert response.status_code == 422 and "Choose another code" in response.content.decode()
    assert client.post("/segments/new/list/", {**sent, "code": "new"}).status_code == 422


def test_customers_are_put_on_a_list_and_taken_off_by_hand(
    client: Any, lead: Any, customer: Customer, foreign: Customer, vip: Segment, buyers: Segment
) -> None:
    client.force_login(lead)
    put, take = (reverse("retention:segment_act", args=["vip", act]) for act in ("put", "take"))
    assert client.post(put, {"customers": str(customer.pk)}).status_code == 302
    assert customer.name in page_of(client, "/segments/vip/")
    assert client.post(put, {"customers": "nobody"}).status_code == 422
    segments.put(vip, [foreign], is_member=True, by=None, at=NOW)
    for number in (foreign.pk, "x", ""):
        assert client.post(take, {"number": number}).status_code == 404
    assert client.post(take, {"number": customer.pk}).status_code == 302
    assert customer.name not in page_of(client, "/segments/vip/")
    rows = CustomerListMember.objects.filter(customer=customer).order_by("id")
    assert list(rows.values_list("is_member", flat=True)) == [True, False]
    wrong = client.post(
        reverse("retention:segment_act", args=["buyers", "put"]), {"customers": customer.pk}, follow=True
    )
    assert "belongs to it by itself" in wrong.content.decode()


def test_retire_bring_back_and_remove_say_what_stands_in_the_way(
    client: Any, admin: Any, buyers: Segment
) -> None:
    user = segments.save(
        "user", name_en="User", name_zh="用", condition={"segment": "buyers"}, by=None, at=NOW
    )
    client.force_login(admin)

    def act(name: str, code: str = "buyers") -> str:
        path = reverse("retention:segment_act", args=[code, name])
        return str(client.post(path, follow=True).content.decode())

    assert 'href="/segments/user/"' in page_of(client, "/segments/buyers/")
    assert "is used by: User" in act("retire") and "is used by: User" in act("remove")
    assert "is removed" in act("remove", "user")
    assert "is retired" in act("retire")
    assert "/segments/buyers/" not in page_of(client, "/segments/")
    assert "/segments/buyers/" in page_of(client, "/segments/?retired=1")
    assert "in use again" in act("bring-back")
    assert client.post(reverse("retention:segment_act", args=["buyers", "burst"])).status_code == 404
    assert client.get(reverse("retention:segment_act", args=["buyers", "retire"])).status_code == 405
    assert user.pk and Segment.objects.count() == 1


@pytest.mark.parametrize("act", ["retire", "remove", "put", "take", "bring-back"])
def test_acts_are_for_those_who_may_change(
    client: Any, manager: Any, analyst: Any, vip: Segment, act: str
) -> None:
    for user in (manager, analyst):
        client.force_login(user)
        assert client.post(reverse("retention:segment_act", args=["vip", act])).status_code == 403
    client.force_login(UserFactory(role="admin"))
    assert client.post(reverse("retention:segment_act", args=["none", act])).status_code == 404
    assert Segment.objects.get().retired_at is None


def test_customers_are_filtered_by_segment(
    client: Any, admin: Any, mine: Customer, foreign: Customer, buyers: Segment, vip: Segment
) -> None:
    segments.put(vip, [foreign], is_member=True, by=None, at=ago(1))
    CustomerFactory(name="Neither")
    client.force_login(admin)
    html = page_of(client, "/customers/?in_segment=vip")
    assert foreign.name in html and mine.name not in html and "Neither" not in html
    html = page_of(client, "/customers/?in_segment=buyers")
    assert foreign.name in html and mine.name in html and "Neither" not in html
    Segment.objects.filter(code="buyers").update(condition={"measure": "gone", "op": "<", "value": 1})
    html = page_of(client, "/customers/?in_segment=buyers")
    assert foreign.name not in html and mine.name not in html
    page_of(client, "/customers/?in_segment=nothing")


@pytest.mark.parametrize("count", [1, 3])
def test_pages_take_the_same_queries_for_any_number_of_rows(
    client: Any, manager: Any, vip: Segment, count: int, django_assert_max_num_queries: Any
) -> None:
    rows = [CustomerFactory(owner=manager, name=f"Many {n}") for n in range(count)]
    segments.put(vip, rows, is_member=True, by=None, at=ago(1))
    for n in range(count):
        condition = {"any": [{"segment": "vip"}, ORDERED]}
        segments.save(f"s{n}", name_en=f"S {n}", name_zh=f"S {n}", condition=condition, by=None, at=NOW)
    client.force_login(manager)
    clock.now()  # read once a process
    with django_assert_max_num_queries(12):
        html = page_of(client, "/segments/")
    assert html.count("/segments/s") == count
    with django_assert_max_num_queries(14):
        assert page_of(client, "/segments/vip/").count("Many ") >= count


def test_long_and_hostile_names_are_shown_as_text(client: Any, admin: Any, vip: Segment) -> None:
    hostile = "<script>alert(1)</script>"
    segments.rename(vip, name_en=hostile, name_zh=hostile, by=None, at=NOW)
    segments.put(vip, [CustomerFactory(name=hostile)], is_member=True, by=None, at=ago(1))
    client.force_login(admin)
    for path in ("/segments/", "/segments/vip/", "/segments/vip/edit/", "/customers/"):
        assert hostile not in page_of(client, path)
