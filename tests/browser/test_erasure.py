"""An erased person stays erased after the next file, in a real browser."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import expect

from customers import consents
from customers.ground import clock
from customers.models import Customer, ErasureReceipt
from tests.factories import NOW

LANGUAGES = ["en", "zh-hans"]
FILE = "external_id,name,kind\nC1,Liu Yan,person\nC2,Lively Tea House,company\n"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_erased_person_stays_erased_after_the_next_file(
    tmp_path, settings, admin, sign_in, live_server, draining, language, width
):
    settings.ERASURE_LOG, settings.MEDIA_ROOT = tmp_path / "erasures.log", tmp_path / "media"
    path = tmp_path / "customers.csv"
    path.write_text(FILE)
    call_command("import_data", "customers", str(path), "--source", "shop")
    customer = Customer.objects.get(name="Liu Yan")

    page = sign_in(admin, language=language, width=width)
    page.goto(live_server.url + reverse("retention:customer_privacy_erase", args=[customer.pk]))
    page.select_option("main [name=reason]", "request")
    page.fill("main [name=confirm]", "Liu")
    page.click("main .btn-danger")
    expect(page.locator("main .field-bad, main .form-errors").first).to_be_visible()
    page.fill("main [name=confirm]", "Liu Yan")
    page.click("main .btn-danger")
    receipt = ErasureReceipt.objects.get()
    expect(page.locator("h1 + p")).to_have_text(receipt.number)
    expect(page.locator("body")).not_to_contain_text("Liu Yan")

    page.goto(live_server.url + reverse("customers:import_new"))
    page.select_option("[name=kind]", "customers")
    page.set_input_files("[name=file]", str(path))
    page.click("main form button.btn-primary")
    page.fill("[name=source]", "shop")
    page.click("main button[name=do][value=start]")
    expect(page.locator("main")).to_contain_text("2026-05-11", timeout=20_000)
    assert sorted(Customer.objects.values_list("name", flat=True)) == [
        f"#{customer.pk}",
        "Lively Tea House",
    ]
    page.goto(live_server.url + reverse("retention:customer_list"))
    expect(page.locator("main")).to_contain_text(f"#{customer.pk}")
    expect(page.locator("body")).not_to_contain_text("Liu Yan")
    assert page.problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_consent_is_recorded_on_the_phone(customer, manager, sign_in, live_server, language):
    page = sign_in(manager, language=language, width=390)
    page.goto(live_server.url + reverse("retention:customer_privacy", args=[customer.pk]))
    page.click("button[popovertarget=consent]")
    page.check("#consent [name=is_given][value=yes]")
    page.check("#consent [name=purposes][value=offer]")
    page.check("#consent [name=channels][value=email]")
    page.click("#consent .btn-primary")
    expect(page.locator("main .tag-good").first).to_be_visible()
    contact = customer.contacts.get()
    assert consents.may_contact(contact, purpose="offer", channel="email", at=clock.now())
    assert clock.now() >= NOW and page.problems == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
