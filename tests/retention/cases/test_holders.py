"""Who gets a case, who may work it, and who sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import ownership
from customers.models import Access, Customer, User
from retention import calls, cases
from retention.cases.queue import queue
from retention.models import FollowUpCall, RetentionCase
from tests.factories import NOW, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import (
    in_status,
    make_case,
    planned_call,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)


def test_open_case_goes_to_the_least_loaded_when_the_owner_is_full(
    customer: Customer, manager: User, teammate: User, lead: User, outsider: User
) -> None:
    User.objects.filter(pk=manager.pk).update(capacity=1)
    make_case(CustomerFactory(owner=manager))
    make_case(CustomerFactory(owner=lead))
    case = make_case(customer)
    assert (case.assignee, case.assign_reason, case.assign_data["owner"]) == (
        teammate,
        "least_loaded",
        "full",
    )


def test_open_case_stands_unassigned_with_its_reason_when_nobody_can_take_it(
    customer: Customer, manager: User, lead: User, admin: User, outsider: User
) -> None:
    User.objects.filter(pk__in=[manager.pk, lead.pk]).update(capacity=0)
    other_lead = UserFactory(role="team_lead", team=TeamFactory())
    case = make_case(customer)

    assert (case.status, case.assignee, case.assign_reason) == ("unassigned", None, "all_full")
    assert "all have as many open cases as agreed" in cases.why_assigned(case)
    assert planned_call(case).assignee is None
    assert steps(case) == ["opened"]
    for user, sees in ((lead, True), (other_lead, True), (admin, True), (outsider, False)):
        assert (case in queue(user)) is sees
        assert (case in RetentionCase.objects.visible_to(user)) is sees


def test_open_case_stands_unassigned_when_the_customer_has_no_team(company: Any, outsider: User) -> None:
    case = make_case(CustomerFactory())
    assert (case.status, case.assign_reason) == ("unassigned", "no_team")


def test_assignment_gives_access_that_ends_with_it(
    customer: Customer, manager: User, lead: User, outsider: User
) -> None:
    case = make_case(customer)
    assert customer not in Customer.objects.visible_to(outsider)

    cases.assign(case, to=outsider, by=lead, at=NOW)
    assert customer in Customer.objects.visible_to(outsider)
    assert Access.objects.get(user=manager).ends_at == NOW
    assert planned_call(case).assignee == outsider

    cases.close_case(case, outcome="saved", reason="Stays.", by=outsider, at=LATER)
    assert customer not in Customer.objects.visible_to(outsider)
    assert Access.objects.get(user=outsider).ends_at == LATER


def test_assign_returns_a_working_case_to_assigned(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    case = in_status(customer, Status.WORKING, by=manager)
    cases.assign(case, to=teammate, by=lead, at=LATER)
    assert (case.status, case.assignee) == ("assigned", teammate)
    assert steps(case)[-1] == "reassigned"
    assert cases.why_assigned(case) == f"Given to {teammate} by hand."


def test_assign_changes_nothing_when_it_is_hers_already(
    customer: Customer, manager: User, lead: User
) -> None:
    case = make_case(customer)
    cases.assign(case, to=manager, by=lead, at=LATER)
    assert steps(case) == ["opened", "assigned"]


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"role": "team_lead"}, True),
        ({"is_active": False}, False),
        ({"role": "admin"}, False),
        ({"role": "analyst"}, False),
        ({"role": "integration"}, False),
    ],
)
def test_assign_is_refused_for_those_who_hold_no_cases(
    customer: Customer, lead: User, changes: dict[str, Any], may: bool
) -> None:
    case = make_case(customer)
    other = UserFactory(**changes)
    if may:
        assert cases.assign(case, to=other, by=lead, at=LATER).assignee == other
        return
    for act in (
        lambda: cases.assign(case, to=other, by=lead, at=LATER),
        lambda: cases.assign_many([case], to=other, by=lead, at=LATER),
    ):
        with pytest.raises(cases.MayNotHold):
            act()
    assert RetentionCase.objects.get().assignee != other


def test_assign_many_moves_all_but_the_closed_and_his_own(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    assigned = make_case(customer)
    working = in_status(CustomerFactory(owner=manager), Status.WORKING, by=manager)
    free = in_status(CustomerFactory(owner=manager), Status.UNASSIGNED, by=manager)
    closed = in_status(CustomerFactory(owner=manager), Status.CLOSED, by=manager)
    his = make_case(CustomerFactory(owner=teammate))
    everything = [assigned, working, free, closed, his]

    assert cases.assign_many(everything, to=teammate, by=lead, at=LATER) == 3

    for case in everything:
        case.refresh_from_db()
    assert {case.status for case in (assigned, working, free, his)} == {"assigned"}
    assert {case.assignee for case in (assigned, working, free, his)} == {teammate}
    assert closed.assignee == manager
    assert [steps(case)[-1] for case in everything] == [
        "reassigned",
        "reassigned",
        "assigned",
        "closed",
        "assigned",
    ]
    assert {call.assignee for call in FollowUpCall.objects.filter(status="planned")} == {teammate}
    assert Access.objects.filter(user=teammate, ends_at__isnull=True).count() == 4


def test_assign_many_needs_as_many_queries_for_30_cases_as_for_1(team: Any, lead: User) -> None:
    def queries(number: int) -> int:
        owner, other = UserFactory(team=team), UserFactory(team=team)
        chosen = [make_case(CustomerFactory(owner=owner)) for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            assert cases.assign_many(chosen, to=other, by=lead, at=LATER) == number
        return len(captured)

    assert queries(30) == queries(1)


def test_cases_of_people_who_left_are_taken_back_and_given_anew(
    customer: Customer, manager: User, teammate: User, admin: User
) -> None:
    working = in_status(customer, Status.WORKING, by=manager)
    hers = make_case(CustomerFactory(owner=teammate))
    ownership.set_active(manager, is_active=False, by=admin, at=LATER)

    done = calls.assign_due(at=LATER)

    working.refresh_from_db()
    hers.refresh_from_db()
    assert (done.taken_back, done.assigned) == (1, 1)
    assert (working.assignee, working.assign_data["owner"]) == (teammate, "inactive")
    assert hers.assignee == teammate
    assert steps(working)[-2:] == ["unassigned", "assigned"]


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("manager", True),
        ("lead", True),
        ("admin", True),
        ("teammate", False),
        ("outsider", False),
        ("analyst", False),
    ],
)
def test_may_work_asks_who_holds_owns_or_leads(
    request: pytest.FixtureRequest, customer: Customer, who: str, may: bool
) -> None:
    case = make_case(customer)
    user = request.getfixturevalue(who)
    assert cases.may_work(user, case) is may
    assert cases.may_assign(user) is (who in ("lead", "admin"))


def test_may_work_ends_with_employment(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    manager.is_active = False
    assert not cases.may_work(manager, case)


def test_visible_to_gives_a_manager_without_access_nothing(
    customer: Customer, manager: User, teammate: User, outsider: User
) -> None:
    make_case(customer)
    leaking = make_case(CustomerFactory(owner=teammate))
    cases.close_case(leaking, outcome="saved", reason="Stays.", by=teammate, at=NOW)
    assert RetentionCase.objects.count() == 2
    assert not RetentionCase.objects.visible_to(outsider).exists()
    assert list(RetentionCase.objects.visible_to(teammate)) == [leaking]


def test_visible_to_ends_for_who_held_a_case_when_it_is_closed(
    customer: Customer, manager: User, lead: User, outsider: User
) -> None:
    case = make_case(customer)
    cases.assign(case, to=outsider, by=lead, at=NOW)
    assert case in RetentionCase.objects.visible_to(outsider)
    cases.close_case(case, outcome="saved", reason="Stays.", by=outsider, at=LATER)
    assert case not in RetentionCase.objects.visible_to(outsider)
    for user in (manager, lead):
        assert case in RetentionCase.objects.visible_to(user)


def test_visible_to_ends_for_other_leads_when_an_unassigned_case_is_closed(
    customer: Customer, lead: User
) -> None:
    other_lead = UserFactory(role="team_lead", team=TeamFactory())
    case = cases.unassign(make_case(customer), by=lead, at=NOW)
    assert case in RetentionCase.objects.visible_to(other_lead)
    cases.close_case(case, outcome="not_pursued", reason="Too small.", by=lead, at=LATER)
    assert case not in RetentionCase.objects.visible_to(other_lead)
    assert case in RetentionCase.objects.visible_to(lead)
