"""The condition editor in a real browser, by the keyboard alone, and without script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from customers.models import Attribute
from retention import segments
from retention.models import CustomerMeasures, Segment
from tests.factories import NOW, PASSWORD, CustomerFactory

LANGUAGES = ["en", "zh-hans"]
BUILT = {
    "all": [
        {"measure": "days_since_last_order", "op": ">=", "value": 30},
        {
            "not": {
                "any": [
                    {"attribute": "industry", "op": "one_of", "value": ["food", "steel"]},
                    {"measure": "spend_365d", "op": "<", "value": 100000},
                ]
            }
        },
    ]
}


@pytest.fixture
def industry(company: Any) -> Attribute:
    return Attribute.objects.create(
        code="industry", kind="choice", label_en="Industry", label_zh="行业", choices=["food", "steel"]
    )


def accessible(page: Any) -> None:
    """Check the page; the checker writes styles of its own, which the policy refuses, rightly."""
    assert page.problems == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.problems.clear()


class Keyboard:
    """Nothing but keys: what has the focus is found by tabbing."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def to(self, selector: str) -> None:
        """Tab until the element has the focus, forwards and then backwards."""
        for key in ["Tab"] * 60 + ["Shift+Tab"] * 120:
            if self.page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{selector} cannot be reached by tabbing")

    def act(self, value: str, then: str) -> None:
        """Press a button of the editor, and wait for what it brings."""
        self.to(f'button[value="{value}"]')
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(then, state="attached")

    def choose(self, word: str, then: str) -> None:
        """Search in the picker, which has the focus, and take the first that is left."""
        expect(self.page.locator("[data-picker-search]:focus")).to_have_count(1)
        self.page.keyboard.type(word)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(then)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_nested_condition_is_built_by_the_keyboard_alone(
    lead: Any, customer: Any, industry: Attribute, sign_in: Any, live_server: Any, language: str
) -> None:
    CustomerMeasures.objects.create(customer=customer, as_of=NOW, last_order_day=739_000, spend_365d=200_000)
    page = sign_in(lead, language=language)
    keys = Keyboard(page)
    page.goto(live_server.url + reverse("retention:segment_new"))
    keys.to("[name=name_en]")
    page.keyboard.type("Silent")

    keys.act("add:root", "[data-picker]")
    keys.choose("days_since_last_order", "#condition-0-op")
    expect(page.locator("#condition-0-op")).to_be_focused()
    keys.to("#condition-0-value")
    page.keyboard.type("30")
    expect(page.locator(".cond-outcome")).to_contain_text("1", timeout=2000)

    keys.act("group:root", "[data-picker]")
    keys.choose("industry", "#condition-1-0-op")
    keys.to("#condition-1-0-op")
    for op in ("!=", "one_of"):  # each change draws the editor anew, and the list keeps the focus
        page.keyboard.press("ArrowDown")
        page.wait_for_selector(f"#condition-1-0-op option[selected][value='{op}']", state="attached")
        expect(page.locator("#condition-1-0-op")).to_be_focused()
    page.wait_for_selector(".cond-choices")
    for choice in ("food", "steel"):
        keys.to(f'.cond-choices [value="{choice}"]')
        page.keyboard.press("Space")
    keys.act("add:1", "[data-picker]")
    keys.choose("spend_365d", "#condition-1-1-op")
    keys.to("#condition-1-1-op")
    page.keyboard.press("Home")  # less than
    page.wait_for_selector("#condition-1-1-op option[selected][value='<']", state="attached")
    keys.to("#condition-1-1-value")
    page.keyboard.type("x")
    expect(page.locator("#condition-1-1-problem .field-errors")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "condition-1-1-value"  # the focus stayed
    page.keyboard.press("Backspace")
    page.keyboard.type("1000")
    expect(page.locator("#condition-1-1-problem .field-errors")).to_have_count(0)
    keys.act("negate:1", '[name="condition.1.not"]')
    expect(page.locator('button[value="negate:1"]')).to_be_focused()
    expect(page.locator(".cond-sentence")).to_be_visible()
    accessible(page)
    keys.to("form .btn-primary")
    page.keyboard.press("Enter")
    page.wait_for_url("**/segments/silent/")
    assert Segment.objects.get().condition == BUILT
    assert page.problems == []


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_a_deep_condition_fits_every_width(
    admin: Any, industry: Attribute, sign_in: Any, live_server: Any, width: int
) -> None:
    CustomerFactory(name="长" * 100)
    deep: Any = BUILT
    for word in ("any", "all", "any"):
        deep = {word: [deep, {"not": {"measure": "overdue_ratio", "op": "between", "value": ["1.5", 9000]}}]}
    long = "Nearly two hundred characters of a name " * 3
    segments.save("deep", name_en=long[:120], name_zh="深" * 120, condition=deep, by=None, at=NOW)
    page = sign_in(admin, language="zh-hans", width=width)
    for path in ("/segments/", "/segments/deep/", "/segments/deep/edit/", "/segments/new/list/"):
        page.goto(live_server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        accessible(page)
    page.goto(live_server.url + "/segments/deep/edit/")
    page.click('button[value="choose:0-1"]')
    page.wait_for_selector("[data-picker]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.problems == []


def test_conditions_are_built_without_script(
    admin: Any, browser: Any, live_server: Any, company: Any
) -> None:

    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("[name=login]", admin.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.goto(live_server.url + reverse("retention:segment_new"))
    page.fill("[name=name_en]", "Many orders")
    page.click('button[value="add:root"]')
    page.click('button[value="use:0:measure:orders_90d"]')
    page.select_option("#condition-0-op", "between")
    page.click(".cond-line .no-js")
    page.fill("#condition-0-value", "2")
    page.fill("#condition-0-value-2", "9")
    page.press("#condition-0-value-2", "Enter")  # shows the outcome, saves nothing
    assert page.locator(".cond-sentence").inner_text().endswith("is between 2 and 9.")
    assert not Segment.objects.exists()
    page.click("form .btn-primary")
    assert Segment.objects.get().condition == {"measure": "orders_90d", "op": "between", "value": [2, 9]}
    context.close()


def test_what_is_typed_in_the_moment_the_editor_is_drawn_anew_is_heard(
    lead: Any, customer: Any, sign_in: Any, live_server: Any
) -> None:
    """The box hears its first key even when the key comes with the very drawing that brought the box."""
    page = sign_in(lead)
    page.goto(live_server.url + reverse("retention:segment_new"))
    page.evaluate(
        """() => new MutationObserver((_, watching) => {
            const box = document.querySelector("#condition-0-value");
            if (!box) return;
            watching.disconnect();
            box.value = "x";
            box.dispatchEvent(new Event("input", {bubbles: true}));
        }).observe(document.body, {childList: true, subtree: true})"""
    )
    keys = Keyboard(page)
    keys.act("add:root", "[data-picker]")
    keys.choose("days_since_last_order", "#condition-0-op")
    expect(page.locator("#condition-0-problem .field-errors")).to_be_visible()
