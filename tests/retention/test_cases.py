"""Cases: the table of moves, opening and joining, who gets them, diagnosis, closing, the queue."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from customers import causes, complaints, ownership
from customers.ground import drain
from customers.ground.models import AuditEvent, Event, OutboxRow
from customers.models import Access, Cause, Customer, User
from retention import calls, cases
from retention.calls import due
from retention.cases import complaints as complaint_cases
from retention.cases import holders, moves, opening
from retention.cases.queue import after, in_order, place_of, queue, why_here
from retention.models import CaseMove, EarlyWarning, FollowUpCall, RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import (
    give_margin,
    make_case,
    make_rule,
    make_run,
    make_warning,
    planned_call,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)
DOCS = Path(__file__).parents[2] / "docs"


def in_status(customer: Customer, status: str, *, by: User) -> RetentionCase:
    """Return a case that reached ``status`` by the verbs alone."""
    case = make_case(customer)
    if status == Status.UNASSIGNED:
        return cases.unassign(case, by=by, at=NOW)
    if status == Status.WORKING:
        moves.move_to(case, Status.WORKING, kind="working", by=by, at=NOW)
    if status == Status.CLOSED:
        cases.close_case(case, outcome="saved", reason="Stays.", by=by, at=NOW)
    return case


def fields_for(status: str, user: User) -> dict[str, Any]:
    """Return the columns that the database wants beside a status."""
    if status == Status.CLOSED:
        return {"outcome": "saved", "closed_at": LATER}
    return {"assignee_id": None if status == Status.UNASSIGNED else user.pk}


# --- The table of moves -----------------------------------------------------------------------
def test_transitions_name_every_status() -> None:
    assert set(cases.TRANSITIONS) == set(Status)
    assert all(new in set(Status) for allowed in cases.TRANSITIONS.values() for new in allowed)
    assert cases.TRANSITIONS[Status.CLOSED] == frozenset()


@pytest.mark.parametrize("new", Status.values)
@pytest.mark.parametrize("old", Status.values)
def test_move_to_follows_the_table(customer: Customer, manager: User, old: str, new: str) -> None:
    case = in_status(customer, old, by=manager)
    before = CaseMove.objects.filter(case=case).count()

    if new in cases.TRANSITIONS[Status(old)]:
        moves.move_to(case, new, kind="assigned", by=manager, at=LATER, **fields_for(new, manager))
        assert RetentionCase.objects.get(pk=case.pk).status == case.status == new
        step = CaseMove.objects.filter(case=case).latest("id")
        assert (step.from_status, step.to_status, step.by, step.at) == (old, new, manager, LATER)
    else:
        refusal = cases.CaseClosed if old == Status.CLOSED else cases.NotAllowed
        with pytest.raises(refusal):
            moves.move_to(case, new, kind="assigned", by=manager, at=LATER, **fields_for(new, manager))
        assert RetentionCase.objects.get(pk=case.pk).status == case.status == old
        assert CaseMove.objects.filter(case=case).count() == before


def test_move_to_says_what_is_allowed_when_refused(customer: Customer, manager: User) -> None:
    case = in_status(customer, Status.UNASSIGNED, by=manager)
    with pytest.raises(cases.NotAllowed) as refused:
        moves.move_to(case, Status.WORKING, kind="working", by=manager, at=LATER)
    assert str(refused.value) == (
        "A case that is unassigned cannot become in progress. From here it can become: assigned, closed."
    )


def test_move_to_tells_the_loser_what_happened(customer: Customer, manager: User, lead: User) -> None:
    case = make_case(customer)
    stale = RetentionCase.objects.get(pk=case.pk)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=NOW)

    with pytest.raises(cases.MovedMeanwhile) as refused:
        moves.move_to(stale, Status.WORKING, kind="working", by=lead, at=LATER)

    assert f"{manager} closed the case; it is now closed" in str(refused.value)


def test_move_to_refuses_when_only_the_assignee_changed(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    case = make_case(customer)
    stale = RetentionCase.objects.get(pk=case.pk)
    cases.assign(case, to=teammate, by=lead, at=NOW)
    with pytest.raises(cases.MovedMeanwhile):
        cases.close_case(stale, outcome="saved", reason="Stays.", by=manager, at=LATER)
    assert RetentionCase.objects.get(pk=case.pk).status == Status.ASSIGNED


def test_every_step_writes_move_audit_and_event(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    moves.move_to(case, Status.WORKING, kind="working", codes={"call": 7}, by=manager, at=LATER)
    audit = AuditEvent.objects.get(act="case.working", object_id=case.pk)
    event = Event.objects.get(kind="case.working", subject_id=case.pk)
    assert (audit.actor_id, audit.customer_id, audit.codes) == (manager.pk, customer.pk, {"call": 7})
    assert (event.customer_id, event.data, event.occurred_at) == (customer.pk, {"call": 7}, LATER)


def test_a_step_takes_no_words(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    with pytest.raises(ValueError, match="not an id, code or number"), transaction.atomic():
        moves.note(case, kind="planned", codes={"why": "he was angry"}, by=manager, at=LATER)
    assert "planned" not in steps(case)


def test_moves_cannot_be_changed_or_deleted(customer: Customer) -> None:
    case = make_case(customer)
    for act in (lambda: case.moves.all().delete(), lambda: case.moves.update(kind="closed")):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_diagram_stands_in_the_docs() -> None:
    shown = re.search(r"```mermaid\n(.*?)\n```", (DOCS / "cases.md").read_text(encoding="utf-8"), re.S)
    assert shown is not None
    assert shown.group(1) == cases.diagram()


# --- Opening ----------------------------------------------------------------------------------
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
    assert CaseMove.objects.get(kind="opened").codes == {"warnings": [mild.pk, grave.pk]}


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
    assert one <= 30
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


# --- Complaints -------------------------------------------------------------------------------
def file(customer: Customer, *, by: User, at: Any = NOW, **values: Any) -> Any:
    return complaints.file_complaint(
        customer, **{"text": "Late again.", "severity": 3, "by": by, "at": at, **values}
    )


def test_complaint_opens_a_recovery_case_through_the_drain(customer: Customer, manager: User) -> None:
    complaint = file(customer, by=manager)
    assert not RetentionCase.objects.exists()

    drain.once(at=NOW + timedelta(seconds=1))

    case = RetentionCase.objects.get()
    assert (case.kind, case.severity, case.complaint, case.assignee) == ("recovery", 3, complaint, manager)
    assert case.opened_by is None
    assert list(cases.complaints_of(case)) == [complaint]
    assert case.due_at.isoformat() == "2026-05-12T02:30:01+00:00"  # 8 working hours


def test_complaint_joins_the_open_case(customer: Customer, manager: User) -> None:
    case = make_case(customer, severity=1)
    first, second = file(customer, by=manager), file(customer, by=manager)
    drain.until_empty(at=NOW)
    case.refresh_from_db()
    assert (case.kind, case.severity, case.complaint) == ("recovery", 3, first)
    assert set(cases.complaints_of(case)) == {first, second}


def test_complaint_reopened_opens_a_case_again(customer: Customer, manager: User) -> None:
    complaint = file(customer, by=manager)
    drain.until_empty(at=NOW)
    complaints.resolve(complaint, by=manager, at=NOW)
    case = RetentionCase.objects.get()
    cases.close_case(case, outcome="saved", reason="Solved.", by=manager, at=NOW)
    complaints.reopen(complaint, by=manager, at=LATER)
    drain.until_empty(at=LATER)
    assert RetentionCase.objects.filter(complaint=complaint).count() == 2
    assert RetentionCase.objects.open().count() == 1


@pytest.mark.parametrize("data", [{"history": True, "resolved": False}, {"history": False, "resolved": True}])
def test_complaint_opens_nothing_when_history_or_resolved(
    customer: Customer, manager: User, data: dict[str, bool]
) -> None:
    complaint = file(customer, by=manager)
    event = Event(kind="complaint.filed", subject_id=complaint.pk, data=data)
    complaint_cases.complaint_opens_case(OutboxRow(event=event), NOW)
    assert not RetentionCase.objects.exists()


def test_complaint_opens_nothing_when_resolved_before_the_drain_came(
    customer: Customer, manager: User
) -> None:
    complaint = file(customer, by=manager)
    complaints.resolve(complaint, by=manager, at=NOW)
    drain.until_empty(at=NOW)
    assert not RetentionCase.objects.exists()


def test_complaint_opens_one_case_when_the_handler_runs_twice(customer: Customer, manager: User) -> None:
    file(customer, by=manager)
    row = OutboxRow.objects.select_related("event").get(handler=complaint_cases.HANDLER)
    complaint_cases.complaint_opens_case(row, NOW)
    complaint_cases.complaint_opens_case(row, LATER)
    assert steps(RetentionCase.objects.get()) == ["opened", "assigned"]


# --- Who gets it ------------------------------------------------------------------------------
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
        assert (case in queue(user, at=NOW)) is sees
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


# --- Diagnosis and closing --------------------------------------------------------------------
def cause(code: str) -> Cause:
    return Cause.objects.get(code=code)


def test_diagnose_begins_the_work_and_keeps_type_and_causes(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    price, rival = cause("price"), cause("competitor")
    cases.diagnose(case, churn_type="competitive", causes=[price, rival], main=rival, by=manager, at=LATER)
    assert (case.status, case.churn_type) == ("working", "competitive")
    assert {(row.cause, row.is_main) for row in case.casecause_set.all()} == {(price, False), (rival, True)}
    assert steps(case)[-2:] == ["working", "diagnosed"]

    cases.diagnose(case, churn_type="", causes=[price], by=manager, at=LATER)
    assert [(row.cause, row.is_main) for row in case.casecause_set.all()] == [(price, True)]


def test_diagnose_is_refused_when_the_main_cause_is_not_chosen(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    with pytest.raises(cases.MainCauseMissing):
        cases.diagnose(
            case, churn_type="active", causes=[cause("price")], main=cause("competitor"), by=manager, at=LATER
        )
    assert case.status == "assigned"


def test_diagnose_is_refused_for_a_retired_cause_unless_it_stood_already(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    cases.diagnose(case, churn_type="active", causes=[cause("price")], by=manager, at=LATER)
    Cause.objects.filter(code__in=["price", "competitor"]).update(is_retired=True)
    cases.diagnose(case, churn_type="passive", causes=[cause("price")], by=manager, at=LATER)
    with pytest.raises(cases.CauseRetired):
        cases.diagnose(case, churn_type="passive", causes=[cause("competitor")], by=manager, at=LATER)


def test_diagnose_is_refused_when_closed(customer: Customer, manager: User) -> None:
    case = in_status(customer, Status.CLOSED, by=manager)
    with pytest.raises(cases.CaseClosed):
        cases.diagnose(case, churn_type="active", causes=[], by=manager, at=LATER)


@pytest.mark.parametrize("outcome", ["saved", "regained", "unreachable", "not_pursued"])
def test_close_case_needs_a_reason(customer: Customer, manager: User, outcome: str) -> None:
    case = make_case(customer)
    with pytest.raises(cases.OutcomeReasonMissing):
        cases.close_case(case, outcome=outcome, reason=" ", by=manager, at=LATER)
    cases.close_case(case, outcome=outcome, reason="Because.", by=manager, at=LATER)
    stored = RetentionCase.objects.get()
    assert (stored.status, stored.outcome, stored.outcome_reason) == ("closed", outcome, "Because.")
    assert (stored.closed_at, stored.closed_by, stored.due_at) == (LATER, manager, None)


def test_close_case_needs_no_reason_when_recovered(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    assert cases.close_case(case, outcome="recovered", by=manager, at=LATER).status == "closed"


def test_close_case_cancels_the_call_and_closes_the_warnings(customer: Customer, manager: User) -> None:
    run = make_run()
    warning = make_warning(customer, run=run)
    other = make_warning(CustomerFactory(owner=manager), run=run, rule=warning.rule)
    cases.open_for_warnings(run, at=NOW)
    case = RetentionCase.objects.get(customer=customer)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=LATER)
    warning.refresh_from_db()
    other.refresh_from_db()
    assert (warning.state, warning.closed_because, warning.closed_at) == ("closed", "case_closed", LATER)
    assert other.state == "open"
    assert [call.status for call in FollowUpCall.objects.filter(customer=customer)] == ["cancelled"]


def test_close_case_is_refused_when_closed_already(customer: Customer, manager: User) -> None:
    case = in_status(customer, Status.CLOSED, by=manager)
    with pytest.raises(cases.CaseClosed):
        cases.close_case(case, outcome="lost", reason="Gone.", by=manager, at=LATER)
    assert RetentionCase.objects.get().outcome == "saved"


@pytest.mark.parametrize("outcome", ["saved", "regained"])
def test_close_case_is_refused_as_kept_while_its_complaint_is_open(
    customer: Customer, manager: User, outcome: str
) -> None:
    complaint = file(customer, by=manager)
    drain.until_empty(at=NOW)
    case = RetentionCase.objects.get()
    with pytest.raises(cases.ComplaintOpen):
        cases.close_case(case, outcome=outcome, reason="Stays.", by=manager, at=LATER)
    assert RetentionCase.objects.get().is_open
    complaints.resolve(complaint, by=manager, at=LATER)
    cases.close_case(case, outcome=outcome, reason="Stays.", by=manager, at=LATER)
    assert case.status == "closed"


def test_close_case_as_unreachable_is_allowed_while_the_complaint_is_open(
    customer: Customer, manager: User
) -> None:
    file(customer, by=manager)
    drain.until_empty(at=NOW)
    case = RetentionCase.objects.get()
    assert (
        cases.close_case(case, outcome="unreachable", reason="Gone.", by=manager, at=LATER).status == "closed"
    )


def test_recovered_by_itself_closes_only_what_nobody_touched(
    customer: Customer, manager: User, lead: User
) -> None:
    run = make_run()
    owned = [CustomerFactory(owner=manager) for _ in range(4)]
    for one in (customer, *owned):
        make_warning(one, run=run)
    cases.open_for_warnings(run, at=NOW)
    gone, called, joined, complained, still_on = (
        RetentionCase.objects.get(customer=c) for c in (customer, *owned)
    )
    by_hand = make_case(CustomerFactory(owner=manager), by=lead)
    calls.log_call(planned_call(called), outcome="no_answer", by=manager, at=NOW)
    make_case(joined.customer, by=lead)
    file(complained.customer, by=manager)
    drain.until_empty(at=NOW)
    EarlyWarning.objects.exclude(case=still_on).update(state="closed", closed_at=LATER)
    everything = [gone, called, joined, complained, still_on, by_hand]

    assert cases.recovered_by_itself([case.pk for case in everything], at=LATER) == 1

    for case in everything:
        case.refresh_from_db()
    assert [case.status for case in everything] == ["closed", "working", *["assigned"] * 4]
    assert (gone.outcome, gone.closed_at, gone.closed_by, gone.due_at) == ("recovered", LATER, None, None)
    assert FollowUpCall.objects.get(case=gone).status == "cancelled"
    assert Access.objects.get(customer=customer).ends_at == LATER
    assert steps(gone)[-1] == "recovered"
    assert cases.recovered_by_itself([case.pk for case in everything], at=LATER) == 0


def test_recovered_by_itself_needs_as_many_queries_for_30_cases_as_for_1(team: Any) -> None:
    def queries(number: int) -> int:
        owner, run = UserFactory(team=team), make_run()
        for _ in range(number):
            make_warning(CustomerFactory(owner=owner), run=run)
        cases.open_for_warnings(run, at=NOW)
        ids = list(RetentionCase.objects.filter(assignee=owner).values_list("pk", flat=True))
        EarlyWarning.objects.update(state="closed", closed_at=LATER)
        with CaptureQueriesContext(connection) as captured:
            assert cases.recovered_by_itself(ids, at=LATER) == number
        return len(captured)

    assert queries(30) == queries(1)


# --- The queue --------------------------------------------------------------------------------
def test_queue_orders_missed_deadlines_then_severity_times_margin(team: Any, manager: User) -> None:
    def case(name: str, *, severity: int, margin: int, due: timedelta | None) -> RetentionCase:
        one = CustomerFactory(owner=manager, name=name)
        give_margin(one, margin)
        made = make_case(one, severity=severity)
        RetentionCase.objects.filter(pk=made.pk).update(due_at=None if due is None else NOW + due)
        return made

    hour = timedelta(hours=1)
    case("small, missed", severity=1, margin=10, due=-hour)
    case("large", severity=2, margin=1000, due=5 * hour)
    case("grave", severity=3, margin=900, due=5 * hour)
    case("equal, sooner", severity=2, margin=1000, due=4 * hour)
    case("equal, no call", severity=2, margin=1000, due=None)
    case("loss maker", severity=3, margin=-500, due=hour)
    case("due now", severity=1, margin=20, due=timedelta(0))
    order = [row.customer.name for row in queue(manager, at=NOW)]
    assert order == [
        "small, missed",
        "grave",
        "equal, sooner",
        "large",
        "equal, no call",
        "due now",
        "loss maker",
    ]


def test_queue_pages_on_after_any_row(team: Any, manager: User) -> None:
    for number in range(7):
        one = CustomerFactory(owner=manager)
        give_margin(one, (number % 3) * 100)
        made = make_case(one)
        RetentionCase.objects.filter(pk=made.pk).update(due_at=NOW + timedelta(hours=number % 2 - 0.5))
    rows = list(queue(manager, at=NOW))
    assert len(rows) == 7
    for position, row in enumerate(rows):
        assert list(after(queue(manager, at=NOW), place_of(row))) == rows[position + 1 :]


def test_queue_shows_each_what_is_theirs(
    customer: Customer, manager: User, teammate: User, lead: User, admin: User, outsider: User
) -> None:
    hers = make_case(customer)
    make_case(CustomerFactory(owner=teammate))
    foreign = make_case(CustomerFactory(owner=outsider))
    closed = in_status(CustomerFactory(owner=manager), Status.CLOSED, by=manager)
    covered = make_case(CustomerFactory(owner=manager))
    cases.assign(covered, to=teammate, by=lead, at=NOW)

    assert set(queue(manager, at=NOW)) == {hers}
    assert foreign not in queue(lead, at=NOW)
    assert queue(lead, at=NOW).count() == 3
    assert queue(admin, at=NOW).count() == 4
    assert closed not in queue(admin, at=NOW)


def test_why_here_says_it_in_words(customer: Customer, manager: User) -> None:
    give_margin(customer, 9_640_000)
    case = make_case(customer, severity=3)
    late = case.due_at + timedelta(minutes=35)
    assert why_here(case, late) == "deadline missed 35 min ago · severity high · margin ¥96,400 a year"
    assert why_here(case, case.due_at - timedelta(hours=2)).startswith("call due in 2 h · ")


def test_why_here_tells_when_there_is_no_call_and_no_margin(customer: Customer) -> None:
    case = make_case(customer, severity=1)
    case.due_at = None
    assert why_here(case, NOW) == "no call planned · severity low · no margin known"


def test_in_order_needs_one_query_for_any_number_of_rows(team: Any, manager: User) -> None:
    for number in (1, 3):
        for _ in range(number):
            make_case(CustomerFactory(owner=manager))
        with CaptureQueriesContext(connection) as captured:
            rows = list(in_order(RetentionCase.objects.select_related("customer"), at=NOW))
            assert all(why_here(row, NOW, currency="CNY") for row in rows)
        assert len(captured) == 1


# --- Causes -----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_causes_are_delivered_and_what_people_changed_is_kept() -> None:
    delivered = [code for code, _english, _chinese in causes.CAUSES]
    assert len(delivered) == 14
    assert list(Cause.objects.filter(parent=None).values_list("code", flat=True)) == delivered
    Cause.objects.filter(code="price").update(name_en="Too expensive", is_retired=True)
    Cause.objects.filter(code="competitor").delete()
    causes.sync()
    causes.sync()
    assert Cause.objects.count() == 14
    assert (cause("price").name_en, cause("competitor").name_zh) == ("Too expensive", "竞争对手")
    assert cause("price") not in causes.choices()


# --- Races ------------------------------------------------------------------------------------
def race(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts at once, each with a connection of its own; return results or refusals."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(position: int, act: Callable[[], Any]) -> None:
        start.wait(timeout=10)
        try:
            results[position] = act()
        except Exception as error:
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.fixture
def desk(transactional_db: None) -> dict[str, Any]:
    """People, a customer and its case, committed."""
    CompanyFactory()
    team = TeamFactory()
    people = {name: UserFactory(team=team, username=name) for name in ("anna", "ben")}
    lead = UserFactory(team=team, role="team_lead")
    customer = CustomerFactory(owner=people["anna"])
    return {**people, "lead": lead, "customer": customer}


@pytest.mark.services
@pytest.mark.parametrize("_round", range(5))
def test_race_of_two_people_on_one_case_lets_one_win_and_tells_the_other(
    desk: dict[str, Any], _round: int
) -> None:
    case = make_case(desk["customer"])
    seen = [RetentionCase.objects.get(pk=case.pk) for _ in range(2)]

    results = race(
        lambda: cases.close_case(seen[0], outcome="saved", reason="Stays.", by=desk["anna"], at=LATER),
        lambda: cases.assign(seen[1], to=desk["ben"], by=desk["lead"], at=LATER),
    )

    refusals = [result for result in results if isinstance(result, Exception)]
    assert len(refusals) == 1
    assert isinstance(refusals[0], cases.MovedMeanwhile | cases.CaseClosed)
    stored = RetentionCase.objects.get()
    assert len(steps(stored)) == 3
    assert Access.objects.filter(ends_at__isnull=True).count() == (0 if stored.status == "closed" else 1)


@pytest.mark.services
@pytest.mark.parametrize("_round", range(3))
def test_race_of_eight_openings_makes_one_case(desk: dict[str, Any], _round: int) -> None:
    customer = desk["customer"]
    results = race(*[lambda: make_case(customer).pk for _ in range(8)])
    assert len(set(results)) == 1
    assert sorted(steps(RetentionCase.objects.get())) == ["assigned"] + ["joined"] * 7 + ["opened"]
    assert FollowUpCall.objects.count() == 1


@pytest.mark.services
def test_race_for_the_last_place_gives_nobody_more_than_agreed(desk: dict[str, Any]) -> None:
    User.objects.filter(pk=desk["anna"].pk).update(capacity=2)
    User.objects.exclude(pk=desk["anna"].pk).update(capacity=0)
    customers = [CustomerFactory(owner=desk["anna"]) for _ in range(6)]
    race(*[lambda one=one: make_case(one) for one in customers])
    assert RetentionCase.objects.count() == 6
    assert RetentionCase.objects.filter(assignee=desk["anna"]).count() == 2


@pytest.mark.services
def test_race_of_two_sweeps_opens_one_case_each(desk: dict[str, Any]) -> None:
    runs = [make_run(), make_run()]
    customers = [CustomerFactory(owner=desk["anna"]) for _ in range(10)]
    for run in runs:
        rule = make_rule()
        for one in customers:
            make_warning(one, run=run, rule=rule)
    results = race(*[lambda run=run: cases.open_for_warnings(run, at=NOW) for run in runs])
    assert sum(opened for opened, _planned in results) == 10
    assert RetentionCase.objects.count() == 10
    assert not EarlyWarning.objects.filter(case__isnull=True).exists()
