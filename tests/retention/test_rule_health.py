"""The health of rules: exact counts of what was raised, what came of it, what was noise, at a moment."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Objection
from retention import calls, cases
from retention.models import EarlyWarning, FollowUpCall, Loss, RetentionCase, WarningRule
from retention.rules import health
from retention.rules.vitals import Health, Share, Untouched, wilson
from tests.factories import NOW, CustomerFactory, InteractionFactory
from tests.retention.makers import make_rule, make_run, make_warning

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_names = count(1)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """A company."""


def of(rule: WarningRule, *, days: int = 30, at: Any = NOW) -> Health:
    return health.of_rules([rule], days=days, at=at)[0]


def warned(
    rule: WarningRule,
    days: float,
    *,
    customer: Customer | None = None,
    gone: float | None = None,
    **values: Any,
) -> EarlyWarning:
    """Return a warning of so many days ago, which went away ``gone`` days ago."""
    at = NOW - days * DAY
    if gone is not None:
        values |= {"state": "closed", "closed_at": NOW - gone * DAY}
        values.setdefault("closed_because", "sign_gone")
    who = customer or CustomerFactory(name=f"Who {next(_names)}")
    return make_warning(who, run=make_run(at=at), rule=rule, **values)


def worked(rule: WarningRule, days: float, **values: Any) -> EarlyWarning:
    """Return a warning that opened its case."""
    warning = warned(rule, days, **values)
    cases.open_for_warnings(warning.sweep_run, at=warning.raised_at)
    warning.refresh_from_db()
    return warning


def lose(customer: Customer, days: float, **values: Any) -> Loss:
    at = NOW - days * DAY
    return Loss.objects.create(customer=customer, **{"occurred_at": at, "recorded_at": at, **values})


# --- Fired ---------------------------------------------------------------------------------------------
def test_a_rule_that_did_nothing_has_no_share_of_anything() -> None:
    found = of(make_rule())
    assert (found.fired, found.told, found.cases, found.joined, found.reasons) == (0, 0, 0, 0, {})
    shares = [found.acted_on, found.kept, found.lost, found.recovered, found.dismissed, found.flapping]
    assert {share.share for share in shares} == {None}
    assert (found.untouched.precision, found.untouched.interval) == (None, None)


@pytest.mark.parametrize(("days", "ago", "fires"), [(30, 29.9, 1), (30, 30, 0), (90, 89.9, 1), (90, 90, 0)])
def test_a_warning_counts_in_the_span_and_not_before(days: int, ago: float, fires: int) -> None:
    rule = make_rule()
    warned(rule, ago)
    assert of(rule, days=days).fired == fires


def test_what_came_after_the_moment_is_not_known_yet() -> None:
    rule = make_rule()
    warned(rule, 1)
    assert of(rule, at=NOW - DAY).fired == 1
    assert of(rule, at=NOW - DAY - HOUR).fired == 0


def test_fired_leaves_out_baselines_and_held_out_and_names_what_nobody_heard_of() -> None:
    rule, other = make_rule(), make_rule()
    warned(other, 1)
    warned(rule, 1)
    warned(rule, 1, is_baseline=True)
    for because in ("held_out", "shadow", "cap"):
        warned(rule, 2, state="withheld", no_case_because=because)
    warned(rule, 3, no_case_because="warns")
    warned(rule, 4, gone=3, no_case_because="shadow")
    found = of(rule)
    assert (found.fired, found.shadow, found.waiting, found.told) == (5, 2, 1, 2)


def test_what_a_limited_rule_released_later_was_waiting_before() -> None:
    rule = make_rule()
    warned(rule, 5, released_day=make_run(at=NOW - 2 * DAY).day)
    assert (of(rule).waiting, of(rule).told) == (0, 1)
    assert (of(rule, at=NOW - 3 * DAY).waiting, of(rule, at=NOW - 3 * DAY).told) == (1, 0)


# --- Cases ---------------------------------------------------------------------------------------------
def test_a_case_was_opened_by_the_warning_that_came_before_it_and_joined_by_later_ones() -> None:
    first, second = make_rule(), make_rule()
    warning = worked(first, 5)
    worked(second, 4, customer=warning.customer)
    assert RetentionCase.objects.count() == 1
    assert (of(first).cases, of(first).opened, of(first).joined) == (1, 1, 0)
    assert (of(second).cases, of(second).opened, of(second).joined) == (1, 0, 1)


def test_two_warnings_of_one_case_are_one_case() -> None:
    rule = make_rule()
    warning = worked(rule, 9, gone=None)
    EarlyWarning.objects.update(state="closed", closed_at=NOW - 5 * DAY, closed_because="sign_gone")
    worked(rule, 4, customer=warning.customer)
    found = of(rule)
    assert (found.fired, found.cases, found.opened, found.acted_on) == (2, 1, 1, Share(0, 1))


def test_a_logged_call_or_a_contact_after_the_warning_is_an_act(admin: Any) -> None:
    rule = make_rule()
    called, spoken, _untouched = (worked(rule, 5) for _number in range(3))
    calls.log_unplanned(called.case, outcome="no_answer", by=admin, at=NOW - DAY)
    InteractionFactory(customer=spoken.customer, occurred_at=NOW - 2 * DAY)
    assert of(rule).acted_on == Share(2, 3)
    assert of(rule, at=NOW - 1.5 * DAY).acted_on == Share(1, 3)
    assert of(rule, at=NOW - 3 * DAY).acted_on == Share(0, 3)


def called(case: RetentionCase, days: float) -> None:
    """Leave a logged call that wrote no contact of its own, as older ones did not."""
    at = NOW - days * DAY
    FollowUpCall.objects.filter(case=case, status="planned").update(status="cancelled")
    FollowUpCall.objects.create(
        case=case,
        customer=case.customer,
        status="done",
        outcome="no_answer",
        due_at=at,
        planned_at=at,
        done_at=at,
    )


def test_a_call_before_a_warning_joined_its_case_was_not_for_that_one() -> None:
    first, second = make_rule(), make_rule()
    warning = worked(first, 5)
    called(warning.case, 4)
    worked(second, 3, customer=warning.customer)
    assert (of(first).acted_on, of(second).acted_on) == (Share(1, 1), Share(0, 1))
    called(warning.case, 2)
    assert of(second).acted_on == Share(1, 1)


@pytest.mark.parametrize("what", ["before", "void", "after the close", "another customer"])
def test_what_is_no_act_on_a_case(what: str, admin: Any) -> None:
    rule = make_rule()
    warning = worked(rule, 5)
    values: dict[str, Any] = {"customer": warning.customer, "occurred_at": NOW - 2 * DAY}
    if what == "before":
        values["occurred_at"] = NOW - 6 * DAY
    if what == "void":
        values["void"] = True
    if what == "after the close":
        cases.close_case(warning.case, outcome="not_pursued", reason="No.", by=admin, at=NOW - 3 * DAY)
    if what == "another customer":
        values["customer"] = CustomerFactory()
    InteractionFactory(**values)
    assert of(rule).acted_on == Share(0, 1)


def test_outcomes_are_shares_of_the_closed_cases_as_known_then(admin: Any) -> None:
    rule = make_rule()
    for outcome in ("saved", "regained", "lost", "recovered", "unreachable", ""):
        warning = worked(rule, 5)
        if outcome == "lost":
            cases.diagnose(warning.case, churn_type="active", causes=[_cause()], by=admin, at=NOW - 4 * DAY)
        if outcome:
            cases.close_case(warning.case, outcome=outcome, reason="So.", by=admin, at=NOW - 3 * DAY)
    found = of(rule)
    assert (found.cases, found.closed) == (6, 5)
    assert (found.kept, found.lost, found.recovered) == (Share(2, 5), Share(1, 5), Share(1, 5))
    assert of(rule, at=NOW - 3 * DAY - HOUR).kept == Share(0, 0)


def _cause() -> Any:
    from customers.models import Cause

    return Cause.objects.first()


# --- Noise ---------------------------------------------------------------------------------------------
def test_noise_is_a_share_of_what_was_told_by_reason_as_known_then(admin: Any) -> None:
    rule = make_rule()
    noisy = [worked(rule, 5) for _number in range(3)]
    worked(rule, 5)
    warned(rule, 5, state="withheld", no_case_because="shadow")
    for warning, reason in zip(noisy, ("usual", "usual", "wrong_data"), strict=True):
        cases.dismiss(warning, reason=reason, by=admin, at=NOW - DAY)
    found = of(rule)
    assert (found.dismissed, found.reasons) == (Share(3, 4), {"usual": 2, "wrong_data": 1})
    assert (of(rule, at=NOW - 2 * DAY).dismissed, of(rule, at=NOW - 2 * DAY).reasons) == (Share(0, 4), {})


# --- Nobody touched ------------------------------------------------------------------------------------
def alone(rule: WarningRule, number: int, *, lost: int = 0, days: float = 100, **values: Any) -> None:
    """Let a rule warn of so many customers whom nobody contacts, and so many of whom are lost."""
    for place in range(number):
        warning = warned(rule, days, **values)
        if place < lost:
            lose(warning.customer, days - 50)


def test_the_untouched_are_told_from_thirty_on() -> None:
    rule = make_rule()
    alone(rule, 29, lost=9)
    found = of(rule).untouched
    assert (found.is_enough, found.precision, found.interval) == (False, None, None)
    alone(rule, 1)
    found = of(rule).untouched
    assert found == Untouched(9, 30)
    assert found.precision == 0.3
    low, high = found.interval or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.1666, 0.4788)


def test_wilson_is_the_interval_of_the_book() -> None:
    low, high = wilson(0, 30)
    assert (low, round(high, 4)) == (0.0, 0.1135)
    low, high = wilson(30, 30)
    assert (round(low, 4), high) == (0.8865, 1.0)


@pytest.mark.parametrize("because", ["held_out", "shadow", "cap", "warns", ""])
def test_whoever_was_withheld_is_among_the_untouched(because: str) -> None:
    rule = make_rule()
    alone(rule, 1, lost=1, no_case_because=because, state="withheld" if because else "open")
    assert of(rule).untouched == Untouched(1, 1)


@pytest.mark.parametrize(
    ("days", "span", "counts"),
    [(90, 30, 1), (89.9, 30, 0), (119.9, 30, 1), (120, 30, 0), (120, 90, 1), (180, 90, 0)],
)
def test_the_untouched_are_those_whose_horizon_was_over_in_the_span(
    days: float, span: int, counts: int
) -> None:
    rule = make_rule()
    alone(rule, 1, days=days)
    assert of(rule, days=span).untouched.customers == counts


@pytest.mark.parametrize(("back", "lost"), [(99.9, 1), (10, 1), (9.9, 0), (100.1, 0)])
def test_a_loss_counts_within_the_horizon_alone(back: float, lost: int) -> None:
    rule = make_rule()
    lose(warned(rule, 100).customer, back)
    assert of(rule).untouched == Untouched(lost, 1)


def test_a_loss_that_is_partial_or_not_known_yet_does_not_count() -> None:
    rule = make_rule()
    lose(warned(rule, 100).customer, 50, definition="partial")
    lose(warned(rule, 100).customer, 50, recorded_at=NOW + HOUR)
    assert of(rule).untouched == Untouched(0, 2)


@pytest.mark.parametrize(("back", "is_touched"), [(99, True), (60.1, True), (59, False), (101, False)])
def test_a_contact_between_warning_and_loss_touches(back: float, is_touched: bool, admin: Any) -> None:
    rule = make_rule()
    warning = warned(rule, 100)
    lose(warning.customer, 60)
    InteractionFactory(customer=warning.customer, occurred_at=NOW - back * DAY)
    assert of(rule).untouched == (Untouched(0, 0) if is_touched else Untouched(1, 1))


@pytest.mark.parametrize(("back", "is_touched"), [(11, True), (9, False)])
def test_a_logged_call_within_the_horizon_touches(back: float, is_touched: bool, admin: Any) -> None:
    rule = make_rule()
    warning = worked(rule, 100)
    calls.log_unplanned(warning.case, outcome="no_answer", by=admin, at=NOW - back * DAY)
    assert of(rule).untouched.customers == int(not is_touched)


@pytest.mark.parametrize(("back", "is_touched"), [(99, True), (11, True), (9, False)])
def test_a_call_that_wrote_no_contact_touches_as_well(back: float, is_touched: bool) -> None:
    rule = make_rule()
    called(worked(rule, 100).case, back)
    assert of(rule).untouched.customers == int(not is_touched)


def test_a_customer_counts_once_and_neither_baselines_nor_objectors_do(manager: Any) -> None:
    rule = make_rule()
    first = warned(rule, 110, gone=105)
    warned(rule, 100, customer=first.customer)
    warned(rule, 100, is_baseline=True)
    objecting = warned(rule, 100).customer
    assert of(rule).untouched == Untouched(0, 2)
    Objection.objects.create(customer=objecting, source="phone", occurred_at=NOW, recorded_at=NOW, by=manager)
    assert of(rule).untouched == Untouched(0, 1)


# --- Coming and going ----------------------------------------------------------------------------------
def cycles(rule: WarningRule, number: int, **values: Any) -> Customer:
    customer: Customer = CustomerFactory()
    for place in range(number):
        warned(rule, 80 - 10 * place, customer=customer, gone=75 - 10 * place, **values)
    return customer


def test_three_times_come_and_gone_in_90_days_is_flapping_and_twice_is_not() -> None:
    rule = make_rule()
    cycles(rule, 3)
    twice = cycles(rule, 2)
    assert of(rule).flapping == Share(1, 2)
    warned(rule, 1, customer=twice)
    assert of(rule).flapping == Share(1, 2), "it stands, it has not gone"
    EarlyWarning.objects.filter(customer=twice, state="open").update(
        state="closed", closed_at=NOW, closed_because="sign_gone"
    )
    assert of(rule).flapping == Share(2, 2)
    assert of(rule, at=NOW - HOUR).flapping == Share(1, 2)


@pytest.mark.parametrize(
    "values", [{"closed_because": "case_closed"}, {"no_case_because": "held_out"}, {"is_baseline": True}]
)
def test_what_was_closed_otherwise_or_is_not_counted_does_not_flap(values: dict[str, Any]) -> None:
    rule = make_rule()
    cycles(rule, 3, **values)
    assert of(rule).flapping.part == 0


def test_what_flapped_before_90_days_is_over() -> None:
    rule = make_rule()
    cycles(rule, 3)
    assert of(rule, at=NOW + 9.9 * DAY).flapping == Share(1, 1)
    assert of(rule, at=NOW + 10 * DAY).flapping == Share(0, 1)


# --- Always together -----------------------------------------------------------------------------------
def both(one: WarningRule, other: WarningRule, *, shared: int, only: int) -> None:
    for place in range(shared + only):
        customer = CustomerFactory()
        warned(one, 5, customer=customer)
        if place < shared:
            warned(other, 4, customer=customer)


@pytest.mark.parametrize(
    ("shared", "only", "told"), [(16, 4, True), (15, 5, False), (19, 0, False), (20, 0, True), (20, 6, False)]
)
def test_rules_that_warn_of_the_same_customers_are_told(shared: int, only: int, told: bool) -> None:
    one, other = make_rule(), make_rule()
    both(one, other, shared=shared, only=only)
    found = [(pair.rule, pair.shared, pair.either) for pair in of(one).together]
    assert found == ([(other, shared, shared + only)] if told else [])
    assert [pair.rule for pair in of(other).together] == ([one] if told else [])


def test_who_is_held_out_makes_no_pair() -> None:
    one, other = make_rule(), make_rule()
    both(one, other, shared=20, only=0)
    EarlyWarning.objects.filter(rule=other).update(state="withheld", no_case_because="held_out")
    assert of(one).together == []


# --- All of them ---------------------------------------------------------------------------------------
def test_rules_are_told_in_their_order_with_as_many_queries_for_one_as_for_three() -> None:
    found = [make_rule() for _number in range(3)]
    for rule in found:
        worked(rule, 5)
        alone(rule, 1)
    numbers = []
    for some in (found[:1], found):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            told = health.of_rules(reversed(some), days=30, at=NOW)
        assert [one.rule for one in told] == list(reversed(some))
        assert {(one.fired, one.untouched.customers) for one in told} == {(1, 1)}
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] <= 7


def test_there_may_be_no_rules() -> None:
    assert health.of_rules([], days=30, at=NOW) == []
