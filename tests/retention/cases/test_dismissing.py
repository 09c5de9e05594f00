"""Saying that a warning is no sign: what closes with it, what stays, who is told, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent, Event
from customers.models import Customer, User
from retention import calls, cases, sweep
from retention.models import Dismissal, EarlyWarning, FollowUpCall, RetentionCase
from retention.timeline import told
from tests.factories import NOW, InteractionFactory, ago
from tests.retention.makers import make_case, make_rule, make_run, make_warning, steps

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def warning(customer: Customer) -> EarlyWarning:
    """A warning with the case that it opened."""
    made = make_warning(customer, run=make_run())
    cases.open_for_warnings(made.sweep_run, at=NOW)
    made.refresh_from_db()
    return made


def test_it_is_kept_with_its_reason_and_the_warning_closes(warning: EarlyWarning, manager: User) -> None:
    kept = cases.dismiss(warning, reason="usual", by=manager, at=LATER)
    assert (kept.warning, kept.reason, kept.at, kept.by) == (warning, "usual", LATER, manager)
    assert (warning.state, warning.closed_because, warning.closed_at) == ("closed", "dismissed", LATER)
    audited = AuditEvent.objects.get(act="warning.dismiss")
    assert (audited.actor_id, audited.codes["reason"], audited.codes["warning"]) == (
        manager.pk,
        "usual",
        warning.pk,
    )
    assert Event.objects.filter(kind="warning.closed", subject_id=warning.pk).count() == 1


def test_a_case_left_without_a_sign_closes_by_whoever_said_so(warning: EarlyWarning, manager: User) -> None:
    cases.dismiss(warning, reason="usual", by=manager, at=LATER)
    case = RetentionCase.objects.get()
    assert (case.status, case.outcome, case.closed_by, case.closed_at) == (
        "closed",
        "not_pursued",
        manager,
        LATER,
    )
    assert steps(case)[-2:] == ["dismissed", "closed"]
    assert not FollowUpCall.objects.filter(status="planned").exists()


def test_the_timeline_says_why(warning: EarlyWarning, manager: User) -> None:
    cases.dismiss(warning, reason="wrong_data", by=manager, at=LATER)
    titles = [entry.title for entry in told(warning.customer, limit=20).entries]
    assert "A warning was no sign: the data is wrong or late" in titles


def test_a_case_with_another_sign_stays_open(
    warning: EarlyWarning, customer: Customer, manager: User
) -> None:
    other = make_warning(customer, run=warning.sweep_run, rule=make_rule())
    cases.open_for_warnings(other.sweep_run, at=NOW)
    cases.dismiss(warning, reason="usual", by=manager, at=LATER)
    other.refresh_from_db()
    assert (other.state, RetentionCase.objects.get().is_open) == ("open", True)
    cases.dismiss(other, reason="usual", by=manager, at=LATER)
    assert not RetentionCase.objects.get().is_open


@pytest.mark.parametrize("what", ["called", "opened by hand"])
def test_a_case_that_somebody_works_on_stays_open(customer: Customer, manager: User, what: str) -> None:
    if what == "opened by hand":
        make_case(customer, by=manager)
    made = make_warning(customer, run=make_run())
    cases.open_for_warnings(made.sweep_run, at=NOW)
    made.refresh_from_db()
    if what == "called":
        calls.log_unplanned(made.case, outcome="no_answer", by=manager, at=NOW)
    cases.dismiss(made, reason="usual", by=manager, at=LATER)
    assert RetentionCase.objects.get().is_open
    assert "dismissed" in steps(RetentionCase.objects.get())


def test_one_whose_case_is_closed_can_still_be_judged(warning: EarlyWarning, manager: User) -> None:
    cases.close_case(warning.case, outcome="not_pursued", reason="No.", by=manager, at=NOW)
    cases.dismiss(warning, reason="known", by=manager, at=LATER)
    assert warning.closed_because == "case_closed"
    assert steps(RetentionCase.objects.get())[-1] == "closed"
    assert Dismissal.objects.get().reason == "known"


def test_nobody_says_it_twice(warning: EarlyWarning, manager: User) -> None:
    cases.dismiss(warning, reason="usual", by=manager, at=LATER)
    with pytest.raises(cases.DismissedAlready):
        cases.dismiss(warning, reason="known", by=manager, at=LATER)
    assert Dismissal.objects.get().reason == "usual"
    assert AuditEvent.objects.filter(act="warning.dismiss").count() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"state": "withheld", "no_case_because": "held_out"},
        {"state": "withheld", "no_case_because": "shadow"},
        {"is_baseline": True},
        {"state": "closed", "closed_at": NOW, "no_case_because": "held_out"},
    ],
)
def test_what_was_told_to_nobody_is_judged_by_nobody(
    customer: Customer, manager: User, values: dict[str, Any]
) -> None:
    hidden = make_warning(customer, run=make_run(), **values)
    with pytest.raises(cases.NotTold):
        cases.dismiss(hidden, reason="usual", by=manager, at=LATER)
    assert not Dismissal.objects.exists()
    hidden.refresh_from_db()
    assert hidden.state == values.get("state", "open")


def test_one_that_warns_only_is_judged_too(customer: Customer, manager: User) -> None:
    made = make_warning(customer, run=make_run(), no_case_because="warns")
    cases.dismiss(made, reason="too_early", by=manager, at=LATER)
    assert (made.state, RetentionCase.objects.exists()) == ("closed", False)


def test_a_reason_that_is_none_of_ours_is_refused(warning: EarlyWarning, manager: User) -> None:
    with pytest.raises(ValueError, match="because"):
        cases.dismiss(warning, reason="because", by=manager, at=LATER)
    assert not Dismissal.objects.exists()


def test_the_rule_cools_down_after_it(customer: Customer, manager: User) -> None:
    InteractionFactory(customer=customer, occurred_at=ago(65))
    make_rule(condition={"measure": "days_since_last_contact", "op": ">=", "value": 60}, cool_down_days=5)
    sweep.run(as_of=NOW)
    cases.dismiss(EarlyWarning.objects.get(), reason="usual", by=manager, at=LATER)
    sweep.run(as_of=NOW + timedelta(days=4))
    assert EarlyWarning.objects.count() == 1
    sweep.run(as_of=NOW + timedelta(days=6))
    assert EarlyWarning.objects.count() == 2
