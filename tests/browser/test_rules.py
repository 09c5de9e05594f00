"""A rule's life in a real browser: written, tried, run in shadow, live, edited, compared, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from retention.models import CustomerMeasures, WarningRule
from tests.factories import NOW, OrderFactory, ago

LANGUAGES = ["en", "zh-hans"]
NOBODY_LOOKS = {"en": "looked at nobody", "zh-hans": "不看任何客户"}
NO_CASE = {"en": "This rule opened no case.", "zh-hans": "该规则没有开立个案。"}


def accessible(page: Any) -> None:
    """Check the page; the checker writes styles of its own, which the policy refuses, rightly."""
    assert page.problems == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.problems.clear()


def pick(page: Any, name: str, measure: str, value: str) -> None:
    """Add a condition about a measure to an editor."""
    page.click(f'button[name="{name}.act"][value="add:root"]')
    page.wait_for_selector(f"#{name}-editor [data-picker-search]:focus")
    page.keyboard.type(measure)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{name}-0-value")
    page.fill(f"#{name}-0-value", value)


def move(page: Any, to: str) -> None:
    """Move the rule that is shown to another state."""
    page.click(f'[data-move="{to}"] > summary')
    with page.expect_navigation():
        page.click(f'[data-move="{to}"] form button')


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rule_is_written_tried_launched_edited_and_taken_back(
    admin: Any, customer: Any, sign_in: Any, live_server: Any, language: str, tmp_path: Any
) -> None:
    OrderFactory(customer=customer, occurred_at=ago(50))
    last = NOW.date().toordinal() - 50
    CustomerMeasures.objects.create(customer=customer, as_of=NOW, last_order_day=last)
    page = sign_in(admin, language=language)
    page.goto(live_server.url + reverse("retention:rule_new"))
    page.fill("[name=name_en]", "Silent buyers")
    page.fill("[name=name_zh]", "沉默买家")
    pick(page, "condition", "days_since_last_order", "45")
    expect(page.locator("#condition-outcome")).to_contain_text(str(customer), timeout=3000)
    accessible(page)
    page.screenshot(path=str(tmp_path / f"write-{language}.png"), full_page=True)
    page.click(".form-acts .btn-primary")
    page.wait_for_url("**/rules/silent-buyers/")

    page.fill("[name=customer]", str(customer.pk))
    page.click("section[aria-labelledby=try] .form-acts .btn")
    expect(page.locator("[data-verdict=off]")).to_contain_text(NOBODY_LOOKS[language])
    accessible(page)

    move(page, "shadow")
    assert WarningRule.objects.get(code="silent-buyers").state == "shadow"
    move(page, "live")
    rule = WarningRule.objects.get(code="silent-buyers")
    assert (rule.state, rule.holdout_share) == ("live", 1000)
    page.goto(f"{live_server.url}{reverse('retention:rule', args=[rule.code])}?customer={customer.pk}")
    expect(page.locator("[data-verdict=no_case]")).to_contain_text(NO_CASE[language])

    page.click(".top-acts .btn-primary")
    page.wait_for_selector("#condition-0-value")
    page.fill("#condition-0-value", "90")
    page.fill("[name=reason]", "Too noisy")
    page.click(".form-acts .btn-primary")
    page.wait_for_url("**/rules/silent-buyers/")
    page.click('a[href^="?from=1"]')
    expect(page.locator("[data-compared]")).to_contain_text("90")
    accessible(page)
    page.screenshot(path=str(tmp_path / f"rule-{language}.png"), full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=str(tmp_path / f"rule-phone-{language}.png"), full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})
    with page.expect_navigation():
        page.click('form[action$="/revert/"] button')
    rule.refresh_from_db()
    assert (rule.version, rule.condition["value"]) == (3, 45)
