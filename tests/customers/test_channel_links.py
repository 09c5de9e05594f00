"""Links that are put into a message when it leaves: stored nowhere, closed ones are not sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from customers.channels import links
from customers.models import Message
from tests.customers import providers
from tests.customers.test_channels import (  # noqa: F401 — fixtures
    _own_network,
    contact,
    http_sender,
    mail_server,
    provider,
    sent,
    smtp_sender,
    write,
)

pytestmark = pytest.mark.django_db
LINK = 'https://shop.example/x?a=1&b="2"'
PLACE = "{{tested_link}}"


@pytest.fixture
def leads(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where the link leads; empty: it is closed."""
    to = {"address": LINK}
    monkeypatch.setattr(links, "_makers", {"tested_link": lambda message: to["address"]})
    return to


def test_mail_carries_the_link_in_both_parts_and_the_row_does_not(mail_server, contact, leads):  # noqa: F811
    smtp_sender(mail_server)
    message = write(contact, text=f"Look: {PLACE}", html=f'<a href="{PLACE}">Look</a>')
    assert sent(message) == ("sent", "")
    mail = providers.mail_of(mail_server.got[0])
    assert f"Look: {LINK}" in mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert '<a href="https://shop.example/x?a=1&amp;b=&quot;2&quot;">' in html
    stored = repr(Message.objects.values().get(pk=message.pk))
    assert "shop.example/x" not in stored and PLACE in stored


def test_html_that_is_made_of_the_text_links_there(mail_server, contact, leads):  # noqa: F811
    leads["address"] = "https://shop.example/plain"
    smtp_sender(mail_server)
    sent(write(contact, text=f"Look: {PLACE}"))
    html = providers.mail_of(mail_server.got[0]).get_body(("html",)).get_content()
    assert 'href="https://shop.example/plain"' in html


def test_call_carries_the_link_in_text_and_values(provider, contact, leads):  # noqa: F811
    http_sender(provider)
    sent(write(contact, channel="sms", text=f"Look: {PLACE}", params={"link": PLACE, "n": "1"}))
    body = json.loads(provider.got[0]["body"])
    assert body["say"] == f"Look: {LINK}"
    assert json.loads(body["params"]) == {"link": LINK, "n": "1"}


@pytest.mark.parametrize("where", ["text", "html", "params"])
def test_message_whose_link_is_closed_is_not_sent(mail_server, contact, leads, where):  # noqa: F811
    smtp_sender(mail_server)
    said: dict[str, Any] = {"params": {"link": PLACE}} if where == "params" else {where: PLACE}
    message = write(contact, **said)
    leads["address"] = ""
    assert sent(message) == ("dropped", "taken_back")
    assert mail_server.got == []


def test_link_that_closes_between_two_attempts_is_not_sent_again(mail_server, contact, leads):  # noqa: F811
    smtp_sender(mail_server)
    mail_server.answers = [{"RCPT": "451 4.3.0 later"}]
    message = write(contact, text=PLACE)
    assert sent(message)[0] == "waiting"
    leads["address"] = ""
    message.refresh_from_db()
    assert sent(message, at=message.due_at)[0] == "dropped"
    assert mail_server.got == []


def test_message_without_a_link_asks_nobody(mail_server, contact, leads):  # noqa: F811
    smtp_sender(mail_server)
    leads["address"] = ""
    assert sent(write(contact, text="{{other}} words")) == ("sent", "")


def test_unknown_name_has_no_place():
    with pytest.raises(KeyError):
        links.place("nobody_registered_this")
