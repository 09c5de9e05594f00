"""From an empty database to a first case in one go: what a company does on its first day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers import invitations, links
from customers.ground import clock
from customers.ground.models import Company
from customers.models import Customer, User
from retention.models import RetentionCase, WarningRule
from retention.tasks import flag_warning_signs
from tests.browser.test_journeys import write_orders
from tests.browser.wizard import bring, fits
from tests.factories import NOW, PASSWORD

HERE = {"en": ("en-US", "First week"), "zh-hans": ("zh-CN", "第一周")}


def start_of(live_server: Any) -> str:
    """Return the address that ``manage.py first_admin`` prints for an empty database."""
    secret = links.first_admin_link(now=clock.real_now(), at=NOW)
    return live_server.url + reverse("customers:first_admin", args=[secret])


def go_on(page: Any, route: str) -> None:
    """Press the one button of the next step, and land on its page."""
    page.click(".week-next .btn-primary")
    page.wait_for_url(f"**{reverse(route)}")
    fits(page)


def files_with_owner(folder: Path, owner: str) -> tuple[Path, Path]:
    customers, orders = write_orders(folder)
    head, *lines = customers.read_text().splitlines()
    customers.write_text("\n".join([f"{head},owner", *(f"{line},{owner}" for line in lines)]) + "\n")
    return customers, orders


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_empty_start_to_a_first_case(
    tmp_path: Path, settings: Any, browser: Any, live_server: Any, draining: None, language: str, width: int
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    assert not (User.objects.exists() or Company.objects.exists() or Customer.objects.exists())
    locale, first_week = HERE[language]
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    start = start_of(live_server)
    page.goto(start)
    expect(page.locator("#id_language")).to_have_value(language)
    page.fill("[name=email]", "boss@example.com")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.click("main button.btn-primary")
    expect(page.locator("h1")).to_have_text(first_week)
    assert page.locator("html").get_attribute("lang") == language
    expect(page.locator(".week-done")).to_have_count(0)
    fits(page)

    go_on(page, "customers:company")
    page.fill("main [name=name]", "Breeze Tea")
    page.select_option("main [name=base_currency]", "CNY")
    page.select_option("main [name=time_zone]", "Asia/Shanghai")
    page.click("main .form-acts .btn-primary")
    go_on(page, "customers:calendar")
    page.select_option("main [name=country]", "CN")
    page.click("main .form-acts .btn-primary >> nth=0")
    expect(page.locator(".week-done")).to_have_count(2)

    go_on(page, "customers:user_list")
    page.click(f"a[href$='{reverse('customers:user_new')}']:visible")
    page.fill("main [name=username]", "lili")
    page.fill("main [name=first_name]", "Li")
    page.select_option("main [name=language]", language)
    page.click("main .form-acts .btn-primary")
    page.click(f"form[action$='{reverse('customers:user_link', args=[colleague().pk])}'] button")
    invitation = page.input_value("#link")
    fits(page)

    customers, orders = files_with_owner(tmp_path, "lili")
    page.goto(live_server.url + reverse("customers:first_week"))
    go_on(page, "customers:import_list")
    page.click(f"a[href$='{reverse('customers:import_new')}']:visible >> nth=0")
    bring(page, customers, kind="customers")
    page.goto(live_server.url + reverse("customers:import_new"))
    bring(page, orders, kind="orders", history=True)

    page.goto(live_server.url + reverse("customers:first_week"))
    go_on(page, "retention:rule_list")
    rule = WarningRule.objects.get(code="overdue")
    page.click(f"a[href='{reverse('retention:rule', args=[rule.code])}#life']")
    page.click('[data-move="live"] > summary')
    page.select_option('[data-move="live"] [name=existing]', "1")
    page.fill('[data-move="live"] [name=holdout]', "0")  # nobody is left alone by lot
    page.fill('[data-move="live"] [name=programme]', "0")
    fits(page)
    with page.expect_navigation():
        page.click('[data-move="live"] form button')
    fits(page)
    page.goto(live_server.url + reverse("customers:first_week"))
    expect(page.locator(".week-done")).to_have_count(page.locator(".week-step").count())
    expect(page.locator(".week-next")).to_have_count(0)

    flag_warning_signs()  # the night
    case = RetentionCase.objects.get()
    assert (case.customer.name, case.customer.owner) == ("Silent Tea House", colleague())
    open_from_the_queue(page, live_server, case)

    hers = browser.new_context(locale=locale, viewport={"width": width, "height": 900}).new_page()
    secret = invitation.rstrip("/").rsplit("/", 1)[-1]
    assert invitation == invitations.address_of(secret)
    hers.goto(live_server.url + reverse("customers:join", args=[secret]))
    hers.fill("[name=password]", PASSWORD)
    hers.fill("[name=again]", PASSWORD)
    hers.click("main button.btn-primary")
    hers.wait_for_url(f"{live_server.url}/")
    open_from_the_queue(hers, live_server, case)
    assert hers.goto(start).status == 404  # the first link is used up
    assert problems == []
    hers.context.close()
    context.close()


def open_from_the_queue(page: Any, live_server: Any, case: RetentionCase) -> None:
    page.goto(live_server.url + reverse("retention:queue"))
    expect(page.locator(".qrow-link")).to_have_count(1)
    fits(page)
    page.click(".qrow-link")
    page.wait_for_url(f"**{reverse('retention:case', args=[case.pk])}*")
    expect(page.locator("h1")).to_contain_text("Silent Tea House")
    fits(page)


def colleague() -> User:
    return User.objects.get(username="lili")
