"""Programs that open every link of a mail: they vote for nobody, unsubscribe nobody, and use no link up."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse

from customers.channels import senders, unsubscribing, writing
from customers.contact import reserve_contact
from customers.ground import clock
from customers.ground.api import throttles
from customers.models import Consent, Contact
from surveys import answering, invitations
from surveys.models import SurveyResponse
from surveys.pages import answer
from tests.factories import NOW
from tests.surveys.makers import live

OVER_HTTP = int(os.environ.get("LIUKE_SCANNERS", "200"))  # 10,000 before a release
BY_BROWSER = 20
AT_ONCE = 100  # visits of one address: more in a minute would be slowed
COUNTED = "ground.RateCounter"


@pytest.fixture
def contact(customer: Any) -> Contact:
    found: Contact = customer.contacts.get()
    Contact.objects.filter(pk=found.pk).update(email="li@example.com")
    found.refresh_from_db()
    return found


@pytest.fixture
def links(contact: Contact, admin: Any, live_server: Any) -> Iterator[dict[str, str]]:
    """The links of one mail: to a survey, and to end such mails."""
    who: dict[str, Any] = {"by": admin, "at": NOW}
    config = {"host": "mail.example.com", "from_address": "shop@example.com", "from_name": "Shop"}
    senders.add_sender(name="mail", channel="email", kind="smtp", config=config, secrets={}, **who)
    _invitation, token = invitations.invite(live(), contact, by=admin, now=clock.real_now(), at=NOW)
    asked = reserve_contact(contact, purpose="service", channel="email", key="mail:1", **who)
    message = writing.send_message(asked, subject="How was it?", text="Please tell us.", **who)
    ending = unsubscribing.link_for(message, now=clock.real_now())
    throttles.forget()
    yield {
        "survey": live_server.url + reverse("surveys:answer", args=[token]),
        "unsubscribe": live_server.url + "/u/" + ending.rstrip("/").rpartition("/")[2] + "/",
    }
    throttles.forget()


def tables() -> dict[str, list[Any]]:
    """Return every row of every table but the counters of visits."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model._meta.label != COUNTED
    }


def visited(links: dict[str, str], count: int) -> None:
    """Open each link ``count`` times, by GET and HEAD, as programs do that look for malice."""
    for number in range(count):
        if number % AT_ONCE == 0:
            _next_address()
        score = f"{links['survey']}?score={number % 11}"
        for address in (score, links["unsubscribe"]):
            request = urllib.request.Request(
                address, method="HEAD" if number % 2 else "GET", headers={"User-Agent": "SafeLinks"}
            )
            with urllib.request.urlopen(request, timeout=30) as got:
                assert got.status == 200
                assert "Set-Cookie" not in got.headers


def _next_address() -> None:
    """Let the coming visits count as those of another address."""
    throttles.forget()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ground_ratecounter")


def test_scanners_over_http_change_nothing(links: Any, contact: Contact) -> None:
    before = tables()
    visited(links, OVER_HTTP)
    assert tables() == before
    _still_good(links, contact)


def test_browsers_without_a_gesture_change_nothing(links: Any, contact: Contact, browser: Any) -> None:
    """A program with a whole browser runs the scripts and scrolls; it presses nothing."""
    before = tables()
    for number in range(BY_BROWSER):
        context = browser.new_context()
        page = context.new_page()
        for address in (f"{links['survey']}?score={number % 11}", links["unsubscribe"]):
            page.goto(address, wait_until="load")
            page.mouse.wheel(0, 2000)
            page.wait_for_timeout(100)
        assert context.cookies() == []
        context.close()
    assert tables() == before
    _still_good(links, contact)


def test_the_check_fails_when_looking_is_answering(links: Any, monkeypatch: Any) -> None:
    """The guard taken out: what the link says is taken for an answer, as in the usual survey mail."""
    prefill = answer.Visit._prefill

    def vote(visit: answer.Visit) -> None:
        prefill(visit)
        moments: dict[str, Any] = {"now": clock.real_now(), "at": clock.now()}
        answering.submit(visit.invitation, answers=visit.answers, by=None, **moments)

    monkeypatch.setattr(answer.Visit, "_prefill", vote)
    before = tables()
    with pytest.raises(urllib.error.HTTPError):  # the first visit has used the link up
        visited(links, 2)
    assert tables() != before
    assert SurveyResponse.objects.count() == 1


def _still_good(links: dict[str, str], contact: Contact) -> None:
    """Press both: the vote is taken, consent is taken back."""
    assert not Consent.objects.filter(contact=contact, is_given=False).exists()
    form = b"page=0&asked=nps&q.nps=7&q.nps.why=&go="
    with urllib.request.urlopen(links["survey"], data=form, timeout=30) as got:
        assert got.status == 200
    assert SurveyResponse.objects.get().score == 7
    with urllib.request.urlopen(links["unsubscribe"], data=b"", timeout=30) as got:
        assert got.status == 200
    purposes = Consent.objects.filter(contact=contact, is_given=False).values_list("purpose", flat=True)
    assert set(purposes) == set(unsubscribing.PURPOSES)
