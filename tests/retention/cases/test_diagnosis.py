"""The diagnosis: type of churn and causes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers.models import Cause, Customer, User
from retention import cases
from retention.models import RetentionCase
from tests.factories import NOW
from tests.retention.makers import (
    cause,
    in_status,
    make_case,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)


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
