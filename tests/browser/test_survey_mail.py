"""From the mail on her phone to the call in the owner's queue, without script; also while Redis is frozen."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from config.celery import app as celery
from customers import consents
from customers.ground import clock, localtime
from customers.models import Contact
from customers.search import index
from retention.models import FollowUpCall
from surveys import invitations, sending
from surveys.models import Invitation, SurveyDispatch, SurveyResponse
from tests.browser.test_surveys import LOCALES, PHONE, accessible
from tests.customers import providers
from tests.customers.test_channels import smtp_sender
from tests.factories import NOW, ago
from tests.surveys.makers import live
from tests.surveys.test_sending_mail import parts

ROOT = Path(__file__).parents[2]
WORDS = {
    "en": ("Two questions, 30 seconds", "Tuesday", "Call me Tuesday.", "not open"),
    "zh-hans": ("两个问题，30 秒", "星期二", "请星期二给我打电话。", "打不开"),
}


def services() -> Any:
    """Return the module that starts servers of our own."""
    spec = importlib.util.spec_from_file_location("mail_services", ROOT / ".ci" / "services.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["no broker", "frozen Redis"])
def broker(request: Any, settings: Any) -> Iterator[str]:
    """Without a broker, and with a Redis of our own that is frozen throughout: whoever talks to it hangs."""
    if request.param == "no broker":
        yield request.param
        return
    if shutil.which("redis-server") is None:
        pytest.skip("needs the program redis-server")
    redis = services().Redis()
    before = {name: celery.conf[name] for name in ("broker_url", "broker_transport_options")}
    with redis.running():
        assert redis.ask("PING") == "+PONG"
        redis.freeze()
        address = urlsplit(redis.address())
        with socket.create_connection((address.hostname, address.port), timeout=2) as silent:
            silent.sendall(b"PING\r\n")
            with pytest.raises(TimeoutError):
                silent.recv(16)
        settings.REDIS_URL = settings.CELERY_BROKER_URL = redis.address()
        celery.conf.update(broker_url=redis.address(), broker_transport_options={})
        yield request.param
        celery.conf.update(before)
        redis.thaw()


@pytest.fixture
def mail_server(settings: Any, live_server: Any) -> Iterator[Any]:
    """A mail server on this machine, in use; links lead to the server of the test."""
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    settings.PUBLIC_BASE_URL = live_server.url
    with providers.smtp() as told:
        yield told


@pytest.fixture
def phone(browser: Any, language: str) -> Iterator[Any]:
    """A page of a phone's browser without script, in her language."""
    context = browser.new_context(
        viewport=PHONE, java_script_enabled=False, has_touch=True, locale=LOCALES[language]
    )
    yield context.new_page()
    context.close()


def waiting_for(page: Any, found: Any) -> Any:
    """Return what ``found`` returns once the worker has done it; within ten seconds."""
    for _try in range(40):
        if result := found():
            return result
        page.wait_for_timeout(250)
    raise AssertionError("nothing came")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_press_in_the_mail_and_call_me_tuesday_is_in_the_owners_queue(
    broker: str, phone: Any, browser: Any, customer: Any, manager: Any, sign_in: Any, live_server: Any,
    mail_server: Any, draining: Any, language: str, tmp_path: Any,
) -> None:  # fmt: skip
    title, weekday, wish, dead = WORDS[language]
    smtp_sender(mail_server)
    contact = customer.contacts.get()
    Contact.objects.filter(pk=contact.pk).update(language=language)
    contact.refresh_from_db()
    said: dict[str, Any] = {"purposes": ["survey"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(contact, **said, by=None, at=ago(9))
    survey = live()
    clicking = {"channel": "email", "by": manager, "now": clock.real_now(), "at": NOW}
    sending.send_by_hand(contact, survey, **clicking)
    envelope = waiting_for(phone, lambda: mail_server.got and mail_server.got[0])
    waiting_for(phone, lambda: SurveyDispatch.objects.filter(state="sent").exists())
    _mail, _text, html = parts(envelope)

    for width, scheme in ((390, "light"), (390, "dark"), (800, "light"), (320, "dark")):
        reading = browser.new_context(
            viewport={"width": width, "height": 640}, locale=LOCALES[language], color_scheme=scheme
        )
        mail = reading.new_page()
        mail.set_content(html)
        accessible(mail)
        mail.screenshot(path=str(tmp_path / f"mail-{language}-{width}-{scheme}.png"), full_page=True)
        reading.close()

    phone.set_content(html)
    phone.locator("a.m-press").nth(3).click()
    expect(phone.locator("h1")).to_have_text(title)
    expect(phone.locator('[name="q.nps"][value="3"]')).to_be_checked()
    assert Invitation.objects.get().answers is None and not SurveyResponse.objects.exists()
    phone.fill('[name="q.nps.why"]', wish)
    phone.locator("label", has_text=weekday).first.click()
    again = phone.context.new_page()
    again.goto(phone.url)
    phone.click("button[name=go]")
    expect(phone.locator(".sv-note")).to_contain_text(weekday)
    expect(phone.locator(".sv-note")).to_contain_text("12:00")
    phone.screenshot(path=str(tmp_path / f"promised-{language}.png"), full_page=True)
    again.click("button[name=go]")  # in a second window, too
    expect(again.locator("h1")).to_contain_text(dead)

    response = SurveyResponse.objects.get()
    assert (response.score, response.comment, response.contact) == (3, wish, contact)
    assert response.promised_at is not None
    assert localtime.to_local(response.promised_at, "Asia/Shanghai").strftime("%a %H:%M") == "Tue 12:00"
    call = waiting_for(phone, FollowUpCall.objects.first)
    assert (call.due_at, FollowUpCall.objects.count()) == (response.promised_at, 1)
    page = sign_in(manager, language=language)
    page.goto(live_server.url + reverse("retention:queue"))
    expect(page.locator("main")).to_contain_text(customer.name)
    page.goto(live_server.url + reverse("retention:customer_surveys", args=[customer.pk]))
    expect(page.locator("main")).to_contain_text(wish)
    assert page.problems == []
    page.screenshot(path=str(tmp_path / f"tab-{language}.png"), full_page=True)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_open_link_that_asks_who_one_is_works_without_script(
    phone: Any, browser: Any, customer: Any, live_server: Any, language: str, tmp_path: Any
) -> None:
    index.write([customer.pk])
    link = invitations.make_open_link(
        live(), label="Till", asks="required", by=None, now=clock.real_now(), at=NOW
    )
    address = live_server.url + reverse("surveys:answer", args=[invitations.token_of(link)])
    checked = browser.new_context(viewport=PHONE, color_scheme="dark", locale=LOCALES[language])
    looking = checked.new_page()
    looking.goto(f"{address}?lang={language}")
    accessible(looking)
    assert checked.cookies() == []
    phone.goto(f"{address}?lang={language}")
    phone.check('[name="q.nps"][value="9"]')
    phone.click("button[name=go]")
    expect(phone.locator("[role=alert] a").first).to_have_attribute("href", "#q-who-name")
    phone.screenshot(path=str(tmp_path / f"who-{language}.png"), full_page=True)
    looking.set_content(phone.content().replace('href="/', f'href="{live_server.url}/'))
    accessible(looking)
    checked.close()
    phone.fill('[name="who.name"]', "Somebody")
    phone.fill('[name="who.reach"]', customer.contacts.get().email.upper())
    phone.click("button[name=go]")
    expect(phone.locator("main")).not_to_contain_text(customer.name)
    response = SurveyResponse.objects.get()
    assert (response.score, response.customer_id, response.stated_name) == (9, customer.pk, "Somebody")


def test_sheet_with_the_code_prints_alone(sign_in: Any, admin: Any, live_server: Any, tmp_path: Any) -> None:
    survey = live()
    link = invitations.make_open_link(survey, label="Till", by=None, now=clock.real_now(), at=NOW)
    page = sign_in(admin)
    page.goto(live_server.url + reverse("surveys:survey_links", args=[survey.code]))
    page.click('a[href$="/print/"]')
    image = page.locator(".qr-sheet img")
    expect(image).to_be_visible()
    expect(image).not_to_have_js_property("naturalWidth", 0, timeout=20_000)
    assert page.problems == []
    accessible(page)
    page.screenshot(path=str(tmp_path / "sheet.png"), full_page=True)
    page.emulate_media(media="print")
    expect(page.locator(".qr-acts")).to_be_hidden()
    expect(page.locator("h1")).to_be_hidden()
    expect(image).to_be_visible()
    page.screenshot(path=str(tmp_path / "printed.png"), full_page=True)
    assert link.survey_id == survey.pk
