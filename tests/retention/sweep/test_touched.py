"""Touched customers: claimed by lease, judged within seconds, no mark lost, newer rows win."""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from customers import touched as touching
from customers.ground import clock, drain, localtime
from customers.models import Customer, TouchedCustomer
from retention import cases, sweep
from retention.measures import compute
from retention.models import CustomerMeasures, EarlyWarning, RetentionCase, SweepRun
from retention.sweep import marks
from tests.factories import NOW, CompanyFactory, InteractionFactory, ago
from tests.retention.sweep.stories import names_of, on, silent

DAY = timedelta(days=1)
touched_sweep = importlib.import_module("retention.sweep.touched")  # the verb hides the module of its name


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


def test_touched_customer_has_its_case_after_one_round_of_the_drain() -> None:
    one, other = silent(60, 61)
    on("no-contact")
    touching.mark([one.pk], at=ago(0.1))

    drain.once(at=NOW)

    assert names_of() == ["silent 60"]
    assert RetentionCase.objects.get().customer == one
    assert not TouchedCustomer.objects.exists()
    run = SweepRun.objects.get()
    assert (run.scope, run.customers, run.as_of) == ("touched", 1, NOW)
    assert not CustomerMeasures.objects.filter(customer=other).exists()


def test_touched_sees_a_fact_recorded_just_now_even_when_the_clock_stands() -> None:
    (customer,) = silent(60)
    on("no-contact")
    for round_ in range(3):
        InteractionFactory(customer=customer, occurred_at=ago(50 - round_), recorded_at=NOW)
        touching.mark([customer.pk], at=NOW)
        assert sweep.touched(NOW) == 1
        row = CustomerMeasures.objects.get()
        assert row.last_contact_day == localtime.day_number(ago(50 - round_), "Asia/Shanghai")
    assert not EarlyWarning.objects.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OperationalError("database is locked")])
def test_touched_gives_marks_back_when_the_sweep_is_stopped(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent_ones = silent(60, 61)
    on("no-contact")
    touching.mark([customer.pk for customer in silent_ones], at=NOW)
    tried = []

    def stop(*args: Any, **kwargs: Any) -> None:
        tried.append(1)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(cases, "open_for_warnings", stop)
        with pytest.raises(type(error)):
            sweep.touched(NOW)
    assert len(tried) == 1
    assert not EarlyWarning.objects.exists()
    assert not CustomerMeasures.objects.exists()
    assert not TouchedCustomer.objects.filter(lease_until__isnull=False).exists()

    assert sweep.touched(NOW) == 2
    assert names_of() == ["silent 60", "silent 61"]


def poison(customers: list[Customer], patch: pytest.MonkeyPatch) -> None:
    """Let every sweep fail that any of the customers is in."""
    true, bad = compute.refresh, {customer.pk for customer in customers}

    def refresh(*, as_of: datetime, customers: compute.Customers) -> int:
        if bad & set(customers.ids or ()):
            raise RuntimeError("cannot be computed")
        return true(as_of=as_of, customers=customers)

    patch.setattr(compute, "refresh", refresh)


def test_customer_who_cannot_be_swept_holds_nobody_else_up(monkeypatch: pytest.MonkeyPatch) -> None:
    five = silent(60, 61, 62, 63, 64)
    on("no-contact")
    touching.mark([customer.pk for customer in five], at=NOW)
    before = clock.real_now()
    with monkeypatch.context() as patch:
        poison(five[2:3], patch)
        drain.once(at=NOW)
        assert sweep.touched(NOW) == 0  # it waits

    assert names_of() == ["silent 60", "silent 61", "silent 63", "silent 64"]
    assert set(SweepRun.objects.values_list("status", flat=True)) == {"done"}
    mark = TouchedCustomer.objects.get()
    assert mark.customer == five[2]
    assert timedelta(minutes=4) < mark.lease_until - before < timedelta(minutes=6)

    TouchedCustomer.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.touched(NOW) == 1
    assert names_of() == [f"silent {days}" for days in range(60, 65)]


def test_touched_parts_no_more_when_many_customers_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    eight = silent(*range(60, 68))
    touching.mark([customer.pk for customer in eight], at=NOW)
    monkeypatch.setattr(touched_sweep, "MOST_ALONE", 2)
    poison(eight, monkeypatch)

    assert sweep.touched(NOW) == 0

    late = clock.real_now() + timedelta(minutes=4)
    assert TouchedCustomer.objects.filter(lease_until__gt=late).count() == 2
    assert TouchedCustomer.objects.filter(lease_until__lt=late).count() == 6


def test_mark_written_while_the_sweep_runs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    (customer,) = silent(60)
    touching.mark([customer.pk], at=NOW)
    true = marks.delete

    def delete_after_another_mark(ids: Any) -> None:
        touching.mark([customer.pk], at=NOW)
        true(ids)

    monkeypatch.setattr(marks, "delete", delete_after_another_mark)
    sweep.touched(NOW)
    assert TouchedCustomer.objects.count() == 1


def test_leased_mark_is_left_alone_until_its_lease_ends() -> None:
    (customer,) = silent(60)
    touching.mark([customer.pk], at=NOW)
    claimed = marks.claim()
    assert claimed is not None and claimed.customers == (customer.pk,)

    assert marks.claim() is None
    assert sweep.touched(NOW) == 0

    TouchedCustomer.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.touched(NOW) == 1


def test_full_pass_deletes_the_marks_that_it_answered_and_no_others() -> None:
    answered, later, overtaken = silent(10, 20, 30)
    touching.mark([answered.pk, overtaken.pk], at=NOW - DAY)
    touching.mark([later.pk], at=NOW)  # recorded at the very moment: not seen by a pass as of it
    CustomerMeasures.objects.create(customer=overtaken, as_of=NOW + timedelta(seconds=9))

    sweep.run(as_of=NOW)

    assert set(TouchedCustomer.objects.values_list("customer_id", flat=True)) == {later.pk, overtaken.pk}


def test_sweep_touched_dry_leaves_the_marks() -> None:
    (customer,) = silent(60)
    on("no-contact")
    touching.mark([customer.pk], at=NOW - DAY)

    done = sweep.sweep_touched(at=NOW, dry_run=True)

    assert (done.warnings, TouchedCustomer.objects.count()) == ({"no-contact": 1}, 1)
    assert not EarlyWarning.objects.exists()


def test_overtaken_pass_leaves_customers_judged_for_a_later_day_alone() -> None:
    one, _other = silent(59, 60)
    on("no-contact")
    touching.mark([one.pk], at=NOW + DAY)
    sweep.touched(NOW + DAY)  # the newer pass: 60 days by then
    assert names_of() == ["silent 59"]

    done = sweep.run(as_of=NOW)  # a full pass that began the day before

    assert names_of() == ["silent 59", "silent 60"]
    assert (done.customers, done.warnings_closed) == (1, 0)


def test_wide_row_of_a_newer_pass_wins() -> None:
    (customer,) = silent(60)
    CustomerMeasures.objects.create(customer=customer, as_of=NOW + timedelta(seconds=1), last_contact_day=1)
    sweep.run(as_of=NOW)
    assert CustomerMeasures.objects.get().last_contact_day == 1
    sweep.run(as_of=NOW + timedelta(seconds=2))
    assert CustomerMeasures.objects.get().last_contact_day > 1
