"""Search by initials from any page, with the keyboard alone, in both languages and widths."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import CustomerFactory, findable


@pytest.mark.parametrize(
    ("language", "width"), [("en", 1440), ("zh-hans", 1440), ("en", 390), ("zh-hans", 390)]
)
def test_customer_is_found_by_initials_and_opened_by_keyboard(
    manager: Any, sign_in: Any, live_server: Any, language: str, width: int
) -> None:
    CustomerFactory(owner=manager, name="上海清风茶业有限公司", name_alt="Breeze Tea")
    wanted = CustomerFactory(owner=manager, name="清风设计", name_alt="Breeze Design")
    findable()
    page = sign_in(manager, language=language, width=width)
    page.goto(
        live_server.url + (reverse("retention:home") if width > 1120 else reverse("retention:customer_list"))
    )
    page.keyboard.press("/")
    box = page.locator("[data-search]:visible").first
    expect(box).to_be_focused()
    page.keyboard.type("qf", delay=30)
    lines = page.locator(".find-item:visible")
    expect(lines).to_have_count(3)
    expect(box).to_have_attribute("aria-expanded", "true")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(lines.first).to_contain_text("清风设计")  # the beginning before the inside
    page.keyboard.press("ArrowUp")
    expect(lines.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == lines.first.get_attribute("id")
    page.keyboard.press("Escape")
    expect(lines).to_have_count(0)
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('retention:customer', args=[wanted.pk])}")
    page.keyboard.press("/")
    if width < 1120:  # a narrow page has a link to the box
        page.wait_for_url("**/customers/")
        page.keyboard.press("/")
    page.keyboard.type("nobody")
    expect(page.locator(".find-all:visible")).to_have_count(1)
    page.keyboard.press("Enter")  # without a line chosen: the list
    page.wait_for_url("**/customers/?q=nobody")
