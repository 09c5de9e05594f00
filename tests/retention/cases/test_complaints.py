"""Complaints open or join a recovery case through the drain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import complaints
from customers.ground import drain
from customers.ground.models import Event, OutboxRow
from customers.models import Customer, User
from retention import cases
from retention.cases import complaints as complaint_cases
from retention.models import LoopClosure, RetentionCase
from tests.factories import NOW
from tests.retention.loop.world import closed
from tests.retention.makers import (
    file_complaint,
    make_case,
    steps,
)

LATER = NOW + timedelta(hours=1)


def test_complaint_opens_a_recovery_case_through_the_drain(customer: Customer, manager: User) -> None:
    complaint = file_complaint(customer, by=manager)
    assert not RetentionCase.objects.exists()

    drain.once(at=NOW + timedelta(seconds=1))

    case = RetentionCase.objects.get()
    assert (case.kind, case.severity, case.complaint, case.assignee) == ("recovery", 3, complaint, manager)
    assert case.opened_by is None
    assert list(cases.complaints_of(case)) == [complaint]
    assert case.due_at.isoformat() == "2026-05-12T02:30:01+00:00"  # 8 working hours


def test_complaint_joins_the_open_case(customer: Customer, manager: User) -> None:
    case = make_case(customer, severity=1)
    first, second = file_complaint(customer, by=manager), file_complaint(customer, by=manager)
    drain.until_empty(at=NOW)
    case.refresh_from_db()
    assert (case.kind, case.severity, case.complaint) == ("recovery", 3, first)
    assert set(cases.complaints_of(case)) == {first, second}


def test_complaint_reopened_opens_a_case_again(customer: Customer, manager: User) -> None:
    complaint = file_complaint(customer, by=manager)
    drain.until_empty(at=NOW)
    closed(customer, by=manager, at=NOW)
    case = RetentionCase.objects.get()
    cases.close_case(case, outcome="saved", reason="Solved.", by=manager, at=NOW)
    complaint.refresh_from_db()
    complaints.reopen(complaint, by=manager, at=LATER)
    drain.until_empty(at=LATER)
    assert RetentionCase.objects.filter(complaint=complaint).count() == 2
    assert RetentionCase.objects.open().count() == 1
    assert LoopClosure.objects.get().state == "assigned"


@pytest.mark.parametrize("data", [{"history": True, "resolved": False}, {"history": False, "resolved": True}])
def test_complaint_opens_nothing_when_history_or_resolved(
    customer: Customer, manager: User, data: dict[str, bool]
) -> None:
    complaint = file_complaint(customer, by=manager)
    event = Event(kind="complaint.filed", subject_id=complaint.pk, data=data)
    complaint_cases.complaint_opens_case(OutboxRow(event=event), NOW)
    assert not RetentionCase.objects.exists()


def test_complaint_opens_nothing_when_resolved_before_the_drain_came(
    customer: Customer, manager: User
) -> None:
    complaint = file_complaint(customer, by=manager)
    complaints.resolve(complaint, by=manager, at=NOW)
    drain.until_empty(at=NOW)
    assert not RetentionCase.objects.exists()


def test_complaint_opens_one_case_when_the_handler_runs_twice(customer: Customer, manager: User) -> None:
    file_complaint(customer, by=manager)
    row = OutboxRow.objects.select_related("event").get(handler=complaint_cases.HANDLER)
    complaint_cases.complaint_opens_case(row, NOW)
    complaint_cases.complaint_opens_case(row, LATER)
    assert steps(RetentionCase.objects.get()) == ["opened", "assigned"]
