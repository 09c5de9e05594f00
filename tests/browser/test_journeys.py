"""Whole journeys in a real browser, in both languages."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import expect

from customers import ownership
from customers.models import Complaint, Customer
from retention import rules, sweep
from retention.models import EarlyWarning, FollowUpCall, RetentionCase, WarningRule
from tests.factories import NOW

LANGUAGES = ["en", "zh-hans"]


def write_orders(folder: Path) -> tuple[Path, Path]:
    """A customer who ordered every ten days until 60 days ago, and one who still does."""
    customers = folder / "customers.csv"
    customers.write_text("external_id,name,kind\nC1,Silent Tea House,company\nC2,Lively Tea House,company\n")
    orders = folder / "orders.csv"
    lines = ["external_id,customer,occurred_at,amount"]
    for customer, last in (("C1", 60), ("C2", 2)):
        for number in range(8):
            day = (NOW - timedelta(days=last + 10 * number)).date().isoformat()
            lines.append(f"{customer}-{number},{customer},{day},500.00")
    orders.write_text("\n".join(lines) + "\n")
    return customers, orders


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_import_to_a_saved_case(tmp_path, manager, sign_in, live_server, language):
    customers_file, orders_file = write_orders(tmp_path)
    call_command("import_data", "customers", str(customers_file), "--source", "shop")
    call_command("import_data", "orders", str(orders_file), "--source", "shop", "--history")
    for customer in Customer.objects.all():
        ownership.assign_owner(customer, user=manager, by=None, at=NOW - timedelta(days=300))
    rule = WarningRule.objects.get(code="overdue")
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + timedelta(seconds=1), scope="full")

    page = sign_in(manager, language=language)
    page.goto(live_server.url + reverse("retention:queue"))
    expect(page.locator(".qrow-link")).to_have_count(1)
    page.keyboard.press("q")  # start
    expect(page.locator("h1")).to_contain_text("Silent Tea House")
    page.keyboard.press("2")  # no answer
    expect(page.locator(".card-lead h2")).to_contain_text("2")
    assert FollowUpCall.objects.filter(outcome="no_answer", attempt=1).count() == 1
    page.fill("[name=note]", "Talked; orders again next week.")
    page.keyboard.press("Tab")
    page.click("button[value=reached]")
    expect(page.locator(".timeline")).to_contain_text("Talked; orders again next week.")
    page.click("button[popovertarget=close]")
    page.check("#close [name=outcome][value=saved]")
    page.fill("#close [name=reason]", "New price list agreed.")
    page.click("#close .btn-primary")
    expect(page.locator("main")).to_contain_text("New price list agreed.")
    case = RetentionCase.objects.get()
    assert (case.status, case.outcome, case.customer.name) == ("closed", "saved", "Silent Tea House")
    assert EarlyWarning.objects.get().closed_because == "case_closed"
    assert page.problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_complaint_filed_by_hand_is_a_case_within_ten_seconds(
    manager, customer, sign_in, live_server, draining, language
):
    page = sign_in(manager, language=language, width=390)
    page.goto(live_server.url + reverse("retention:customer", args=[customer.pk]))
    page.click("button[popovertarget=complaint]")
    page.fill("#complaint [name=text]", "The boxes arrived wet.")
    page.select_option("#complaint [name=severity]", "3")
    page.click("#complaint .btn-primary")
    page.goto(live_server.url + reverse("retention:queue"))

    def shown() -> None:
        page.reload()
        expect(page.locator(".qrow-link")).to_have_count(1, timeout=500)

    for _second in range(10):
        try:
            shown()
            break
        except AssertionError:
            continue
    expect(page.locator(".qrow-link")).to_contain_text(customer.name)
    case = RetentionCase.objects.get()
    assert (case.kind, case.severity, Complaint.objects.get().state) == ("recovery", 3, "open")
    assert page.problems == []


def test_forms_work_without_script(manager, customer, browser, live_server):
    from tests.factories import PASSWORD

    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("[name=login]", manager.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.goto(live_server.url + reverse("retention:customer", args=[customer.pk]))
    page.click("button[popovertarget=interaction]")
    page.fill("#interaction [name=text]", "Written without script.")
    page.click("#interaction .btn-primary")
    expect(page.locator(".timeline")).to_contain_text("Written without script.")
    assert re.search(r"/customers/\d+/$", page.url)
    context.close()
