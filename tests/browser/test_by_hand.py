"""A visit logged on the way to the next one, and what it leaves behind."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers.models import Contact, Interaction, Reminder
from tests.factories import NOW

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
