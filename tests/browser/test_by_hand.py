"""A visit logged on the way to the next one, and what it leaves behind."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers.models import Contact, Interaction, Order, Reminder
from tests.factories import NOW, ProductFactory

PRESSES = 5
"""What it may take at the most, beside typing: open, kind, reminder (two), save."""


@pytest.mark.parametrize(
    ("language", "width"), [("en", 390), ("zh-hans", 390), ("en", 1440), ("zh-hans", 1440)]
)
def test_a_visit_is_logged_with_its_next_step_in_few_presses(
    manager, customer, sign_in, live_server, language, width
):
    who = customer.contacts.get(is_main=True)
    Contact.objects.create(customer=customer, name="李四", created_at=NOW, updated_at=NOW)
    page = sign_in(manager, language=language, width=width)
    page.goto(live_server.url + reverse("retention:customer", args=[customer.pk]))
    presses = []

    def press(what: str) -> None:
        page.click(what)
        presses.append(what)

    press("button[popovertarget=interaction]")
    press("#interaction label:has([value=visit])")
    page.fill("#interaction [name=text]", "试用了竞争对手的样品。")
    page.fill("#interaction [name=next_step]", "送新报价")
    page.select_option("#interaction [name=remind]", "3")
    presses += ["open the list", "choose"]
    press("#interaction .btn-primary")
    expect(page.locator(".timeline")).to_contain_text("试用了竞争对手的样品。")
    expect(page.locator(".timeline")).to_contain_text("送新报价")
    assert len(presses) == PRESSES
    fact = Interaction.objects.get()
    assert (fact.kind, fact.contact, fact.next_step, fact.by) == ("visit", who, "送新报价", manager)
    assert Reminder.objects.get(user=manager, customer=customer).text == "送新报价"
    page.goto(live_server.url + reverse("retention:home"))
    expect(page.locator("main")).to_contain_text("送新报价")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.problems == []


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_order_of_lines_keeps_what_was_typed_and_enter_saves_it(
    manager, customer, sign_in, live_server, language, width
):
    ProductFactory(code="P-1")
    page = sign_in(manager, language=language, width=width)
    page.goto(live_server.url + reverse("retention:customer_dealings", args=[customer.pk]))
    page.click("button[popovertarget=order]")
    page.click("#order summary")
    for name, value in (("product", "P-9"), ("quantity", "2"), ("unit_price", "9.5")):
        page.fill(f"#order [name=line-1-{name}]", value)
    page.press("#order [name=line-1-unit_price]", "Enter")
    expect(page.locator("#order .order-line").first.locator(".field-errors")).to_be_visible()
    page.click("#order [name=add_lines]")
    expect(page.locator("#order .order-line")).to_have_count(10)
    expect(page.locator("#order .field-errors")).to_have_count(0)
    assert page.input_value("#order [name=line-1-product]") == "P-9"
    page.fill("#order [name=line-1-product]", "P-1")
    page.press("#order [name=line-1-product]", "Enter")
    expect(page.locator("#orders")).to_contain_text("¥19")
    assert Order.objects.get().sold == 1900
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.problems == []
