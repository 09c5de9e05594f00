"""Pages and API of channels: secrets never shown, tests fired, messages seen by whom they concern."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from customers import contact as contacting
from customers import contacts, erasure, keeping
from customers.channels import addresses, senders
from customers.contact import Quiet
from customers.ground import clock, drain
from customers.ground.models import AuditEvent
from customers.models import Message, Sender
from tests.api.conftest import Caller
from tests.customers import providers
from tests.customers.test_channels import SECRET, http_sender, smtp_sender, write
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ago

pytestmark = pytest.mark.django_db
LIST, MESSAGES = "customers:channel_list", "customers:message_list"


@pytest.fixture(autouse=True)
def _today(db, settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    clock.fix(NOW)


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)
    return client


def smtp_form(**changes):
    return {
        "name": "Mail",
        "host": "smtp.example.com",
        "port": "587",
        "security": "starttls",
        "username": "shop",
        "password": SECRET,
        "from_name": "Shop",
        "from_address": "shop@example.com",
        "reply_to": "",
        **changes,
    }


def http_form(port=443, **changes):
    return {
        "name": "Gate",
        "url": f"http://127.0.0.1:{port}/",
        "body_kind": "json",
        "body": '{"to": "{{to}}", "text": "{{text}}"}',
        "headers": "Authorization: Bearer {{secret.token}}",
        "secrets": f"token={SECRET}",
        "signature": "none",
        "templates": "invite=SMS_1\ntest=SMS_2",
        "dead_codes": "a, b",
        **changes,
    }


@pytest.mark.parametrize(("language", "word"), [("en", "No sender yet"), ("zh-hans", "还没有发送通道")])
def test_the_page_speaks_both_languages(as_admin, admin, language, word):
    admin.language = language
    admin.save()
    assert word in as_admin.get(reverse(LIST)).content.decode()


def test_a_mail_server_is_added_put_into_use_and_changed(as_admin):
    answer = as_admin.post(reverse("customers:sender_new", args=["email", "smtp"]), smtp_form())
    sender = Sender.objects.get()
    assert answer.url == reverse("customers:sender", args=[sender.pk]) and not sender.is_active
    page = as_admin.get(answer.url).content.decode()
    assert "smtp.example.com" in page and "password, webhook" in page and SECRET not in page
    as_admin.post(reverse("customers:sender_use", args=[sender.pk]), {"active": "1"})
    assert senders.in_use("email") == sender
    assert as_admin.post(answer.url, smtp_form(password="", port="465", security="tls")).status_code == 302
    sender.refresh_from_db()
    assert (sender.config["port"], sender.config["security"]) == (465, "tls")
    assert senders.secrets_of(sender)["password"] == SECRET
    assert SECRET not in repr(list(AuditEvent.objects.values()))


def test_a_provider_is_added_with_what_the_form_says(as_admin):
    as_admin.post(reverse("customers:sender_new", args=["sms", "http"]), http_form())
    sender = Sender.objects.get()
    assert sender.config["templates"] == {"invite": "SMS_1", "test": "SMS_2"}
    assert sender.config["dead_codes"] == ["a", "b"]
    assert sender.config["headers"] == [["Authorization", "Bearer {{secret.token}}"]]
    page = as_admin.get(reverse("customers:sender", args=[sender.pk])).content.decode()
    assert SECRET not in page and "Authorization:Bearer {{secret.token}}" in page
    assert f"http://testserver/hooks/{sender.hook}/" in page


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"url": "nowhere"}, "https://"),
        ({"body": "{{"}, "cannot be read"),
        ({"headers": "no colon"}, "name:value"),
        ({"secrets": "no equals sign"}, "name=value"),
        ({"body": '{"a": "{{who}}"}'}, "who"),
        ({"signature": "aliyun"}, "access_key_id"),
    ],
)
def test_a_wrong_form_comes_back_with_the_reason(as_admin, change, word):
    answer = as_admin.post(reverse("customers:sender_new", args=["sms", "http"]), http_form(**change))
    assert answer.status_code == 422 and word in answer.content.decode()
    assert not Sender.objects.exists()


@pytest.mark.parametrize(("channel", "kind"), [("sms", "smtp"), ("phone", "http"), ("email", "x")])
def test_there_is_no_sender_of_other_kinds(as_admin, channel, kind):
    assert as_admin.get(reverse("customers:sender_new", args=[channel, kind])).status_code == 404


def test_a_test_is_fired_and_the_answer_shown(as_admin, admin):
    with providers.http() as told:
        told.answers = [(403, {}, '{"code": "no.balance", "echo": "' + SECRET + '"}')]
        sender = http_sender(told, use=False)
        address = reverse("customers:sender_test", args=[sender.pk])
        assert as_admin.post(address, {"to": "a@example.org"}).status_code == 422
        assert as_admin.post(address, {"to": "139 0000 0000"}).status_code == 302
        assert told.got == []  # the worker sends, no request does
        page = as_admin.get(reverse("customers:sender", args=[sender.pk])).content.decode()
        assert "waiting" in page
        drain.until_empty(at=clock.now())
    page = as_admin.get(reverse("customers:sender", args=[sender.pk])).content.decode()
    assert "no.balance" in page and "403" in page and "refused" in page and SECRET not in page
    assert "To: 139 0000 0000" in page
    admin.language = "zh-hans"
    admin.save()
    page = as_admin.get(reverse("customers:sender", args=[sender.pk])).content.decode()
    assert "收件方: 139 0000 0000" in page


@pytest.mark.parametrize("role", ["manager", "lead", "analyst"])
def test_only_admins_set_senders_up(client, request, role, company):
    client.force_login(request.getfixturevalue(role))
    assert client.get(reverse(LIST)).status_code == 403


def test_messages_are_seen_by_whom_they_concern(as_admin, client, customer, manager, outsider, company):
    with providers.smtp() as told:
        smtp_sender(told)
        mine = write(agreeing(customer=customer, is_main=False, name="Own Person"), subject="Own subject")
        write(agreeing(name="Foreign Person"), key="k2", subject="Foreign subject")
        drain.until_empty(at=NOW)
    page = as_admin.get(reverse(MESSAGES)).content.decode()
    assert "Own subject" in page and "Foreign subject" in page
    rows = as_admin.get(reverse(MESSAGES), {"customer": customer.pk, "state": "sent"}).context["rows"]
    assert [row.pk for row in rows] == [mine.pk]
    assert as_admin.get(reverse(MESSAGES), {"state": "failed"}).context["rows"] == []
    client.force_login(manager)
    page = client.get(reverse(MESSAGES)).content.decode()
    assert "Own subject" in page and "Foreign subject" not in page
    client.force_login(outsider)
    assert "Own subject" not in client.get(reverse(MESSAGES)).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_a_bounded_number_of_questions(as_admin, company, rows, django_assert_max_num_queries):
    for number in range(rows):
        write(agreeing(), key=f"k{number}")
    with django_assert_max_num_queries(11):
        as_admin.get(reverse(MESSAGES))


def test_the_list_is_paged_with_its_filters(as_admin, customer):
    contact = agreeing(customer=customer, is_main=False)
    for number in range(51):
        write(contact, "service", key=f"k{number}")
    first = as_admin.get(reverse(MESSAGES), {"state": "waiting", "customer": customer.pk})
    assert len(first.context["rows"]) == 50
    second = as_admin.get(reverse(MESSAGES) + first.context["older"])
    assert len(second.context["rows"]) == 1 and second.context["older"] is None


def test_a_program_reads_messages(admin, outsider, customer):
    contact = agreeing(customer=customer, is_main=False)
    message = write(contact, "service", subject="Hello")
    call = Caller(admin)
    [shown] = call.get("messages/", customer=customer.pk, state="waiting").json()["results"]
    assert (shown["id"], shown["subject"], shown["to"]) == (message.pk, "Hello", "")
    assert "text" not in shown
    assert Caller(outsider).get(f"messages/{message.pk}/").status_code == 404


def test_erasing_takes_the_words_and_the_address(as_admin, admin, customer, settings, tmp_path):
    settings.ERASURE_LOG, settings.MEDIA_ROOT = tmp_path / "e.log", tmp_path / "media"
    contact = agreeing(customer=customer, is_main=False, email="wang@example.org")
    with providers.smtp() as told:
        told.answers = [{}, {"RCPT": "550 5.1.1 wang@example.org unknown"}]
        smtp_sender(told)
        write(contact, subject="For Wang", text="Dear Wang")
        drain.until_empty(at=NOW)
        write(contact, "service", key="k2")
        drain.until_empty(at=NOW)
    assert contact.dead_addresses.exists()
    erasure.erase_person(contact, reason="request", by=admin, at=NOW)
    left = json.dumps(list(Message.objects.values()), default=str)
    assert "Wang" not in left and "wang@" not in left
    assert Message.objects.count() == 2 and not contact.dead_addresses.exists()


def test_what_was_kept_long_enough_loses_its_words(as_admin, customer):
    contact = agreeing(customer=customer, is_main=False)
    old, new = write(contact, "service"), write(contact, "service", key="k2")
    Message.objects.filter(pk=old.pk).update(state="sent", ended_at=ago(800), to="a@b.org")
    Message.objects.filter(pk=new.pk).update(state="sent", ended_at=ago(700), to="a@b.org")
    keeping.clear_old(at=NOW)
    kept = dict(Message.objects.values_list("pk", "text"))
    assert (kept[old.pk], bool(kept[new.pk])) == ("", True)
    assert Message.objects.get(pk=old.pk).to == ""


def test_a_dead_address_stands_at_the_contact_until_it_is_corrected(as_admin, customer):
    contact = customer.contacts.get()
    page = reverse("retention:customer", args=[customer.pk])
    assert "does not work" not in as_admin.get(page).content.decode()
    addresses.mark_dead(contact, channel="sms", address=contact.phone, code="1", at=NOW)
    assert "text message: does not work" in as_admin.get(page).content.decode()
    contacts.change_contact(contact, phone="+86 139 0000 0000", by=None, at=NOW)
    assert "text message: does not work" not in as_admin.get(page).content.decode()
