"""A complaint of somebody unknown: on a phone without script, into the inbox, one press to the customer."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from customers.feedback import unknown
from customers.ground import drain
from customers.models import Complaint, UnknownFeedback
from retention.models import RetentionCase
from tests.browser.test_surveys import LOCALES, PHONE, accessible
from tests.factories import NOW, ContactFactory, CustomerFactory, findable

WORDS = {
    "en": ("Send", "Your receipt", "Inbox", "Link to this customer", "The inbox is empty"),
    "zh-hans": ("提交", "您的回执", "收件箱", "关联到该客户", "收件箱是空的"),
}
PICTURE = {"name": "lamp.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"0" * 40}


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_from_the_public_form_to_the_customer(
    browser: Any,
    customer: Any,
    lead: Any,
    sign_in: Any,
    live_server: Any,
    settings: Any,
    tmp_path: Any,
    language: str,
    width: int,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.PUBLIC_BASE_URL = live_server.url
    ContactFactory(is_main=False, customer=customer, email="wu@example.com", name="Wu")
    ContactFactory(is_main=False, customer=CustomerFactory(), email="wu@example.com")
    findable()
    send, receipt, inbox, link, empty = WORDS[language]

    visitor = browser.new_context(
        viewport=PHONE, java_script_enabled=False, has_touch=True, locale=LOCALES[language]
    )
    phone = visitor.new_page()
    phone.goto(f"{live_server.url}/c/")
    assert phone.locator("html").get_attribute("lang") == language
    phone.locator("#id_text").fill("灯坏了 The lamp broke.")
    phone.locator("#id_reach").fill("wu@example.com")
    phone.locator("#id_enclosed").set_input_files(PICTURE)
    phone.get_by_role("button", name=send, exact=True).tap()
    expect(phone.get_by_role("heading", name=receipt)).to_be_visible()
    assert phone.locator("#link").input_value().startswith(f"{live_server.url}/c/")
    assert visitor.cookies() == []
    visitor.close()
    row = UnknownFeedback.objects.get()
    assert (row.state, row.owner, row.language) == ("open", lead, language)

    page = sign_in(lead, language=language, width=width)
    page.goto(f"{live_server.url}/inbox/")
    expect(page.get_by_role("heading", name=inbox, exact=True)).to_be_visible()
    page.goto(f"{live_server.url}/inbox/{row.pk}/")
    match = page.locator("form").filter(has=page.locator(f"input[name='customer'][value='{customer.pk}']"))
    match.get_by_role("button", name=link).press("Enter")
    page.wait_for_url(f"**/customers/{customer.pk}/")
    drain.until_empty(at=NOW.replace(year=NOW.year + 1))
    assert Complaint.objects.get().contact.name == "Wu"
    assert RetentionCase.objects.get().customer == customer
    page.goto(f"{live_server.url}/inbox/")
    expect(page.get_by_role("heading", name=empty)).to_be_visible()
    assert page.problems == []
    said = {"kind": "praise", "text": "So kind!", "reach": "wu@example.com", "source": "form"}
    other = unknown.receive_feedback(**said, external_id="other", at=NOW)
    for path in ("/inbox/", f"/inbox/{other.pk}/", f"/c/?lang={language}"):
        page.goto(f"{live_server.url}{path}")
        accessible(page)
