"""Renewals: terms follow each other, cases come before notice dates, what lapsed is a loss the same night."""

from __future__ import annotations

from datetime import date, timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import contracts as recording
from customers import renewals as terms
from customers.ground.models import AuditEvent, BackgroundRun, Event
from customers.models import Cause, Contract, ContractVersion
from retention import cases, losses, renewals
from retention.models import Loss, RenewalCase, RetentionCase
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 11)


def night(days):
    """Return a moment of the night that begins the day so many days after today."""
    return NOW + timedelta(days=days)


def agreed(customer, *, ends=30, notice=None, months=12, **values):
    """Record a contract that ends so many days after today; ``notice`` days after today."""
    ends_on = TODAY + timedelta(days=ends)
    return recording.record_contract(
        customer,
        starts_on=values.pop("starts_on", ends_on - timedelta(days=30 * months)),
        ends_on=ends_on,
        notice_on=TODAY + timedelta(days=notice) if notice is not None else None,
        value=values.pop("value", 1_200_000),
        by=None,
        at=NOW - timedelta(days=300),
        **values,
    )


def days(contract):
    return tuple(
        day and date.fromordinal(day).isoformat()
        for day in (contract.starts_day, contract.ends_day, contract.notice_day)
    )


# --- One contract ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("starts", "ends", "notice", "expected"),
    [
        ("2025-06-01", "2026-05-31", "2026-04-30", ("2026-06-01", "2027-05-31", "2027-04-30")),
        ("2025-01-31", "2026-01-30", None, ("2026-01-31", "2027-01-30", None)),
        ("2026-02-01", "2026-02-28", None, ("2026-03-01", "2026-03-31", None)),
        ("2026-01-01", "2026-01-10", None, ("2026-01-11", "2026-01-20", None)),
        ("2024-03-01", "2025-02-28", None, ("2025-03-01", "2026-02-28", None)),
    ],
)
def test_next_term_is_as_many_months_or_days(customer, starts, ends, notice, expected):
    contract = recording.record_contract(
        customer,
        starts_on=date.fromisoformat(starts),
        ends_on=date.fromisoformat(ends),
        notice_on=date.fromisoformat(notice) if notice else None,
        by=None,
        at=NOW,
    )
    term = terms.next_term(contract)
    assert (
        tuple(day and day.isoformat() for day in (term.starts_on, term.ends_on, term.notice_on)) == expected
    )


def test_renew_writes_the_same_terms_as_a_new_fact(customer, manager):
    old = agreed(customer, notice=10, number="K-1", auto_renew=False)
    new = renewals.renew(old, by=manager, at=NOW)
    old.refresh_from_db()
    assert (new.renews, new.renewal, new.value, new.value_base, new.number, new.owner) == (
        *(old, "same", 1_200_000, 1_200_000, "K-1", manager),
    )
    assert new.starts_day == old.ends_day + 1 and new.ends_day - new.notice_day == 20
    assert (
        old.renewed_day == TODAY.toordinal() and ContractVersion.objects.filter(fact_id=old.pk).count() == 1
    )
    assert Event.objects.get(kind="contract.renewed").data == {"renews": old.pk, "how": "same"}
    assert AuditEvent.objects.filter(act="contract.renew", object_id=new.pk, actor_id=manager.pk).count() == 1


def test_renegotiated_changes_the_value_and_a_longer_term_the_end(customer, manager):
    one, other = agreed(customer), agreed(customer, notice=0)
    new = renewals.renew(one, value=900_000, by=manager, at=NOW)
    assert (new.renewal, new.value, new.value_base) == ("renegotiated", 900_000, 900_000)
    end = terms.next_term(other).ends_on
    with pytest.raises(terms.NotLonger):
        renewals.renew(other, ends_on=end, by=manager, at=NOW)
    longer = renewals.renew(other, ends_on=end + timedelta(days=90), by=manager, at=NOW)
    assert longer.renewal == "longer" and longer.ends_day == end.toordinal() + 90
    assert longer.ends_day - longer.notice_day == 30


def test_two_presses_are_one(customer, manager):
    contract = agreed(customer)
    renewals.renew(contract, by=manager, at=NOW)
    for verb in (renewals.renew, terms.lapse):
        with pytest.raises(terms.Decided):
            verb(contract, by=manager, at=NOW)
    assert Contract.objects.count() == 2


def test_contract_is_changed_and_its_version_kept(customer, manager, teammate):
    contract = agreed(customer)
    stale = Contract.objects.get()
    values = {"starts_on": TODAY, "ends_on": TODAY + timedelta(days=60), "value": 5, "number": "K-2"}
    recording.change_contract(contract, **values, owner=teammate, by=manager, at=NOW)
    assert (contract.number, contract.value_base, contract.owner) == ("K-2", 5, teammate)
    assert ContractVersion.objects.get().value == 1_200_000
    with pytest.raises(recording.ContractRefused):
        recording.change_contract(contract, **values | {"ends_on": date(2020, 1, 1)}, by=manager, at=NOW)
    with pytest.raises(Exception, match="newer version"):
        recording.change_contract(stale, **values | {"value": 6}, by=manager, at=NOW)
    recording.change_contract(contract, **values, owner=teammate, by=manager, at=NOW)
    assert AuditEvent.objects.filter(act="contract.change").count() == 1


# --- Cases before the notice date --------------------------------------------------------------
def test_case_opens_so_many_days_before_the_notice_date_with_its_dates(customer, manager, admin):
    agreed(customer, ends=90, notice=31, number="K-1")
    agreed(CustomerFactory(owner=manager), ends=31)  # without a notice date its end counts
    assert renewals.nightly(at=night(0))["cases"] == 0
    assert renewals.nightly(at=night(1))["cases"] == 2
    case = RetentionCase.objects.get(customer=customer)
    assert case.reason == "Contract K-1 ends on 2026-08-09; notice until 2026-06-11."
    assert case.assignee == manager and case.severity == 2
    assert RenewalCase.objects.get(contract__customer=customer).case == case
    renewals.set_days_before(60, by=admin, at=NOW)
    agreed(CustomerFactory(owner=manager), ends=90, notice=61)
    assert renewals.nightly(at=night(2))["cases"] == 1


@pytest.mark.parametrize("days", [0, 366, -1])
def test_set_days_before_is_refused_out_of_a_year(company, admin, days):
    with pytest.raises(renewals.BadDays):
        renewals.set_days_before(days, by=admin, at=NOW)
    assert renewals.days_before() == 30


def test_case_of_a_term_comes_once_and_joins_the_open_one(customer, manager):
    standing = cases.open_case(customer, kind="recovery", severity=3, reason="Angry.", by=manager, at=NOW)
    agreed(customer, ends=20, number="K-1")
    agreed(customer, ends=25, number="K-2")
    renewals.nightly(at=night(0))
    standing.refresh_from_db()
    assert (standing.kind, standing.severity) == ("recovery", 3)
    assert standing.reason.splitlines()[0] == "Angry." and len(standing.reason.splitlines()) == 3
    cases.close_case(standing, outcome="saved", reason="All well.", by=manager, at=NOW)
    renewals.nightly(at=night(1))
    assert RetentionCase.objects.count() == 1  # one case a term, also when it was closed


@pytest.mark.parametrize("act", ["renewed", "lapsed", "void", "over", "gone"])
def test_no_case_for_what_is_decided(customer, manager, act):
    contract = agreed(customer, ends=-8 if act == "over" else 20)
    if act == "renewed":
        renewals.renew(contract, by=manager, at=NOW)
    if act == "lapsed":
        terms.lapse(contract, by=manager, at=NOW)
    if act == "void":
        Contract.objects.update(void=True)
    if act == "gone":
        customer.gone_at = NOW
        customer.save()
    assert renewals.nightly(at=night(1))["cases"] == 0


def test_missed_notice_date_makes_the_case_urgent_once_and_ends_in_a_loss(customer, manager):
    agreed(customer, ends=40, notice=10, number="K-1")
    renewals.nightly(at=night(0))
    assert renewals.nightly(at=night(10))["missed"] == 0  # still the day itself
    assert renewals.nightly(at=night(11))["missed"] == 1
    case = RetentionCase.objects.get()
    assert case.severity == 3 and case.reason.count("passed without an answer") == 1
    assert renewals.nightly(at=night(12))["missed"] == 0
    assert renewals.nightly(at=night(40))["losses"] == 0  # its last day
    assert renewals.nightly(at=night(41))["losses"] == 1
    assert Loss.objects.get().occurred_at.date() == date(2026, 6, 20)  # midnight of the 21st in Shanghai


# --- Contracts that renew themselves -----------------------------------------------------------
def test_auto_renewed_contract_goes_on_by_itself_and_is_no_loss(customer):
    old = agreed(customer, ends=3, notice=-20, auto_renew=True, number="K-1")
    assert renewals.nightly(at=night(3))["renewed"] == 0  # its last day
    done = renewals.nightly(at=night(4))
    assert (done["renewed"], done["losses"], done["missed"]) == (1, 0, 0)
    new = Contract.objects.get(renews=old)
    old.refresh_from_db()
    assert (new.renewal, new.auto_renew, new.value) == ("itself", True, 1_200_000)
    assert new.starts_day == old.ends_day + 1 == old.renewed_day
    assert not Loss.objects.exists()


def test_terminated_contract_does_not_renew_itself_and_is_a_loss_the_same_night(customer, manager):
    terms.lapse(agreed(customer, ends=3, auto_renew=True), by=manager, at=NOW)
    done = renewals.nightly(at=night(1))
    assert (done["renewed"], done["losses"]) == (0, 1)
    assert renewals.nightly(at=night(4))["renewed"] == 0


def test_short_terms_catch_up_after_a_pause(customer):
    agreed(customer, ends=0, starts_on=TODAY - timedelta(days=9), auto_renew=True)
    renewals.nightly(at=night(0))
    assert renewals.nightly(at=night(25))["renewed"] == 3
    assert Contract.objects.filter(renewed_day__isnull=True).get().ends_day == TODAY.toordinal() + 30


def test_what_ended_long_before_stays_as_it_was_told(customer):
    agreed(customer, ends=-8, auto_renew=True)
    agreed(CustomerFactory(), ends=-9)
    assert renewals.nightly(at=night(0)) == {"renewed": 0, "cases": 0, "missed": 0, "losses": 0}


# --- What lapsed is a loss ---------------------------------------------------------------------
def test_lapse_is_one_loss_unless_another_contract_goes_on(customer, manager):
    contract = agreed(customer, ends=-1)
    staying = CustomerFactory(owner=manager)
    agreed(staying, ends=-1)
    agreed(staying, ends=200)
    assert renewals.nightly(at=night(0))["losses"] == 1
    loss = Loss.objects.get()
    assert (loss.customer, loss.contract, loss.case) == (customer, contract, None)
    assert AuditEvent.objects.filter(act="loss.record", object_id=loss.pk).count() == 1
    assert renewals.nightly(at=night(1))["losses"] == 0
    losses.end_loss(customer, by=manager, at=night(1))
    assert renewals.nightly(at=night(2))["losses"] == 0  # once for each lapse, also after a return


def test_renewed_late_ends_the_loss(customer, manager):
    contract = agreed(customer, ends=-1)
    renewals.nightly(at=night(0))
    new = renewals.renew(contract, by=manager, at=night(2))
    assert Loss.objects.get().ended_at == night(2)
    assert new.starts_day == TODAY.toordinal() and new.occurred_day == TODAY.toordinal() + 2
    assert renewals.nightly(at=night(3))["losses"] == 0


def test_case_that_closes_as_lost_tells_the_loss_of_a_lapse_why(customer, manager):
    case = cases.open_case(customer, kind="save", severity=2, reason="Ends.", by=manager, at=NOW)
    terms.lapse(agreed(customer), by=manager, at=NOW)
    renewals.nightly(at=night(1))
    price = Cause.objects.get(code="price")
    cases.diagnose(case, churn_type="active", causes=[price], by=manager, at=night(1))
    cases.close_case(case, outcome="lost", reason="Too dear.", by=manager, at=night(1))
    loss = Loss.objects.get()
    assert (loss.case, loss.churn_type) == (case, "active")


# --- Once a night ------------------------------------------------------------------------------
def test_night_runs_once_and_a_past_one_is_refused(customer):
    assert renewals.nightly(at=night(0)) is not None
    agreed(customer, ends=10)
    assert renewals.nightly(at=night(0)) is None
    assert renewals.nightly(at=night(2))["cases"] == 1
    with pytest.raises(renewals.NightIsPast):
        renewals.nightly(at=night(1))
    assert set(BackgroundRun.objects.values_list("slot", flat=True)) == {"2026-05-11", "2026-05-13"}


def test_night_that_was_stopped_in_the_middle_goes_on_without_duplicates(customer, manager):
    agreed(customer, ends=-1, auto_renew=True)
    agreed(CustomerFactory(owner=manager), ends=10)
    agreed(CustomerFactory(owner=manager), ends=-1)
    for step in ("open_cases", "_raise_missed", "_count_losses"):
        stopped = mock.patch.object(renewals, step, side_effect=KeyboardInterrupt)
        with stopped, pytest.raises(KeyboardInterrupt):
            renewals.nightly(at=night(0))
        BackgroundRun.objects.update(lease_until=NOW - timedelta(days=1000))
    renewals.nightly(at=night(0))
    assert Contract.objects.filter(renewal="itself").count() == 1
    assert (RetentionCase.objects.count(), RenewalCase.objects.count(), Loss.objects.count()) == (1, 1, 1)
    assert AuditEvent.objects.filter(act="loss.record").count() == 1


def test_night_asks_as_often_for_three_cases_and_losses_as_for_one(manager, company):
    def asked(number, at):
        for _ in range(number):
            agreed(CustomerFactory(owner=manager), ends=10 + at)
            agreed(CustomerFactory(owner=manager), ends=at - 1)
        with CaptureQueriesContext(connection) as queries:
            done = renewals.nightly(at=night(at))
        assert (done["cases"], done["losses"]) == (number, number)
        return len(queries)

    few = asked(1, 0)
    assert asked(3, 1) <= few


def test_night_without_a_company_does_nothing(db):
    assert renewals.nightly(at=NOW) is None
