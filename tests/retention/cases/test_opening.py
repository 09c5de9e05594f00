"""Opening and joining cases: by hand, and for all warnings of a sweep at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, User
from retention import calls, cases
from retention.calls import due
from retention.cases import holders, opening
from retention.models import CaseMove, FollowUpCall, RetentionCase
from tests.factories import NOW, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import (
    give_margin,
    in_status,
    make_case,
    make_rule,
    make_run,
    make_warning,
    planned_call,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)


def test_open_case_by_hand_is_given_to_the_owner_with_a_call(
    customer: Customer, manager: User, lead: User
) -> None:
    give_margin(customer, 964_000)
    case = make_case(customer, kind="save", severity=3, reason="Angry on the phone.", by=lead)

    assert (case.status, case.assignee, case.severity, case.margin_365d) == ("assigned", manager, 3, 964_000)
    assert (case.opened_by, case.reason, case.assign_reason) == (lead, "Angry on the phone.", "owner")
    call = planned_call(case)
    # Monday 10:00 + 16 working hours of 09:00–12:00, 13:30–18:00 (7.5 h a day)
    assert call.due_at.isoformat() == "2026-05-13T03:00:00+00:00"
    assert case.due_at == call.due_at
    assert call.assignee == manager
    assert steps(case) == ["opened", "assigned"]
    assert cases.why_assigned(case).startswith(f"Given to {manager} because")


@pytest.mark.parametrize("reason", ["", "   "])
def test_open_case_is_refused_without_a_reason_when_by_hand(
    customer: Customer, lead: User, reason: str
) -> None:
    with pytest.raises(cases.ReasonMissing):
        make_case(customer, reason=reason, by=lead)
    assert not RetentionCase.objects.exists()


def test_open_case_joins_the_open_one(customer: Customer, manager: User, lead: User) -> None:
    first = make_case(customer, kind="save", severity=1, reason="Quiet.")
    due = first.due_at
    give_margin(customer, 5_000)
    second = make_case(customer, kind="recovery", severity=3, reason="Now angry.", by=lead, at=NOW)

    assert second.pk == first.pk
    assert (second.kind, second.severity, second.margin_365d) == ("recovery", 3, 5_000)
    assert second.reason == "Quiet.\nNow angry."
    assert second.due_at < due
    assert planned_call(second).due_at == second.due_at
    assert steps(second) == ["opened", "assigned", "joined"]


def test_open_case_keeps_severity_deadline_and_kind_when_weaker_grounds_join(
    customer: Customer, lead: User
) -> None:
    first = make_case(customer, kind="recovery", severity=3)
    second = make_case(customer, kind="save", severity=1, by=lead)
    assert (second.kind, second.severity, second.due_at) == ("recovery", 3, first.due_at)


def test_open_case_opens_a_new_one_when_the_last_is_closed(customer: Customer, manager: User) -> None:
    first = in_status(customer, Status.CLOSED, by=manager)
    second = make_case(customer)
    assert second.pk != first.pk
    assert RetentionCase.objects.get(pk=first.pk).status == Status.CLOSED


def test_one_open_case_per_customer_is_kept_by_the_database(customer: Customer) -> None:
    make_case(customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        RetentionCase.objects.create(customer=customer, opened_at=NOW)


def test_open_for_warnings_groups_the_warnings_of_a_customer(customer: Customer, manager: User) -> None:
    give_margin(customer, 70_000)
    run = make_run()
    mild = make_warning(customer, run=run, rule=make_rule(severity=1, call_within_minutes=900))
    grave = make_warning(customer, run=run, rule=make_rule(severity=3, call_within_minutes=60))

    assert cases.open_for_warnings(run, at=NOW) == (1, 1)

    case = RetentionCase.objects.get()
    assert set(case.warnings.all()) == {mild, grave}
    assert (case.severity, case.margin_365d, case.assignee, case.opened_by) == (3, 70_000, manager, None)
    assert case.due_at == NOW + timedelta(minutes=60)
    assert CaseMove.objects.get(kind="opened").codes["warnings"] == [mild.pk, grave.pk]


def test_open_for_warnings_joins_an_open_case(customer: Customer) -> None:
    run = make_run()
    case = make_case(customer, severity=1)
    warning = make_warning(customer, run=run, rule=make_rule(severity=2, call_within_minutes=120))
    assert cases.open_for_warnings(run, at=NOW) == (0, 0)
    case.refresh_from_db()
    warning.refresh_from_db()
    assert (warning.case_id, case.severity, case.due_at) == (case.pk, 2, NOW + timedelta(hours=2, minutes=0))
    assert steps(case)[-1] == "joined"


def test_open_for_warnings_changes_nothing_when_repeated(customer: Customer) -> None:
    run = make_run()
    make_warning(customer, run=run)
    cases.open_for_warnings(run, at=NOW)
    before = CaseMove.objects.count()
    assert cases.open_for_warnings(run, at=LATER) == (0, 0)
    assert CaseMove.objects.count() == before


def test_open_for_warnings_leaves_withheld_closed_and_other_runs_alone(customer: Customer) -> None:
    run, other = make_run(), make_run()
    make_warning(customer, run=run, state="withheld")
    make_warning(CustomerFactory(), run=run, state="closed", closed_at=NOW)
    near_miss = make_warning(CustomerFactory(), run=other)
    assert cases.open_for_warnings(run, at=NOW) == (0, 0)
    assert not RetentionCase.objects.exists()
    assert cases.open_for_warnings(other, at=NOW) == (1, 1)
    assert RetentionCase.objects.get().customer == near_miss.customer


def test_open_for_warnings_takes_recovery_when_one_rule_says_so(customer: Customer) -> None:
    run = make_run()
    make_warning(customer, run=run, rule=make_rule(case_kind="win_back", call_within_minutes=2000))
    make_warning(customer, run=run, rule=make_rule(case_kind="recovery", call_within_minutes=2000))
    cases.open_for_warnings(run, at=NOW)
    case = RetentionCase.objects.get()
    assert case.kind == "recovery"
    # a recovery is called within 8 working hours whatever its rule says
    assert case.due_at.isoformat() == "2026-05-12T02:30:00+00:00"


def _queries_of_opening(customers: int, *, owners: int) -> int:
    run = make_run()
    team = TeamFactory()
    people = [UserFactory(team=team) for _ in range(owners)]
    rules = [make_rule(), make_rule(severity=3)]
    for number in range(customers):
        one = CustomerFactory(owner=people[number % owners] if number % 3 else None, team=team)
        give_margin(one, 1000)
        for rule in rules:
            make_warning(one, run=run, rule=rule)
        if number % 4 == 3:
            make_case(one)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        opened, planned = cases.open_for_warnings(run, at=LATER)
    assert opened == planned == customers - sum(number % 4 == 3 for number in range(customers))
    return len(captured)


def test_open_for_warnings_needs_as_many_queries_for_30_customers_as_for_1(company: Any) -> None:
    one = _queries_of_opening(1, owners=1)
    thirty = _queries_of_opening(30, owners=7)
    # joining the open cases of a quarter of the thirty takes three statements and their records
    assert one <= 32
    assert thirty <= one + 6


def test_open_for_warnings_plans_a_call_for_a_joined_case_that_has_none(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    calls.log_call(planned_call(case), outcome="reached", by=manager, at=NOW)
    run = make_run()
    make_warning(customer, run=run, rule=make_rule(call_within_minutes=60))
    assert cases.open_for_warnings(run, at=NOW) == (0, 1)
    case.refresh_from_db()
    assert (case.status, case.due_at) == ("working", NOW + timedelta(hours=1))
    assert planned_call(case).assignee == manager


@pytest.mark.parametrize(
    ("outcome", "planned"), [("wrong_number", 0), ("do_not_call", 0), ("left_message", 0)]
)
def test_open_for_warnings_plans_no_second_call_nor_one_that_is_not_wanted(
    customer: Customer, manager: User, outcome: str, planned: int
) -> None:
    case = make_case(customer)
    calls.log_call(planned_call(case), outcome=outcome, by=manager, at=NOW)
    run = make_run()
    make_warning(customer, run=run, rule=make_rule(call_within_minutes=60))
    assert cases.open_for_warnings(run, at=NOW) == (0, planned)
    assert FollowUpCall.objects.filter(status="planned").count() == (1 if outcome == "left_message" else 0)


def test_work_goes_in_pieces_and_leaves_nothing_over(
    team: Any, manager: User, teammate: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (opening, holders, due):
        monkeypatch.setattr(module, "CHUNK", 2)
    run = make_run()
    for _ in range(5):
        make_warning(CustomerFactory(owner=manager), run=run)
    assert cases.open_for_warnings(run, at=NOW) == (5, 5)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert calls.assign_due(at=LATER) == calls.Due(taken_back=5, assigned=5, planned=0)
    assert calls.escalate_overdue(at=NOW + timedelta(days=9)) == 5
    assert set(RetentionCase.objects.values_list("assignee", flat=True)) == {teammate.pk}
