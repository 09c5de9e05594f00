"""Calls: planned in working time, logged once, tried again at another time of day, missing ones planned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from customers import consents
from customers.ground.models import AuditEvent, CalendarException
from customers.ground.working_time import Window, WorkingCalendar, open_ranges, parse_windows
from customers.models import Consent, Contact, Customer, Interaction, TouchedCustomer, User
from retention import calls, cases
from retention.calls import attempts
from retention.calls.cadence import DAYS_AFTER, MOST_ATTEMPTS, is_afternoon, next_attempt
from retention.calls.planning import first_call_within
from retention.models import FollowUpCall, RetentionCase
from tests.factories import NOW, ContactFactory, CustomerFactory, UserFactory
from tests.retention.makers import make_case, make_rule, make_run, make_warning, planned_call, steps
from tests.retention.racing import race

SHANGHAI = ZoneInfo("Asia/Shanghai")


def office_week(*windows: str) -> Any:
    """Return a week with these windows from Monday to Friday."""
    return (parse_windows(windows),) * 5 + ((),) * 2


OFFICE = WorkingCalendar("Asia/Shanghai", office_week("09:00-12:00", "13:30-18:00"))
LATER = NOW + timedelta(hours=1)
UNANSWERED = ["no_answer", "left_message"]


def local(text: str) -> datetime:
    """Return a moment of Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def half_day(moment: datetime) -> tuple[date, bool]:
    return moment.astimezone(SHANGHAI).date(), is_afternoon(moment, zone="Asia/Shanghai")


# --- The cadence ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "attempt", "expected"),
    [
        ("2026-05-11T10:12", 1, "2026-05-11T18:00"),  # Monday morning: that afternoon
        ("2026-05-11T15:00", 1, "2026-05-12T12:00"),  # Monday afternoon: next morning
        ("2026-05-11T12:00", 1, "2026-05-11T18:00"),  # noon still belongs to the morning
        ("2026-05-11T20:00", 1, "2026-05-12T12:00"),  # after hours
        ("2026-05-11T06:00", 1, "2026-05-11T18:00"),  # before hours
        ("2026-05-15T15:00", 1, "2026-05-18T12:00"),  # Friday afternoon: Monday morning
        ("2026-05-16T10:00", 1, "2026-05-18T18:00"),  # Saturday morning: Monday afternoon
        ("2026-05-11T10:12", 2, "2026-05-12T18:00"),
        ("2026-05-11T10:12", 3, "2026-05-13T18:00"),
        ("2026-05-11T10:12", 4, "2026-05-15T18:00"),
        ("2026-05-14T15:00", 4, "2026-05-18T12:00"),
        ("2026-05-11T10:12", 5, None),
        ("2026-05-11T10:12", 6, None),
    ],
)
def test_next_attempt_falls_into_the_other_half_day(at: str, attempt: int, expected: str | None) -> None:
    due = next_attempt(local(at), attempt=attempt, calendar=OFFICE)
    assert due == (local(expected) if expected else None)


def test_next_attempt_skips_holidays_and_takes_make_up_days() -> None:
    exceptions = {date(2026, 5, 12): (), date(2026, 5, 16): (Window(9 * 60, 12 * 60),)}
    calendar = WorkingCalendar("Asia/Shanghai", office_week("09:00-12:00", "13:30-18:00"), exceptions)
    assert next_attempt(local("2026-05-11T15:00"), attempt=1, calendar=calendar) == local("2026-05-13T12:00")
    assert next_attempt(local("2026-05-15T15:00"), attempt=1, calendar=calendar) == local("2026-05-16T12:00")


def test_next_attempt_takes_a_later_day_when_there_is_no_other_half() -> None:
    mornings = WorkingCalendar("Asia/Shanghai", office_week("09:00-12:00"))
    assert next_attempt(local("2026-05-11T10:00"), attempt=1, calendar=mornings) == local("2026-05-12T12:00")
    assert next_attempt(local("2026-05-11T10:00"), attempt=3, calendar=mornings) == local("2026-05-13T12:00")


def test_next_attempt_is_refused_for_an_attempt_below_1() -> None:
    with pytest.raises(ValueError, match="attempt number 0"):
        next_attempt(NOW, attempt=0, calendar=OFFICE)


@given(
    at=st.integers(0, 330 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    attempt=st.integers(1, MOST_ATTEMPTS - 1),
    closed=st.sets(st.integers(0, 9), max_size=6),
)
def test_next_attempt_is_never_the_same_half_day_and_always_in_working_time(
    at: datetime, attempt: int, closed: set[int]
) -> None:
    today = at.astimezone(SHANGHAI).date()
    holidays: dict[date, tuple[Window, ...]] = {today + timedelta(days=n): () for n in closed}
    calendar = WorkingCalendar("Asia/Shanghai", office_week("08:30-12:30", "14:00-24:00"), holidays)
    due = next_attempt(at, attempt=attempt, calendar=calendar)
    assert due is not None
    assert due > at
    assert is_afternoon(due, zone="Asia/Shanghai") is not is_afternoon(at, zone="Asia/Shanghai")
    assert open_ranges(due - timedelta(seconds=1), due, calendar=calendar)
    assert (due.astimezone(SHANGHAI).date() - today).days >= DAYS_AFTER[attempt]


def test_gaps_grow() -> None:
    assert list(DAYS_AFTER) == list(range(1, MOST_ATTEMPTS))
    assert all(shorter < longer for shorter, longer in pairwise(DAYS_AFTER.values()))


# --- Planning ---------------------------------------------------------------------------------
def test_first_call_is_due_in_working_time_over_holidays(customer: Customer) -> None:
    CalendarException.objects.create(day=date(2026, 5, 12), windows=[])
    CalendarException.objects.create(day=date(2026, 5, 16), windows=[[540, 720]])
    case = make_case(customer, kind="recovery", at=local("2026-05-11T17:00"))
    # an hour of Monday, then Wednesday 09:00–12:00 and 13:30–17:30: eight hours
    assert planned_call(case).due_at == local("2026-05-13T17:30")


def test_first_call_within_takes_the_strictest_open_warning(customer: Customer) -> None:
    run = make_run()
    make_warning(customer, run=run, rule=make_rule(call_within_minutes=300))
    make_warning(customer, run=run, rule=make_rule(call_within_minutes=90), state="closed", closed_at=NOW)
    cases.open_for_warnings(run, at=NOW)
    case = RetentionCase.objects.get()
    plain, recovery = make_case(CustomerFactory()), make_case(CustomerFactory(), kind="recovery")
    assert first_call_within([case, plain, recovery]) == {
        case.pk: timedelta(minutes=300),
        plain.pk: timedelta(hours=16),
        recovery.pk: timedelta(hours=8),
    }


def test_plan_call_moves_the_planned_call_into_working_time(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    call = planned_call(case)
    moved = calls.plan_call(case, due_at=local("2026-05-16T10:00"), by=manager, at=NOW)  # a Saturday
    assert moved.pk == call.pk
    assert moved.due_at == local("2026-05-18T09:00")
    stored = RetentionCase.objects.get()
    assert stored.due_at == case.due_at == moved.due_at
    assert steps(case)[-1] == "planned"


def test_plan_call_leaves_the_planned_call_when_no_moment_is_given(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    call = planned_call(case)
    assert calls.plan_call(case, by=manager, at=LATER).due_at == call.due_at
    assert "planned" not in steps(case)


def test_plan_call_is_refused_in_the_past_and_on_closed_cases(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    for due_at in (NOW, NOW - timedelta(seconds=1)):
        with pytest.raises(calls.DueInThePast):
            calls.plan_call(case, due_at=due_at, by=manager, at=NOW)
    assert calls.plan_call(case, due_at=NOW + timedelta(seconds=1), by=manager, at=NOW).due_at > NOW
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=NOW)
    with pytest.raises(cases.CaseClosed):
        calls.plan_call(case, due_at=LATER, by=manager, at=NOW)


def test_one_planned_call_per_case_is_kept_by_the_database(customer: Customer) -> None:
    case = make_case(customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        FollowUpCall.objects.create(case=case, customer=customer, due_at=LATER, planned_at=NOW)


# --- Logging ----------------------------------------------------------------------------------
@pytest.mark.parametrize("outcome", UNANSWERED)
def test_log_call_tries_again_five_times_never_in_the_same_half_day(
    customer: Customer, manager: User, outcome: str
) -> None:
    case = make_case(customer)
    made = [half_day(NOW)]
    at, gaps = NOW, []
    call = planned_call(case)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert (call.attempt, call.assignee) == (attempt, manager)
        logged = calls.log_call(call, outcome=outcome, by=manager, at=at)
        if attempt == MOST_ATTEMPTS:
            break
        assert logged.next_call is not None
        call = logged.next_call
        gaps.append(call.due_at - at)
        at = call.due_at
        made.append(half_day(at))
    assert logged.next_call is None
    assert all(before[1] is not after[1] for before, after in pairwise(made))
    assert RetentionCase.objects.get().due_at is None
    assert not FollowUpCall.objects.filter(status="planned").exists()
    assert calls.hint(case) == calls.Hint.UNREACHABLE
    assert not Interaction.objects.filter(reached=True).exists()
    assert Interaction.objects.count() == MOST_ATTEMPTS


def test_log_call_gives_no_hint_after_four_unanswered_attempts(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    for _ in range(4):
        assert calls.hint(case) is None
        calls.log_call(planned_call(case), outcome="no_answer", by=manager, at=NOW)
    assert calls.hint(case) is None
    assert planned_call(case).attempt == 5


def test_log_call_counts_anew_after_somebody_answered(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    calls.log_call(planned_call(case), outcome="no_answer", by=manager, at=NOW)
    calls.log_call(planned_call(case), outcome="call_later", next_at=LATER, by=manager, at=NOW)
    assert planned_call(case).attempt == 1
    calls.log_call(planned_call(case), outcome="reached", next_at=LATER, by=manager, at=NOW)
    assert planned_call(case).attempt == 1


def test_log_call_begins_the_work_and_tells_the_customer_file(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    contact = Contact.objects.get(customer=customer)
    logged = calls.log_call(
        planned_call(case),
        outcome="reached",
        note=" Wants a discount. ",
        contact=contact,
        by=manager,
        at=LATER,
    )
    case.refresh_from_db()
    assert (case.status, case.due_at, logged.next_call) == ("working", None, None)
    interaction = Interaction.objects.get()
    assert (interaction.kind, interaction.reached, interaction.by) == ("call", True, manager)
    assert (interaction.text, interaction.contact, interaction.occurred_at) == (
        "Wants a discount.",
        contact,
        LATER,
    )
    stored = FollowUpCall.objects.get()
    assert (stored.status, stored.outcome, stored.done_at, stored.by) == ("done", "reached", LATER, manager)
    assert (stored.note, stored.interaction) == ("Wants a discount.", interaction)
    assert steps(case)[-2:] == ["working", "called"]
    assert TouchedCustomer.objects.filter(customer=customer, recorded_at=LATER).exists()


def test_log_call_plans_at_the_moment_asked_for_in_working_time(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    logged = calls.log_call(
        planned_call(case), outcome="call_later", next_at=local("2026-05-16T20:00"), by=manager, at=NOW
    )
    assert logged.next_call is not None
    assert logged.next_call.due_at == local("2026-05-18T09:00")
    assert RetentionCase.objects.get().due_at == logged.next_call.due_at


@pytest.mark.parametrize(
    ("outcome", "next_at", "refusal"),
    [
        ("call_later", None, calls.NoNextMoment),
        ("call_later", NOW, calls.DueInThePast),
        ("reached", NOW - timedelta(hours=1), calls.DueInThePast),
        ("wrong_number", LATER, calls.NoCallAfterThat),
        ("do_not_call", LATER, calls.NoCallAfterThat),
    ],
)
def test_log_call_is_refused_when_the_next_moment_does_not_fit(
    customer: Customer, manager: User, outcome: str, next_at: datetime | None, refusal: Any
) -> None:
    case = make_case(customer)
    with pytest.raises(refusal):
        calls.log_call(planned_call(case), outcome=outcome, next_at=next_at, by=manager, at=NOW)
    assert planned_call(case).outcome == ""
    assert not Interaction.objects.exists()


def test_log_call_flags_a_wrong_number_and_plans_nothing(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    assert calls.log_call(planned_call(case), outcome="wrong_number", by=manager, at=NOW).next_call is None
    assert steps(case)[-1] == "needs_data"
    assert calls.hint(case) == calls.Hint.NEEDS_DATA
    assert calls.assign_due(at=LATER).planned == 0
    # a person who found another number plans again
    assert calls.plan_call(case, by=manager, at=LATER).status == "planned"


def test_log_call_plans_nothing_more_after_do_not_call(customer: Customer, manager: User, lead: User) -> None:
    case = make_case(customer)
    assert calls.log_call(planned_call(case), outcome="do_not_call", by=manager, at=NOW).next_call is None
    assert steps(case)[-1] == "do_not_call"
    assert calls.hint(case) == calls.Hint.NO_CALLS
    with pytest.raises(calls.CustomerWantsNoCalls):
        calls.plan_call(case, due_at=LATER, by=manager, at=NOW)
    case = make_case(customer, by=lead, at=LATER)  # joins
    cases.close_case(case, outcome="not_pursued", reason="Wants no calls.", by=manager, at=LATER)
    make_case(customer, at=LATER)  # a new one
    assert calls.assign_due(at=LATER).planned == 0
    assert not FollowUpCall.objects.filter(status="planned").exists()
    assert make_case(CustomerFactory(owner=manager)).due_at is not None


def test_do_not_call_is_a_statement_of_the_contact_who_was_called(customer: Customer, manager: User) -> None:
    main = customer.contacts.get()
    other = ContactFactory(customer=customer, is_main=False)
    call = planned_call(make_case(customer))
    calls.log_call(call, outcome="do_not_call", contact=other, by=manager, at=NOW)
    calls.log_call(call, outcome="do_not_call", contact=other, by=manager, at=LATER)  # pressed twice
    said = Consent.objects.values_list(
        "contact", "purpose", "channel", "is_given", "source", "occurred_at", "by"
    )
    assert set(said) == {
        (other.pk, purpose, "phone", False, "call", NOW, manager.pk)
        for purpose in ("service", "survey", "offer", "care")
    }
    assert len(said) == 4
    marked = Contact.objects.filter(consents.asked_not_to_be_called())
    assert list(marked) == [other] and main not in marked
    assert AuditEvent.objects.filter(act="consent.record", actor_id=manager.pk).count() == 1


def test_do_not_call_is_said_of_the_main_contact_when_none_is_named(
    customer: Customer, manager: User
) -> None:
    ContactFactory(customer=customer, is_main=False)
    calls.log_unplanned(make_case(customer), outcome="do_not_call", by=manager, at=NOW)
    assert set(Consent.objects.values_list("contact", flat=True)) == {customer.contacts.get(is_main=True).pk}


@pytest.mark.parametrize("outcome", ["wrong_number", "reached", "no_answer"])
def test_other_outcomes_state_nothing_about_calls(customer: Customer, manager: User, outcome: str) -> None:
    calls.log_call(planned_call(make_case(customer)), outcome=outcome, by=manager, at=NOW)
    assert not Consent.objects.exists()


def test_do_not_call_of_a_customer_without_contacts_is_logged_all_the_same(
    customer: Customer, manager: User
) -> None:
    customer.contacts.all().delete()
    assert calls.log_call(planned_call(make_case(customer)), outcome="do_not_call", by=manager, at=NOW)
    assert not Consent.objects.exists()


def test_do_not_call_and_its_statement_are_one_transaction(
    customer: Customer, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(customer)

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(attempts, "_begin", fail)  # what comes after the statement
    with pytest.raises(RuntimeError):
        calls.log_call(planned_call(case), outcome="do_not_call", by=manager, at=NOW)
    assert not Consent.objects.exists() and planned_call(case).status == "planned"


def test_a_new_statement_undoes_do_not_call(customer: Customer, manager: User) -> None:
    case, contact = make_case(customer), customer.contacts.get()
    calls.log_call(planned_call(case), outcome="do_not_call", by=manager, at=NOW)

    def agree(purpose: str) -> None:
        said = {"purposes": [purpose], "channels": ["phone"], "is_given": True, "source": "form"}
        consents.record_consent(contact, **said, by=manager, at=LATER)

    agree("offer")
    agree("care")  # still no calls for service
    assert Contact.objects.filter(consents.asked_not_to_be_called()).exists()
    with pytest.raises(calls.CustomerWantsNoCalls):
        calls.plan_call(case, by=manager, at=LATER)
    agree("service")
    assert not Contact.objects.filter(consents.asked_not_to_be_called()).exists()
    assert calls.plan_call(case, by=manager, at=LATER).status == "planned"


def test_log_call_twice_counts_once(customer: Customer, manager: User, teammate: User) -> None:
    case = make_case(customer)
    call = planned_call(case)
    first = calls.log_call(call, outcome="no_answer", by=manager, at=NOW)
    again = calls.log_call(FollowUpCall.objects.get(pk=call.pk), outcome="no_answer", by=manager, at=LATER)
    assert again == first
    assert (Interaction.objects.count(), FollowUpCall.objects.count()) == (1, 2)
    assert steps(case).count("called") == 1
    for by, outcome in ((manager, "reached"), (teammate, "no_answer")):
        with pytest.raises(calls.AlreadyLogged) as refused:
            calls.log_call(call, outcome=outcome, by=by, at=LATER)
        assert f"{manager} has logged this call meanwhile: no answer" in str(refused.value)


def test_log_call_is_refused_when_its_case_was_closed(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    call = planned_call(case)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=NOW)
    with pytest.raises(cases.CaseClosed):
        calls.log_call(call, outcome="reached", by=manager, at=LATER)
    assert not Interaction.objects.exists()


def test_log_call_gives_an_unassigned_case_to_who_made_the_call(
    customer: Customer, manager: User, lead: User
) -> None:
    case = cases.unassign(make_case(customer), by=lead, at=NOW)
    calls.log_call(planned_call(case), outcome="reached", by=lead, at=LATER)
    case.refresh_from_db()
    assert (case.assignee, case.status) == (lead, "working")
    assert cases.why_assigned(case) == f"{lead} took the case."


def test_log_call_by_an_admin_leaves_the_case_unassigned(customer: Customer, lead: User, admin: User) -> None:
    case = cases.unassign(make_case(customer), by=lead, at=NOW)
    calls.log_call(planned_call(case), outcome="reached", by=admin, at=LATER)
    case.refresh_from_db()
    assert (case.assignee, case.status) == (None, "unassigned")


def test_log_unplanned_logs_the_planned_call_or_one_of_its_own(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    calls.log_unplanned(case, outcome="reached", by=manager, at=NOW)
    assert FollowUpCall.objects.count() == 1
    logged = calls.log_unplanned(case, outcome="no_answer", by=manager, at=LATER)
    assert FollowUpCall.objects.count() == 3
    assert logged.next_call is not None
    assert logged.next_call.attempt == 2


def test_log_unplanned_twice_within_ten_seconds_counts_once(
    customer: Customer, manager: User, teammate: User
) -> None:
    case = make_case(customer)
    calls.log_unplanned(case, outcome="reached", by=manager, at=NOW)  # nothing is planned now
    first = calls.log_unplanned(case, outcome="no_answer", note=" Busy ", by=manager, at=LATER)
    soon = LATER + timedelta(seconds=10)
    again = calls.log_unplanned(case, outcome="no_answer", note="Busy", by=manager, at=soon)
    assert again == first
    assert (Interaction.objects.count(), planned_call(case)) == (2, first.next_call)


@pytest.mark.parametrize(
    ("seconds", "outcome", "note", "who"),
    [
        (11, "reached", "Busy", "manager"),
        (1, "left_message", "Busy", "manager"),
        (1, "reached", "Idle", "manager"),
        (1, "reached", "Busy", "lead"),
    ],
)
def test_log_unplanned_counts_twice_when_it_is_another_call(
    request: pytest.FixtureRequest,
    customer: Customer,
    manager: User,
    seconds: int,
    outcome: str,
    note: str,
    who: str,
) -> None:
    case = make_case(customer)
    calls.log_unplanned(case, outcome="reached", note="Busy", by=manager, at=NOW)
    by, at = request.getfixturevalue(who), NOW + timedelta(seconds=seconds)
    calls.log_unplanned(case, outcome=outcome, note=note, by=by, at=at)
    assert Interaction.objects.count() == 2


@pytest.mark.parametrize(("days", "fits"), [(365, True), (367, False)])
def test_calls_are_planned_a_year_ahead_at_most(
    customer: Customer, manager: User, days: int, fits: bool
) -> None:
    case, moment = make_case(customer), NOW + timedelta(days=days)
    for press in (
        lambda: calls.plan_call(case, due_at=moment, by=manager, at=NOW),
        lambda: calls.log_unplanned(case, outcome="call_later", next_at=moment, by=manager, at=NOW),
    ):
        if fits:
            press()
        else:
            with pytest.raises(calls.DueTooFar):
                press()
    assert (planned_call(case).due_at >= moment) is fits


def test_hint_of_many_cases_needs_one_query(team: Any, manager: User) -> None:
    for _ in range(3):
        case = make_case(CustomerFactory(owner=manager))
        calls.log_call(planned_call(case), outcome="wrong_number", by=manager, at=NOW)
    make_case(CustomerFactory(owner=manager))
    with CaptureQueriesContext(connection) as captured:
        rows = calls.with_hint(RetentionCase.objects.order_by("pk"))
        hints = [calls.hint_of(row.last_outcome, row.last_attempt) for row in rows]  # type: ignore[attr-defined]
    assert hints == [calls.Hint.NEEDS_DATA] * 3 + [None]
    assert len(captured) == 1


# --- Every minute -----------------------------------------------------------------------------
def test_assign_due_gives_what_somebody_can_take_by_now(customer: Customer, manager: User) -> None:
    User.objects.filter(pk=manager.pk).update(capacity=0)
    case = make_case(customer)
    homeless = make_case(CustomerFactory())
    assert case.status == "unassigned"
    assert calls.assign_due(at=LATER) == calls.Due(taken_back=0, assigned=0, planned=0)
    assert steps(case) == ["opened"]

    User.objects.filter(pk=manager.pk).update(capacity=None)
    assert calls.assign_due(at=LATER) == calls.Due(taken_back=0, assigned=1, planned=0)
    case.refresh_from_db()
    homeless.refresh_from_db()
    assert (case.assignee, homeless.assignee) == (manager, None)
    assert planned_call(case).assignee == manager
    assert calls.assign_due(at=LATER) == calls.Due(taken_back=0, assigned=0, planned=0)


def test_assign_due_plans_a_call_only_where_there_never_was_one(customer: Customer, manager: User) -> None:
    bare = make_case(customer)
    FollowUpCall.objects.all().delete()
    RetentionCase.objects.update(due_at=None)
    reached = make_case(CustomerFactory(owner=manager))
    calls.log_call(planned_call(reached), outcome="reached", by=manager, at=NOW)
    planned = make_case(CustomerFactory(owner=manager))
    assert calls.assign_due(at=NOW).planned == 1
    assert planned_call(bare).assignee == manager
    bare.refresh_from_db()
    reached.refresh_from_db()
    assert bare.due_at == planned_call(bare).due_at == planned.due_at
    assert reached.due_at is None


def test_assign_due_needs_as_many_queries_for_30_cases_as_for_1(team: Any) -> None:
    owner = UserFactory(team=team)

    def queries(number: int) -> int:
        User.objects.update(capacity=0)
        for _ in range(number):
            make_case(CustomerFactory(owner=owner))
        FollowUpCall.objects.all().delete()
        User.objects.update(capacity=None)
        with CaptureQueriesContext(connection) as captured:
            assert calls.assign_due(at=LATER) == calls.Due(taken_back=0, assigned=number, planned=number)
        RetentionCase.objects.update(status="closed", outcome="saved", closed_at=LATER)
        return len(captured)

    assert queries(30) == queries(1)


# --- Races ------------------------------------------------------------------------------------
@pytest.fixture
def desk(transactional_db: None) -> dict[str, Any]:
    """A manager with a case, committed."""
    from tests.factories import CompanyFactory, TeamFactory

    CompanyFactory()
    manager = UserFactory(team=TeamFactory())
    return {"manager": manager, "case": make_case(CustomerFactory(owner=manager))}


@pytest.mark.services
@pytest.mark.parametrize("_round", range(3))
def test_race_of_eight_clicks_logs_one_call(desk: dict[str, Any], _round: int) -> None:
    call = planned_call(desk["case"])
    results = race(
        *[lambda: calls.log_call(call, outcome="no_answer", by=desk["manager"], at=LATER) for _ in range(8)]
    )
    assert all(result == results[0] for result in results)
    assert (Interaction.objects.count(), FollowUpCall.objects.count()) == (1, 2)


@pytest.mark.services
def test_race_of_four_rounds_assigns_and_plans_once(desk: dict[str, Any]) -> None:
    User.objects.update(capacity=0)
    waiting = [make_case(CustomerFactory(owner=desk["manager"])) for _ in range(5)]
    FollowUpCall.objects.exclude(case=desk["case"]).delete()
    User.objects.update(capacity=None)
    results = race(*[lambda: calls.assign_due(at=LATER) for _ in range(4)])
    assert sum(result.assigned for result in results) == 5
    assert sum(result.planned for result in results) == 5
    assert all(steps(case) == ["opened", "assigned"] for case in waiting)
