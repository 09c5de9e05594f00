"""An objection to profiling and a sweep at the same moment, in both orders: no warning outlives it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from customers import objections
from customers.ground import drain
from customers.models import Customer, Objection
from retention import rules, sweep, warnings
from retention.models import EarlyWarning, RetentionCase, WarningRule
from tests.factories import NOW, CompanyFactory, CustomerFactory, OrderFactory, TeamFactory, UserFactory
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
LATER = NOW + timedelta(seconds=1)


@pytest.fixture
def silent() -> list[Customer]:
    """Two customers whom the rule “overdue” finds, committed."""
    CompanyFactory()
    owner = UserFactory(team=TeamFactory())
    made = [CustomerFactory(owner=owner) for _ in range(2)]
    for customer in made:
        for days in (200, 170, 140, 110, 80):
            OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days))
    rules.enable(WarningRule.objects.get(code="overdue"), open_existing=True, by=None, at=NOW)
    return made


class Gate:
    """A step that says that it was reached, and goes on when it is let through."""

    def __init__(self, *, is_open: bool = False) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        if is_open:
            self.go_on.set()

    def __call__(self, *_args: Any) -> None:
        self.reached.set()
        assert self.go_on.wait(timeout=30)


def in_thread(act: Callable[[], Any], failed: list[Exception]) -> threading.Thread:
    """Start an act with a connection of its own."""

    def run() -> None:
        try:
            act()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def swept() -> Any:
    return sweep.run(as_of=LATER, scope="full")


def object_to(customer: Customer) -> Objection:
    return objections.object_to_profiling(customer, by=None, at=LATER)


def assert_left_alone(customer: Customer, other: Customer) -> None:
    """Nothing stands against who objected, now and after what was still on its way; the other is warned."""
    drain.until_empty(at=LATER)
    standing = EarlyWarning.objects.exclude(state="closed")
    assert set(standing.values_list("customer", flat=True)) == {other.pk}
    cases = RetentionCase.objects.exclude(status="closed")
    assert set(cases.values_list("customer", flat=True)) == {other.pk}


def test_a_sweep_that_writes_while_somebody_objects_waits_and_spares_her(
    silent: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objection is written and not committed; the sweep has matched her and writes its warnings."""
    objecting, sparing, failed = Gate(), Gate(is_open=True), list[Exception]()
    spare = warnings._spare_objectors
    monkeypatch.setattr(warnings, "_spare_objectors", lambda new: (sparing(), spare(new)))
    monkeypatch.setitem(objections._hooks, "tests.last", objecting)

    first = in_thread(lambda: object_to(silent[0]), failed)
    assert objecting.reached.wait(timeout=30)
    second = in_thread(swept, failed)
    assert sparing.reached.wait(timeout=60)
    second.join(timeout=0.5)
    waits = second.is_alive()
    objecting.go_on.set()
    for thread in (first, second):
        thread.join(timeout=60)

    assert waits and not failed, failed
    assert not EarlyWarning.objects.filter(customer=silent[0]).exists()
    assert_left_alone(*silent)


def test_who_objects_before_the_sweep_commits_has_its_warnings_closed(
    silent: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep looked for objections and found none; she objects before its warnings are committed."""
    sweeping, failed = Gate(), list[Exception]()
    spare = warnings._spare_objectors
    monkeypatch.setattr(warnings, "_spare_objectors", lambda new: (spare(new), sweeping()))

    first = in_thread(swept, failed)
    assert sweeping.reached.wait(timeout=60)
    second = in_thread(lambda: object_to(silent[0]), failed)
    second.join(timeout=0.5)
    waits = second.is_alive()
    sweeping.go_on.set()
    for thread in (first, second):
        thread.join(timeout=60)

    assert waits and not failed, failed
    assert_left_alone(*silent)


@pytest.mark.parametrize("round_", range(4))
def test_race_of_objection_and_sweeps_leaves_her_alone(silent: list[Customer], round_: int) -> None:
    results = race(swept, lambda: object_to(silent[0]), lambda: sweep.touched(LATER))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert_left_alone(*silent)
