"""Sweeps that others overtake: nobody writes what is over, and no mark goes unanswered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import touched as touching
from customers.models import TouchedCustomer
from retention import sweep, warnings
from retention.measures import compute
from retention.models import CustomerMeasures, EarlyWarning, MeasureState, SweepRun
from retention.sweep import ending, everybody, marks, shards
from tests.factories import NOW, CompanyFactory, InteractionFactory, ago
from tests.retention.sweep.stories import names_of, on, silent
from tests.retention.sweep.test_shards import drained, laid_down

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


# --- Marks ------------------------------------------------------------------------------------


def test_mark_stays_when_the_row_was_written_as_of_the_same_moment_by_another_pass() -> None:
    (customer,) = silent(60)
    compute.refresh(as_of=NOW)
    touching.mark([customer.pk], at=ago(1))

    with marks.of_full_pass(compute.EVERYONE, as_of=NOW):
        assert compute.refresh(as_of=NOW, only_changes=True) == 0

    assert TouchedCustomer.objects.count() == 1
    with marks.of_full_pass(compute.EVERYONE, as_of=NOW + DAY):
        compute.refresh(as_of=NOW + DAY, only_changes=True)
    assert not TouchedCustomer.objects.exists()


def test_sweep_after_one_that_failed_as_of_the_same_moment_sees_what_came_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (customer,) = silent(60)
    on("no-contact")
    with monkeypatch.context() as patch:
        patch.setattr(ending, "finish", lambda run: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            sweep.run(as_of=NOW)
    assert names_of() == ["silent 60"]
    InteractionFactory(customer=customer, occurred_at=ago(2), recorded_at=ago(2))
    touching.mark([customer.pk], at=ago(1))

    done = sweep.run(as_of=NOW)

    assert (done.status, names_of(), names_of("closed")) == ("done", [], ["silent 60"])
    assert not TouchedCustomer.objects.exists()


# --- Rows that change under a scan ---------------------------------------------------------------


def test_warning_stands_when_its_customer_got_a_newer_row_after_the_scan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = silent(61, 62)
    on("no-contact")
    sweep.run(as_of=NOW - DAY)
    for customer in (one, other):
        InteractionFactory(customer=customer, occurred_at=ago(0.5))
    true = warnings.raise_matches

    def overtaken(*args: Any, **values: Any) -> Any:
        CustomerMeasures.objects.filter(customer=one).update(as_of=NOW + timedelta(minutes=1))
        return true(*args, **values)

    with monkeypatch.context() as patch:
        patch.setattr(warnings, "raise_matches", overtaken)
        sweep.run(as_of=NOW)

    assert (names_of(), names_of("closed")) == (["silent 61"], ["silent 62"])


def test_row_that_was_newer_before_the_scan_closes_a_warning_all_the_same() -> None:
    (customer,) = silent(61)
    on("no-contact")
    sweep.run(as_of=NOW - DAY)
    InteractionFactory(customer=customer, occurred_at=ago(0.5))
    compute.refresh(as_of=NOW + timedelta(minutes=1), customers=compute.only([customer.pk]))

    sweep.run(as_of=NOW)

    assert names_of("closed") == ["silent 61"]


# --- Runs that are over -------------------------------------------------------------------------


def test_shard_of_a_run_that_was_given_up_meanwhile_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    on("no-contact")
    run = laid_down(monkeypatch, 1)
    slow = shards.claim()
    assert slow is not None
    ending.fail(run)

    everybody._do(slow)

    assert not EarlyWarning.objects.exists() and not CustomerMeasures.objects.exists()
    assert not run.parts.exclude(done_at=None).exists()


@pytest.mark.parametrize("scope", ["full", "changed"])
def test_run_of_an_earlier_day_is_given_up_when_a_later_one_begins(
    scope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(10, 20)
    sweep.run(as_of=NOW - 2 * DAY)
    before = laid_down(monkeypatch, 1, as_of=NOW - DAY)
    slow = shards.claim()
    assert slow is not None

    done = sweep.run(as_of=NOW, scope=scope)

    everybody._do(slow)
    assert drained() == 0
    before.refresh_from_db()
    assert (before.status, before.shards_done, done.status) == ("failed", 0, "done")
    assert set(CustomerMeasures.objects.values_list("as_of", flat=True)) == {NOW - 2 * DAY}  # they stay
    assert MeasureState.objects.get().as_of == NOW


def test_shard_is_not_written_when_a_later_days_run_has_just_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    before = laid_down(monkeypatch, 1, as_of=NOW - DAY)
    slow = shards.claim()
    assert slow is not None
    later = laid_down(monkeypatch, 1)
    SweepRun.objects.filter(pk=before.pk).update(status="running")  # it has not given us up yet

    everybody._do(slow)

    assert not before.parts.exclude(done_at=None).exists()
    assert not CustomerMeasures.objects.exists()
    assert later.status == "running"


def test_whoever_waits_for_a_run_that_a_later_day_overtook_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    true = shards.claim

    def midnight(run: SweepRun | None = None) -> Any:
        if run is not None and run.day == SweepRun.objects.order_by("day").values_list("day", flat=True)[0]:
            laid_down(monkeypatch, 1)
            ending.give_up_earlier(SweepRun.objects.latest("day"))
        return true(run)

    monkeypatch.setattr(shards, "claim", midnight)
    with pytest.raises(sweep.SweepTooEarly):
        sweep.run(as_of=NOW - DAY)


# --- Workers of two versions --------------------------------------------------------------------


def test_run_with_other_measures_is_left_to_workers_that_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    run = laid_down(monkeypatch, 1)
    SweepRun.objects.update(fingerprint="other")
    assert drained() == 0

    run.parts.update(done_at=NOW)
    assert drained() == 1

    assert MeasureState.objects.get().fingerprint == "other"


def test_nightly_does_not_wait_for_a_run_with_other_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    on("no-contact")
    laid_down(monkeypatch, 1, slot="2026-05-11")
    SweepRun.objects.update(fingerprint="other")

    done = sweep.nightly(at=NOW)

    assert done is not None and (done.status, done.warnings) == ("done", {"no-contact": 1})
