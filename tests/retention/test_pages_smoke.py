"""Every page of retention opens for those who may, in both languages, in a bounded number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from customers import complaints
from customers.ground import clock, drain
from retention import cases, rules, sweep
from retention.models import RetentionCase, WarningRule
from tests.factories import NOW, CustomerFactory, InteractionFactory, OrderFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def world(manager, customer):
    """A customer with a silent spell, a rule that sees it, and the case that came of it."""
    grow(customer)
    return customer


def grow(customer):
    for days in (200, 170, 140, 110, 80):
        OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days))
    InteractionFactory(customer=customer, occurred_at=NOW - timedelta(days=70))
    complaints.file_complaint(customer, text="Late again.", by=None, at=NOW - timedelta(minutes=1))


def run():
    for rule in WarningRule.objects.all():
        rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + timedelta(seconds=1), scope="full")
    drain.until_empty(at=NOW + timedelta(minutes=5))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_every_page_opens(client, request, world, who, language):
    run()
    user = request.getfixturevalue(who)
    user.language = language
    user.save()
    client.force_login(user)
    case = RetentionCase.objects.get()
    names = ["home", "queue", "customer_list", "complaint_list"]
    names += ["rule_list"] if who != "manager" else []
    names += ["sweep_list"] if who in {"admin", "analyst"} else []
    paths = [reverse(f"retention:{name}") for name in names]
    paths += [reverse("retention:customer", args=[world.pk]), reverse("retention:case", args=[case.pk])]
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, path
        if path in {paths[1], *paths[-2:]}:
            assert world.name in response.content.decode(), path
        assert f'lang="{language}"' in response.content.decode()
        assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_empty_pages_open(client, request, company, who):
    client.force_login(request.getfixturevalue(who))
    for name in ("home", "queue", "customer_list", "complaint_list"):
        assert client.get(reverse(f"retention:{name}")).status_code == 200


def test_home_opens_before_the_company_is_set_up(client, django_user_model):
    client.force_login(django_user_model.objects.create(username="first", role="admin"))
    page = client.get("/").content.decode()
    assert "First week" in page and reverse("customers:company") in page


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("name", "most"), [("home", 12), ("queue", 12), ("customer_list", 12), ("complaint_list", 12)]
)
def test_lists_take_the_same_queries_for_any_number_of_rows(
    client, manager, count, name, most, django_assert_max_num_queries
):
    for number in range(count):
        grow(CustomerFactory(owner=manager, name=f"Many {number}"))
    run()
    client.force_login(manager)
    clock.now()  # read once a process
    with django_assert_max_num_queries(most):
        page = client.get(reverse(f"retention:{name}")).content.decode()
    if name != "home":
        assert page.count("Many ") >= count


def test_case_page_takes_a_bounded_number_of_queries(client, manager, world, django_assert_max_num_queries):
    run()
    client.force_login(manager)
    clock.now()  # read once a process
    with django_assert_max_num_queries(13):
        client.get(reverse("retention:case", args=[RetentionCase.objects.get().pk]))


def test_customer_page_takes_a_bounded_number_of_queries(
    client, manager, world, django_assert_max_num_queries
):
    run()
    client.force_login(manager)
    clock.now()  # read once a process
    with django_assert_max_num_queries(14):
        client.get(reverse("retention:customer", args=[world.pk]))


def test_opening_by_hand_needs_a_reason(client, manager, customer):
    client.force_login(manager)
    response = client.post(
        reverse("retention:customer_case", args=[customer.pk]), {"kind": "save", "severity": 2}
    )
    assert response.status_code == 422
    assert not RetentionCase.objects.exists()
    client.post(
        reverse("retention:customer_case", args=[customer.pk]),
        {"kind": "save", "severity": 3, "reason": "Heard that they look around."},
    )
    assert cases.queue.queue(manager).get().reason == "Heard that they look around."
