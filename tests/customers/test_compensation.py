"""Compensation: within one's limit at once, above it by somebody else, never twice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from customers import complaints, erasure, rates
from customers.company import MissingRate
from customers.feedback import compensation, notes
from customers.ground.models import AuditEvent
from customers.models import Compensation, Complaint, ComplaintNote, Customer, User
from tests.factories import NOW, CustomerFactory, UserFactory

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def complaint(customer: Customer) -> Complaint:
    return complaints.file_complaint(customer, text="Two boxes were wet.", by=None, at=NOW)


@pytest.fixture
def lead(company: Any) -> User:
    return UserFactory(role="team_lead")


def give(complaint: Complaint, by: User | None, amount: int, key: str = "a", **values: Any) -> Compensation:
    said = {"kind": "refund", "currency": "CNY", "reason": "Wet goods."} | values
    return compensation.give(complaint, amount=amount, key=key, by=by, at=LATER, **said)


def test_what_is_within_the_limit_is_granted_at_once(complaint: Complaint, manager: User) -> None:
    row = give(complaint, manager, 20_000)
    assert (row.state, row.decided_at, row.approved_by) == ("granted", LATER, None)
    assert AuditEvent.objects.get(act="compensation.grant").codes == {
        "kind": "refund",
        "amount": 20_000,
        "currency": "CNY",
    }


def test_what_is_above_the_limit_waits(complaint: Complaint, manager: User, lead: User, admin: User) -> None:
    assert give(complaint, manager, 20_001).state == "asked"
    other = complaints.file_complaint(CustomerFactory(), text="Broken.", by=None, at=NOW)
    assert give(other, lead, 200_001).state == "asked"
    assert give(other, None, 1, key="b").state == "asked"
    third = complaints.file_complaint(CustomerFactory(), text="Broken.", by=None, at=NOW)
    assert give(third, admin, 99_000_000).state == "granted"


def test_all_that_one_complaint_got_counts_together(complaint: Complaint, manager: User) -> None:
    assert give(complaint, manager, 15_000).state == "granted"
    second = give(complaint, manager, 5_001, key="b")
    assert second.state == "asked"
    assert compensation.total(complaint) == 20_001
    other = complaints.file_complaint(CustomerFactory(), text="Broken.", by=None, at=NOW)
    assert give(other, manager, 20_000).state == "granted"


def test_what_is_sent_twice_is_given_once(complaint: Complaint, manager: User) -> None:
    first, second = give(complaint, manager, 100), give(complaint, manager, 100)
    assert first == second and compensation.total(complaint) == 100
    assert give(complaint, manager, 100, key="b") != first
    with pytest.raises(IntegrityError), transaction.atomic():
        Compensation.objects.filter(key="b").update(key="a")


def test_somebody_else_whose_limit_covers_it_decides(
    complaint: Complaint, manager: User, lead: User, admin: User
) -> None:
    row = give(complaint, manager, 150_000)
    with pytest.raises(compensation.NotYours):
        compensation.decide(row, is_granted=True, by=manager, at=LATER)
    compensation.decide(row, is_granted=True, by=lead, at=LATER)
    assert (row.state, row.approved_by) == ("granted", lead)
    with pytest.raises(compensation.Decided):
        compensation.decide(row, is_granted=False, by=admin, at=LATER)
    more = give(complaint, manager, 60_000, key="b")
    with pytest.raises(compensation.NotYours):  # together more than the lead gives
        compensation.decide(more, is_granted=True, by=lead, at=LATER)
    compensation.decide(more, is_granted=False, by=admin, at=LATER)
    assert (more.state, compensation.total(complaint)) == ("declined", 150_000)


def test_nobody_approves_what_she_asked_for(complaint: Complaint, lead: User) -> None:
    row = give(complaint, lead, 250_000)
    compensation.set_limits({"team_lead": None}, by=None, at=LATER)
    assert compensation.may_decide(row, by=lead) is False
    with pytest.raises(compensation.NotYours):
        compensation.decide(row, is_granted=True, by=lead, at=LATER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Compensation.objects.update(approved_by=lead)
    assert compensation.may_decide(row, by=UserFactory(role="team_lead")) is True


def test_another_currency_counts_at_the_rate_of_the_day(
    complaint: Complaint, manager: User, admin: User
) -> None:
    with pytest.raises(MissingRate):
        give(complaint, manager, 100, currency="EUR")
    rates.set_rate(currency="EUR", day=date(2026, 5, 1), rate=Decimal(8), by=admin, at=NOW)
    assert give(complaint, manager, 2_500, currency="EUR").state == "granted"
    assert compensation.total(complaint) == 20_000
    assert give(complaint, manager, 1, key="b", currency="EUR").state == "asked"


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"amount": 0}, compensation.NothingGiven),
        ({"amount": -5}, compensation.NothingGiven),
        ({"reason": " "}, compensation.NoReason),
    ],
)
def test_giving_nothing_or_for_nothing_is_refused(
    complaint: Complaint, manager: User, values: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        give(complaint, manager, **{"amount": 100, **values})
    assert not Compensation.objects.exists()


@pytest.mark.parametrize(("kind", "may"), [("question", True), ("suggestion", False), ("praise", False)])
def test_compensation_is_for_complaints_and_questions(
    customer: Customer, manager: User, kind: str, may: bool
) -> None:
    row = complaints.file_complaint(customer, text="Said.", kind=kind, by=None, at=NOW)
    if may:
        assert give(row, manager, 1).state == "granted"
        return
    with pytest.raises(compensation.NotForThis):
        give(row, manager, 1)


def test_limits_are_set_and_noted(complaint: Complaint, manager: User, admin: User) -> None:
    assert compensation.limits() == {"account_manager": 20_000, "team_lead": 200_000, "admin": None}
    wanted = {"account_manager": 0, "team_lead": 200_000}
    assert compensation.set_limits(wanted, by=admin, at=NOW) == ["account_manager"]
    assert compensation.set_limits(wanted, by=admin, at=NOW) == []
    assert give(complaint, manager, 1).state == "asked"
    assert AuditEvent.objects.filter(act="compensation.limits").count() == 1
    with pytest.raises(compensation.LimitRefused):
        compensation.set_limits({"account_manager": -1}, by=admin, at=NOW)
    with pytest.raises(ValueError, match="analyst"):
        compensation.set_limits({"analyst": 1}, by=admin, at=NOW)


def test_erasing_the_customer_blanks_notes_and_reasons(
    complaint: Complaint, manager: User, admin: User
) -> None:
    give(complaint, manager, 100)
    notes.note(complaint, text="She is angry.", by=manager, at=LATER)
    with pytest.raises(notes.NothingNoted):
        notes.note(complaint, text="  ", by=manager, at=LATER)
    erasure.erase_customer(complaint.customer, reason="request", by=admin, at=LATER)
    assert Compensation.objects.get().reason == ComplaintNote.objects.get().text == ""
    assert Compensation.objects.get().amount == 100


def test_whom_what_waits_is_offered_is_asked_once_for_all(
    complaint: Complaint, manager: User, lead: User, django_assert_num_queries: Any
) -> None:
    waits = give(complaint, manager, 20_001)
    own = give(complaint, lead, 200_000, key="own")
    assert (waits.state, own.state) == ("asked", "asked")
    granted = compensation.decide(waits, is_granted=True, by=UserFactory(role="admin"), at=LATER)
    more = [give(complaint, manager, 1, key=f"more{n}") for n in range(3)]
    rows = [granted, own, *more]
    admin = UserFactory(role="admin")
    assert compensation.decidable(rows, by=admin) == {own.pk, *(one.pk for one in more)}
    assert compensation.decidable(rows, by=manager) == compensation.decidable(rows, by=lead) == set()
    compensation.set_limits({"team_lead": 220_004}, by=None, at=LATER)
    assert compensation.decidable(rows, by=lead) == {one.pk for one in more}
    compensation.set_limits({"team_lead": 220_003}, by=None, at=LATER)
    assert compensation.decidable(rows, by=lead) == set()
    with django_assert_num_queries(3):  # the company, its limits, what was given
        compensation.decidable(rows, by=lead)
    with django_assert_num_queries(0):
        compensation.decidable([granted], by=lead)
