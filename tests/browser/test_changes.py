"""A product withdrawn in the browser: planned, looked at, announced, followed to the last one, closed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from customers.ground import clock, drain
from retention.models import BusinessChange, ConcernedCustomer
from tests.browser.test_surveys import accessible
from tests.factories import ProductFactory
from tests.retention.changes.makers import bought, give_value

WORDS = {
    "en": ("Plan a change", "Save and see", "Announce", "Say how far", "Save"),
    "zh-hans": ("计划一项变更", "保存并查看", "宣布", "记录进展", "保存"),
}


def looked_at(page: Any) -> None:
    """Look whether a page is accessible; what looks writes styles of its own, which the page refuses."""
    assert page.problems == []
    accessible(page)
    page.problems.clear()


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_a_withdrawal_from_the_plan_to_the_last_customer(
    customer: Any, admin: Any, sign_in: Any, live_server: Any, language: str, width: int
) -> None:
    bought(customer, ProductFactory(code="PUMP-1", name="Blue pump"))
    give_value(customer, tier="B", margin=5000)
    plan, see, announce, how_far, save = WORDS[language]
    page = sign_in(admin, language=language, width=width)
    page.goto(f"{live_server.url}/changes/")
    page.get_by_role("link", name=plan).first.click()
    page.locator("[name=title_en]").fill("The blue pump goes")
    page.locator("[name=title_zh]").fill("蓝泵停售")
    page.locator("[name=notice_on]").fill("2026-05-11")
    page.locator("[name=effect_on]").fill("2026-06-10")
    page.locator("[name=products]").fill("PUMP-1")
    page.locator("[name=explanation_en]").fill("The maker gives it up.")
    looked_at(page)
    page.get_by_role("button", name=see).click()
    expect(page.locator("[data-customers]")).to_have_text("1")
    assert not ConcernedCustomer.objects.exists()
    looked_at(page)
    page.locator("[popovertarget=announce]").first.click()
    page.locator("#announce").get_by_role("button", name=announce).click()
    page.wait_for_load_state("networkidle")
    assert BusinessChange.objects.get().state == "announced"
    drain.until_empty(at=clock.now())
    page.reload()
    looked_at(page)
    page.locator("summary", has_text=how_far).click()
    page.locator("select[name=state]").select_option("objects")
    page.locator("details textarea[name=note]").fill("太贵了 too dear")
    page.locator("details").get_by_role("button", name=save, exact=True).click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("table")).to_contain_text("太贵了 too dear")
    page.locator("[popovertarget=close]").first.click()
    page.locator("#close button.btn-primary").click()
    page.wait_for_load_state("networkidle")
    assert (BusinessChange.objects.get().state, ConcernedCustomer.objects.get().state) == (
        "closed",
        "objects",
    )
    looked_at(page)
