"""What comes back: receipts and replies by signed webhook, and consent taken back by one press."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from customers import consents
from customers import contact as contacting
from customers.channels import senders, signing, unsubscribing, writing
from customers.contact import Quiet
from customers.ground import clock, drain
from customers.models import Consent, DeadAddress, Interaction, Message, Received, UnsubscribeLink
from tests.customers import providers
from tests.customers.test_channels import http_sender, smtp_sender, write
from tests.customers.test_contact import agreeing, ask
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _today(db, settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    clock.fix(NOW)


@pytest.fixture
def contact(company):
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)
    return agreeing(phone="+86 139 1234 5678", email="wang@example.org")


@pytest.fixture
def sender(company):
    with providers.http() as told:
        told.answers = [(200, {}, '{"Code": "OK", "BizId": "b1"}')]
        yield http_sender(told, ok_path="Code", ok_value="OK", id_path="BizId")


@pytest.fixture
def message(sender, contact):
    made = write(contact, channel="sms")
    drain.until_empty(at=NOW)
    made.refresh_from_db()
    assert (made.state, made.provider_id) == ("sent", "b1")
    return made


def call(sender, data, *, call_id="c1", at=None, key=None, hook=None):
    """Call the address of a sender, signed with its secret."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    key = key or senders.secrets_of(sender)["webhook"]
    signed = signing.standard(key, message_id=call_id, body=body, at=at or clock.real_now())
    return Client(enforce_csrf_checks=True).post(
        reverse("customers:hook", args=[hook or sender.hook]),
        body,
        content_type="application/json",
        headers=signed,
    )


def reply(text, *, said_by="139-1234-5678", number="r1"):
    return {"type": "reply", "id": number, "from": said_by, "text": text}


# --- Receipts ----------------------------------------------------------------------------------
@pytest.mark.parametrize("by_ours", [False, True])
def test_a_receipt_says_that_it_was_delivered(sender, message, by_ours):
    name = message.uid if by_ours else "b1"
    answer = call(sender, {"type": "delivered", "message": name})
    assert (answer.status_code, answer.json()) == (200, {"taken": 1, "repeat": False})
    assert not answer.cookies
    message.refresh_from_db()
    assert message.state == "delivered"


def test_a_dead_number_bounces_and_opens_a_task(sender, message, contact):
    call(sender, {"events": [{"type": "bounced", "message": "b1", "code": "MK:0001 <x>"}]})
    message.refresh_from_db()
    assert (message.state, message.reason, message.code) == ("bounced", "dead_address", "MK0001x")
    assert DeadAddress.objects.get().address == "13912345678"
    assert ask(contact, "service", channel="sms", key="next").reason == "dead_address"


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        ("unknown", "delivered", "delivered"),
        ("delivered", "failed", "delivered"),
        ("bounced", "delivered", "bounced"),
        ("failed", "delivered", "failed"),
        ("delivered", "bounced", "bounced"),
        ("sent", "failed", "failed"),
    ],
)
def test_receipts_that_come_late_or_twice_change_only_what_is_open(sender, message, before, kind, after):
    Message.objects.update(state=before)
    assert call(sender, {"type": kind, "message": "b1"}).status_code == 200
    message.refresh_from_db()
    assert message.state == after


def test_a_call_that_comes_again_is_taken_once(sender, message):
    data = {"type": "delivered", "message": "b1"}
    assert call(sender, data).json()["taken"] == 1
    Message.objects.update(state="sent")
    assert call(sender, data).json() == {"taken": 0, "repeat": True}
    assert Message.objects.get(pk=message.pk).state == "sent"
    assert call(sender, data, call_id="c2").json()["taken"] == 1


def test_a_call_about_nobody_is_answered_404_and_may_come_again(sender, message):
    data = {"type": "delivered", "message": "b2"}
    answer = call(sender, data)
    assert (answer.status_code, answer.json()["code"]) == (404, "webhook_unmatched")
    assert not Received.objects.exists()
    Message.objects.update(provider_id="b2")
    assert call(sender, data).json()["taken"] == 1


def test_a_receipt_of_another_sender_is_unknown(sender, message):
    with providers.http() as told:
        other = http_sender(told, channel="messenger")
        assert call(other, {"type": "delivered", "message": "b1"}).status_code == 404


@pytest.mark.parametrize("how", ["old", "early", "key", "hook", "none"])
def test_a_call_that_is_not_signed_is_refused(sender, message, how):
    data = {"type": "delivered", "message": "b1"}
    now = clock.real_now()
    answers = {
        "old": lambda: call(sender, data, at=now - 6 * MINUTE),
        "early": lambda: call(sender, data, at=now + 6 * MINUTE),
        "key": lambda: call(sender, data, key="whsec_d3Jvbmc="),
        "hook": lambda: call(sender, data, hook="nobody"),
        "none": lambda: Client().post(
            reverse("customers:hook", args=[sender.hook]), data, content_type="application/json"
        ),
    }
    answer = answers[how]()
    assert (answer.status_code, answer.json()) == (401, {"code": "webhook_not_signed"})
    message.refresh_from_db()
    assert message.state == "sent"


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"\xff",
        b"3",
        {"events": 3},
        {"events": [3]},
        {"type": "opened", "message": "b1"},
        {"type": "delivered"},
        {"type": "delivered", "message": 3},
        {"type": "delivered", "message": "a\u0000b"},
        {"type": "reply", "from": "1", "text": "x"},
        {"events": [{"type": "delivered", "message": "b1"}] * 501},
    ],
)
def test_a_body_that_cannot_be_read_is_refused(sender, message, data):
    assert call(sender, data).status_code == 400
    assert Message.objects.get(pk=message.pk).state == "sent"


def test_a_body_of_more_than_64_kilobytes_is_refused(sender, message):
    assert call(sender, b" " * 65_537).status_code == 413


def test_looking_at_the_address_of_a_sender_tells_nothing(client, sender):
    assert client.get(reverse("customers:hook", args=[sender.hook])).status_code == 405


# --- Replies -----------------------------------------------------------------------------------
def test_a_reply_is_an_interaction_of_whom_we_wrote_to(sender, message, contact):
    assert call(sender, reply("Call me please")).json()["taken"] == 1
    said = Interaction.objects.get()
    assert (said.customer_id, said.contact_id) == (contact.customer_id, contact.pk)
    assert (said.kind, said.direction, said.text) == ("chat", "in", "Call me please")
    assert not Consent.objects.filter(is_given=False).exists()
    assert call(sender, reply("Call me please"), call_id="c2").status_code == 200
    assert Interaction.objects.count() == 1  # the same reply in another call
    call(sender, reply("And again", number="r2"), call_id="c3")
    assert Interaction.objects.count() == 2


def test_a_reply_of_nobody_we_wrote_to_is_unknown(sender, message):
    assert call(sender, reply("x", said_by="13900000000")).status_code == 404
    Message.objects.update(made_at=NOW - timedelta(days=91))
    assert call(sender, reply("x")).status_code == 404
    assert not Interaction.objects.exists()


WORDS = ["退订", "TD", "td", "ＴＤ", "拒收", "STOP", "Stop!", " 退订。 ", "【退订】", "unsubscribe", "退訂"]


@pytest.mark.parametrize("text", WORDS)
def test_a_word_takes_consent_back_for_that_channel(sender, message, contact, text):
    call(sender, reply(text))
    back = {(row.purpose, row.channel, row.source) for row in Consent.objects.filter(is_given=False)}
    assert back == {(purpose, "sms", "reply") for purpose in ("survey", "offer", "care")}
    may = {
        (purpose, channel): consents.may_contact(contact, purpose=purpose, channel=channel, at=NOW)
        for purpose, channel in (("offer", "sms"), ("offer", "email"), ("service", "sms"))
    }
    assert may == {("offer", "sms"): False, ("offer", "email"): True, ("service", "sms"): True}


@pytest.mark.parametrize(
    "text", ["不退订", "退订吗", "I cannot stop it", "TDK", "stopped", "", "。", "t d", "好的，退订"]
)
def test_a_near_miss_takes_nothing_back(text):
    assert not unsubscribing.is_opt_out(text)


def test_a_word_counts_for_all_who_are_reached_at_the_number(sender, message, contact):
    other = agreeing(phone="139 1234 5678")
    write(other, channel="sms", key="other")
    drain.until_empty(at=NOW)
    call(sender, reply("TD"))
    told = Consent.objects.filter(is_given=False).values_list("contact", flat=True)
    assert set(told) == {contact.pk, other.pk}


# --- One press ---------------------------------------------------------------------------------
@pytest.fixture
def link(contact):
    with providers.smtp() as told:
        smtp_sender(told)
        write(contact)
        drain.until_empty(at=NOW)
        mail = providers.mail_of(told.got[0])
    return mail["List-Unsubscribe"].strip(" <>").removeprefix("http://testserver")


def given(contact):
    return consents.may_contact(contact, purpose="offer", channel="email", at=NOW)


def test_looking_takes_nothing_back_and_sets_no_cookie(link, contact):
    client = Client(enforce_csrf_checks=True)
    for _look in range(3):
        page = client.get(link)
        assert page.status_code == 200 and not page.cookies
        assert "Unsubscribe" in page.content.decode() and page["Referrer-Policy"] == "no-referrer"
        assert "no-store" in page["Cache-Control"] and client.head(link).status_code == 200
    assert given(contact) and not Consent.objects.filter(is_given=False).exists()


@pytest.mark.parametrize("data", [{"List-Unsubscribe": "One-Click"}, {}])
def test_one_press_takes_consent_back_for_mail_and_twice_does_no_more(link, contact, data):
    client = Client(enforce_csrf_checks=True)
    page = client.post(link, data)
    assert page.status_code == 200 and "You are unsubscribed" in page.content.decode()
    assert not page.cookies and not given(contact)
    back = {(row.purpose, row.channel, row.source) for row in Consent.objects.filter(is_given=False)}
    assert back == {(purpose, "email", "link") for purpose in ("survey", "offer", "care")}
    assert consents.may_contact(contact, purpose="offer", channel="sms", at=NOW)
    assert client.post(link, data).status_code == 200
    assert Consent.objects.filter(is_given=False).count() == 3


def test_who_agreed_again_can_take_it_back_again(link, contact):
    Client().post(link)
    later = NOW + MINUTE
    consents.record_consent(
        contact, purposes=["offer"], channels=["email"], is_given=True, source="form", by=None, at=later
    )
    clock.forget()
    unsubscribing.withdraw(contact, channel="email", source="link", at=later + MINUTE)
    assert not consents.may_contact(contact, purpose="offer", channel="email", at=later + MINUTE)


@pytest.mark.parametrize("how", ["unknown", "expired", "erased"])
def test_links_that_do_not_work_look_the_same(link, contact, how):
    if how == "expired":
        UnsubscribeLink.objects.update(expires_at=clock.real_now() - MINUTE)
    elif how == "erased":
        type(contact).objects.filter(pk=contact.pk).update(erased_at=NOW)
    address = reverse("customers:unsubscribe", args=["x" * 43]) if how == "unknown" else link
    for answer in (Client().get(address), Client().post(address)):
        assert answer.status_code == 404 and "This link does not work" in answer.content.decode()
    assert not Consent.objects.filter(is_given=False).exists()


def test_the_page_speaks_the_contacts_language(link, contact):
    type(contact).objects.filter(pk=contact.pk).update(language="zh-hans")
    assert "退订" in Client().get(link).content.decode()


def test_the_secret_is_stored_nowhere(link):
    secret = link.rstrip("/").rpartition("/")[2]
    assert len(secret) == 43
    stored = UnsubscribeLink.objects.values_list("secret_hash", flat=True)
    assert secret not in set(stored) and secret not in repr(list(Message.objects.values()))


def test_a_granted_contact_without_mail_consent_is_not_written_to(contact, link):
    Client().post(link)
    row = ask(contact, "care", key="after")
    assert (row.state, row.reason) == ("closed", "no_consent")
    with pytest.raises(writing.NotGranted):
        writing.send_message(row, subject="a", text="b", by=None, at=NOW)
