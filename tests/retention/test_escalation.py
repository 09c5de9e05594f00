"""Overdue calls: marked and told to the lead once, whoever runs the round and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground.models import AuditEvent, Event
from customers.models import Customer, User
from retention import calls, cases
from retention.models import CaseMove, FollowUpCall, RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import make_case, planned_call, steps
from tests.retention.racing import race

SECOND = timedelta(seconds=1)


def test_escalate_overdue_tells_the_lead_once(
    customer: Customer, manager: User, lead: User, admin: User
) -> None:
    case = make_case(customer)
    late = case.due_at + SECOND

    assert calls.escalate_overdue(at=late) == 1

    call = planned_call(case)
    assert (call.overdue_at, call.escalated_to) == (late, lead)
    assert steps(case) == ["opened", "assigned", "escalated"]
    assert CaseMove.objects.get(kind="escalated").codes == {"call": call.pk, "to": lead.pk}
    assert AuditEvent.objects.filter(act="case.escalated", object_id=case.pk).count() == 1
    assert Event.objects.filter(kind="case.escalated", customer_id=customer.pk).count() == 1
    assert calls.escalate_overdue(at=late + SECOND) == 0
    assert planned_call(case).overdue_at == late


def test_escalate_overdue_leaves_what_is_due_at_this_very_moment(customer: Customer) -> None:
    case = make_case(customer)
    assert calls.escalate_overdue(at=case.due_at) == 0
    assert planned_call(case).overdue_at is None


def test_escalate_overdue_leaves_done_and_cancelled_calls(customer: Customer, manager: User) -> None:
    reached, closed = make_case(customer), make_case(CustomerFactory(owner=manager))
    calls.log_call(planned_call(reached), outcome="reached", by=manager, at=NOW)
    cases.close_case(closed, outcome="saved", reason="Stays.", by=manager, at=NOW)
    assert calls.escalate_overdue(at=NOW + timedelta(days=90)) == 0


@pytest.mark.parametrize(
    ("holder", "with_lead", "told"),
    [
        ("manager", True, "lead"),
        ("manager", False, "admin"),
        ("lead", True, "admin"),  # a lead is not told of her own lateness
        (None, True, "lead"),  # nobody holds it: the lead of the customer's team
        (None, False, "admin"),
    ],
)
def test_escalate_overdue_finds_whom_to_tell(
    request: pytest.FixtureRequest,
    customer: Customer,
    manager: User,
    lead: User,
    admin: User,
    holder: str | None,
    with_lead: bool,
    told: str,
) -> None:
    case = make_case(customer)
    UserFactory(role="team_lead", team=TeamFactory())
    if holder == "lead":
        cases.assign(case, to=lead, by=admin, at=NOW)
    if holder is None:
        cases.unassign(case, by=admin, at=NOW)
    if not with_lead:
        User.objects.filter(pk=lead.pk).update(is_active=False)
    calls.escalate_overdue(at=case.due_at + SECOND)
    assert planned_call(case).escalated_to == request.getfixturevalue(told)


def test_escalate_overdue_marks_a_call_that_nobody_can_be_told_of(customer: Customer) -> None:
    case = make_case(customer)
    assert calls.escalate_overdue(at=case.due_at + SECOND) == 1
    assert planned_call(case).escalated_to is None
    assert calls.escalate_overdue(at=case.due_at + SECOND) == 0


def test_escalate_overdue_escalates_again_when_the_call_was_given_another_moment(
    customer: Customer, manager: User, lead: User
) -> None:
    case = make_case(customer)
    late = case.due_at + SECOND
    calls.escalate_overdue(at=late)
    calls.plan_call(case, due_at=late + timedelta(hours=1), by=manager, at=late)
    assert calls.escalate_overdue(at=late + SECOND) == 0
    assert calls.escalate_overdue(at=planned_call(case).due_at + SECOND) == 1
    assert steps(case).count("escalated") == 2


def test_escalate_overdue_needs_as_many_queries_for_30_calls_as_for_1(team: Any, lead: User) -> None:
    def queries(number: int) -> int:
        made = [make_case(CustomerFactory(owner=UserFactory(team=team))) for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            assert calls.escalate_overdue(at=made[0].due_at + SECOND) == number
        RetentionCase.objects.update(status="closed", outcome="saved", closed_at=NOW)
        return len(captured)

    assert queries(30) == queries(1)


@pytest.mark.services
@pytest.mark.parametrize("_round", range(3))
def test_race_of_rounds_escalates_each_call_once(transactional_db: None, _round: int) -> None:
    CompanyFactory()
    team = TeamFactory()
    lead = UserFactory(role="team_lead", team=team)
    owner = UserFactory(team=team)
    made = [make_case(CustomerFactory(owner=owner)) for _ in range(12)]
    late = made[0].due_at + SECOND

    counts = race(*[lambda: calls.escalate_overdue(at=late) for _ in range(6)])

    assert sum(counts) == 12
    assert set(FollowUpCall.objects.values_list("overdue_at", "escalated_to")) == {(late, lead.pk)}
    assert CaseMove.objects.filter(kind="escalated").count() == 12
