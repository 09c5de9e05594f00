"""Losses: recorded with type, cause and margin when a case closes as lost, ended when regained."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from customers.ground.models import AuditEvent, Event
from customers.models import Cause, Customer, User
from retention import cases, losses
from retention.models import Loss, RetentionCase
from tests.factories import NOW
from tests.retention.makers import give_margin, make_case, steps

LATER = NOW + timedelta(hours=1)
NEXT = NOW + timedelta(days=40)


def lose(customer: Customer, *, by: User, margin: int = 9_640_000) -> RetentionCase:
    """Open a case and close it as lost to a competitor."""
    give_margin(customer, margin)
    case = make_case(customer)
    rival = Cause.objects.get(code="competitor")
    cases.diagnose(case, churn_type="competitive", causes=[rival], by=by, at=NOW)
    return cases.close_case(case, outcome="lost", reason="Signed elsewhere.", by=by, at=LATER)


def test_close_case_as_lost_records_the_loss(customer: Customer, manager: User) -> None:
    case = lose(customer, by=manager)
    loss = Loss.objects.get()
    assert (loss.customer, loss.case, loss.churn_type) == (customer, case, "competitive")
    assert (loss.margin_365d, loss.occurred_at, loss.recorded_at, loss.ended_at) == (
        9_640_000,
        LATER,
        LATER,
        None,
    )
    assert AuditEvent.objects.filter(act="loss.record", object_id=loss.pk, actor_id=manager.pk).count() == 1
    assert Event.objects.get(kind="loss.record").customer_id == customer.pk


@pytest.mark.parametrize(("churn_type", "codes"), [("", ["price"]), ("passive", []), ("", [])])
def test_close_case_as_lost_is_refused_without_a_diagnosis(
    customer: Customer, manager: User, churn_type: str, codes: list[str]
) -> None:
    case = make_case(customer)
    chosen = list(Cause.objects.filter(code__in=codes))
    cases.diagnose(case, churn_type=churn_type, causes=chosen, by=manager, at=NOW)
    with pytest.raises(losses.DiagnosisMissing) as refused:
        cases.close_case(case, outcome="lost", reason="Gone.", by=manager, at=LATER)
    assert "Enter the diagnosis first" in str(refused.value)
    assert RetentionCase.objects.get().status == "working"
    assert not Loss.objects.exists()
    assert "closed" not in steps(case)


@pytest.mark.parametrize("outcome", ["saved", "unreachable", "not_pursued", "recovered"])
def test_close_case_records_no_loss_for_other_outcomes(
    customer: Customer, manager: User, outcome: str
) -> None:
    cases.close_case(make_case(customer), outcome=outcome, reason="So it is.", by=manager, at=LATER)
    assert not Loss.objects.exists()


def test_close_case_as_lost_again_leaves_the_loss_that_stands(customer: Customer, manager: User) -> None:
    first = lose(customer, by=manager)
    lose(customer, by=manager, margin=1)
    loss = Loss.objects.get()
    assert (loss.case, loss.margin_365d) == (first, 9_640_000)


def test_close_case_as_regained_ends_the_loss(customer: Customer, manager: User) -> None:
    lose(customer, by=manager)
    case = make_case(customer, kind="win_back", at=NEXT)
    cases.close_case(case, outcome="regained", reason="Ordered again.", by=manager, at=NEXT)
    assert Loss.objects.get().ended_at == NEXT
    assert Event.objects.filter(kind="loss.end").count() == 1
    lose(customer, by=manager)
    assert Loss.objects.count() == 2


def test_close_case_as_saved_leaves_a_loss_that_stands(customer: Customer, manager: User) -> None:
    lose(customer, by=manager)
    cases.close_case(make_case(customer, at=NEXT), outcome="saved", reason="Stays.", by=manager, at=NEXT)
    assert Loss.objects.get().ended_at is None


def test_end_loss_returns_nothing_when_the_customer_is_not_lost(customer: Customer, manager: User) -> None:
    assert losses.end_loss(customer, by=manager, at=NOW) is None
    assert not Event.objects.filter(kind="loss.end").exists()


def test_one_standing_loss_per_customer_is_kept_by_the_database(customer: Customer, manager: User) -> None:
    lose(customer, by=manager)
    with pytest.raises(IntegrityError), transaction.atomic():
        Loss.objects.create(customer=customer, occurred_at=NEXT, recorded_at=NEXT)


def test_hidden_churn_is_a_partial_loss_that_no_spend_ends_by_itself(
    customer: Customer, manager: User, company: object
) -> None:
    case = make_case(customer)
    price = Cause.objects.get(code="price")
    cases.diagnose(case, churn_type="hidden", causes=[price], by=manager, at=NOW)
    cases.close_case(case, outcome="lost", reason="Buys half.", by=manager, at=LATER)
    loss = Loss.objects.get()
    assert (loss.definition, loss.spend_before, loss.case) == ("partial", None, case)
    assert losses.seek(at=NEXT)["returned"] == 0
    assert losses.spells(since=NOW, until=NEXT) == []  # still there to be lost
    lose(customer, by=manager)
    loss.refresh_from_db()
    assert loss.ended_because == "total" and Loss.objects.get(ended_at=None).definition == "hand"
