"""The suggestions of the search box, and the list of customers in the order of pinyin."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.ground import clock
from customers.models import ExternalRef
from retention import cases
from retention.pages import customers as page_of_customers
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, findable

pytestmark = pytest.mark.django_db
FIND = "/customers/find/"


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def lines(client, text):
    """Return the suggestions as texts, each with where it leads."""
    page = client.get(FIND, {"q": text}, headers={"HX-Request": "true"})
    assert page.status_code == 200 and page["Cache-Control"] == "no-store"
    found = re.findall(
        r'<a class="find-item" role="option"[^>]* href="([^"]+)">(.*?)</a>', page.content.decode()
    )
    return [(url, " ".join(re.sub("<[^>]+>", " ", text).split())) for url, text in found]


def test_suggestion_shows_names_why_and_owner(client, manager, lead, customer):
    ContactFactory(
        customer=customer, name="张三", phone="+86 138 0013 8000", email="zs@example.com", is_main=False
    )
    findable()
    at = reverse("retention:customer", args=[customer.pk])
    client.force_login(manager)
    assert lines(client, "blue") == [(at, "Blue Lake Trading 蓝湖贸易 yours")]
    assert lines(client, "8000") == [(at, "Blue Lake Trading 蓝湖贸易 phone …8000, 张三 yours")]
    client.force_login(lead)
    owner = str(manager)
    assert lines(client, "zhangsan") == [(at, f"Blue Lake Trading 蓝湖贸易 contact 张三 {owner}")]
    assert lines(client, "zs@example.com") == [(at, f"Blue Lake Trading 蓝湖贸易 zs@example.com {owner}")]
    lead.language = "zh-hans"
    lead.save()
    assert "电话尾号 8000" in lines(client, "8000")[0][1]


def test_numbers_of_orders_cases_and_other_systems_are_jumped_to(client, manager, outsider, customer):
    OrderFactory(customer=customer, number="PO-77")
    ExternalRef.objects.create(source="erp", kind="order", external_id="E-5", object_id=OrderFactory().pk)
    case = cases.open_case(customer, kind="save", severity=2, reason="Looks around.", by=manager, at=NOW)
    client.force_login(manager)
    at = reverse("retention:customer", args=[customer.pk])
    assert lines(client, "PO-77") == [(at, "Blue Lake Trading 蓝湖贸易 number PO-77 yours")]
    for text in (str(case.pk), f"#{case.pk}"):
        assert lines(client, text)[0][0] == reverse("retention:case", args=[case.pk])
    assert lines(client, f"{case.pk}9") == lines(client, "E-5") == lines(client, "PO-7") == []
    client.force_login(outsider)
    assert lines(client, "PO-77") == lines(client, str(case.pk)) == []


def test_foreign_and_unfound_customers_leave_the_way_to_the_list(client, outsider, customer):
    findable()
    client.force_login(outsider)
    page = client.get(FIND, {"q": "blue & <b>"}, headers={"HX-Request": "true"}).content.decode()
    assert "Nobody found" in page and "/customers/?q=blue+%26+%3Cb%3E" in page and "<b>" not in page
    assert "Blue Lake" not in page


def test_box_works_without_script_and_an_empty_one_says_nothing(client, manager):
    client.force_login(manager)
    assert client.get(FIND, {"q": "清风"})["Location"] == "/customers/?q=%E6%B8%85%E9%A3%8E"
    page = client.get(FIND, headers={"HX-Request": "true"}).content.decode()
    assert "find-item" not in page
    box = client.get("/").content.decode()
    assert 'action="/customers/"' in box and f'hx-get="{FIND}"' in box


@pytest.mark.parametrize("text", ["%00", "%", "'", "9" * 40, "²", "x" * 5000])
def test_odd_input_finds_nobody(client, manager, customer, text):
    findable()
    client.force_login(manager)
    assert client.get(f"{FIND}?q={text}", headers={"HX-Request": "true"}).status_code == 200


def test_ten_are_suggested_with_as_many_queries_as_three(client, manager):
    client.force_login(manager)

    def asked():
        findable()
        with CaptureQueriesContext(connection) as queries:
            lines(client, "firm")
        return len(queries)

    for _ in range(3):
        CustomerFactory(name="Firm", owner=manager)
    few = asked()
    for _ in range(9):
        CustomerFactory(name="Firm", owner=manager)
    assert asked() <= few
    assert len(lines(client, "firm")) == 10


def test_list_sorts_chinese_names_by_pinyin_among_the_english(client, manager, monkeypatch):
    in_order = ["2-Go", "Anna", "包装", "Café", "cafeteria", "长江", "重庆", "Zhang", "张三", "赵云", "zoo"]
    monkeypatch.setattr(page_of_customers, "PAGE", 4)
    for name in reversed(in_order):
        CustomerFactory(owner=manager, name=name)
    client.force_login(manager)
    seen, address = [], reverse("retention:customer_list")
    while address:
        page = client.get(address).content.decode()
        seen += re.findall(r'href="/customers/\d+/" data-row-link[^>]*>([^<]+)', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = older and reverse("retention:customer_list") + older.group(1).replace("&amp;", "&")
    assert [name.strip() for name in seen] == in_order
