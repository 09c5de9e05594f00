"""Addresses and forms that no page of ours writes: answered, never with a failure of the server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from customers import causes
from customers.ground import clock
from retention import cases
from retention.models import FollowUpCall
from retention.pages import queue as queue_pages
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db

HUGE = "9" * 30
ODD_NUMBERS = ["²", "٣", "-1", HUGE, "9" * 19, "1%00", "9" * 5000]
EDGES = ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T00:00:00%2B00:00", "soon"]


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def case(manager, customer):
    return cases.open_case(customer, kind="save", severity=2, reason="Looks around.", by=manager, at=NOW)


def at(name, case):
    return reverse(f"retention:{name}", args=[case.pk])


# --- Numbers ----------------------------------------------------------------------------------
@pytest.mark.parametrize("number", ODD_NUMBERS, ids=lambda text: text[:20])
@pytest.mark.parametrize(
    "address",
    [
        "/people/?team={}",
        "/people/?page={}",
        "/imports/?before={}",
        "/customers/?after={}~Blue",
        "/customers/?owner={}",
        "/queue/?assignee={}",
        "/queue/?team={}",
        "/queue/?severity={}",
        "/queue/?after=2026-05-11T02:00:00%2B00:00~0~{}~2026-05-12T02:00:00%2B00:00~1",
        "/queue/?after=2026-05-11T02:00:00%2B00:00~{}~1~2026-05-12T02:00:00%2B00:00~1",
        "/queue/?after=2026-05-11T02:00:00%2B00:00~0~1~2026-05-12T02:00:00%2B00:00~{}",
        "/complaints/?after={}",
        "/complaints/?state=all&after={}",
        "/customers/{pk}/?before=2026-05-11T02:00:00%2B00:00~order~{}",
        "/sweeps/?before={}",
        "/settings/tokens/?before={}",
        "/settings/background/?view=dead&after=2026-05-11T02:00:00Z~{}",
        "/settings/background/?view=failed&after=2026-05-11T02:00:00Z~{}",
    ],
)
def test_odd_numbers_in_an_address_never_fail(client, admin, case, address, number):
    client.force_login(admin)
    path = address.replace("/people/", reverse("customers:user_list"))
    path = path.replace("/imports/", reverse("customers:import_list"))
    response = client.get(path.replace("{pk}", str(case.customer_id)).replace("{}", number))
    assert response.status_code == 200


@pytest.mark.parametrize("address", ["/cases/{}/", "/customers/{}/", "/cases/{}/close/", "/sweeps/{}/"])
def test_huge_keys_in_a_path_answer_404(client, admin, address):
    client.force_login(admin)
    path = address.replace("{}", HUGE)
    assert (client.post(path) if path.endswith("close/") else client.get(path)).status_code == 404


@pytest.mark.parametrize("number", ["²", HUGE])
def test_odd_numbers_in_a_form_never_fail(client, admin, case, number):
    client.force_login(admin)
    chosen = client.post(reverse("retention:queue_assign"), {"case": number, "to": number})
    assert chosen.status_code == 302
    assert client.post(at("case_assign", case), {"to": number}).status_code == 422
    assert client.post(at("case_call", case), {"outcome": "reached", "call": number}).status_code == 302


@pytest.mark.parametrize("number", ["²", HUGE, "0"])
def test_diagnosis_is_refused_when_a_cause_is_no_key(client, manager, case, number):
    client.force_login(manager)
    known = causes.choices().first().pk
    said = {"churn_type": "competitive", "causes": [known, number], "main": known}
    assert client.post(at("case_diagnose", case), said).status_code == 422
    said = {"churn_type": "competitive", "causes": [known], "main": number}
    assert client.post(at("case_diagnose", case), said).status_code == 422
    assert not case.causes.exists()


# --- Text -------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/people/?q=%00man", "/customers/?after=0~B%00lue", "/customers/?q=%00"])
def test_nul_in_an_address_never_fails(client, admin, manager, customer, address):
    client.force_login(admin)
    response = client.get(address.replace("/people/", reverse("customers:user_list")))
    assert response.status_code == 200
    if "after" in address:
        assert customer.name in response.content.decode()


# --- Moments ----------------------------------------------------------------------------------
@pytest.mark.parametrize("moment", EDGES)
def test_moments_at_the_edge_of_time_in_an_address_show_the_first_page(client, manager, case, moment):
    client.force_login(manager)
    now = NOW.isoformat().replace("+", "%2B")
    for path in (
        f"/queue/?after={moment}~0~0~{now}~1&due=today",
        f"/customers/{case.customer_id}/?before={moment}~order~1",
        f"/customers/{case.customer_id}/?part=timeline&before={moment}~order~1",
    ):
        assert client.get(path).status_code == 200, path
    assert case.customer.name in client.get(f"/queue/?after={moment}~0~0~{now}~1").content.decode()


def test_nul_in_the_name_of_a_handler_never_fails(client, admin):
    client.force_login(admin)
    assert client.post(reverse("retention:work_retry"), {"handler": "a\0b"}).status_code == 302


@pytest.mark.parametrize("moment", EDGES)
def test_moments_at_the_edge_of_time_never_fail_the_page_of_work(client, admin, moment):
    client.force_login(admin)
    for view in ("late", "failed", "dead", "waiting"):
        assert client.get(f"/settings/background/?view={view}&after={moment}~1").status_code == 200


@pytest.mark.parametrize(
    ("age", "goes_on"),
    [
        (timedelta(0), True),
        (timedelta(hours=23), True),
        (timedelta(days=1, seconds=1), False),
        (timedelta(hours=-1), False),
    ],
)
def test_queue_goes_on_only_in_a_list_of_the_last_day(client, manager, monkeypatch, age, goes_on):
    monkeypatch.setattr(queue_pages, "PAGE", 1)
    for name in ("First Ltd", "Second Ltd"):
        customer = CustomerFactory(owner=manager, name=name)
        cases.open_case(customer, kind="save", severity=2, reason="x", by=manager, at=NOW)
    client.force_login(manager)
    place = cases.queue.place_of(cases.queue.read(cases.queue.queue(manager), at=NOW, most=1)[0], at=NOW)
    key = [(NOW - age).isoformat(), place.missed, -place.rank, place.due.isoformat(), place.pk]
    page = client.get("/queue/", {"after": "~".join(map(str, key))}).content.decode()
    assert ("Second Ltd" in page, "First Ltd" in page) == (goes_on, not goes_on)


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59", "0001-01-01T00:00", "1999-12-31T23:59", "2101-01-01T00:00", "2999-01-01T00:00"],
)
def test_moments_that_nobody_means_are_refused_in_words(client, manager, case, moment):
    client.force_login(manager)
    answers = [
        client.post(at("case_plan", case), {"due_at": moment}),
        client.post(at("case_call", case), {"outcome": "call_later", "next_at": moment}),
        client.post(
            reverse("retention:customer_interaction", args=[case.customer_id]),
            {"kind": "visit", "direction": "out", "occurred_at": moment, "text": "x"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 422
        assert "Enter a year between 2000 and 2100." in answer.content.decode()


def test_call_later_than_a_year_is_refused_in_words(client, manager, case):
    client.force_login(manager)
    answer = client.post(at("case_plan", case), {"due_at": "2100-12-31T10:00"})
    assert answer.status_code == 422
    assert "more than a year away" in answer.content.decode()
    assert FollowUpCall.objects.get().due_at.year == NOW.year
