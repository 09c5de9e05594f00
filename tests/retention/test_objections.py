"""Objecting to profiling: no rule looks at the customer from the commit on; complaints go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import complaints, objections
from customers.ground import clock, drain
from customers.models import Customer, Objection
from retention import rules, sweep, warnings
from retention.models import CaseMove, EarlyWarning, RetentionCase, WarningRule
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def silent(manager):
    """Two customers whom the rule “overdue” finds."""
    made = [CustomerFactory(owner=manager) for _ in range(2)]
    for customer in made:
        for days in (200, 170, 140, 110, 80):
            OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days))
    rules.enable(WarningRule.objects.get(code="overdue"), open_existing=True, by=None, at=NOW)
    return made


def run(at=LATER):
    return sweep.run(as_of=at, scope="full")


def warned():
    return set(EarlyWarning.objects.exclude(state="closed").values_list("customer", flat=True))


def object_to(customer, **more):
    return objections.object_to_profiling(customer, by=None, at=NOW, **more)


@pytest.mark.parametrize("by_contact", [True, False])
def test_sweep_passes_over_who_objects(silent, by_contact):
    contact = silent[0].contacts.get() if by_contact else None
    object_to(silent[0], contact=contact)
    done = run()
    assert warned() == {silent[1].pk}
    assert done.customers == 1
    objections.lift(silent[0], contact=contact, by=None, at=NOW)
    run(at=LATER + timedelta(seconds=1))
    assert warned() == {silent[0].pk, silent[1].pk}


def test_try_and_backtest_match_sets_leave_out_who_objects(silent):
    object_to(silent[0])
    tried = sweep.run(as_of=LATER, scope="dry")
    assert tried.warnings == {"overdue": 1}


def test_objecting_closes_warnings_and_the_case_that_nobody_worked_on(silent, manager):
    run()
    cases = {case.customer_id: case for case in RetentionCase.objects.all()}
    assert set(cases) == {customer.pk for customer in silent}
    object_to(silent[0])
    closed = EarlyWarning.objects.get(customer=silent[0])
    assert (closed.state, closed.closed_because) == ("closed", "objected")
    case = RetentionCase.objects.get(customer=silent[0])
    assert (case.status, case.outcome) == ("closed", "not_pursued")
    assert CaseMove.objects.filter(case=case, kind="objected").count() == 1
    assert warned() == {silent[1].pk}
    assert RetentionCase.objects.get(customer=silent[1]).status != "closed"


def test_objecting_leaves_a_case_that_somebody_works_on(silent, manager):
    run()
    case = RetentionCase.objects.get(customer=silent[0])
    CaseMove.objects.create(case=case, kind="working", to_status="working", at=NOW, by=manager)
    object_to(silent[0])
    case.refresh_from_db()
    assert case.status != "closed"


def test_complaints_of_who_objects_open_cases_all_the_same(silent):
    object_to(silent[0])
    complaints.file_complaint(silent[0], text="Late.", by=None, at=NOW)
    drain.until_empty(at=LATER)
    assert RetentionCase.objects.get(customer=silent[0]).kind == "recovery"


def test_an_objection_that_comes_while_the_sweep_writes_takes_its_warning_back(silent, monkeypatch):
    """The matches are found, somebody objects, then the warnings are written."""
    insert = warnings._insert

    def late(*said, **more):
        Objection.objects.create(customer=silent[0], source="form", occurred_at=NOW, recorded_at=NOW)
        return insert(*said, **more)

    monkeypatch.setattr(warnings, "_insert", late)
    run()
    assert warned() == {silent[1].pk}
    assert not RetentionCase.objects.filter(customer=silent[0]).exists()


def test_object_to_profiling_once_and_only_for_ones_own_contact(silent):
    first = object_to(silent[0])
    assert object_to(silent[0]) == first and Objection.objects.count() == 1
    with pytest.raises(objections.NotTheirs):
        object_to(silent[0], contact=ContactFactory())
    assert objections.lift(silent[1], by=None, at=NOW) == 0
    assert list(objections.standing_of(silent[0])) == [first]


def test_objections_of_joined_customers_stay(silent):
    from customers import movers

    object_to(silent[0])
    movers.movers()[Objection]("customer", silent[0].pk, silent[1].pk)
    assert objections.standing_of(silent[1]).exists()
    assert not objections.standing_of(Customer.objects.get(pk=silent[0].pk)).exists()
