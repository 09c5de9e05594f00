"""Two workers at once, and one that dies in the middle: everybody is asked once, as many as a day allows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from customers.ground import clock, drain
from customers.models import ContactReservation, Message
from surveys.distributions import handing, making, planning
from surveys.models import Distribution, Invitation, PlannedAsk, SurveyDispatch
from tests.factories import NOW, CompanyFactory
from tests.retention.racing import race
from tests.surveys.distributing import distribution, listed, live, people, reasons, running
from tests.surveys.makers import WHO

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _company() -> None:
    CompanyFactory()
    clock.fix(NOW)


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (SurveyDispatch, ContactReservation, Invitation, Message))


@pytest.mark.parametrize("_round", range(3))
def test_two_workers_ask_everybody_once(_round):
    one = listed(people(8))
    asks = list(PlannedAsk.objects.values_list("pk", flat=True))

    def work() -> list[Any]:
        return [handing.hand_over(pk, at=NOW) for pk in asks]

    results = race(work, work)
    assert sorted([*results[0], *results[1]]) == [False] * 8 + [True] * 8
    assert counts() == (8, 8, 8, 8)
    assert reasons(one) == [("sending", "")] * 8
    one.refresh_from_db()
    assert one.asked_today == 8


@pytest.mark.parametrize("_round", range(3))
def test_two_workers_ask_no_more_than_a_day_allows(_round):
    one = listed(people(8), per_day=3)
    asks = list(PlannedAsk.objects.values_list("pk", flat=True))
    halves = asks[::2], asks[1::2]
    race(*(lambda half=half: [handing.hand_over(pk, at=NOW) for pk in half] for half in halves))
    assert counts() == (3, 3, 3, 3)
    assert reasons(one) == [("planned", "")] * 5 + [("sending", "")] * 3


@pytest.mark.parametrize("_round", range(3))
def test_two_planners_plan_everybody_once(_round, monkeypatch):
    monkeypatch.setattr(planning, "CHUNK", 3)
    people(10)
    one = running(kind="periodic", period_days=7)
    Distribution.objects.update(planned_through=NOW.date().toordinal() - 7)
    race(*(lambda: planning.run(at=NOW) for _n in range(2)))
    assert PlannedAsk.objects.filter(distribution=one).count() == 10


@pytest.mark.parametrize("_round", range(2))
def test_worker_that_is_killed_between_two_asks_leaves_none_half_done(_round, monkeypatch):
    one = listed(people(4))
    send, sent = handing.sending.send_invitation, []

    def killed(*args: Any, **more: Any) -> Any:
        dispatch = send(*args, **more)
        sent.append(dispatch)
        if len(sent) == 3:  # its connection goes before the transaction is committed
            with connection.cursor() as cursor, suppress(OperationalError):
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            raise KeyboardInterrupt
        return dispatch

    def work() -> None:
        with suppress(KeyboardInterrupt):
            handing.hand_over_due(NOW)

    monkeypatch.setattr(handing.sending, "send_invitation", killed)
    race(work)
    connections.close_all()
    assert counts() == (2, 2, 2, 2)
    monkeypatch.undo()
    drain.until_empty(at=NOW)
    assert counts() == (4, 4, 4, 4)
    assert reasons(one) == [("sending", "")] * 4


@pytest.mark.parametrize("_round", range(3))
def test_of_two_who_start_at_once_one_is_refused(_round):
    made = distribution(live("twice"), kind="periodic", period_days=90)
    results = race(*(lambda: making.start(made, **WHO) for _n in range(2)))
    assert sorted(type(result).__name__ for result in results) == ["Distribution", "WrongState"]


@pytest.mark.parametrize("_round", range(3))
def test_end_while_a_worker_asks_stops_between_two(_round):
    one = listed(people(6))
    asks = list(PlannedAsk.objects.values_list("pk", flat=True))
    race(
        lambda: [handing.hand_over(pk, at=NOW) for pk in asks],
        lambda: making.end(one, by=None, at=NOW),
    )
    found = reasons(one)
    assert len(found) == 6
    assert set(found) <= {("sending", ""), ("skipped", "ended")}
    assert counts()[0] == found.count(("sending", ""))
