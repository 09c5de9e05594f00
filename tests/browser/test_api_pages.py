"""The API's documentation and the page of tokens in a real browser, under the strict CSP."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from customers.models import ApiToken, Customer


def test_documentation_shows_and_tries_a_call_without_breaking_the_policy(
    sign_in, manager, customer, live_server
):
    page = sign_in(manager)
    page.goto(f"{live_server.url}/api/v1/docs/#/customers/customers_retrieve")
    operation = page.locator("#operations-customers-customers_retrieve")
    expect(operation).to_be_visible(timeout=30_000)
    operation.locator(".try-out__btn").click()  # the address opens it
    operation.locator("tr[data-param-name=id] input").fill(str(customer.pk))
    operation.locator("button.execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("Blue Lake Trading")

    page.goto(f"{live_server.url}/api/v1/docs/#/customers/customers_partial_update")
    page.reload()
    change = page.locator("#operations-customers-customers_partial_update")
    expect(change).to_be_visible(timeout=30_000)
    change.locator(".try-out__btn").click()
    change.locator("tr[data-param-name=id] input").fill(str(customer.pk))
    change.locator("tr[data-param-name=Idempotency-Key] input").fill("try-1")
    change.locator("tr[data-param-name=If-Match] input").fill("*")
    change.locator("textarea").first.fill('{"city": "Wuxi"}')
    change.locator("button.execute").click()  # her session, with the CSRF token of the page
    expect(change.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    assert Customer.objects.get(pk=customer.pk).city == "Wuxi"
    assert page.problems == []


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_token_is_made_copied_and_revoked(sign_in, manager, live_server, language, width):
    page = sign_in(manager, language=language, width=width)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/settings/tokens/")
    page.fill("[name=name]", "Shop")
    page.check("[name=scopes][value='customers:read']")
    page.click("form[action='/settings/tokens/'] .btn-primary")
    secret = page.input_value("#secret")
    assert secret.startswith("liuke_")
    page.click("[data-copy=secret]")
    expect(page.locator("[data-copy=secret]")).to_contain_text("Copied" if language == "en" else "已复制")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.problems == []  # the checker below brings styles of its own
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    page.goto(f"{live_server.url}/settings/tokens/")
    assert secret not in page.content()
    page.click("button[popovertarget^=revoke]")
    page.click(".sheet:popover-open .btn-danger")
    page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text("revoked" if language == "en" else "已撤销")
    assert ApiToken.objects.get().revoked_at is not None
