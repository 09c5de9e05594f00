"""Measures and cases see complaints alone, not suggestions, questions and praise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import complaints
from customers.ground import drain
from customers.models import Customer, FeedbackKind, User
from retention.measures import compute, registry
from retention.measures.history import history
from retention.models import RetentionCase
from surveys.distributions import triggers
from tests.factories import NOW, day

OTHERS = [FeedbackKind.SUGGESTION, FeedbackKind.QUESTION, FeedbackKind.PRAISE]
LATER = NOW + timedelta(days=30)


def file(customer: Customer, **values: Any) -> Any:
    return complaints.file_complaint(
        customer, text="The green box.", by=None, at=NOW - timedelta(days=2), **values
    )


def of_complaints(customer: Customer) -> dict[str, Any]:
    """Return what the measures over complaints say of the customer a month later, when all is overdue."""
    values = compute.values_of([customer.pk])[customer.pk]
    found = {one.code: one for one in registry.every().values() if one.source == "complaints"}
    assert len(found) >= 9
    return {code: one.read(values, today=day(LATER)) for code, one in found.items()}


@pytest.mark.parametrize("kind", OTHERS)
def test_no_measure_changes_when_it_is_no_complaint(customer: Customer, kind: FeedbackKind) -> None:
    compute.refresh(as_of=LATER)
    before = of_complaints(customer)
    row = file(customer, kind=kind)
    complaints.resolve(row, by=None, at=NOW)
    complaints.reopen(row, by=None, at=NOW)
    compute.refresh(as_of=LATER + timedelta(seconds=1))
    assert of_complaints(customer) == before
    assert sum(history(customer.pk, at=NOW)["complaints"]) == 0


def test_the_measures_change_when_it_is_a_complaint(customer: Customer) -> None:
    file(customer)
    compute.refresh(as_of=LATER)
    found = of_complaints(customer)
    assert (found["complaints_open"], found["complaints_overdue"], found["complaints_60d"]) == (1, 1, 1)
    assert found["complaint_due_day"] < day(LATER)
    assert sum(history(customer.pk, at=NOW)["complaints"]) == 1


@pytest.mark.parametrize("kind", FeedbackKind.values)
def test_a_case_opens_for_complaints_alone(customer: Customer, manager: User, kind: str) -> None:
    row = file(customer, kind=kind)
    complaints.resolve(row, by=None, at=NOW)
    complaints.reopen(row, by=None, at=NOW)
    drain.until_empty(at=NOW + timedelta(seconds=1))
    assert RetentionCase.objects.exists() is (kind == "complaint")


def test_a_survey_follows_what_was_resolved_of_the_kind_that_it_asks_about(customer: Customer) -> None:
    rows = {kind: file(customer, kind=kind) for kind in FeedbackKind.values}
    open_one = file(customer, kind="question")
    for row in rows.values():
        complaints.resolve(row, by=None, at=NOW)
    ids = [*(row.pk for row in rows.values()), open_one.pk]
    among = Customer.objects.all()
    for code, kind, news in (
        ("complaint_resolved", "complaint", "complaint.resolved"),
        ("question_answered", "question", "feedback.resolved"),
    ):
        trigger = triggers.get(code)
        assert trigger is not None and trigger in triggers.told_by(news)
        assert set(trigger.find(ids)) == {rows[kind].pk}
        assert trigger.count(among, NOW - timedelta(days=1)) == 1
