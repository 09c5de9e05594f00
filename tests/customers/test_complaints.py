"""Complaints: each step once, in an order that makes sense, never over somebody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import complaints
from customers.models import Complaint, ComplaintEvent, Customer, User
from customers.undo import complaints as undoing
from tests.factories import NOW, day

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def complaint(customer: Customer, manager: User) -> Complaint:
    return complaints.file_complaint(customer, text="Late again.", by=manager, at=NOW)


def told(complaint: Complaint) -> list[str]:
    return list(complaint.events.order_by("id").values_list("kind", flat=True))


def test_acknowledge_is_refused_when_it_was_acknowledged(complaint: Complaint, manager: User) -> None:
    complaints.acknowledge(complaint, by=manager, at=LATER)
    with pytest.raises(complaints.ComplaintRefused, match="acknowledged already"):
        complaints.acknowledge(Complaint.objects.get(), by=manager, at=LATER)
    assert told(complaint) == ["opened", "acknowledged"]


def test_acknowledge_is_possible_again_when_it_was_reopened(complaint: Complaint, manager: User) -> None:
    complaints.acknowledge(complaint, by=manager, at=LATER)
    complaints.resolve(complaint, by=manager, at=LATER)
    complaints.reopen(complaint, by=manager, at=LATER)
    complaints.acknowledge(complaint, by=manager, at=LATER)
    assert told(complaint)[-2:] == ["reopened", "acknowledged"]


@pytest.mark.parametrize("step", ["acknowledge", "resolve", "set_due"])
def test_every_step_is_refused_when_somebody_resolved_it_meanwhile(
    complaint: Complaint, manager: User, step: str
) -> None:
    complaints.resolve(Complaint.objects.get(), by=manager, at=NOW)
    values = {"due_day": day(NOW) + 3} if step == "set_due" else {}
    with pytest.raises(complaints.ComplaintRefused, match="meanwhile"):
        getattr(complaints, step)(complaint, **values, by=manager, at=LATER)
    assert told(complaint) == ["opened", "resolved"]


def test_an_earlier_due_day_that_is_taken_back_leaves_what_was_promised(
    complaint: Complaint, manager: User
) -> None:
    promised = complaint.respond_by
    step = complaints.set_due(complaint, due_day=day(NOW), by=manager, at=NOW)
    ComplaintEvent.objects.filter(pk=step.pk).update(void=True)
    undoing.follow(ComplaintEvent, [step.pk], NOW)
    complaint.refresh_from_db()
    assert complaint.respond_by == promised != complaint.due_at


def test_what_is_opened_again_is_promised_anew_whatever_was_promised_first(
    complaint: Complaint, manager: User
) -> None:
    complaints.set_due(complaint, due_day=day(NOW), by=manager, at=NOW)
    complaints.resolve(complaint, by=manager, at=LATER)
    complaints.reopen(complaint, by=manager, at=LATER)
    promised = complaint.respond_by
    for days in (9, 2, 9):
        complaints.set_due(complaint, due_day=day(LATER) + days, by=manager, at=LATER)
        complaint.refresh_from_db()
        assert complaint.respond_by == promised and promised is not None and promised > LATER


def test_set_due_leaves_the_complaint_open(complaint: Complaint, manager: User) -> None:
    step = complaints.set_due(complaint, due_day=day(NOW) + 3, by=manager, at=LATER)
    complaint.refresh_from_db()
    assert (step.kind, complaint.state) == (ComplaintEvent.Kind.DUE, Complaint.State.OPEN)
    assert complaint.due_at == complaints.end_of_day(day(NOW) + 3)


@pytest.mark.parametrize("days", [0, 3])
def test_the_first_response_is_due_no_later_than_another_due_day(
    complaint: Complaint, manager: User, days: int
) -> None:
    promised = complaint.respond_by
    assert promised is not None and day(promised) == day(NOW) + 1
    complaints.set_due(complaint, due_day=day(NOW) + days, by=manager, at=NOW)
    complaint.refresh_from_db()
    assert complaint.due_at == complaints.end_of_day(day(NOW) + days)
    assert complaint.respond_by == (promised if days else complaint.due_at)
    complaints.set_due(complaint, due_day=day(NOW) + 5, by=manager, at=NOW)
    complaint.refresh_from_db()
    assert complaint.respond_by == promised
