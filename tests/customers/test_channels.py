"""Sending over real SMTP and HTTP: taken once, tried again, given up, unknown, and what follows from each."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from customers import consents, contacts
from customers import contact as contacting
from customers.channels import addresses, delivering, senders, sending, writing
from customers.channels.senders import SenderRefused
from customers.contact import Quiet
from customers.erasure import erase_person
from customers.ground import clock, drain
from customers.ground.models import AuditEvent, Event, SealedValue
from customers.models import Attempt, DeadAddress, Message, Reminder, Sender, UnsubscribeLink
from tests.customers import providers
from tests.customers.test_contact import agreeing, ask
from tests.factories import NOW, ContactFactory, UserFactory

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECRET = "s3cr3t-of-the-provider"


@pytest.fixture(autouse=True)
def _own_network(settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def mail_server():
    with providers.smtp() as told:
        yield told


@pytest.fixture
def provider():
    with providers.http() as told:
        yield told


@pytest.fixture
def contact(company):
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)
    return agreeing(email="Wang@example.org", phone="+86 139 1234 5678")


def smtp_sender(told, *, use=True, secrets=None, **config):
    sender = senders.add_sender(
        name="Mail",
        channel="email",
        kind="smtp",
        config={
            "host": "127.0.0.1",
            "port": told.port,
            "security": "none",
            "from_address": "shop@example.com",
            "from_name": "Blue Shop 蓝",
            **config,
        },
        secrets=secrets or {},
        by=None,
        at=NOW,
    )
    return senders.use_sender(sender, is_active=True, by=None, at=NOW) if use else sender


def http_config(told, **config):
    return {
        "url": f"http://127.0.0.1:{told.port}/sms?to={{{{to}}}}",
        "body_kind": "json",
        "body": '{"phone": "{{to}}", "say": "{{text}}", "params": "{{params}}", "t": "{{template_id}}"}',
        "headers": [["Authorization", "Bearer {{secret.token}}"]],
        "templates": {"invite": "SMS_1"},
        "default_template": "SMS_0",
        **config,
    }


def http_sender(told, *, channel="sms", use=True, secrets=None, **config):
    sender = senders.add_sender(
        name="Gate",
        channel=channel,
        kind="http",
        config=http_config(told, **config),
        secrets={"token": SECRET, **(secrets or {})},
        by=None,
        at=NOW,
    )
    return senders.use_sender(sender, is_active=True, by=None, at=NOW) if use else sender


def write(contact, purpose="offer", *, channel="email", key="k", at=NOW, latest_at=None, **said):
    row = ask(contact, purpose, channel=channel, key=key, at=at, latest_at=latest_at)
    words = {"subject": "Spring", "text": "Dear you,\n\nten percent off."} | said
    return writing.send_message(row, by=None, at=at, **words)


def sent(message, *, at=NOW):
    drain.until_empty(at=at)
    message.refresh_from_db()
    return (message.state, message.reason)


# --- Mail --------------------------------------------------------------------------------------
def test_a_mail_leaves_in_text_and_html_with_one_press_to_unsubscribe(mail_server, contact):
    smtp_sender(mail_server, reply_to="care@example.com")
    message = write(contact)
    assert sent(message) == ("sent", "")
    [envelope] = mail_server.got
    assert "<shop@example.com>" in envelope["MAIL"]
    assert "Wang@example.org" in envelope["RCPT"]
    mail = providers.mail_of(envelope)
    assert (mail["Subject"], mail["Reply-To"]) == ("Spring", "care@example.com")
    assert "Blue Shop 蓝" in mail["From"] and mail["Message-ID"] == f"<{message.uid}@testserver>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip(" <>")
    assert link.startswith("http://testserver/u/")
    plain = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert "ten percent off" in plain and link in plain
    assert "<p>ten percent off.</p>" in html and link in html
    assert not UnsubscribeLink.objects.filter(secret_hash__contains=link.rstrip("/").rpartition("/")[2])
    event = Event.objects.get(kind="message.ended")
    assert event.data == {"state": "sent", "reason": "", "purpose": "offer"}


def test_service_mail_offers_no_unsubscribing(mail_server, contact):
    smtp_sender(mail_server)
    assert sent(write(contact, "service")) == ("sent", "")
    mail = providers.mail_of(mail_server.got[0])
    assert mail["List-Unsubscribe"] is None and not UnsubscribeLink.objects.exists()


def test_the_writers_own_place_for_the_link_is_used(mail_server, contact):
    smtp_sender(mail_server)
    sent(write(contact, text="Stop: {{unsubscribe}}", html="<a href='{{unsubscribe}}'>stop</a>"))
    mail = providers.mail_of(mail_server.got[0])
    plain = mail.get_body(("plain",)).get_content()
    assert plain.count("http://testserver/u/") == 1 and "No more" not in plain
    assert mail.get_body(("html",)).get_content().count("http://testserver/u/") == 1


def test_html_made_of_text_carries_no_markup_of_it(mail_server, contact):
    smtp_sender(mail_server)
    sent(write(contact, text="<script>alert(1)</script> & more"))
    html = providers.mail_of(mail_server.got[0]).get_body(("html",)).get_content()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_subject_cannot_add_headers(mail_server, contact):
    smtp_sender(mail_server)
    sent(write(contact, subject="Hello\r\nBcc: all@example.com"))
    mail = providers.mail_of(mail_server.got[0])
    assert mail["Bcc"] is None and mail["Subject"] == "Hello Bcc: all@example.com"


def test_the_password_is_used_and_shown_nowhere(mail_server, contact):
    sender = smtp_sender(mail_server, username="shop", secrets={"password": SECRET})
    assert sent(write(contact)) == ("sent", "")
    assert mail_server.got[0]["AUTH"].startswith("AUTH PLAIN ")
    assert SECRET not in json.dumps(sender.config) and sender.secret_names == ["password", "webhook"]
    stored = b"".join(bytes(row.sealed) for row in SealedValue.objects.all())
    assert SECRET.encode() not in stored
    assert SECRET not in repr(list(AuditEvent.objects.values_list("codes", flat=True)))


@pytest.mark.parametrize(
    ("script", "state", "reason", "code"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, "bounced", "dead_address", "5.1.1"),
        ({"RCPT": "550 mailbox unavailable"}, "bounced", "dead_address", "550"),
        ({"RCPT": "552 5.2.2 mailbox full"}, "failed", "refused", "5.2.2"),
        ({"MAIL": "550 5.7.1 you are not allowed"}, "failed", "refused", "5.7.1"),
        ({"END": "554 5.7.1 looks like spam"}, "failed", "refused", "5.7.1"),
        ({"RCPT": "451 4.7.1 greylisted"}, "waiting", "busy", "4.7.1"),
        ({"END": "421 4.3.2 going down"}, "waiting", "busy", "4.3.2"),
        ({"DATA": "451 4.3.0 later"}, "waiting", "busy", "4.3.0"),
        ({"RCPT": "hang up"}, "waiting", "not_reached", "SMTPServerDisconnected"),
        ({"END": "hang up"}, "unknown", "no_answer", "SMTPServerDisconnected"),
    ],
)
def test_what_each_reply_of_a_mail_server_means(mail_server, contact, script, state, reason, code):
    smtp_sender(mail_server)
    mail_server.answers = [script]
    message = write(contact)
    assert sent(message) == (state, reason)
    assert message.code == code
    assert DeadAddress.objects.exists() == (state == "bounced")


def test_a_wrong_password_is_tried_again_because_somebody_mends_it(mail_server, contact):
    smtp_sender(mail_server, username="shop", secrets={"password": "wrong-password"})
    mail_server.answers = [{"AUTH": "535 5.7.8 bad credentials"}]
    message = write(contact)
    assert sent(message) == ("waiting", "busy")
    assert sent(message, at=NOW + HOUR) == ("sent", "")


# --- HTTP --------------------------------------------------------------------------------------
def test_a_call_fills_values_never_structure(provider, contact):
    http_sender(provider)
    message = write(
        contact, channel="sms", text='say "hi", {"to": 1}\n', template="invite", params={"a": '"'}
    )
    assert sent(message) == ("sent", "")
    [call] = provider.got
    assert call["path"] == "/sms?to=%2B86%20139%201234%205678"
    assert call["headers"]["authorization"] == f"Bearer {SECRET}"
    assert call["headers"]["idempotency-key"] == message.uid
    assert json.loads(call["body"]) == {
        "phone": "+86 139 1234 5678",
        "say": 'say "hi", {"to": 1}\n',
        "params": '{"a": "\\""}',
        "t": "SMS_1",
    }


def test_a_form_is_encoded_and_other_templates_have_the_default_id(provider, contact):
    http_sender(provider, body_kind="form", body="Phone={{to}}\nCode={{template_id}}\nP={{param.link}}")
    sent(write(contact, channel="sms", template="other", params={"link": "a&b=c"}))
    assert provider.got[0]["body"] == b"Phone=%2B86+139+1234+5678&Code=SMS_0&P=a%26b%3Dc"
    assert provider.got[0]["headers"]["content-type"] == "application/x-www-form-urlencoded"


ALIYUN = {"ok_path": "Code", "ok_value": "OK", "id_path": "BizId"}
TENCENT_OK = '{"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": "9"}]}}'
TENCENT = {
    "ok_path": "Response.SendStatusSet.0.Code",
    "ok_value": "Ok",
    "id_path": "Response.SendStatusSet.0.SerialNo",
}


@pytest.mark.parametrize(
    ("config", "answer", "state", "reason", "code"),
    [
        ({}, (200, {}, "plain"), "sent", "", ""),
        ({}, (202, {}, "{}"), "sent", "", ""),
        ({}, (302, {"Location": "http://127.0.0.1/"}, ""), "failed", "refused", ""),
        ({}, (400, {}, '{"code": "bad.request"}'), "failed", "refused", "bad.request"),
        ({}, (429, {}, ""), "waiting", "busy", ""),
        ({}, (503, {}, ""), "waiting", "busy", ""),
        (ALIYUN, (200, {}, '{"Code": "OK", "BizId": "9"}'), "sent", "", "OK"),
        (ALIYUN, (200, {}, '{"Code": "isv.AMOUNT"}'), "failed", "refused", "isv.AMOUNT"),
        (ALIYUN, (200, {}, "not json"), "failed", "refused", ""),
        ({**ALIYUN, "retry_codes": ["FLOW"]}, (200, {}, '{"Code": "FLOW"}'), "waiting", "busy", "FLOW"),
        ({**ALIYUN, "dead_codes": ["NO"]}, (200, {}, '{"Code": "NO"}'), "bounced", "dead_address", "NO"),
        (TENCENT, (200, {}, TENCENT_OK), "sent", "", "Ok"),
        (TENCENT, (200, {}, '{"Response": {"Error": {"Code": "AuthFailure"}}}'), "failed", "refused", ""),
        ({}, "hang up", "unknown", "no_answer", "RemoteDisconnected"),
    ],
)  # fmt: skip
def test_what_each_answer_of_a_provider_means(provider, contact, config, answer, state, reason, code):
    http_sender(provider, **config)
    provider.answers = [answer]
    message = write(contact, channel="sms")
    assert sent(message) == (state, reason)
    assert (message.code, message.provider_id) == (code, "9" if state == "sent" and config else "")
    assert [attempt.number for attempt in message.attempts.all()] == [1]
    assert len(provider.got) == 1  # no redirect was followed


def test_after_429_the_sender_rests_as_long_as_it_was_asked_to(provider, contact):
    http_sender(provider)
    provider.answers = [(429, {"Retry-After": "600"}, "")]
    first, second = write(contact, channel="sms"), write(contact, channel="sms", key="k2")
    assert [sent(first), sent(second)] == [("waiting", "busy"), ("waiting", "")]
    assert first.due_at == NOW + 10 * MINUTE
    assert sent(second, at=NOW + 10 * MINUTE - MINUTE / 60) == ("waiting", "")
    assert sent(second, at=NOW + 10 * MINUTE) == ("sent", "")
    assert sent(first, at=NOW + 10 * MINUTE) == ("sent", "")
    assert len(provider.got) == 3


def test_back_off_grows_and_ends(provider, contact):
    http_sender(provider)
    provider.answers = [(500, {}, "")] * 20
    message, at, waits = write(contact, channel="sms"), NOW, []
    while sent(message, at=at)[0] == "waiting":
        waits.append((message.due_at - at).total_seconds())
        at = message.due_at + MINUTE
        contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=at)
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    assert (message.state, message.reason, message.tries) == ("failed", "given_up", 8)
    assert len(provider.got) == 8
    assert {call["headers"]["idempotency-key"] for call in provider.got} == {message.uid}


def test_a_sender_that_is_not_there_is_tried_again(contact, provider):
    sender = http_sender(provider, url="http://127.0.0.1:9/")
    message = write(contact, channel="sms")
    assert sent(message) == ("waiting", "not_reached")
    sender.refresh_from_db()
    assert (message.code, sender.paused_until) == ("connect", NOW + MINUTE)


def test_the_answer_is_kept_without_secrets(provider, contact):
    http_sender(provider)
    provider.answers = [(400, {}, f"bad token {SECRET} \x00\x1b[31m")]
    message = write(contact, channel="sms")
    sent(message)
    assert message.answer == "bad token …   [31m"


def test_an_answer_that_is_cut_keeps_no_part_of_a_secret(provider, contact):
    http_sender(provider)
    provider.answers = [(400, {}, "x" * (delivering.MOST_OF_ANSWER - 9) + SECRET)]
    message = write(contact, channel="sms")
    sent(message)
    assert message.answer == "x" * (delivering.MOST_OF_ANSWER - 9) + "…"


def test_a_password_that_the_wire_cannot_carry_is_ours_to_mend_and_sends_nothing(mail_server, contact):
    smtp_sender(mail_server, username="shop", secrets={"password": "密码密码"})
    message = write(contact)
    assert sent(message) == ("waiting", "not_reached")
    assert mail_server.got == []


def test_a_template_id_that_cannot_be_a_header_is_ours_to_mend_and_sends_nothing(provider, contact):
    http_sender(provider, headers=[["X-Template", "{{template_id}}"]], default_template="SMS\n_0")
    message = write(contact, channel="sms")
    assert sent(message) == ("waiting", "not_reached")
    assert provider.got == []


# --- Unknown -----------------------------------------------------------------------------------
def test_unknown_is_sent_again_for_service_with_the_same_id(provider, contact):
    http_sender(provider)
    provider.answers = ["hang up"]
    message = write(contact, "service", channel="sms")
    assert sent(message) == ("waiting", "no_answer")
    assert sent(message, at=NOW + MINUTE) == ("sent", "")
    assert {call["headers"]["idempotency-key"] for call in provider.got} == {message.uid}
    assert [row.outcome for row in message.attempts.all()] == ["unknown", "accepted"]


@pytest.mark.parametrize("purpose", ["offer", "care", "event_survey", "relationship_survey"])
def test_unknown_is_not_sent_again_for_anything_else(provider, contact, purpose):
    http_sender(provider)
    provider.answers = ["hang up"]
    message = write(contact, purpose, channel="sms")
    assert sent(message) == ("unknown", "no_answer")
    assert sent(message, at=NOW + DAY) == ("unknown", "no_answer")
    assert len(provider.got) == 1


@pytest.mark.parametrize(("purpose", "after"), [("service", "waiting"), ("offer", "unknown")])
def test_a_worker_that_dies_after_the_attempt_was_committed_leaves_it_unknown(
    provider, contact, purpose, after, monkeypatch
):
    http_sender(provider)
    message = write(contact, purpose, channel="sms")

    def dies(*_args, **_values):
        raise SystemExit

    monkeypatch.setattr(delivering, "deliver", dies)
    with pytest.raises(SystemExit):
        drain.once(at=NOW)
    monkeypatch.undo()
    assert sent(message) == ("sending", "")  # its lease still runs
    Message.objects.update(lease_until=clock.real_now() - MINUTE)
    assert sent(message)[0] == after
    assert [(row.outcome, row.code) for row in message.attempts.all()] == [("unknown", "lost")]


def test_an_answer_after_the_lease_ran_out_still_tells_what_happened(provider, contact, monkeypatch):
    http_sender(provider)
    message = write(contact, channel="sms")
    real = delivering.deliver

    def slow(*args, **values):
        result = real(*args, **values)
        Message.objects.update(lease_until=clock.real_now() - MINUTE)
        assert sending._give_up_lost(NOW) == 1
        assert Message.objects.get().state == "unknown"
        return result

    monkeypatch.setattr(delivering, "deliver", slow)
    assert sent(message) == ("sent", "")
    assert Attempt.objects.get().outcome == "accepted"


# --- Before it leaves --------------------------------------------------------------------------
def test_what_was_taken_back_meanwhile_is_not_sent(mail_server, contact):
    smtp_sender(mail_server)
    message = write(contact)
    consents.record_consent(
        contact, purposes=["offer"], channels=["email"], is_given=False, source="form", by=None, at=NOW
    )
    assert sent(message) == ("dropped", "no_consent")
    assert mail_server.got == [] and not Attempt.objects.exists()


@pytest.mark.parametrize("what", ["left", "erased", "address", "late"])
def test_what_makes_no_sense_any_more_is_not_sent(mail_server, contact, what):
    smtp_sender(mail_server)
    message = write(contact, latest_at=NOW + HOUR)
    changes = {"left": {"left_on": NOW.date()}, "erased": {"erased_at": NOW}, "address": {"email": ""}}
    if what in changes:
        type(contact).objects.filter(pk=contact.pk).update(**changes[what])
    reason = {"left": "gone", "erased": "gone", "address": "no_address", "late": "too_late"}[what]
    assert sent(message, at=NOW + 2 * HOUR if what == "late" else NOW) == ("dropped", reason)
    assert mail_server.got == []


def test_at_its_latest_moment_it_is_still_sent(mail_server, contact):
    smtp_sender(mail_server)
    message = write(contact, latest_at=NOW + HOUR)
    assert sent(message, at=NOW + HOUR) == ("sent", "")


def test_a_retry_does_not_fall_into_quiet_hours_but_service_does(mail_server, contact):
    smtp_sender(mail_server)
    offer, service = write(contact), write(contact, "service")
    contacting.set_limits({}, quiet=Quiet(21 * 60, 8 * 60), by=None, at=NOW)
    night, morning = NOW + 13 * HOUR, NOW + 22 * HOUR
    assert sent(offer, at=night) == ("waiting", "quiet_hours")
    assert sent(service, at=night) == ("sent", "")
    assert offer.due_at == morning
    assert sent(offer, at=morning) == ("sent", "")


def test_it_goes_to_the_address_of_today(mail_server, contact):
    smtp_sender(mail_server)
    message = write(contact)
    contacts.change_contact(contact, email="new@example.org", by=None, at=NOW)
    sent(message)
    assert (message.to, message.to_key) == ("new@example.org", "new@example.org")


def test_without_a_sender_it_waits_until_one_is_in_use(mail_server, contact):
    message = write(contact)
    assert sent(message) == ("waiting", "no_sender")
    sender = smtp_sender(mail_server, use=False)
    assert sent(message) == ("waiting", "no_sender")
    senders.use_sender(sender, is_active=True, by=None, at=NOW)
    assert sent(message) == ("sent", "")


def test_one_contact_has_one_message_and_needs_to_be_granted(contact, company):
    row = ask(contact)
    said = {"subject": "A", "text": "B", "by": None, "at": NOW}
    first = writing.send_message(row, **said)
    assert writing.send_message(row, **{**said, "text": "other"}).pk == first.pk
    closed = ask(ContactFactory(), key="nobody agreed")
    with pytest.raises(writing.NotGranted):
        writing.send_message(closed, **said)
    with pytest.raises(writing.NotSendable):
        writing.send_message(ask(contact, "service", channel="phone", key="p"), **said)
    for wrong in ({"subject": " "}, {"text": ""}):
        with pytest.raises(writing.NothingToSay):
            writing.send_message(ask(contact, "service", key="x"), **{**said, **wrong})
    assert AuditEvent.objects.filter(act="message.write").count() == 1


# --- Addresses that do not work ----------------------------------------------------------------
def test_a_bounce_marks_the_address_and_gives_the_owner_one_task(mail_server, customer, manager):
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)
    contact = agreeing(customer=customer, is_main=False, email="gone@example.org")
    smtp_sender(mail_server)
    mail_server.answers = [{"RCPT": "550 5.1.1 no such user"}] * 2
    one, two = write(contact, "service"), write(contact, "service", key="k2")
    assert [sent(one), sent(two)] == [("bounced", "dead_address"), ("dropped", "dead_address")]
    task = Reminder.objects.get()
    assert (task.user_id, task.customer_id) == (manager.pk, customer.pk)
    assert contact.name not in task.text  # a task outlives the contact's erasure
    dead = DeadAddress.objects.get()
    assert (dead.address, dead.code, dead.task_id) == ("gone@example.org", "5.1.1", task.pk)
    refused = ask(contact, "service", key="k3")
    assert (refused.state, refused.reason) == ("closed", "dead_address")
    contacts.change_contact(contact, email="new@example.org", by=None, at=NOW)
    assert ask(contact, "service", key="k4").state == "granted"


def test_a_bounce_of_somebody_erased_meanwhile_writes_nothing(contact, admin):
    erase_person(contact, reason="request", by=None, at=NOW)
    assert not addresses.mark_dead(contact, channel="email", address="Wang@example.org", code="1", at=NOW)
    assert not DeadAddress.objects.exists() and not Reminder.objects.exists()


def test_without_an_owner_a_lead_or_an_admin_gets_the_task(contact, admin):
    assert addresses.mark_dead(contact, channel="sms", address=contact.phone, code="1", at=NOW)
    assert not addresses.mark_dead(contact, channel="sms", address="139 1234-5678", code="1", at=NOW)
    assert Reminder.objects.get().user_id == admin.pk
    team = UserFactory(role="team_lead", team=None)
    assert team.pk != Reminder.objects.get().user_id
    assert addresses.clear(contact, channel="email", by=None, at=NOW) == 0
    assert addresses.clear(contact, channel="sms", by=None, at=NOW) == 1
    assert not addresses.is_dead(contact, channel="sms", address=contact.phone)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+86 139 1234 5678", "13912345678", True),
        ("0086-13912345678", "139 1234 5678", True),
        ("8613912345678", "13912345678", True),
        ("13912345678", "13912345679", False),
        ("+49 30 1234", "49301234", True),
        ("86123", "123", False),
    ],
)
def test_numbers_are_compared_by_their_digits(one, other, same):
    assert (addresses.key_of(one, channel="sms") == addresses.key_of(other, channel="sms")) is same
    assert addresses.key_of(" A@B.org", channel="email") == "a@b.org"


# --- Trying out --------------------------------------------------------------------------------
def test_a_test_takes_the_same_road_and_says_what_the_provider_answered(provider, admin):
    sender = http_sender(provider, use=False)
    provider.answers = [(403, {}, '{"code": "denied", "why": "no balance"}')]
    message = writing.try_out(sender, to="139 0000 0000", by=admin, at=NOW)
    assert sent(message) == ("failed", "refused")
    assert (message.code, message.answer) == ("denied", '{"code": "denied", "why": "no balance"}')
    assert "139 0000 0000" in provider.got[0]["body"].decode()
    assert AuditEvent.objects.get(act="sender.try").object_id == sender.pk
    assert not Message.objects.visible_to(admin).exists()


def test_a_test_is_not_tried_again(provider, admin):
    sender = http_sender(provider, use=False)
    provider.answers = [(503, {}, "down")]
    assert sent(writing.try_out(sender, to="1", by=admin, at=NOW)) == ("failed", "busy")
    provider.answers = ["hang up"]
    message = writing.try_out(sender, to="1", by=admin, at=NOW + HOUR)
    assert sent(message, at=NOW + HOUR) == ("unknown", "no_answer")
    assert len(provider.got) == 2


@pytest.mark.parametrize("to", ["", " ", "a\nb", "x" * 255, "a@example.org"])
def test_a_test_needs_an_address_of_the_channel(provider, admin, to):
    with pytest.raises(writing.AddressRefused):
        writing.try_out(http_sender(provider, use=False), to=to, by=admin, at=NOW)


# --- Setting up --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("url", {"url": "ftp://example.com/"}),
        ("url", {"url": "https://user@example.com/"}),
        ("url", {"url": "https://{{secret.token}}.example.com/"}),
        ("url", {"url": "https://example.com/{{text}}"}),
        ("url", {"url": "https://example.com/a b"}),
        ("url", {"url": "https://example.com/短信"}),
        ("url", {"url": "https://example.com:99999/"}),
        ("body", {"body": '{"a": {{to}}}'}),
        ("body", {"body": '{"a": "{{secret.other}}"}'}),
        ("body", {"body": '{"a": "{{name}}"}'}),
        ("body", {"body_kind": "form", "body": "no equals sign"}),
        ("body_kind", {"body_kind": "xml"}),
        ("headers", {"headers": [["X Y", "1"]]}),
        ("headers", {"headers": [["X", "1\r\nY: 2"]]}),
        ("headers", {"headers": [["Host", "other"]]}),
        ("headers", {"headers": [["X", "{{text}}"]]}),
        ("signature", {"signature": "md5"}),
        ("secrets", {"signature": "tencent"}),
        ("ok_value", {"ok_path": "Code"}),
    ],
)
def test_a_sender_that_cannot_work_is_refused_with_the_field(company, provider, field, change):
    with pytest.raises(SenderRefused) as refusal:
        http_sender(provider, **change)
    assert refusal.value.field == field
    assert not Sender.objects.exists()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("host", {"host": "a b"}),
        ("host", {"host": ""}),
        ("security", {"security": "ssl"}),
        ("from_address", {"from_address": "nobody"}),
        ("reply_to", {"reply_to": "nobody"}),
    ],
)
def test_a_mail_server_that_cannot_work_is_refused(company, mail_server, field, change):
    with pytest.raises(SenderRefused) as refusal:
        smtp_sender(mail_server, **change)
    assert refusal.value.field == field


@pytest.mark.parametrize("secrets", [{"Bad Name": "x"}, {"x": "a\nb"}, {"x": "y" * 4001}])
def test_secrets_that_cannot_be_kept_are_refused(company, provider, secrets):
    with pytest.raises(SenderRefused):
        http_sender(provider, secrets=secrets)


def test_changing_keeps_secrets_that_are_not_named(company, provider, admin):
    sender = http_sender(provider, secrets={"other": "value"})
    old = sender.sealed_id
    senders.change_sender(
        sender, name="New", config=http_config(provider), secrets={"other": ""}, by=admin, at=NOW
    )
    sender.refresh_from_db()
    assert sender.secret_names == ["token", "webhook"] and senders.secrets_of(sender)["token"] == SECRET
    assert not SealedValue.objects.filter(pk=old).exists()
    audited = AuditEvent.objects.get(act="sender.change")
    assert (audited.codes["changed"], audited.codes["secrets"]) == (["name"], ["other"])
    with pytest.raises(SenderRefused):  # a header reads it
        senders.change_sender(
            sender, name="New", config=http_config(provider), secrets={"token": ""}, by=admin, at=NOW
        )
    assert senders.secrets_of(Sender.objects.get())["token"] == SECRET


def test_one_sender_is_in_use_for_a_channel(company, provider):
    first, second = http_sender(provider), http_sender(provider)
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (False, True)
    assert senders.in_use("sms") == second
    senders.use_sender(second, is_active=False, by=None, at=NOW)
    assert senders.in_use("sms") is None


@pytest.mark.parametrize("rows", [1, 3])
def test_sending_asks_a_bounded_number_of_questions(provider, contact, rows, django_assert_max_num_queries):
    http_sender(provider)
    for number in range(rows):
        write(contact, "service", channel="sms", key=f"k{number}")
    with django_assert_max_num_queries(12 + 34 * rows):
        assert sending.send_due(NOW) == rows
