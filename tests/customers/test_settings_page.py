"""The page of settings and the navigation that leads to it; the tabs of a customer's page."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from customers.navigation import entries_for, setup_for
from retention.pages import tabs

pytestmark = pytest.mark.django_db


def routes(entries):
    return {entry.route for entry in entries}


@pytest.mark.parametrize(("language", "title"), [("en", "Settings"), ("zh-hans", "设置")])
def test_settings_shows_each_page_that_the_reader_may_open(client, admin, language, title):
    admin.language = language
    admin.save()
    client.force_login(admin)
    page = client.get(reverse("customers:settings")).content.decode()
    assert f"<h1>{title}</h1>" in page
    for entry in setup_for(admin):
        with override(language):
            assert f'href="{reverse(entry.route)}"' in page and str(entry.help) in page


def test_settings_hides_what_the_role_may_not_open(client, lead):
    client.force_login(lead)
    page = client.get(reverse("customers:settings")).content.decode()
    assert reverse("customers:user_list") in page
    assert reverse("retention:work") not in page


def test_the_navigation_leads_to_settings_only_where_there_are_some(admin, manager):
    assert "customers:settings" in routes(entries_for(admin))
    assert routes(setup_for(admin)).isdisjoint(routes(entries_for(admin)))
    assert setup_for(manager) == [] and "customers:settings" not in routes(entries_for(manager))


def test_a_page_of_settings_marks_settings_as_current(client, admin):
    client.force_login(admin)
    page = client.get(reverse("retention:sweep_list")).content.decode()
    assert f'href="{reverse("customers:settings")}" aria-current="page"' in page


@pytest.mark.parametrize("route", ["customer", "customer_file", "customer_edit"])
def test_every_page_of_a_customer_marks_customers_alone_as_current(client, manager, customer, route):
    client.force_login(manager)
    answer = client.get(reverse(f"retention:{route}", args=[customer.pk]))
    marked = [item["url"] for item in answer.context["nav"] if item["current"]]
    assert marked == [reverse("retention:customer_list")]


def test_tabs_stand_from_the_second_on_and_mark_the_page_that_was_asked_for(
    client, manager, customer, monkeypatch
):
    monkeypatch.setattr(tabs, "_tabs", {tab.route: tab for tab in tabs._tabs.values() if tab.position == 10})
    client.force_login(manager)
    address = reverse("retention:customer", args=[customer.pk])
    assert 'class="tabs"' not in client.get(address).content.decode()
    tabs.register(tabs.Tab("retention:customer_case", "Other", 20))
    tabs.register(tabs.Tab("retention:customer_owner", "Hidden", 30, frozenset({"admin"})))
    page = client.get(address).content.decode()
    assert f'href="{address}" aria-current="page"' in page
    assert ">Other</a>" in page and "Hidden" not in page
    refused = client.post(reverse("retention:customer_case", args=[customer.pk])).content.decode()
    assert f'href="{reverse("retention:customer_case", args=[customer.pk])}" aria-current="page"' in refused
