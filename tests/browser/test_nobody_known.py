"""Feedback to its end in the browser: from somebody unknown, from nobody at all, and three in one case."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers import complaints
from customers.ground import clock
from customers.models import Cause, Contact, Mention, UnknownFeedback
from retention.models import LoopClosure, RetentionCase
from surveys import answering, invitations
from surveys.definition import Given
from tests.browser.test_loop import act, link_in
from tests.browser.test_survey_mail import mail_server, phone, waiting_for
from tests.browser.test_surveys import accessible
from tests.customers.test_channels import smtp_sender
from tests.factories import ContactFactory, CustomerFactory, OrderFactory, findable
from tests.surveys.documents import nps
from tests.surveys.makers import live

__all__ = ["mail_server", "phone"]
WORDS = {
    "en": ("The lamp broke.", "You get a new lamp on Tuesday.", "Still dark.", "same e-mail address"),
    "zh-hans": ("灯坏了。", "星期二给您换一盏新灯。", "还是不亮。", "电子邮箱相同"),
}
IN_BOTH = pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])


def work(page: Any, *, told: str) -> None:
    """Record contact, cause, action and message on the page of a piece of feedback."""
    act(page, "contact", text=told)
    act(page, "diagnose", cause=str(Cause.objects.get(code="price").pk))
    act(page, "act", action="replaced", text=told)
    act(page, "ask", message=told)
    expect(page.locator(".card-lead .tag").first).not_to_be_empty()


def close(page: Any, live_server: Any, *, reason: str) -> None:
    """Close the only case on its page."""
    page.goto(live_server.url + reverse("retention:case", args=[RetentionCase.objects.get().pk]))
    page.click("button[popovertarget=close]")
    page.check("#close [name=outcome][value=saved]")
    page.fill("#close [name=reason]", reason)
    page.click("#close .btn-primary")
    page.wait_for_load_state()


def looked_at(page: Any, path: Any, name: str) -> None:
    """Keep a picture of a page and see that nothing is wrong with it."""
    page.screenshot(path=str(path / f"{name}.png"), full_page=True)
    assert page.problems == []
    accessible(page)
    page.problems.clear()  # what looks writes styles of its own, which the page refuses


@IN_BOTH
def test_public_complaint_is_matched_in_the_inbox_solved_and_its_case_closed(
    phone: Any, customer: Any, manager: Any, lead: Any, sign_in: Any, live_server: Any,
    mail_server: Any, draining: Any, language: str, width: int, tmp_path: Any,
) -> None:  # fmt: skip
    said, told, _again, by_mail = WORDS[language]
    smtp_sender(mail_server)
    ContactFactory(is_main=False, customer=customer, email="wu@example.com", name="Wu", language=language)
    ContactFactory(is_main=False, customer=CustomerFactory(), email="wu@example.com")
    order = OrderFactory(customer=customer, number="Z-4711")
    findable()

    # on her phone, without account and script
    phone.goto(f"{live_server.url}/c/")
    phone.locator("#id_text").fill(said)
    phone.locator("#id_reach").fill("wu@example.com")
    phone.locator("#id_order").fill(order.number)
    phone.screenshot(path=str(tmp_path / f"form-{language}.png"), full_page=True)
    phone.locator("form button.sv-go").tap()
    tracking = phone.locator("#link").input_value()
    row = UnknownFeedback.objects.get()
    assert (row.owner, row.state) == (lead, "open") and clock.now() < row.respond_by < row.due_at
    phone.goto(tracking)
    expect(phone.locator("[aria-current=step]")).to_be_visible()

    # in the inbox, with owner, deadline and whom it may be of; one press
    page = sign_in(lead, language=language, width=width)
    page.goto(f"{live_server.url}/inbox/")
    item = page.locator("article")
    expect(item).to_contain_text(str(lead))
    expect(item.locator(".card-head time, .card-head .due").first).to_be_visible()
    match = item.locator(".stack-item").filter(has_text=customer.name)
    expect(match.locator(".tag")).to_have_count(2)
    expect(match).to_contain_text(by_mail)
    looked_at(page, tmp_path, f"inbox-{language}")
    match.locator("button").click()
    page.wait_for_url(f"**/customers/{customer.pk}/")

    # the same loop, now the customer's: contact, cause, action, message
    loop = waiting_for(page, LoopClosure.objects.filter(customer=customer, case__isnull=False).first)
    assert (loop.owner, loop.source) == (manager, "complaint")
    page.goto(live_server.url + reverse("retention:loop", args=[loop.pk]))
    expect(page.locator("main")).to_contain_text(said)
    work(page, told=told)
    link_in(mail_server, page, count=2, words=told)

    # the link that she got when she wrote leads to the question
    phone.goto(tracking)
    expect(phone.locator("main")).to_contain_text(told)
    phone.screenshot(path=str(tmp_path / f"asked-{language}.png"), full_page=True)
    phone.click('button[value="solved"]')
    expect(phone.locator(".sv-note")).to_be_visible()
    loop.refresh_from_db()
    row.refresh_from_db()
    assert (loop.state, loop.confirmed_by_us, row.state) == ("confirmed", False, "linked")

    close(page, live_server, reason=told)
    expect(page.locator("main")).to_contain_text(told)
    case = RetentionCase.objects.get()
    assert (case.status, case.outcome, case.customer) == ("closed", "saved", customer)
    page.goto(f"{live_server.url}/inbox/")
    expect(page.locator("article")).to_have_count(0)
    assert page.problems == []


@IN_BOTH
def test_anonymous_post_is_found_in_the_inbox_answered_and_counted_apart(
    lead: Any, sign_in: Any, live_server: Any, draining: Any, language: str, width: int, tmp_path: Any
) -> None:
    said, told, _again, _by_mail = WORDS[language]
    page = sign_in(lead, language=language, width=width)
    page.goto(f"{live_server.url}/mentions/new/")
    page.select_option("[name=platform]", "weibo")
    page.fill("[name=handle]", "Leaf_Cup")
    page.fill("[name=url]", "https://weibo.com/1/N1")
    page.fill("[name=text]", said)
    page.fill("[name=rating]", "1")
    page.locator("main form button.btn-primary").click()
    page.wait_for_load_state()
    loop = waiting_for(page, LoopClosure.objects.first)
    assert (loop.owner, loop.customer, loop.source) == (lead, None, "mention")
    page.reload()
    looked_at(page, tmp_path, f"mention-{language}")

    page.goto(f"{live_server.url}/inbox/")
    item = page.locator("article")
    expect(item).to_contain_text(said)
    expect(item).to_contain_text(str(lead))
    expect(item.locator(".card-head time, .card-head .due").first).to_be_visible()
    looked_at(page, tmp_path, f"inbox-post-{language}")
    item.locator("h2 a").click()
    page.wait_for_url(f"**/loops/{loop.pk}/")
    looked_at(page, tmp_path, f"post-{language}")
    act(page, "answer", words=told)
    expect(page.locator("main")).to_contain_text(told)
    loop.refresh_from_db()
    assert (loop.state, loop.message_text, loop.asked_at) == ("answered", told, None)
    looked_at(page, tmp_path, f"post-answered-{language}")
    expect(page.locator('button[popovertarget="confirm"]')).to_have_count(0)

    page.goto(f"{live_server.url}/inbox/")
    expect(page.locator("article")).to_have_count(0)
    page.goto(f"{live_server.url}/inbox/?view=ended")
    page.locator("main a[href*='state=answered']").click()
    expect(page.locator("main table")).to_contain_text(said)
    page.goto(live_server.url + reverse("retention:loop_figures"))
    looked_at(page, tmp_path, f"figures-{language}")
    whole = page.locator("tfoot td")
    heads = page.locator("thead th")
    counted = dict(zip(heads.all_text_contents()[1:], whole.all_text_contents(), strict=True))
    confirmed, answered_ = {
        "en": ("Confirmed", "Answered in public"),
        "zh-hans": ("已确认", "公开答复"),
    }[language]
    assert (counted[confirmed], counted[answered_]) == ("0", "1"), counted
    assert Mention.objects.get().customer is None and not RetentionCase.objects.exists()


@IN_BOTH
def test_three_in_one_case_are_told_one_by_one_and_one_that_is_not_solved_twice(
    phone: Any, customer: Any, manager: Any, lead: Any, sign_in: Any, live_server: Any,
    mail_server: Any, draining: Any, language: str, width: int, tmp_path: Any,
) -> None:  # fmt: skip
    said, told, again, _by_mail = WORDS[language]
    smtp_sender(mail_server)
    Contact.objects.filter(customer=customer).update(language=language)
    contact = customer.contacts.get()
    for _n in range(2):
        complaints.file_complaint(customer, text=said, contact=contact, by=manager, at=clock.now())
    now = clock.real_now()
    invitation, _token = invitations.invite(
        live("score", document=nps()), contact, by=None, now=now, at=clock.now()
    )
    answering.submit(invitation, answers={"nps": Given(number=2)}, by=None, now=now, at=clock.now())
    for receipts in (1, 2, 3):
        waiting_for(phone, lambda count=receipts: len(mail_server.got) >= count)
    loops, case = list(LoopClosure.objects.order_by("pk")), RetentionCase.objects.get()
    assert [loop.case for loop in loops] == [case] * 3

    page = sign_in(lead, language=language, width=width)
    sent = 3
    for number, loop in enumerate(loops):
        close(page, live_server, reason=told)
        assert RetentionCase.objects.get().is_open
        words = [told, f"{again} {told}"] if number == 1 else [told]
        for turn, message in enumerate(words):
            page.goto(live_server.url + reverse("retention:loop", args=[loop.pk]))
            work(page, told=message)
            sent += 1
            phone.goto(link_in(mail_server, phone, count=sent, words=message))
            is_last = turn == len(words) - 1
            phone.click(f'button[value="{"solved" if is_last else "not_solved"}"]')
            expect(phone.locator(".sv-note")).to_be_visible()
            loop.refresh_from_db()
            assert (loop.state, loop.level) == (
                "confirmed" if is_last else "assigned",
                1 if number != 1 else 2,
            )
    assert len(mail_server.got) == 3 + 4
    assert set(LoopClosure.objects.values_list("state", "confirmed_by_us")) == {("confirmed", False)}
    page.goto(live_server.url + reverse("retention:case", args=[case.pk]))
    looked_at(page, tmp_path, f"case-{language}")
    close(page, live_server, reason=told)
    assert RetentionCase.objects.get().status == "closed"
    assert page.problems == []
