"""Revisits of lost customers: by hand, for a filtered set, by the cadence; once, and no flood."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent
from customers.models import Customer, User
from retention import calls, cases, revisits
from retention.calls.planning import DueInThePast
from retention.cases import holders
from retention.models import FollowUpCall, Loss, RetentionCase
from tests.factories import NOW, CustomerFactory, ago, day
from tests.retention.makers import make_case, planned_call

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=30)


def lost(customer: Customer, *, at: Any = NOW, **values: Any) -> Loss:
    return Loss.objects.create(customer=customer, occurred_at=at, recorded_at=at, **values)


def test_plan_makes_a_win_back_case_with_its_call(customer: Customer, manager: User) -> None:
    loss = lost(customer)
    call = revisits.plan(loss, due_at=LATER, by=manager, at=NOW)
    assert (call.purpose, call.case.kind, call.status) == ("revisit", "win_back", "planned")
    assert call.reason == "Revisit: lost since 2026-05-11." and call.due_at >= LATER
    loss.refresh_from_db()
    assert loss.revisit_day == day(call.due_at)
    assert FollowUpCall.objects.get() == call


@pytest.mark.parametrize("what", ["returned", "open case", "past"])
def test_plan_is_refused(customer: Customer, manager: User, what: str) -> None:
    loss = lost(customer, ended_at=NOW if what == "returned" else None)
    if what == "open case":
        make_case(customer)
    refused = {"returned": revisits.NotLost, "open case": revisits.CaseIsOpen, "past": DueInThePast}[what]
    with pytest.raises(refused):
        revisits.plan(loss, due_at=NOW if what == "past" else LATER, by=manager, at=NOW)
    assert not FollowUpCall.objects.filter(purpose="revisit").exists()


def test_plan_many_leaves_out_who_is_spoken_with(manager: User) -> None:
    first, second = CustomerFactory(owner=manager), CustomerFactory(owner=manager)
    busy = CustomerFactory(owner=manager)
    make_case(busy)
    for one in (first, second, busy):
        lost(one)
    assert revisits.plan_many(Loss.objects.all(), due_at=LATER, by=manager, at=NOW) == (2, 1)
    revisited = FollowUpCall.objects.filter(purpose="revisit").values_list("customer", flat=True)
    assert set(revisited) == {first.pk, second.pk}


def test_cadence_opens_each_step_on_its_day_and_once(customer: Customer, admin: User) -> None:
    loss = lost(customer)
    revisits.set_cadence([30, 90], by=admin, at=NOW)
    assert revisits.nightly(at=NOW) == 0
    loss.refresh_from_db()
    assert (loss.revisit_day, loss.revisits) == (day(NOW) + 30, 0)
    assert revisits.nightly(at=NOW + timedelta(days=29)) == 0
    assert revisits.nightly(at=NOW + timedelta(days=30)) == 1
    assert revisits.nightly(at=NOW + timedelta(days=30)) == 0
    case = RetentionCase.objects.get()
    assert (case.kind, planned_call(case).purpose) == ("win_back", "revisit")
    assert revisits.nightly(at=NOW + timedelta(days=90)) == 0  # its case is still open: spoken with already
    loss.refresh_from_db()
    assert (loss.revisit_day, loss.revisits) == (None, 2)


def test_new_cadence_brings_no_flood_of_old_steps(customer: Customer, admin: User) -> None:
    old, older = lost(customer, at=ago(40)), lost(CustomerFactory(), at=ago(400))
    revisits.set_cadence([30, 90], by=admin, at=NOW)
    assert revisits.nightly(at=NOW) == 0
    for loss in (old, older):
        loss.refresh_from_db()
    assert (old.revisit_day, old.revisits) == (day(ago(40)) + 90, 1)
    assert (older.revisit_day, older.revisits) == (None, 2)


def test_returned_customer_is_not_revisited(customer: Customer, admin: User) -> None:
    revisits.set_cadence([30], by=admin, at=NOW)
    loss = lost(customer)
    revisits.nightly(at=NOW)
    Loss.objects.filter(pk=loss.pk).update(ended_at=NOW)
    assert revisits.nightly(at=LATER) == 0


@pytest.mark.parametrize("days", [[0], [30, 30], [90, 30], [1096], [1, 2, 3, 4, 5, 6, 7]])
def test_set_cadence_refuses_what_does_not_rise(admin: User, days: list[int]) -> None:
    with pytest.raises(revisits.BadCadence):
        revisits.set_cadence(days, by=admin, at=NOW)
    assert revisits.cadence() == []


def test_set_cadence_to_nothing_ends_it(admin: User) -> None:
    revisits.set_cadence([30, 90], by=admin, at=NOW)
    revisits.set_cadence([], by=admin, at=NOW)
    assert revisits.cadence() == []
    assert AuditEvent.objects.filter(act="revisits.set_cadence").count() == 2


@pytest.mark.parametrize("what", ["partial", "erased", "no calls", "none"])
def test_cadence_leaves_in_peace_who_is_there_or_wants_no_calls(
    customer: Customer, admin: User, manager: User, what: str
) -> None:
    if what == "no calls":
        case = make_case(customer)
        calls.log_call(planned_call(case), outcome="do_not_call", by=manager, at=NOW)
        case.refresh_from_db()
        cases.close_case(case, outcome="not_pursued", reason="Wants no calls.", by=manager, at=NOW)
    if what == "erased":
        Customer.objects.filter(pk=customer.pk).update(erased_at=NOW)
    lost(customer, definition="partial" if what == "partial" else "window")
    revisits.set_cadence([30], by=admin, at=NOW)
    revisits.nightly(at=NOW)
    assert revisits.nightly(at=LATER) == (1 if what == "none" else 0)


@pytest.mark.parametrize("days", [[], [60]])
def test_another_cadence_clears_the_days_of_the_one_before_and_no_other(
    customer: Customer, admin: User, manager: User, days: list[int]
) -> None:
    loss, chosen = lost(customer), lost(CustomerFactory(owner=manager))
    revisits.plan(chosen, due_at=LATER, by=manager, at=NOW)
    revisits.set_cadence([30, 90], by=admin, at=NOW)
    revisits.nightly(at=NOW)
    revisits.set_cadence(days, by=admin, at=NOW)
    for one in (loss, chosen):
        one.refresh_from_db()
    assert loss.revisit_day is None and chosen.revisit_day is not None
    revisits.nightly(at=NOW)
    loss.refresh_from_db()
    assert loss.revisit_day == (day(NOW) + 60 if days else None)


def test_case_that_is_opened_while_the_night_waits_for_the_desk_is_seen(
    customer: Customer, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(customer)
    revisits.set_cadence([30], by=admin, at=NOW)
    revisits.nightly(at=NOW)
    real, opened = holders.hold_desk, []

    def waits() -> None:
        if not opened:
            opened.append(True)
            make_case(customer, at=LATER)
        real()

    monkeypatch.setattr(holders, "hold_desk", waits)
    assert revisits.nightly(at=LATER) == 0
    assert not FollowUpCall.objects.filter(purpose="revisit").exists()
