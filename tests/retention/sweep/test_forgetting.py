"""Runs of the sweep are kept for 90 days; what raised a warning stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retention.models import SweepRun, SweepShard
from retention.sweep import forgetting
from tests.factories import NOW, CustomerFactory
from tests.retention.makers import make_run, make_warning

pytestmark = pytest.mark.django_db


def _run(days: int) -> SweepRun:
    run: SweepRun = make_run(at=NOW - timedelta(days=days))
    SweepShard.objects.create(run=run, number=1, low=1, high=9)
    return run


def test_runs_older_than_90_days_go_with_their_parts_and_younger_ones_stay() -> None:
    old, edge, young = _run(91), _run(90), _run(1)
    assert forgetting.forget_old(at=NOW) == 1
    assert set(SweepRun.objects.all()) == {edge, young}
    assert set(SweepShard.objects.values_list("run", flat=True)) == {edge.pk, young.pk}
    assert not SweepRun.objects.filter(pk=old.pk).exists()


def test_run_that_a_warning_names_stays_without_its_parts() -> None:
    old, _newest = _run(200), _run(1)
    make_warning(CustomerFactory(), run=old)
    assert forgetting.forget_old(at=NOW) == 0
    assert SweepRun.objects.filter(pk=old.pk).exists()
    assert not SweepShard.objects.filter(run=old).exists()


def test_run_that_still_goes_is_left_alone() -> None:
    old, _newest = _run(200), _run(1)
    SweepRun.objects.filter(pk=old.pk).update(status="running")
    assert forgetting.forget_old(at=NOW) == 0
    assert SweepShard.objects.filter(run=old).exists()


def test_more_than_one_portion_goes_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    for _n in range(5):
        _run(100)
    _run(1)
    assert forgetting.forget_old(at=NOW) == 5


def test_newest_run_over_everybody_stays_however_old_it_is() -> None:
    older, newest = _run(300), _run(200)
    assert forgetting.forget_old(at=NOW) == 1
    assert list(SweepRun.objects.all()) == [newest]
    assert older.pk < newest.pk
