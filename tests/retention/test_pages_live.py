"""The queue that stands open on somebody's desk: it asks whether it is still true, and rarely gets a page."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from customers.ground.models import ClockOffset
from customers.models import Customer
from retention import cases
from retention.models import RetentionCase
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def opened(customer):
    return cases.open_case(customer, kind="save", severity=2, by=None, at=NOW)


def it_is(moment):
    ClockOffset.objects.all().delete()
    clock.fix(moment)


def live(client, query=""):
    """Return the address that the page asks, and the tag of what it shows."""
    page = client.get(f"/queue/{query}").content.decode()
    found = re.search(r'<div id="queue-list" data-live data-tag="(.+?)" hx-get="(.+?)"', page)
    return html.unescape(found[2]), html.unescape(found[1])


def ask(client, address, tag):
    return client.get(
        address, headers={"If-None-Match": tag, "Accept-Encoding": "gzip", "HX-Request": "true"}
    )


def test_queue_answers_304_until_a_line_changes(client, manager, customer, opened):
    client.force_login(manager)
    address, tag = live(client)
    for moment in (NOW, NOW + timedelta(minutes=10)):  # the script keeps the times true by itself
        it_is(moment)
        same = ask(client, address, tag)
        assert (same.status_code, same.content) == (304, b"")
        assert "no-store" in same["Cache-Control"]
    Customer.objects.filter(pk=customer.pk).update(name="Renamed")
    changed = client.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed["ETag"] != tag
    part = changed.content.decode()
    assert "Renamed" in part and f'data-tag="{html.escape(changed["ETag"])}"' in part
    assert html.unescape(re.search('hx-get="(.+?)"', part)[1]) == address
    assert "<h1" not in part and "csrfmiddlewaretoken" not in part


def test_tag_that_came_back_weak_from_a_compressed_answer_counts(client, lead, opened):
    for _ in range(10):
        cases.open_case(CustomerFactory(), kind="save", severity=1, by=None, at=NOW)
    client.force_login(lead)
    address, _tag = live(client)
    packed = ask(client, address, '"other"')
    assert packed["Content-Encoding"] == "gzip" and packed["ETag"].startswith('W/"')
    assert ask(client, address, packed["ETag"]).status_code == 304


def test_missed_deadline_that_changes_the_order_is_a_change(client, manager, customer, opened):
    other = CustomerFactory(owner=manager, name="Soon due")
    cases.open_case(other, kind="save", severity=1, by=None, at=NOW)
    RetentionCase.objects.filter(customer=other).update(due_at=NOW + timedelta(minutes=5))
    heavier = {"due_at": NOW + timedelta(hours=2), "margin_365d": 100_000}
    RetentionCase.objects.filter(customer=customer).update(**heavier)
    client.force_login(manager)
    address, tag = live(client)
    it_is(NOW + timedelta(minutes=6))
    part = ask(client, address, tag)
    assert part.status_code == 200
    names = re.findall(r"data-row-link>([^<]+)", client.get(address).content.decode())
    assert [name.strip() for name in names] == ["Soon due", customer.name]


def test_page_is_loaded_again_when_the_queue_begins_or_ends_to_be_empty(client, manager, customer):
    client.force_login(manager)
    address, tag = live(client)
    assert ask(client, address, tag).status_code == 304
    cases.open_case(customer, kind="save", severity=2, by=None, at=NOW)
    begun = ask(client, address, tag)
    assert (begun.status_code, begun["HX-Refresh"]) == (204, "true")
    address, tag = live(client)
    assert ask(client, address, tag).status_code == 304
    RetentionCase.objects.update(assignee=None, status="unassigned")
    assert ask(client, address, tag)["HX-Refresh"] == "true"


def test_part_keeps_to_the_filter_and_to_what_one_may_see(client, outsider, admin, customer, opened):
    client.force_login(outsider)
    assert customer.name not in client.get("/queue/?part=list").content.decode()
    client.force_login(admin)
    address, tag = live(client, "?kind=recovery")
    assert "kind=recovery" in address and ask(client, address, tag).status_code == 304
    assert live(client, "?kind=save")[1] != tag


def test_asking_takes_fewer_queries_than_the_page(client, lead, opened):
    client.force_login(lead)
    address, tag = live(client)
    with CaptureQueriesContext(connection) as whole:
        client.get("/queue/")
    with CaptureQueriesContext(connection) as part:
        assert ask(client, address, tag).status_code == 304
    assert len(part) < len(whole)
