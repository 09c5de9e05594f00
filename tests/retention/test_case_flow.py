"""From a fact to a closed case, through the real sweep, the drain and the verbs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import complaints
from customers.ground import drain
from customers.models import Customer, TouchedCustomer, User
from retention import calls, cases, sweep
from retention.cases.queue import queue, read, why_here
from retention.models import EarlyWarning, RetentionCase, WarningRule
from retention.rules import enable
from tests.factories import NOW, OrderFactory, ago
from tests.retention.loop.world import closed
from tests.retention.makers import planned_call, steps

DAY = timedelta(days=1)


@pytest.fixture
def silent(customer: Customer, manager: User) -> Customer:
    """A customer who ordered every nine days and has been silent for forty, under one live rule."""
    for number in range(6):
        OrderFactory(customer=customer, sold=1_000_000, occurred_at=ago(40 + 9 * number))
    rule = WarningRule.objects.get(code="overdue")
    enable(rule, open_existing=True, by=None, at=ago(1))
    return customer


def only_case() -> RetentionCase:
    return RetentionCase.objects.get()


def test_a_silent_customer_is_noticed_called_twice_and_saved(
    silent: Customer, manager: User, lead: User
) -> None:
    run = sweep.run(as_of=NOW)
    assert (run.warnings["overdue"], run.cases_opened, run.calls_created) == (1, 1, 1)
    case = only_case()
    assert [row.pk for row in read(queue(manager), at=NOW, most=2)] == [case.pk]
    assert case.margin_365d == 6 * 300_000
    assert why_here(case, NOW).endswith("severity medium · margin ¥18,000 a year")

    first = planned_call(case)
    logged = calls.log_call(first, outcome="no_answer", by=manager, at=NOW)
    assert logged.next_call is not None
    again = logged.next_call.due_at
    assert calls.escalate_overdue(at=again + timedelta(minutes=1)) == 1
    assert planned_call(case).escalated_to == lead
    calls.log_call(
        logged.next_call, outcome="reached", note="Was ill.", by=manager, at=again + timedelta(hours=1)
    )

    case = only_case()
    assert (case.status, case.due_at) == ("working", None)
    cases.close_case(case, outcome="saved", reason="Orders again next week.", by=manager, at=again + DAY)
    assert EarlyWarning.objects.get().closed_because == "case_closed"
    assert steps(case) == ["opened", "assigned", "working", "called", "escalated", "called", "closed"]
    assert not queue(manager).exists()

    # the rule cools down from the close; after that a new sign opens a new case
    assert sweep.run(as_of=again + 2 * DAY).cases_opened == 0
    assert sweep.run(as_of=again + 40 * DAY).cases_opened == 1
    assert RetentionCase.objects.get(pk=case.pk).status == "closed"


def test_a_case_nobody_has_touched_closes_when_the_customer_orders(silent: Customer, manager: User) -> None:
    sweep.run(as_of=NOW)
    OrderFactory(customer=silent, occurred_at=NOW)
    TouchedCustomer.objects.create(customer=silent, recorded_at=NOW)
    drain.until_empty(at=NOW + timedelta(seconds=5))
    case = only_case()
    assert (case.status, case.outcome, case.closed_by) == ("closed", "recovered", None)
    assert not case.calls.filter(status="planned").exists()


def test_a_case_somebody_works_on_stays_open_when_the_customer_orders(
    silent: Customer, manager: User
) -> None:
    sweep.run(as_of=NOW)
    calls.log_call(planned_call(only_case()), outcome="no_answer", by=manager, at=NOW)
    OrderFactory(customer=silent, occurred_at=NOW)
    drain.until_empty(at=NOW + timedelta(seconds=5))
    assert only_case().status == "working"
    assert EarlyWarning.objects.get().closed_because == "sign_gone"


def test_a_complaint_joins_the_case_of_a_warning_and_keeps_it_open(silent: Customer, manager: User) -> None:
    sweep.run(as_of=NOW)
    case = only_case()
    due = case.due_at
    complaint = complaints.file_complaint(silent, text="Wrong goods.", severity=3, by=manager, at=NOW)
    drain.until_empty(at=NOW + timedelta(seconds=5))

    case = only_case()
    assert (case.kind, case.severity, case.complaint) == ("recovery", 3, complaint)
    assert case.due_at < due
    calls.log_call(planned_call(case), outcome="reached", by=manager, at=NOW + timedelta(minutes=1))
    case.refresh_from_db()
    with pytest.raises(cases.ComplaintOpen):
        cases.close_case(case, outcome="saved", reason="Sorted.", by=manager, at=NOW + DAY)
    closed(silent, by=manager, at=NOW + DAY)
    cases.close_case(case, outcome="saved", reason="Sorted.", by=manager, at=NOW + DAY)
    assert only_case().outcome == "saved"


def test_nothing_is_noticed_when_the_rule_is_off(silent: Customer) -> None:
    WarningRule.objects.update(is_enabled=False)
    assert sweep.run(as_of=NOW).cases_opened == 0
    assert not RetentionCase.objects.exists()
