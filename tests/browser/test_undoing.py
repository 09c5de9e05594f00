"""A wrong import is taken back by two presses, in a real browser, in both languages, on desk and phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers.models import Customer, ImportBatch
from tests.browser.wizard import bring, fits
from tests.factories import CustomerFactory

WRONG = "external_id,name,kind\nC1,Wrong Tea House,company\nC2,Wrong Coffee House,company\n"
WORDS = {
    "en": {"does": "Take the import back", "says": "Taken back: The other shop's"},
    "zh-hans": {"does": "撤回这次导入", "says": "已撤回：The other shop's"},
}


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_wrong_import_is_undone(
    tmp_path: Path, settings: Any, lead: Any, manager: Any, sign_in: Any, live_server: Any, draining: None,
    language: str, width: int,
) -> None:  # fmt: skip
    settings.MEDIA_ROOT = tmp_path / "media"
    CustomerFactory(owner=manager, name="Ours Since Long")
    path = tmp_path / "other shop.csv"
    path.write_text(WRONG)
    words = WORDS[language]
    page = sign_in(lead, language=language, width=width)
    listed = live_server.url + reverse("retention:customer_list")

    page.goto(live_server.url + reverse("customers:import_new"))
    bring(page, path, kind="customers")
    report = page.url
    page.goto(listed)
    expect(page.locator("main")).to_contain_text("Wrong Tea House")
    expect(page.locator("main")).to_contain_text("Wrong Coffee House")

    page.goto(report)
    page.get_by_role("link", name=f"{words['does']}…").click()
    page.wait_for_url("**/undo/")
    fits(page)
    assert Customer.objects.present().count() == 3  # the first press only asks
    page.fill("main [name=reason]", "The other shop's")
    page.get_by_role("button", name=words["does"], exact=True).click()
    page.wait_for_url(report)
    expect(page.locator("main")).to_contain_text(words["says"], timeout=20_000)
    expect(page.get_by_role("link", name=f"{words['does']}…")).to_have_count(0)
    fits(page)
    assert ImportBatch.objects.get().status == "undone"

    page.goto(listed)
    expect(page.locator("main")).to_contain_text("Ours Since Long")
    expect(page.locator("body")).not_to_contain_text("Wrong Tea House")
    expect(page.locator("body")).not_to_contain_text("Wrong Coffee House")
    assert page.problems == []
