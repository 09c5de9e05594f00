"""An interview during the call: by the keyboard, at a phone's width, kept without a press, finished."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers.ground import drain
from customers.models import Cause
from retention.models import Loss, LossCause, LossKind
from surveys.guides import ready
from surveys.guides.writing import create_guide
from surveys.interviews.said import held_of
from surveys.models import Interview
from tests.browser.test_surveys import accessible
from tests.factories import NOW

WORDS = {"en": ("Begin", "Finish", "Saved"), "zh-hans": ("开始", "完成", "已保存")}


@pytest.mark.parametrize(("language", "width"), [("en", 320), ("zh-hans", 390), ("en", 1440)])
def test_an_exit_interview_from_the_loss_to_its_causes(
    customer: Any, manager: Any, sign_in: Any, live_server: Any, language: str, width: int
) -> None:
    one = ready.offered()[0]
    create_guide(
        one.code,
        name_en=one.name_en,
        name_zh=one.name_zh,
        purpose=one.purpose,
        document=one.document,
        by=None,
        at=NOW,
    )
    loss = Loss.objects.create(
        customer=customer, occurred_at=NOW, recorded_at=NOW, definition=LossKind.WINDOW
    )
    begin, finish, saved = WORDS[language]
    page = sign_in(manager, language=language, width=width)
    page.goto(f"{live_server.url}{reverse('retention:loss_list')}")
    page.locator(f"a[href$='?loss={loss.pk}']").click()
    page.get_by_role("button", name=begin, exact=True).press("Enter")
    page.wait_for_url("**/interviews/*/")
    price = page.locator("input[name='q-why-chosen'][value='price_raised']")
    price.focus()
    page.keyboard.press("Space")
    expect(price).to_be_checked()
    page.locator("[name='q-why-quote']").press_sequentially("太贵了 too dear")
    expect(page.locator("#saved")).to_contain_text(saved, timeout=10_000)
    interview = Interview.objects.get()
    assert held_of(interview).answers["why"].quote == "太贵了 too dear"
    page.locator("[name='summary']").fill("Price.")
    page.reload()  # what was not kept yet is lost, what was kept is there
    expect(page.locator("[name='q-why-quote']")).to_have_value("太贵了 too dear")
    page.locator("[name='summary']").fill("Price.")
    page.get_by_role("button", name=finish).press("Enter")
    page.wait_for_load_state("networkidle")
    drain.until_empty(at=NOW.replace(year=NOW.year + 1))
    assert list(LossCause.objects.values_list("loss", "cause")) == [
        (loss.pk, Cause.objects.get(code="price_raised").pk)
    ]
    assert page.problems == []
    for path in ("", "?correct"):
        page.goto(f"{live_server.url}/interviews/{interview.pk}/{path}")
        accessible(page)
