"""Telling and closing at the same moment on PostgreSQL: nothing leaves that was written meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import transaction

from customers.channels.writing import send_message
from customers.ground import clock, outbox
from customers.models import Message
from retention import changes
from retention.changes import informing
from retention.models import BusinessChange
from tests.factories import NOW, CompanyFactory, CustomerFactory, ProductFactory
from tests.retention.changes.makers import announced, bought
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def test_who_closes_waits_for_the_notices_that_are_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    CompanyFactory()
    clock.fix(NOW)
    pump = ProductFactory()
    for one in CustomerFactory.create_batch(2):
        bought(one, pump)
    with transaction.atomic():
        change = announced(products=[pump])
    is_writing = threading.Event()

    def writing(*args: Any, **said: Any) -> Message:
        is_writing.set()
        closed.wait(timeout=2)  # in vain: it waits for us
        return send_message(*args, **said)

    def close() -> BusinessChange:
        assert is_writing.wait(timeout=20)
        found = changes.close_change(change, reason="Called off.", by=None, at=NOW)
        closed.set()
        return found

    closed = threading.Event()
    monkeypatch.setattr(informing, "send_message", writing)
    results = race(lambda: informing.inform_due(NOW), close)
    assert not any(isinstance(one, Exception) for one in results), results
    while outbox.drain(at=NOW):
        pass
    assert list(Message.objects.values_list("state", "reason")) == [("dropped", "taken_back")] * 2
