"""A renewal lost by its notice date: the case comes, one press says so, the same night counts the loss."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers import contracts
from customers.ground import clock
from retention import renewals
from retention.models import Loss, RetentionCase
from tests.factories import NOW, CustomerFactory

WORDS = {
    "en": {"lapsed": "Lapsed", "missed": "notice date missed", "lost": "counted as a loss"},
    "zh-hans": {"lapsed": "已失效", "missed": "已错过通知截止日", "lost": "已计为客户流失"},
}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("width", [1440, 390])
def test_renewal_is_lost_by_its_notice_date(
    manager: Any, sign_in: Any, live_server: Any, language: str, width: int
) -> None:
    customer = CustomerFactory(owner=manager, name="上海清风茶业有限公司", name_alt="Breeze Tea")
    contract = contracts.record_contract(
        customer,
        starts_on=(NOW - timedelta(days=335)).date(),
        ends_on=(NOW + timedelta(days=29)).date(),
        notice_on=(NOW - timedelta(days=1)).date(),
        value=1_200_000,
        number="K-1",
        by=None,
        at=NOW - timedelta(days=330),
    )
    renewals.nightly(at=NOW)
    case = RetentionCase.objects.get()
    assert case.severity == 3
    said = WORDS[language]
    page = sign_in(manager, language=language, width=width)
    page.goto(live_server.url + reverse("retention:contract_list"))
    expect(page.locator(".cal-item")).to_contain_text(said["missed"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(live_server.url + reverse("retention:case", args=[case.pk]))
    expect(page.locator("body")).to_contain_text("K-1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=said["lapsed"]).click()
    page.wait_for_url(f"**/cases/{case.pk}/")
    expect(page.get_by_role("button", name=said["lapsed"])).to_have_count(0)
    clock.fix(NOW + timedelta(days=1))
    renewals.nightly(at=NOW + timedelta(days=1))
    assert Loss.objects.get().contract == contract
    page.goto(live_server.url + reverse("retention:contract", args=[contract.pk]))
    expect(page.locator("body")).to_contain_text(said["lost"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
