"""Who sees warnings, calls and losses: whoever sees their case or customer, and nobody what was withheld."""

from __future__ import annotations

import pytest

from retention import cases
from retention.models import EarlyWarning, FollowUpCall, Loss
from tests.factories import NOW, CustomerFactory
from tests.retention import makers

pytestmark = pytest.mark.django_db


def seen_by(model, *users):
    return [[row.pk for row in model.objects.visible_to(user)] for user in users]


def test_a_warning_is_seen_with_its_case(manager, outsider, lead, admin, customer):
    case, run = makers.make_case(customer), makers.make_run()
    warning = makers.make_warning(customer, run=run, case=case)
    assert seen_by(EarlyWarning, manager, lead, admin, outsider) == [[warning.pk]] * 3 + [[]]


@pytest.mark.parametrize("told", ["withheld", "baseline", "withheld_and_gone"])
def test_a_warning_that_opened_no_case_is_seen_by_nobody(manager, admin, customer, told):
    values = {
        "withheld": {"state": "withheld"},
        "baseline": {"is_baseline": True},
        "withheld_and_gone": {"state": "closed", "closed_at": NOW, "closed_because": "sign_gone"},
    }[told]
    makers.make_warning(customer, run=makers.make_run(), **values)
    assert seen_by(EarlyWarning, manager, admin) == [[], []]


def test_a_call_is_seen_with_its_case(manager, outsider, lead, customer):
    call = makers.planned_call(makers.make_case(customer))
    assert seen_by(FollowUpCall, manager, lead, outsider) == [[call.pk], [call.pk], []]


def test_a_loss_is_seen_with_its_customer(manager, outsider, customer):
    other = makers.make_case(CustomerFactory(owner=outsider))
    case = makers.make_case(customer)
    for each, by in ((case, manager), (other, outsider)):
        cases.diagnose(each, churn_type="active", causes=[makers.cause("price")], by=by, at=NOW)
        cases.close_case(each, outcome="lost", reason="Gone.", by=by, at=NOW)
    assert seen_by(Loss, manager, outsider) == [
        [Loss.objects.get(customer=customer).pk],
        [Loss.objects.get(case=other).pk],
    ]
