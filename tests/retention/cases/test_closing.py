"""Closing cases, by a person or because the signs are gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import complaints
from customers.ground import drain
from customers.models import Access, Complaint, Customer, User
from retention import calls, cases, loop
from retention.models import EarlyWarning, FollowUpCall, LoopClosure, RetentionCase
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.retention.loop.world import closed
from tests.retention.makers import (
    file_complaint,
    in_status,
    make_case,
    make_run,
    make_warning,
    planned_call,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)


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
    complaint = file_complaint(customer, by=manager)
    drain.until_empty(at=NOW)
    case = RetentionCase.objects.get()
    with pytest.raises(cases.ComplaintOpen):
        cases.close_case(case, outcome=outcome, reason="Stays.", by=manager, at=LATER)
    assert RetentionCase.objects.get().is_open
    with pytest.raises(cases.LoopsOpen, match="complaint"):
        cases.close_case(case, outcome="not_pursued", reason="Stays.", by=manager, at=LATER)
    closed(customer, by=manager, at=LATER)
    assert Complaint.objects.get(pk=complaint.pk).state == "resolved"
    cases.close_case(case, outcome=outcome, reason="Stays.", by=manager, at=LATER)
    assert case.status == "closed"


def test_close_case_as_unreachable_is_allowed_while_the_complaint_is_open(
    customer: Customer, manager: User, lead: User
) -> None:
    file_complaint(customer, by=manager)
    drain.until_empty(at=NOW)
    case = RetentionCase.objects.get()
    loop.withdraw(LoopClosure.objects.get(), reason="No such number.", by=lead, at=LATER)
    complaints.reopen(Complaint.objects.get(), by=manager, at=LATER)
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
    file_complaint(complained.customer, by=manager)
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
