"""Recovery points from a case: within its limit and the month's budget, once, with the case's history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from customers import erasure, merges
from customers.ground import clock
from customers.ground.models import AuditEvent, Event
from customers.models import Customer, User
from loyalty.ledger import adjusting, redeeming
from loyalty.ledger import recovery as ledger
from loyalty.ledger.errors import NoPoints, NoProgramme
from loyalty.models import EntryNote, PointsAccount, PointsEntry, Programme
from retention import cases
from retention.cases import recovery
from retention.models import CaseMove, RetentionCase
from retention.timeline import told
from tests.factories import NOW, CompanyFactory, CustomerFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account
from tests.retention.makers import make_case, steps
from tests.retention.racing import race

LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def programme(customer: Customer) -> Programme:
    return ProgrammeFactory(recovery_limit=1000, recovery_budget=1500)


@pytest.fixture
def case(customer: Customer) -> RetentionCase:
    return make_case(customer)


def grant(case: RetentionCase, points: int = 300, *, key: str = "k", **given: Any) -> PointsEntry:
    said = {"reason": "A week late.", "by": None, "at": LATER, **given}
    return cases.grant_points(case, points=points, key=key, **said)


def test_grant_writes_points_and_step_and_opens_an_account(
    programme: Programme, case: RetentionCase, manager: User
) -> None:
    entry = grant(case, by=manager)
    account = PointsAccount.objects.get()
    assert (account.customer_id, account.balance) == (case.customer_id, 300)
    step = CaseMove.objects.get(kind="points")
    assert (step.case, step.by, step.codes) == (case, manager, {"points": 300})
    assert (entry.kind, entry.source_type, entry.source_id) == ("recovery", "case_points", step.pk)
    assert EntryNote.objects.get(entry=entry).text == "A week late."
    assert AuditEvent.objects.filter(act="case.points", actor_id=manager.pk).count() == 1
    assert Event.objects.filter(kind="case.points", customer_id=case.customer_id).count() == 1


def test_one_key_of_a_case_grants_once_also_after_its_customer_was_merged(
    programme: Programme, case: RetentionCase
) -> None:
    first = grant(case)
    survivor = make_account().customer
    gone = Customer.objects.get(pk=case.customer_id)
    merges.merge_customers(survivor, gone, reason="The same.", by=None, at=LATER)
    assert grant(case) == first
    assert PointsAccount.objects.get(customer=survivor).balance == 300


def test_grant_begins_the_work_on_a_case_that_was_only_assigned(
    programme: Programme, case: RetentionCase
) -> None:
    assert case.status == "assigned"
    grant(case)
    assert case.status == "working" and steps(case)[-2:] == ["working", "points"]
    grant(case, key="again")
    assert steps(case)[-2:] == ["points", "points"]


def test_same_key_grants_once_and_gives_the_first_entry(programme: Programme, case: RetentionCase) -> None:
    first = grant(case)
    assert grant(case, 700) == first
    assert (CaseMove.objects.filter(kind="points").count(), PointsEntry.objects.count()) == (1, 1)
    grant(case, key="other")
    assert PointsAccount.objects.get().balance == 600


def test_same_key_in_another_case_is_another_grant(programme: Programme, case: RetentionCase) -> None:
    grant(case)
    grant(make_case(CustomerFactory()))
    assert PointsEntry.objects.count() == 2


def test_key_that_was_used_answers_also_when_the_case_is_closed(
    programme: Programme, case: RetentionCase, manager: User
) -> None:
    first = grant(case)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=LATER)
    assert grant(case) == first
    with pytest.raises(cases.CaseClosed):
        grant(case, key="new")
    assert PointsEntry.objects.count() == 1


@pytest.mark.parametrize(("points", "is_refused"), [(700, False), (701, True)])
def test_limit_counts_all_that_the_case_got(
    programme: Programme, case: RetentionCase, points: int, is_refused: bool
) -> None:
    grant(case, 300)
    if is_refused:
        with pytest.raises(ledger.RecoveryLimit, match="at most 1,000 points"):
            grant(case, points, key="more")
    else:
        grant(case, points, key="more")
    assert PointsAccount.objects.get().balance == (300 if is_refused else 1000)
    assert CaseMove.objects.filter(kind="points").count() == (1 if is_refused else 2)


def test_points_that_pay_a_debt_count_against_the_limit(programme: Programme, case: RetentionCase) -> None:
    account = make_account(case.customer)
    PointsAccount.objects.filter(pk=account.pk).update(debt=250)
    grant(case, 300)
    assert PointsAccount.objects.get().balance == 50
    room = cases.room_for(case, at=LATER)
    assert room is not None and (room.given, room.left, room.month) == (300, 700, 1200)


def test_what_a_lead_took_back_can_be_given_again(
    programme: Programme, case: RetentionCase, lead: User
) -> None:
    entry = grant(case, 900)
    other = make_case(CustomerFactory())
    grant(other, 100)
    adjusting.reverse_entry(entry, reason="Wrong case.", key="r", by=lead, at=LATER)
    room = cases.room_for(case, at=LATER)
    assert room is not None and (room.given, room.left) == (0, 1000)
    untouched = cases.room_for(other, at=LATER)
    assert untouched is not None and untouched.given == 100
    grant(case, 600, key="again")
    with pytest.raises(ledger.RecoveryLimit, match="600 are given already"):
        grant(case, 401, key="more")


def test_what_was_taken_back_of_spent_points_can_be_given_again(
    programme: Programme, case: RetentionCase, lead: User
) -> None:
    Programme.objects.update(on_spent_return="debt")
    entry = grant(case, 900)
    account = PointsAccount.objects.get()
    redeeming.redeem(account, points=800, source=("redemption", 1), key="", detail={}, by=None, at=LATER)
    adjusting.reverse_entry(entry, reason="Wrong case.", key="r", by=lead, at=LATER)
    account.refresh_from_db()
    room = cases.room_for(case, at=LATER)
    assert account.debt == 800 and room is not None and room.given == 0


@pytest.mark.parametrize(("points", "is_refused"), [(600, False), (601, True)])
def test_budget_counts_all_cases_of_the_month(
    programme: Programme, case: RetentionCase, points: int, is_refused: bool
) -> None:
    grant(make_case(CustomerFactory()), 900)
    if is_refused:
        with pytest.raises(ledger.RecoveryBudget, match="600 recovery points left"):
            grant(case, points)
        assert not CaseMove.objects.filter(case=case, kind__in=["points", "working"]).exists()
        assert not PointsAccount.objects.filter(customer=case.customer).exists()
    else:
        grant(case, points)


def test_budget_is_whole_again_on_the_first_of_the_next_month(
    programme: Programme, case: RetentionCase
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    last = datetime(2026, 5, 31, 23, 59, 59, tzinfo=zone)
    grant(make_case(CustomerFactory()), 900)
    with pytest.raises(ledger.RecoveryBudget):
        grant(case, 601, at=last)
    assert grant(case, 601, at=last + timedelta(seconds=1)).points == 601


def test_no_points_are_granted_when_the_step_cannot_be_written(
    programme: Programme, case: RetentionCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_values: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(CaseMove.objects, "create", broken)
        with pytest.raises(RuntimeError):
            grant(case)
    assert not PointsEntry.objects.exists() and not PointsAccount.objects.exists()
    assert grant(case).points == 300


def test_no_step_is_written_when_the_points_cannot_be_granted(
    programme: Programme, case: RetentionCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_values: Any) -> None:
        raise RuntimeError("the ledger is down")

    before = steps(case)
    monkeypatch.setattr(recovery.recovery, "grant_recovery", broken)
    with pytest.raises(RuntimeError):
        grant(case)
    assert steps(case) == before and case.status == "assigned"
    assert not Event.objects.filter(kind="case.points").exists()


@pytest.mark.parametrize("points", [0, -1, recovery.MOST_POINTS + 1])
def test_grant_is_refused_without_points(programme: Programme, case: RetentionCase, points: int) -> None:
    with pytest.raises(NoPoints):
        grant(case, points)


def test_grant_is_refused_without_a_reason_or_a_programme(case: RetentionCase, customer: Customer) -> None:
    assert cases.room_for(case, at=LATER) is None
    with pytest.raises(NoProgramme):
        grant(case)
    ProgrammeFactory()
    with pytest.raises(ledger.NoReason):
        grant(case, reason="  ")
    assert not CaseMove.objects.filter(kind="points").exists()


def test_timeline_tells_it(programme: Programme, case: RetentionCase) -> None:
    grant(case, 1000)
    (first,) = (one for one in told(case.customer, limit=20).entries if one.title.startswith("Recovery"))
    assert (first.title, first.text) == ("Recovery points granted: 1,000", "A week late.")


def test_history_of_an_erased_customer_tells_no_reason(programme: Programme, case: RetentionCase) -> None:
    grant(case)
    erasure.erase_customer(case.customer, reason="request", by=None, at=LATER)
    assert "A week late." not in [entry.text for entry in told(case.customer, limit=20).entries]


def test_history_tells_the_reason_of_a_case_that_came_with_a_merge(
    programme: Programme, case: RetentionCase
) -> None:
    grant(case)
    survivor = CustomerFactory()
    merges.merge_customers(survivor, case.customer, reason="The same.", by=None, at=LATER)
    assert "A week late." in [entry.text for entry in told(survivor, limit=20).entries]


# --- On the case's page ---------------------------------------------------------------------------
def address(case: RetentionCase, name: str = "case_points") -> str:
    return reverse(f"retention:{name}", args=[case.pk])


def test_page_shows_what_is_left_and_two_presses_grant_once(
    client: Client, programme: Programme, case: RetentionCase, manager: User
) -> None:
    clock.fix(LATER)
    grant(case, 300)
    client.force_login(manager)
    response = client.get(address(case, "case"))
    assert "Grant recovery points" in response.text and "700 of 1,000" in response.text
    assert "1,200" in response.text
    key = response.context["points_form"]["key"].value()
    form = {"points": "200", "reason": "Late.", "key": key}
    for _press in range(2):
        assert client.post(address(case), form).status_code == 302
    assert PointsAccount.objects.get().balance == 500
    assert client.get(address(case, "case")).context["points_form"]["key"].value() != key


def test_page_says_why_more_than_the_limit_is_refused(
    client: Client, programme: Programme, case: RetentionCase, manager: User
) -> None:
    client.force_login(manager)
    response = client.post(address(case), {"points": "1001", "reason": "Late.", "key": "k"})
    assert response.status_code == 422 and "at most 1,000 points" in response.text
    assert "An admin sets limit and budget" in response.text
    assert response.context["open_sheet"] == "points_form"
    assert not PointsEntry.objects.exists()
    form = response.context["points_form"]
    assert "at most 1,000 points" in form.errors["points"][0] and not form.non_field_errors()
    grant(make_case(CustomerFactory()), 900, at=clock.now())
    response = client.post(address(case), {"points": "601", "reason": "Late.", "key": "k"})
    assert "600 recovery points left" in response.context["points_form"].errors["points"][0]


@pytest.mark.parametrize(
    ("given", "budget", "reason"),
    [
        (999, 1500, ""),
        (1000, 1500, "this case got all 1,000"),
        (500, 500, "budget is used up"),
        (500, None, ""),
        (1000, None, "this case got all 1,000"),
    ],
)
def test_act_stands_with_its_reason_where_nothing_can_be_granted(
    client: Client,
    programme: Programme,
    case: RetentionCase,
    manager: User,
    given: int,
    budget: int | None,
    reason: str,
) -> None:
    Programme.objects.update(recovery_budget=budget)
    clock.fix(LATER)
    grant(case, given)
    client.force_login(manager)
    text = client.get(address(case, "case")).text
    assert ('popovertarget="points">' in text) is not bool(reason)
    assert ('disabled aria-describedby="no-points"' in text) is bool(reason)
    assert reason in text and ("No more recovery points" in text) is bool(reason)


@pytest.mark.parametrize(
    "wrong", [{"points": ""}, {"points": "0"}, {"points": "1.5"}, {"reason": ""}, {"key": ""}]
)
def test_page_refuses_what_is_no_grant(
    client: Client, programme: Programme, case: RetentionCase, manager: User, wrong: dict[str, str]
) -> None:
    client.force_login(manager)
    form = {"points": "100", "reason": "Late.", "key": "k", **wrong}
    assert client.post(address(case), form).status_code == 422
    assert not PointsEntry.objects.exists()


def test_page_has_no_such_act_without_a_programme(client: Client, case: RetentionCase, manager: User) -> None:
    client.force_login(manager)
    assert "Grant recovery points" not in client.get(address(case, "case")).text
    response = client.post(address(case), {"points": "100", "reason": "Late.", "key": "k"})
    assert response.status_code == 422 and "No loyalty programme is running" in response.text


def test_others_cannot_grant(
    client: Client, programme: Programme, case: RetentionCase, outsider: User, analyst: User
) -> None:
    form = {"points": "100", "reason": "Late.", "key": "k"}
    for user, status in ((outsider, 404), (analyst, 403)):
        client.force_login(user)
        assert client.post(address(case), form).status_code == status
    assert not PointsEntry.objects.exists()


# --- At once --------------------------------------------------------------------------------------
@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_race_for_the_rest_of_the_budget_lets_one_win(_round: int) -> None:
    CompanyFactory()
    ProgrammeFactory(recovery_limit=1000, recovery_budget=1000)
    two = [make_case(CustomerFactory()) for _n in range(2)]
    for one in two:
        earn(make_account(one.customer), 1)
    results = race(*(lambda one=one: grant(one, 600) for one in two))
    assert sum(isinstance(one, ledger.RecoveryBudget) for one in results) == 1, results
    assert sum(isinstance(one, PointsEntry) for one in results) == 1
    assert CaseMove.objects.filter(kind="points").count() == 1


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_race_of_one_press_with_itself_grants_once(_round: int) -> None:
    CompanyFactory()
    ProgrammeFactory(recovery_limit=1000)
    case = make_case(CustomerFactory())
    seen = [RetentionCase.objects.get(pk=case.pk) for _n in range(4)]
    results = race(*(lambda one=one: grant(one, 600) for one in seen))
    assert {getattr(one, "pk", one) for one in results} == {PointsEntry.objects.get().pk}
    assert CaseMove.objects.filter(kind="points").count() == 1
