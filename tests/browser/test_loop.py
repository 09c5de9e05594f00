"""From the mail on her phone to the loop that she closes: not solved, with the lead, solved, confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers import consents
from customers.ground import clock
from customers.models import Cause, Complaint, Contact
from retention.models import FollowUpCall, LoopClosure, RetentionCase
from surveys import sending
from surveys.models import SurveyResponse
from tests.browser.test_survey_mail import mail_server, phone, waiting_for
from tests.browser.test_surveys import accessible
from tests.customers.test_channels import smtp_sender
from tests.factories import NOW, ago
from tests.surveys.makers import live
from tests.surveys.test_sending_mail import parts

__all__ = ["mail_server", "phone"]
WORDS = {
    "en": (
        "Tuesday",
        "Always late.",
        "From now on we deliver on Mondays.",
        "It was late again.",
        "Is it solved?",
    ),
    "zh-hans": ("星期二", "总是晚到。", "以后我们每周一送货。", "又晚了。", "解决了吗"),
}


def act(page: Any, name: str, **values: str) -> None:
    """Open one of the sheets of the page, fill it in and save it."""
    page.click(f'button[popovertarget="{name}"]')
    sheet = page.locator(f"#{name}")
    for field, value in values.items():
        control = sheet.locator(f'[name="{field}"]').first
        if control.evaluate("one => one.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    sheet.locator("button.btn-primary").click()
    page.wait_for_load_state()


def link_in(mail_server: Any, page: Any, *, count: int, words: str) -> str:
    """Return the link of the newest mail once ``count`` have come; it holds ``words``."""
    waiting_for(page, lambda: len(mail_server.got) >= count)
    _mail, text, _html = parts(mail_server.got[-1])
    assert words in text, text
    return str(next(word for word in text.split() if "/c/" in word))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_score_of_three_comes_back_until_she_says_that_it_is_solved(
    phone: Any, browser: Any, customer: Any, manager: Any, lead: Any, sign_in: Any, live_server: Any,
    mail_server: Any, draining: Any, language: str, tmp_path: Any,
) -> None:  # fmt: skip
    weekday, wish, told, again, question = WORDS[language]
    smtp_sender(mail_server)
    contact = customer.contacts.get()
    Contact.objects.filter(pk=contact.pk).update(language=language)
    contact.refresh_from_db()
    said: dict[str, Any] = {"purposes": ["survey"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(contact, **said, by=None, at=ago(9))
    sending.send_by_hand(contact, live(), channel="email", by=manager, now=clock.real_now(), at=NOW)
    _mail, _text, html = parts(waiting_for(phone, lambda: mail_server.got and mail_server.got[0]))

    # the answer on her phone, without script
    phone.set_content(html)
    phone.locator("a.m-press").nth(3).click()
    phone.fill('[name="q.nps.why"]', wish)
    phone.locator("label", has_text=weekday).first.click()
    phone.click("button[name=go]")
    expect(phone.locator(".sv-note")).to_contain_text(weekday)

    # the case with the promised deadline, and the receipt
    loop = waiting_for(phone, LoopClosure.objects.first)
    promised = SurveyResponse.objects.get().promised_at
    assert (loop.respond_by, FollowUpCall.objects.get().due_at) == (promised, promised)
    assert loop.case == RetentionCase.objects.get() and loop.owner == manager
    address = link_in(mail_server, phone, count=2, words=contact.name)
    phone.goto(address)
    expect(phone.locator("[aria-current=step]")).to_be_visible()
    phone.screenshot(path=str(tmp_path / f"assigned-{language}.png"), full_page=True)

    # call, cause, action, message
    page = sign_in(manager, language=language)
    url = live_server.url + reverse("retention:loop", args=[loop.pk])
    page.goto(url)
    expect(page.locator("main")).to_contain_text(wish)
    page.screenshot(path=str(tmp_path / f"loop-{language}.png"), full_page=True)
    act(page, "contact", text=wish)
    act(page, "diagnose", cause=str(Cause.objects.get(code="price").pk))
    act(page, "act", action="corrected", text=told)
    act(page, "ask", message=told)
    address = link_in(mail_server, phone, count=3, words=told)

    # not solved: with the lead
    phone.goto(address)
    expect(phone.locator("main")).to_contain_text(told)
    expect(phone.locator("main")).to_contain_text(question)
    phone.screenshot(path=str(tmp_path / f"asked-{language}.png"), full_page=True)
    assert LoopClosure.objects.get().state == "asked"
    phone.fill("[name=words]", again)
    phone.click('button[value="not_solved"]')
    expect(phone.locator("main")).to_contain_text(str(lead))
    loop.refresh_from_db()
    assert (loop.owner, loop.level, loop.severity) == (lead, 2, 3)

    # the lead sees to it
    page.context.clear_cookies()
    page = sign_in(lead, language=language)
    page.goto(url)
    expect(page.locator("main")).to_contain_text(again)
    act(page, "contact", text=again)
    act(page, "act", action="corrected", text=told)
    act(page, "ask", message=told)
    phone.goto(link_in(mail_server, phone, count=4, words=told))
    phone.click('button[value="solved"]')
    expect(phone.locator(".sv-note")).to_be_visible()
    phone.screenshot(path=str(tmp_path / f"confirmed-{language}.png"), full_page=True)
    assert LoopClosure.objects.get().state == "confirmed"
    assert page.problems == [] and not Complaint.objects.exists()

    for name in ("loop_list", "loop_figures", "loop"):
        page.goto(live_server.url + reverse(f"retention:{name}", args=[loop.pk] if name == "loop" else []))
        page.screenshot(path=str(tmp_path / f"{name}-{language}.png"), full_page=True)
        accessible(page)
    checked = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    looking = checked.new_page()
    looking.goto(address)
    accessible(looking)
    assert checked.cookies() == []
    checked.close()
