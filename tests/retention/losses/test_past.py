"""Definitions applied to the past, and windows with their false-churn rates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent, Event
from retention import losses
from retention.losses import past, window
from retention.losses.window import Candidate
from retention.measures import compute
from retention.models import Loss, LossKind
from tests.factories import NOW, ContractFactory, CustomerFactory, OrderFactory, ago, day
from tests.retention.losses.test_finding import ordered, turn_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """All of these need the company."""


def spells() -> list[tuple[int, int, int | None]]:
    """Return customer, days since it began, days since it ended."""
    today = day(NOW)
    return [
        (loss.customer_id, today - day(loss.occurred_at), loss.ended_at and today - day(loss.ended_at))
        for loss in Loss.objects.order_by("customer", "occurred_at")
    ]


def test_history_writes_each_spell_once_with_the_moment_it_would_have_been_found() -> None:
    turn_on("window", days=90)
    twice, near = CustomerFactory(), CustomerFactory()
    ordered(twice, 700, 500, 300)  # lost at 610, back at 500, lost at 410, back at 300, lost at 210
    ordered(near, 190, 100, 89)  # exactly 90 days without one, but on the 90th it came
    assert past.write_history(since=ago(800), at=NOW) == 3
    assert spells() == [(twice.pk, 610, 500), (twice.pk, 410, 300), (twice.pk, 210, None)]
    first = Loss.objects.order_by("occurred_at")[0]
    assert first.recorded_at == first.occurred_at and first.end_recorded_at == first.ended_at
    assert past.write_history(since=ago(800), at=NOW) == 0
    assert not Event.objects.filter(kind="loss.record").exists()
    assert AuditEvent.objects.filter(act="losses.history").count() == 2
    compute.refresh(as_of=NOW)
    assert losses.seek(at=NOW) == {"returned": 0, "lost": 0}  # the night agrees


def test_history_equals_the_nights_that_would_have_been() -> None:
    turn_on("window", days=60)
    turn_on("personal", days=20, percent=300)
    for days in ((400, 390, 380, 370, 250, 100), (300,), (200, 180, 160, 140, 120, 100, 5), (90, 31, 30)):
        ordered(CustomerFactory(), *days)
    for n in range(420, -1, -1):
        compute.refresh(as_of=ago(n))
        losses.seek(at=ago(n))
    by_night = spells()
    Loss.objects.all().delete()
    past.write_history(since=ago(800), at=NOW)
    assert spells() == by_night and len(by_night) >= 5


def test_history_of_contracts_and_what_stands_already() -> None:
    customer, renewed = CustomerFactory(), CustomerFactory()
    ContractFactory(customer=customer, occurred_at=ago(500), ends_day=day(ago(200)))
    ContractFactory(customer=customer, occurred_at=ago(150))
    ContractFactory(customer=renewed, occurred_at=ago(500), ends_day=day(ago(200)))
    ContractFactory(customer=renewed, occurred_at=ago(199))
    assert past.write_history(since=ago(800), at=NOW) == 1
    assert spells() == [(customer.pk, 199, 150)]
    assert Loss.objects.get().found_by == LossKind.CONTRACT


def test_history_ends_a_spell_at_the_very_moment_of_the_order() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 300)
    back = ago(100) + timedelta(hours=3)
    OrderFactory(customer=customer, occurred_at=back + timedelta(hours=1))
    OrderFactory(customer=customer, occurred_at=back)
    past.write_history(since=ago(800), at=NOW)
    first = Loss.objects.order_by("occurred_at")[0]
    assert (first.ended_at, first.end_recorded_at, first.ended_because) == (back, back, "order")


@pytest.mark.parametrize(("order", "contract", "because"), [(120, 150, "contract"), (150, 120, "order")])
@pytest.mark.parametrize("kind", ["window", "contract"])
def test_history_ends_a_spell_by_an_order_or_a_contract_whichever_comes_first(
    kind: str, order: int, contract: int, because: str
) -> None:
    customer = CustomerFactory()
    if kind == "window":
        turn_on("window", days=90)
        ordered(customer, 400)
    else:
        ContractFactory(customer=customer, occurred_at=ago(500), ends_day=day(ago(200)))
    ordered(customer, order)
    ContractFactory(customer=customer, occurred_at=ago(contract))
    past.write_history(since=ago(800), at=NOW)
    loss = Loss.objects.get()
    assert (loss.ended_at, loss.ended_because, loss.found_by) == (ago(150), because, kind)


def test_history_ends_no_spell_by_a_contract_that_had_run_out() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ContractFactory(customer=customer, occurred_at=ago(380), ends_day=day(ago(350)))
    ordered(customer, 400)
    past.write_history(since=ago(330), at=NOW)
    assert Loss.objects.get().ended_at is None


def test_history_leaves_out_what_overlaps_a_loss_by_hand() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 400, 100)
    Loss.objects.create(customer=customer, occurred_at=ago(350), recorded_at=ago(350), ended_at=ago(305))
    assert past.write_history(since=ago(800), at=NOW) == 1
    assert spells() == [(customer.pk, 350, 305), (customer.pk, 10, None)]


def test_history_begins_at_its_day_and_forgets_nobody_elses_facts() -> None:
    turn_on("window", days=90)
    ordered(CustomerFactory(), 300)
    assert past.write_history(since=ago(209), at=NOW) == 0
    assert past.write_history(since=ago(210), at=NOW) == 1


def test_candidates_count_who_came_back() -> None:
    ordered(CustomerFactory(), 400, 300, 40)  # silences of 99 and 259 days that ended, of 40 that lasts
    found = {
        one.days: (one.lost, one.returned) for one in window.candidates(at=NOW, windows=(40, 41, 99, 100))
    }
    assert found == {40: (3, 2), 41: (2, 2), 99: (2, 2), 100: (1, 1)}


def test_candidates_know_only_what_was_known() -> None:
    customer = CustomerFactory()
    ordered(customer, 300)
    OrderFactory(customer=customer, occurred_at=ago(100), recorded_at=NOW + timedelta(days=1))
    assert window.candidates(at=NOW, windows=(90,)) == [Candidate(90, 1, 0)]


def test_proposed_is_the_shortest_window_that_is_right_often_enough() -> None:
    found = [Candidate(30, 100, 60), Candidate(60, 19, 0), Candidate(90, 100, 20), Candidate(120, 50, 1)]
    assert window.proposed(found) == found[2]
    assert window.proposed([Candidate(90, 100, 21)]) is None
    assert Candidate(90, 0, 0).false_churn is None and found[0].false_churn == 60
