"""Two workers, two admins and two calls of a provider at the same moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from customers import contact as contacting
from customers.channels import addresses, receiving, senders, sending, signing
from customers.contact import Quiet
from customers.ground import clock
from customers.models import Attempt, DeadAddress, Interaction, Message, Reminder, Sender
from tests.customers import providers
from tests.customers.test_channels import http_sender, write
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _company(settings: Any) -> None:
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    CompanyFactory()
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)


@pytest.mark.parametrize("_round", range(3))
def test_of_many_workers_one_sends_each_message(_round):
    contact = agreeing()
    with providers.http() as told:
        http_sender(told)
        messages = [write(contact, "service", channel="sms", key=f"k{number}") for number in range(6)]
        results = race(*(lambda: sending.send_due(NOW) for _worker in range(4)))
        assert all(isinstance(result, int) for result in results), results
        while sending.send_due(NOW):
            pass
        sent = sorted(call["headers"]["idempotency-key"] for call in told.got)
    assert sent == sorted(message.uid for message in messages)
    assert Attempt.objects.count() == 6
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("_round", range(3))
def test_of_two_senders_put_into_use_at_once_one_is(_round):
    with providers.http() as told:
        pair = [http_sender(told, use=False) for _one in range(2)]
        race(*(lambda s=s: senders.use_sender(s, is_active=True, by=None, at=NOW) for s in pair))
    assert Sender.objects.filter(is_active=True).count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_an_address_found_dead_twice_at_once_is_one_task(_round):
    UserFactory(role="admin")
    contact = agreeing()

    def mark() -> bool:
        return addresses.mark_dead(contact, channel="sms", address=contact.phone, code="1", at=NOW)

    assert sorted(race(mark, mark, mark)) == [False, False, True]
    assert (DeadAddress.objects.count(), Reminder.objects.count()) == (1, 1)


@pytest.mark.parametrize("_round", range(3))
@pytest.mark.parametrize("call_ids", [("c1", "c1"), ("c1", "c2")])
def test_a_reply_told_twice_at_once_is_taken_once(_round, call_ids):
    contact = agreeing(phone="13912345678")
    with providers.http() as told:
        sender = http_sender(told)
        write(contact, "service", channel="sms")
        sending.send_due(NOW)
    body = json.dumps({"type": "reply", "id": "r1", "from": "13912345678", "text": "Hello"}).encode()
    key, now = senders.secrets_of(sender)["webhook"], clock.real_now()

    def tell(call_id: str) -> int:
        headers = signing.standard(key, message_id=call_id, body=body, at=now)
        return receiving.receive(sender.hook, headers=headers, body=body, now=now, at=NOW).items

    results = race(*(lambda one=one: tell(one) for one in call_ids))
    assert all(isinstance(result, int) for result in results), results
    assert Interaction.objects.count() == 1
