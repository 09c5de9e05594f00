"""A merge with two open cases, in a real browser, in both languages, on desk and phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from customers import duplicates
from customers.models import Customer, Merge, User
from retention.models import RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, OrderFactory, TeamFactory, UserFactory
from tests.retention.makers import make_case

WORDS = {
    "en": {"compare": "Compare", "merge": "Merge them", "undo": "Make two customers of it again"},
    "zh-hans": {"compare": "对比", "merge": "合并", "undo": "恢复为两个客户"},
}


@pytest.fixture
def pair() -> tuple[User, Customer, Customer]:
    """A lead and two customers of one phone, each with an open case."""
    CompanyFactory()
    call_command("createcachetable", verbosity=0)
    team = TeamFactory()
    owner, lead = UserFactory(team=team), UserFactory(team=team, role="team_lead", username="lead")
    one = CustomerFactory(
        name="Blue Lake Trading", name_alt="蓝湖贸易", city="杭州", owner=owner, contact__phone="13912345678"
    )
    two = CustomerFactory(
        name="Blue Lake Trading Co., Ltd. (Hangzhou branch)", owner=owner, contact__phone="139-1234-5678"
    )
    OrderFactory(customer=two)
    make_case(one, at=NOW - timedelta(days=2), severity=1, reason="Quiet since March.")
    make_case(two, at=NOW - timedelta(days=1), severity=3, reason="Complained twice.")
    duplicates.find_all(at=NOW)
    return lead, one, two


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_merge_with_two_open_cases(
    sign_in: Callable[..., Any],
    live_server: Any,
    pair: tuple[User, Customer, Customer],
    language: str,
    width: int,
) -> None:
    lead, one, two = pair
    words = WORDS[language]
    page = sign_in(lead, language=language, width=width)
    page.goto(f"{live_server.url}/customers/duplicates/")
    page.get_by_role("link", name=words["compare"]).click()
    page.wait_for_url("**/merge/**")
    page.locator("input[name=of_name][value=theirs]").check()
    page.locator("textarea[name=reason]").fill("Same phone, same people.")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    page.get_by_role("button", name=words["merge"]).click()
    page.wait_for_url("**/merges/**")

    merge = Merge.objects.get()
    kept = RetentionCase.objects.exclude(status="closed").get()
    assert (kept.customer_id, kept.severity) == (one.pk, 3)
    assert kept.reason == "Quiet since March.\nComplained twice."
    assert Customer.objects.get(pk=one.pk).name == two.name

    page.goto(f"{live_server.url}/customers/{two.pk}/")  # the old link
    assert page.url == f"{live_server.url}/customers/{one.pk}/"
    page.goto(f"{live_server.url}/customers/merges/{merge.pk}/")
    page.get_by_role("button", name=words["undo"]).click()
    page.wait_for_load_state()
    assert RetentionCase.objects.exclude(status="closed").count() == 2
    assert Customer.objects.get(pk=two.pk).gone_at is None
    assert page.problems == []
