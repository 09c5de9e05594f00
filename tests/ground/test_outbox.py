"""The outbox: claimed by lease, in order per key, done once, tried again, dead at last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.ground import clock, drain, events, outbox
from customers.ground.models import Event, OutboxRow
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ran: list[int] = []


class Killed(BaseException):
    """As hard as a kill: no ``except Exception`` stops it."""


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = dict(outbox._handlers)
    ran.clear()

    def note(row: OutboxRow, at: object) -> None:
        ran.append(row.payload["n"])

    def fail(row: OutboxRow, at: object) -> None:
        Event.objects.create(kind="half.written", occurred_at=NOW)
        raise RuntimeError("personal text that must not be kept")

    outbox._handlers.update({"test.note": note, "test.fail": fail})

    def kill(row: OutboxRow, at: object) -> None:
        raise Killed

    outbox._handlers["test.kill"] = kill
    yield
    outbox._handlers.clear()
    outbox._handlers.update(before)


def add(n: int, *, handler: str = "test.note", key: str = "", order_key: str = "", due=NOW) -> None:
    outbox.add(handler, payload={"n": n}, due_at=due, dedupe_key=key or f"k{n}", order_key=order_key)


def test_drain_does_what_is_due_and_nothing_else():
    add(1)
    add(2, due=NOW + timedelta(seconds=1))
    assert outbox.drain(at=NOW) == 1
    assert ran == [1]
    assert outbox.drain(at=NOW) == 0


def test_add_ignores_a_second_row_with_the_same_key():
    add(1, key="same")
    add(2, key="same")
    outbox.drain(at=NOW)
    assert ran == [1]


def test_add_refuses_a_handler_nobody_registered():
    with pytest.raises(ValueError, match="no handler"):
        add(1, handler="nobody")


def test_rows_of_one_order_key_wait_for_the_earlier_one():
    add(1, handler="test.fail", order_key="customer:1")
    add(2, order_key="customer:1")
    add(3, order_key="customer:2")
    outbox.drain(at=NOW)
    assert ran == [3]


def test_rows_of_one_order_key_go_in_order():
    for n in (1, 2, 3):
        add(n, order_key="customer:1")
    drain.until_empty(at=NOW)
    assert ran == [1, 2, 3]


def test_drain_undoes_what_a_failing_handler_wrote_and_tries_again_later():
    add(1, handler="test.fail")
    assert outbox.drain(at=NOW) == 0
    row = OutboxRow.objects.get()
    assert not Event.objects.exists()
    assert (row.attempts, row.error, row.done_at) == (1, "RuntimeError", None)
    assert row.due_at == NOW + timedelta(seconds=2)


def test_row_is_dead_after_the_last_attempt_and_lets_the_next_one_pass():
    add(1, handler="test.fail", order_key="c")
    add(2, order_key="c")
    at = NOW
    for _attempt in range(outbox.MOST_ATTEMPTS):
        at += timedelta(hours=2)
        outbox.drain(at=at)
    assert OutboxRow.objects.get(payload={"n": 1}).dead_at is not None
    drain.until_empty(at=at)
    assert ran == [2]


def lapse_the_leases() -> None:
    OutboxRow.objects.filter(lease_until__isnull=False).update(
        lease_until=clock.real_now() - timedelta(seconds=1)
    )


def test_row_whose_worker_is_killed_every_time_is_dead_and_lets_the_next_one_pass():
    add(1, handler="test.kill", order_key="c")
    add(2, order_key="c")
    for attempt in range(1, outbox.MOST_ATTEMPTS + 1):
        with pytest.raises(Killed):
            outbox.drain(at=NOW)
        row = OutboxRow.objects.get(payload={"n": 1})
        assert (row.attempts, row.dead_at) == (attempt, None)
        assert outbox.drain(at=NOW) == 0  # leased as yet: neither tried again nor dead
        lapse_the_leases()

    outbox.drain(at=NOW)
    row = OutboxRow.objects.get(payload={"n": 1})
    assert (row.dead_at is not None, row.error, row.attempts) == (True, "lost", outbox.MOST_ATTEMPTS)
    outbox.drain(at=NOW)
    assert ran == [2]


def test_row_claimed_but_never_tried_keeps_its_attempts():
    add(1, handler="test.kill")
    add(2)
    for _kill in range(outbox.MOST_ATTEMPTS):
        with pytest.raises(Killed):
            outbox.drain(at=NOW)
        lapse_the_leases()
    assert list(OutboxRow.objects.order_by("id").values_list("attempts", flat=True)) == [
        outbox.MOST_ATTEMPTS,
        0,
    ]
    assert outbox.drain(at=NOW) == 1
    assert ran == [2]


def test_claim_asks_with_one_plain_read_when_nothing_is_due(django_assert_num_queries):
    add(1, due=NOW + timedelta(seconds=1))
    with django_assert_num_queries(1) as asked:
        assert outbox.claim(limit=5, at=NOW) == []
    assert asked.captured_queries[0]["sql"].startswith("SELECT")
    with CaptureQueriesContext(connection) as asked:
        assert len(outbox.claim(limit=5, at=NOW + timedelta(seconds=1))) == 1
    assert any(query["sql"].startswith("SAVEPOINT") for query in asked.captured_queries)


def test_claim_gives_a_leased_row_to_nobody_else():
    add(1)
    assert len(outbox.claim(limit=5, at=NOW)) == 1
    assert outbox.claim(limit=5, at=NOW) == []


def test_claim_takes_a_row_whose_lease_ran_out():
    add(1)
    outbox.claim(limit=5, at=NOW)
    OutboxRow.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert len(outbox.claim(limit=5, at=NOW)) == 1


def test_row_leased_again_meanwhile_is_not_done_by_the_first_holder():
    add(1)
    (first,) = outbox.claim(limit=5, at=NOW)
    OutboxRow.objects.update(lease_token="another")
    assert not outbox._do(first, at=NOW)
    assert ran == []


def test_nothing_is_left_when_the_change_is_rolled_back():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        add(1)
        1 / 0  # noqa: B018
    assert not OutboxRow.objects.exists()


def test_event_gives_one_row_to_each_subscriber_and_none_to_others():
    events.subscribe("test.happened", "test.note")
    try:
        events.record("test.happened", customer_id=7, subject=None, occurred_at=NOW, data={"a": 1})
        events.record("test.other", customer_id=7, subject=None, occurred_at=NOW)
        assert list(OutboxRow.objects.values_list("handler", "order_key")) == [("test.note", "customer:7")]
        events.deliver(Event.objects.all())
        assert OutboxRow.objects.count() == 1
    finally:
        events._subscriptions.pop("test.happened")


def test_event_refuses_personal_text():
    with pytest.raises(ValueError, match="not an id"):
        events.record("test.x", customer_id=1, subject=None, occurred_at=NOW, data={"said": "late again"})
    with pytest.raises(ValueError, match="not an id"):
        events.record("test.x", customer_id=1, subject=None, occurred_at=NOW, data={"name": "文静"})


def test_one_failing_poller_stops_no_other(caplog):
    seen = []
    drain._pollers.update({"a": lambda at: 1 // 0, "b": lambda at: seen.append(at) or 0})
    try:
        drain.once(at=NOW)
    finally:
        drain._pollers.pop("a"), drain._pollers.pop("b")
    assert seen == [NOW]
