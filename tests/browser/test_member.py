"""The customer's own page on a phone: points to a reward and back, a lost tier, points from a case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers import consents, contact
from customers.contact import Limit
from customers.ground import clock, drain
from customers.models import Contact, Customer
from loyalty import links, notices
from loyalty.models import (
    LoyaltyNotice,
    MemberLink,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    TierBenefit,
)
from loyalty.rewards import catalogue
from loyalty.tiers import move_all
from tests.browser.test_survey_mail import LOCALES, PHONE, mail_server
from tests.browser.test_surveys import accessible
from tests.customers.test_channels import smtp_sender
from tests.factories import NOW, ago, day
from tests.loyalty.factories import earn, make_account
from tests.loyalty.tiering import programme, spend, tiers
from tests.retention.loop.world import drained, filed
from tests.retention.makers import make_case
from tests.surveys.makers import answered
from tests.surveys.test_sending_mail import parts

__all__ = ["mail_server"]
LANGUAGES = ["en", "zh-hans"]
WORDS = {
    "en": {
        "mug": "Mug",
        "take": "Take it for 200 points",
        "open": "You will hear from us",
        "keep": "¥320 to keep Gold",
        "lost": "Your tier: Silver",
    },
    "zh-hans": {
        "mug": "马克杯",
        "take": "用 200 积分兑换",
        "open": "我们会在",
        "keep": "¥320",
        "lost": "您的等级：白银",
    },
}


@pytest.fixture
def phone(browser: Any, language: str) -> Iterator[Any]:
    """A page of a phone's browser without script, in her language."""
    without = browser.new_context(
        viewport=PHONE, java_script_enabled=False, has_touch=True, locale=LOCALES[language]
    )
    yield without.new_page()
    without.close()


@pytest.fixture
def club(customer: Customer) -> Programme:
    """A programme with three tiers and rewards for who has points, and for who has more."""
    club = programme(
        name="Lake Club",
        name_alt="湖友会",
        worth_of_100=100,
        recovery_limit=1000,
        referral_referrer=100,
        referral_referred=50,
    )
    ladder = tiers(club, {"Bronze": 0, "Silver": 50_000, "Gold": 100_000})
    for name, alt in (("Bronze", "青铜"), ("Silver", "白银"), ("Gold", "黄金")):
        club.tiers.filter(name=name).update(name_alt=alt)
    TierBenefit.objects.create(
        tier=ladder["Gold"], kind="training", name="Training at yours", name_alt="上门培训", a_year=2
    )
    TierBenefit.objects.create(
        tier=ladder["Gold"], kind="delivery", name="Delivery is free", name_alt="免费送货"
    )
    for code, name, alt, points in (
        ("mug", "Mug", "马克杯", 200),
        ("voucher", "Voucher of ¥50", "50元代金券", 5000),
    ):
        catalogue.create_reward(
            club, code=code, name=name, name_alt=alt, points=points, is_on=True, by=None, at=NOW
        )
    return club


@pytest.fixture
def account(club: Programme, customer: Customer, language: str) -> PointsAccount:
    Contact.objects.filter(customer=customer).update(language=language)
    account = make_account(customer, at=ago(200))
    earn(account, 150, at=ago(300), expires_day=day(NOW) + 20)
    earn(account, 400, at=ago(100))
    earn(account, 80, at=ago(2), usable_day=day(NOW) + 12)
    return account


def lots() -> list[tuple[int, int, int | None]]:
    return list(PointsLot.objects.order_by("pk").values_list("pk", "left", "expires_day"))


def checked(browser: Any, page: Any, address: str, path: Any) -> None:
    """Look at a page as it is drawn with script, for the tools that check it, and keep its picture."""
    context = browser.new_context(viewport=PHONE, has_touch=True)
    with_script = context.new_page()
    with_script.goto(address)
    accessible(with_script)
    context.close()
    page.screenshot(path=str(path), full_page=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_link_shows_the_balance_a_reward_is_taken_and_cancelled_and_the_points_are_back_in_their_lots(
    phone: Any, browser: Any, account: PointsAccount, customer: Customer, live_server: Any, settings: Any,
    language: str, tmp_path: Any,
) -> None:  # fmt: skip
    settings.PUBLIC_BASE_URL = live_server.url
    said, who = WORDS[language], customer.contacts.get()
    answered(who, score=3, text="Always late. 总是晚到。")
    filed(customer)
    drained()
    before = lots()
    address = links.link_for(who, at=NOW, now=clock.real_now())

    phone.goto(address)
    main = phone.locator("main")
    expect(phone.locator(".mb-big b")).to_have_text("550")
    expect(main).to_contain_text("80")
    expect(main).to_contain_text(said["open"])
    expect(main).to_contain_text(account.referral_code)
    checked(browser, phone, address, tmp_path / f"page-{language}.png")

    phone.locator(".mb-offer", has_text=said["mug"]).locator("a").click()
    expect(phone.locator("button")).to_have_text(said["take"])
    checked(browser, phone, phone.url, tmp_path / f"reward-{language}.png")
    phone.locator("button").click()
    row = Redemption.objects.get()
    assert row.state == "asked" and row.contact == who
    assert phone.url.endswith(f"/redemptions/{row.pk}/")
    expect(main).to_contain_text("350")
    assert [left for _pk, left, _day in lots()] == [0, 350, 80]
    phone.reload()
    assert Redemption.objects.count() == 1

    phone.locator("summary").click()
    checked(browser, phone, phone.url, tmp_path / f"redemption-{language}.png")
    phone.locator('button[name="cancel"]').click()
    expect(phone.locator("[role=status]")).to_contain_text("200")
    expect(main).to_contain_text("550")
    assert lots() == before
    checked(browser, phone, phone.url, tmp_path / f"cancelled-{language}.png")

    phone.locator("a", has_text="←").click()
    expect(phone.locator(".mb-big b")).to_have_text("550")
    phone.locator('[name="may"][value="offer:email"]').check()
    phone.locator('[name="often"][value="90"]').check()
    phone.locator("#contact button.sv-go").click()
    expect(phone.locator("#contact [role=status]")).to_be_visible()
    expect(phone.locator('[name="often"][value="90"]')).to_be_checked()
    assert consents.may_contact(who, purpose="offer", channel="email", at=clock.now())
    who.refresh_from_db()
    assert who.at_most_once_in_days == 90
    phone.screenshot(path=str(tmp_path / f"after-{language}.png"), full_page=True)
    assert phone.context.cookies() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_tier_is_lost_after_grace_with_a_notice_before_and_after(
    phone: Any, browser: Any, account: PointsAccount, customer: Customer, live_server: Any,
    mail_server: Any, language: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    smtp_sender(mail_server)
    said, who = WORDS[language], customer.contacts.get()
    agreed: dict[str, Any] = {"purposes": ["care"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(who, **agreed, by=None, at=ago(9))
    contact.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, by=None, at=NOW)
    spend(account, 60_000, at=ago(364))
    spend(account, 68_000, at=ago(200))
    for later in (0, 1):
        move_all(at=NOW + timedelta(days=later))
    now = NOW + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    notices.plan(at=now)
    drain.until_empty(at=now)
    address = letter(mail_server, 0)
    assert "/m/" in address
    phone.goto(address)
    expect(phone.locator("main")).to_contain_text(said["keep"])
    checked(browser, phone, address, tmp_path / f"grace-{language}.png")

    now = NOW + timedelta(days=32)
    move_all(at=now)
    notices.plan(at=now)
    drain.until_empty(at=now)
    kinds = LoyaltyNotice.objects.order_by("pk").values_list("kind", "state")
    assert ("tier_down", "handed") in kinds and ("grace", "handed") in kinds
    assert letter(mail_server, -1) == address  # the link that she has goes on
    phone.goto(address)
    expect(phone.locator("main")).to_contain_text(said["lost"])
    phone.screenshot(path=str(tmp_path / f"lost-{language}.png"), full_page=True)
    assert MemberLink.objects.count() == 1


def letter(mail_server: Any, number: int) -> str:
    """Return the address of the own page in a mail that came."""
    _mail, text, _html = parts(mail_server.got[number])
    found = re.search(r"https?://\S+/m/[\w-]+/", text)
    assert found is not None, text
    return found[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_recovery_points_are_granted_on_the_cases_page_and_seen_on_the_own_page(
    phone: Any, browser: Any, account: PointsAccount, customer: Customer, manager: Any, sign_in: Any,
    live_server: Any, settings: Any, language: str, tmp_path: Any,
) -> None:  # fmt: skip
    settings.PUBLIC_BASE_URL = live_server.url
    case = make_case(customer)
    page = sign_in(manager, language=language, width=390)
    page.goto(live_server.url + reverse("retention:case", args=[case.pk]))
    page.click('button[popovertarget="points"]')
    sheet = page.locator("#points")
    expect(sheet).to_contain_text("1,000")
    sheet.locator('[name="points"]').fill("1001")
    sheet.locator('[name="reason"]').fill("A week late. 晚了一周。")
    sheet.locator("button.btn-primary").click()
    expect(page.locator("#points .form-errors, #points [role=alert]").first).to_be_visible()
    page.screenshot(path=str(tmp_path / f"refused-{language}.png"))
    page.locator('#points [name="points"]').fill("300")
    assert page.problems == []
    accessible(page)
    page.problems.clear()  # the tool that checks writes styles into the page
    page.locator("#points button.btn-primary").click()
    page.wait_for_load_state()
    expect(page.locator(".timeline").first).to_contain_text("300")
    page.screenshot(path=str(tmp_path / f"case-{language}.png"), full_page=True)
    assert PointsEntry.objects.get(kind="recovery").points == 300

    page.goto(live_server.url + reverse("retention:customer_member", args=[customer.pk]))
    for _press in ("make it", "show it"):
        page.locator("main form button").first.click()
        page.wait_for_load_state()
    page.locator("main summary").last.click()
    expect(page.locator("details img").first).not_to_have_js_property("naturalWidth", 0)
    page.screenshot(path=str(tmp_path / f"links-{language}.png"), full_page=True)
    assert page.problems == []
    accessible(page)
    address = page.locator("input[readonly]").input_value()
    phone.goto(address)
    expect(phone.locator(".mb-big b")).to_have_text("850")
    expect(phone.locator(".mb-plus").first).to_have_text("+300")
