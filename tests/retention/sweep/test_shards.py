"""Shards of a sweep: claimed by lease, done once whoever dies, ended once by the last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from customers import touched as touching
from customers.ground import clock
from customers.ground.models import AuditEvent, BackgroundRun
from retention import sweep, warnings
from retention.measures import compute
from retention.models import CustomerMeasures, EarlyWarning, MeasureState, RetentionCase, SweepRun, SweepShard
from retention.sweep import ending, everybody, shards
from tests.factories import NOW, CompanyFactory, InteractionFactory, ago
from tests.retention.sweep.stories import names_of, on, silent
from tests.retention.sweep.test_at_once import at_once

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


def laid_down(patch: pytest.MonkeyPatch, number: int = 3, **values: Any) -> SweepRun:
    """Return a run that was asked for by somebody who died before he did any of it."""
    with patch.context() as dead:
        dead.setattr(everybody, "work_until_ended", lambda run: run)
        return sweep.run(as_of=values.pop("as_of", NOW), shards=number, **values)


def drained() -> int:
    """Help until nothing is left to help with; return how much was done."""
    done = 0
    while did := sweep.help_out(NOW):
        done += did
    return done


def leases_end() -> None:
    """Let every lease lie in the past."""
    SweepShard.objects.filter(lease_until__isnull=False).update(
        lease_until=clock.real_now() - timedelta(seconds=1)
    )


def test_run_left_by_who_asked_for_it_is_done_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(59, 60, 61, 62)
    on("no-contact")
    run = laid_down(monkeypatch)
    assert (run.status, names_of()) == ("running", [])

    assert drained() == 3

    run.refresh_from_db()
    assert (run.status, run.shards_done, run.customers) == ("done", 3, 4)
    assert (run.warnings, run.cases_opened, run.calls_created) == ({"no-contact": 3}, 3, 3)
    assert names_of() == ["silent 60", "silent 61", "silent 62"]
    assert MeasureState.objects.get().as_of == NOW
    assert AuditEvent.objects.filter(act="sweep.run").count() == 1


def test_details_tell_rows_and_matches_of_all_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(59, 60, 61)
    on("no-contact", "overdue")
    done = sweep.run(as_of=NOW, shards=3)
    again = sweep.run(as_of=NOW + DAY)

    assert done.details["rows"] == {"measures": 3, "rules": 2, "cases": 4}
    assert done.details["rules"]["no-contact"] == {"matches": 2, "raised": 2}
    assert again.details["rules"]["no-contact"] == {"matches": 3, "raised": 1}
    assert set(done.details["scan"]) == {"seconds", "alone"}


def test_shard_of_a_dead_worker_waits_for_the_end_of_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60, 61)
    on("no-contact")
    run = laid_down(monkeypatch, 2)
    dead = shards.claim()
    assert dead is not None and dead.lease_until > clock.real_now()

    assert drained() == (0 if compute.connection.vendor == "sqlite" else 1)  # one worker a run there
    run.refresh_from_db()
    assert run.status == "running"

    leases_end()
    drained()
    run.refresh_from_db()
    assert (run.status, run.warnings, names_of()) == ("done", {"no-contact": 2}, ["silent 60", "silent 61"])
    assert sorted(run.parts.values_list("attempts", flat=True)) == [1, 2]


def test_worker_who_lost_his_lease_takes_his_work_back(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60, 61)
    on("no-contact")
    run = laid_down(monkeypatch, 1)
    slow = shards.claim()
    assert slow is not None
    true = warnings.raise_matches

    def overtaken(*args: Any, **values: Any) -> Any:
        raised = true(*args, **values)
        SweepShard.objects.update(lease_token="somebody else's")
        return raised

    with monkeypatch.context() as patch:
        patch.setattr(warnings, "raise_matches", overtaken)
        everybody._do(slow)
    assert not EarlyWarning.objects.exists() and not run.parts.exclude(done_at=None).exists()

    everybody._do(slow)  # by now it is his again: his own token was never taken
    run.refresh_from_db()
    assert (run.shards_done, names_of()) == (1, ["silent 60", "silent 61"])
    with pytest.raises(shards.LeaseLost):
        shards.hold(slow)  # it is done


def test_run_whose_last_worker_died_before_its_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    on("no-contact")
    run = laid_down(monkeypatch, 1)
    shard = shards.claim()
    assert shard is not None
    everybody._do(shard)
    run.refresh_from_db()
    assert (run.status, run.shards_done) == ("running", 1)

    assert drained() == 1

    run.refresh_from_db()
    assert (run.status, run.warnings) == ("done", {"no-contact": 1})
    assert not ending.finish(run)
    assert AuditEvent.objects.filter(act="sweep.run").count() == 1


def test_shard_that_fails_is_tried_again_and_then_the_run_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent(60)
    on("no-contact")
    run = laid_down(monkeypatch, 1)
    with monkeypatch.context() as patch:
        patch.setattr(compute, "refresh", lambda **_k: (_ for _ in ()).throw(DatabaseError("gone")))
        for _attempt in range(everybody.MOST_FAILURES):
            run.refresh_from_db()
            assert run.status == "running"
            with pytest.raises(DatabaseError):
                sweep.help_out(NOW)
            assert SweepShard.objects.get().error == "DatabaseError"
            assert sweep.help_out(NOW) == 0  # not at once
            leases_end()
    run.refresh_from_db()
    assert run.status == "failed"
    with pytest.raises(sweep.SweepFailed):
        everybody.work_until_ended(run)


def test_shard_that_kills_every_worker_ends_the_run_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    run = laid_down(monkeypatch, 1)
    SweepShard.objects.update(attempts=shards.MOST_ATTEMPTS - 1)
    assert shards.claim() is not None  # the last one who dies of it
    assert drained() == 0
    leases_end()
    assert drained() == 1
    run.refresh_from_db()
    assert run.status == "failed"


def test_nightly_goes_on_with_the_run_that_its_dead_worker_left(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60, 61)
    on("no-contact")
    with monkeypatch.context() as dead:
        dead.setattr(everybody, "work_until_ended", lambda run: run)
        sweep.nightly(at=NOW)
    BackgroundRun.objects.update(status="running", lease_until=clock.real_now() - timedelta(seconds=1))

    done = sweep.nightly(at=NOW + timedelta(hours=1))

    assert done is not None and (done.status, done.warnings) == ("done", {"no-contact": 2})
    assert SweepRun.objects.count() == 1


def test_nightly_is_done_when_its_last_shard_is_whoever_did_it(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    with monkeypatch.context() as dead:
        dead.setattr(everybody, "work_until_ended", lambda run: run)
        sweep.nightly(at=NOW)
    BackgroundRun.objects.update(status="running")
    drained()
    assert BackgroundRun.objects.get(name="sweep").status == "done"


# --- Rows that stay -----------------------------------------------------------------------------


def test_full_pass_leaves_rows_that_would_be_the_same() -> None:
    same, touched, other = silent(10, 20, 30)
    sweep.run(as_of=NOW)
    touching.mark([touched.pk], at=NOW)

    InteractionFactory(customer=other, occurred_at=ago(3))

    done = sweep.run(as_of=NOW + timedelta(hours=1))

    moved = CustomerMeasures.objects.filter(as_of=done.as_of)
    assert set(moved.values_list("customer_id", flat=True)) == {touched.pk, other.pk}
    assert CustomerMeasures.objects.get(customer=same).as_of == NOW
    assert compute.known_as_of(same.pk) == done.as_of
    assert done.details["rows"]["measures"] == 2


def test_run_of_a_day_before_one_under_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(10)
    laid_down(monkeypatch, 1)
    with pytest.raises(sweep.SweepTooEarly):
        sweep.run(as_of=NOW - DAY)
    assert sorted(SweepRun.objects.values_list("status", flat=True)) == ["failed", "running"]


# --- At once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_workers_who_help_at_once_do_each_shard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(*range(60, 84))
    on("no-contact")
    run = laid_down(monkeypatch, 8)

    done = at_once(*[drained] * 4)

    assert all(isinstance(one, int) for one in done), done
    drained()
    run.refresh_from_db()
    assert (run.status, run.shards_done, run.customers) == ("done", 8, 24)
    assert run.warnings == {"no-contact": 24}
    assert run.cases_opened == RetentionCase.objects.count() == 24
    assert names_of() == [f"silent {days}" for days in range(60, 84)]
    assert AuditEvent.objects.filter(act="sweep.run").count() == 1
    assert set(run.parts.values_list("attempts", flat=True)) == {1}


@pytest.mark.parametrize(("times", "status"), [(2, "done"), (9, "failed")])
def test_a_lock_at_the_end_is_tried_again_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, times: int, status: str
) -> None:
    silent(60)
    on("no-contact")
    left, finish = [None] * times, ending.finish

    def locked(run: SweepRun) -> bool:
        if left:
            left.pop()
            raise OperationalError("database is locked")
        return finish(run)

    monkeypatch.setattr(ending, "finish", locked)
    if status == "failed":
        with pytest.raises(OperationalError):
            sweep.run(as_of=NOW)
    else:
        sweep.run(as_of=NOW)
    assert SweepRun.objects.get().status == status
