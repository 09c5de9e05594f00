"""A customer answers on her phone, without script; a colleague writes a survey with the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from customers.ground import clock
from customers.models import Contact
from retention.models import FollowUpCall
from surveys import building, invitations, ready
from surveys.models import Survey, SurveyResponse
from tests.factories import NOW
from tests.surveys.makers import live

PHONE = {"width": 320, "height": 700}
WORDS = {
    "en": ("Two questions, 30 seconds", "What let you down most?", "We will call you by", "not open"),
    "zh-hans": ("两个问题，30 秒", "哪件事最让您失望？", "我们最晚在", "打不开"),
}
LOCALES = {"en": "en-US", "zh-hans": "zh-CN"}
SLOT = "20260511T0530Z"


def accessible(page: Any) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture
def phone(browser: Any) -> Any:
    """A phone's browser with script off, and one with it on, by which the page is checked."""
    without = browser.new_context(viewport=PHONE, java_script_enabled=False, has_touch=True)
    yield without.new_page()
    without.close()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_bad_score_with_a_wish_to_be_called_is_in_the_owners_queue(
    phone: Any, browser: Any, customer: Any, manager: Any, sign_in: Any, live_server: Any, draining: Any,
    language: str, tmp_path: Any,
) -> None:  # fmt: skip
    contact = customer.contacts.get()
    Contact.objects.filter(pk=contact.pk).update(language=language)
    contact.refresh_from_db()
    _invitation, token = invitations.invite(live(), contact, by=manager, now=clock.real_now(), at=NOW)
    address = live_server.url + reverse("surveys:answer", args=[token])
    title, why, promise, dead = WORDS[language]

    checked = browser.new_context(viewport=PHONE, color_scheme="dark", locale=LOCALES[language])
    looking = checked.new_page()
    looking.goto(f"{address}?score=3")
    accessible(looking)
    looking.screenshot(path=str(tmp_path / f"page-{language}.png"), full_page=True)
    assert checked.cookies() == []

    phone.goto(f"{address}?score=3")
    expect(phone.locator("h1")).to_have_text(title)
    expect(phone.locator('[name="q.nps"][value="3"]')).to_be_checked()
    expect(phone.locator(".sv-why-low")).to_be_visible()
    expect(phone.locator(".sv-why-low")).to_have_text(why)
    expect(phone.locator(".sv-why-high")).to_be_hidden()
    phone.check('[name="q.nps"][value="10"]')  # the words follow the score, without script
    expect(phone.locator(".sv-why-high")).to_be_visible()
    expect(phone.locator(".sv-why-low")).to_be_hidden()
    phone.check('[name="q.nps"][value="3"]')
    assert not SurveyResponse.objects.exists()
    phone.fill('[name="q.nps.why"]', "送货晚了")
    phone.check(f'[name="q.call"][value="{SLOT}"]')
    phone.click("button[name=go]")
    expect(phone.locator(".sv-note")).to_contain_text(promise)
    expect(phone.locator(".sv-note")).to_contain_text("18:00")
    phone.screenshot(path=str(tmp_path / f"thanks-{language}.png"), full_page=True)

    response = SurveyResponse.objects.get()
    assert (response.score, response.comment, response.wants_call) == (3, "送货晚了", True)
    looking.goto(address)
    expect(looking.locator("h1")).to_contain_text(dead)
    accessible(looking)
    checked.close()

    page = sign_in(manager, language=language)
    for _try in range(40):
        if FollowUpCall.objects.exists():
            break
        page.wait_for_timeout(250)
    assert FollowUpCall.objects.get().due_at == response.promised_at
    page.goto(live_server.url + reverse("retention:queue"))
    expect(page.locator("main")).to_contain_text(customer.name)


def test_refused_answer_is_told_accessibly_and_the_keyboard_is_enough(
    browser: Any, customer: Any, live_server: Any
) -> None:
    _invitation, token = invitations.invite(
        live(), customer.contacts.get(), by=None, now=clock.real_now(), at=NOW
    )
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(live_server.url + reverse("surveys:answer", args=[token]))
    page.click("button[name=go]")
    expect(page.locator("[role=alert] a")).to_have_attribute("href", "#q-nps")
    accessible(page)
    page.focus('[name="q.nps"][value="0"]')
    page.keyboard.press("Space")
    for _step in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator('[name="q.nps"][value="9"]')).to_be_checked()
    page.focus("button[name=go]")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Thank you")
    accessible(page)
    assert SurveyResponse.objects.get().score == 9
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_survey_is_written_and_published(sign_in: Any, admin: Any, live_server: Any, language: str) -> None:
    page = sign_in(admin, language=language)
    page.goto(live_server.url + reverse("surveys:survey_list"))
    page.click('a[href*="ready=relationship-nps"]')
    with page.expect_navigation():
        page.press("[name=name_en]", "Enter")
    page.select_option("[name='p0.new']", "text")
    page.focus('button[value="add:0"]')
    page.keyboard.press("Enter")
    field = page.locator("[name='p0.q2.text.en']")
    expect(field).to_be_focused()
    page.keyboard.type("Anything else?")
    expect(page.locator("#preview")).to_contain_text("Anything else?", timeout=5000)
    page.keyboard.press("Tab")
    page.keyboard.type("还有别的吗？")
    assert page.problems == []
    accessible(page)
    with page.expect_navigation():
        page.click('button[value="save"]')
    with page.expect_navigation():
        page.click('form[action$="/publish/"] button')
    survey = Survey.objects.get()
    assert (survey.status, survey.version) == ("live", 1)
    asked = building.definition_of(survey).question("text")
    assert asked is not None and asked.text == {"en": "Anything else?", "zh-hans": "还有别的吗？"}
    assert ready.find("relationship-nps") is not None


def test_every_ready_survey_is_edited_on_a_phone_without_sideways_scroll(
    sign_in: Any, admin: Any, live_server: Any
) -> None:
    page = sign_in(admin)
    page.set_viewport_size(PHONE)
    for one in ready.offered():
        names = {"name_en": one.name_en, "name_zh": one.name_zh, "occasion": one.occasion}
        building.create_survey(one.code, document=one.document, by=admin, at=NOW, **names)
        page.goto(live_server.url + reverse("surveys:survey_edit", args=[one.code]))
        widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        assert len(set(page.evaluate(widths))) == 1, one.code
