"""The pass over everybody, once each local day."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import DatabaseError

from customers.ground import clock
from customers.ground.models import BackgroundRun, Company
from retention import revisits, segments, sweep
from retention.measures import compute
from retention.models import EarlyWarning, SegmentCount
from retention.standing import judging
from tests.factories import NOW, CompanyFactory, CustomerFactory, OrderFactory, ago
from tests.retention.sweep.stories import names_of, on, silent

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


def test_nightly_runs_once_each_local_day() -> None:
    silent(59)
    on("no-contact")
    assert sweep.nightly(at=NOW) is not None
    assert sweep.nightly(at=NOW + timedelta(hours=3)) is None
    assert names_of() == []

    done = sweep.nightly(at=NOW + timedelta(hours=14))  # past midnight in Shanghai, not yet in UTC

    assert done is not None and done.scope == "changed"
    assert names_of() == ["silent 59"]
    assert list(
        BackgroundRun.objects.filter(name="sweep").values_list("slot", "status").order_by("slot")
    ) == [
        ("2026-05-11", "done"),
        ("2026-05-12", "done"),
    ]


def test_nightly_counts_every_segment_once_it_is_done_and_makes_up_for_what_is_left() -> None:
    silent(59)
    condition = {"measure": "days_since_last_contact", "op": ">=", "value": 60}
    segment = segments.save("silent", name_en="S", name_zh="S", condition=condition, by=None, at=NOW)
    SegmentCount.objects.all().delete()
    sweep.nightly(at=NOW)
    assert list(SegmentCount.objects.values_list("customers", flat=True)) == [0]
    sweep.nightly(at=NOW + timedelta(hours=14))  # the next local day
    assert list(segment.counts.order_by("day").values_list("customers", flat=True)) == [0, 1]
    SegmentCount.objects.filter(customers=1).delete()  # the worker died before it had counted
    died = clock.real_now() - timedelta(seconds=1)
    BackgroundRun.objects.filter(name="after_sweep").update(status="running", lease_until=died)
    sweep.nightly(at=NOW + timedelta(hours=15))
    assert list(segment.counts.order_by("day").values_list("customers", flat=True)) == [0, 1]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which steps after the sweep are done, in order."""
    done: list[str] = []
    for module, name in (
        (import_module("retention.losses.nightly"), "seek"),
        (judging, "appraise"),
        (revisits, "nightly"),
    ):
        monkeypatch.setattr(module, name, lambda _name=name, **_k: done.append(_name) or {})
    return done


def test_steps_after_the_sweep_are_done_once_whoever_rings_again(steps: list[str]) -> None:
    for hours in (0, 1, 2):
        sweep.nightly(at=NOW + timedelta(hours=hours))
    assert steps == ["seek", "appraise", "nightly"]


def test_second_ring_does_not_overtake_the_steps_that_somebody_is_at(steps: list[str]) -> None:
    later, passed = (clock.real_now() + timedelta(minutes=n) for n in (9, -9))
    values = {"name": "after_sweep", "slot": "2026-05-11", "started_at": NOW, "lease_until": later}
    after = BackgroundRun.objects.create(**values)
    sweep.nightly(at=NOW)
    sweep.nightly(at=NOW)
    assert steps == []
    BackgroundRun.objects.filter(pk=after.pk).update(lease_until=passed)  # died; its step is still leased
    step = BackgroundRun.objects.create(**{**values, "name": "losses"})
    sweep.nightly(at=NOW)
    assert steps == []
    BackgroundRun.objects.update(lease_until=passed)
    sweep.nightly(at=NOW)
    assert steps == ["seek", "appraise", "nightly"]
    assert set(BackgroundRun.objects.values_list("status", flat=True)) == {"done"} and step.slot


def test_step_that_fails_is_tried_again_before_those_that_rest_on_it(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(judging, "appraise", lambda **_k: (_ for _ in ()).throw(DatabaseError("gone")))
        with pytest.raises(DatabaseError):
            sweep.nightly(at=NOW)
    assert steps == ["seek"]
    BackgroundRun.objects.exclude(status="done").update(lease_until=clock.real_now() - timedelta(seconds=1))
    sweep.nightly(at=NOW)
    assert steps == ["seek", "appraise", "nightly"]


def test_nightly_waits_until_a_company_is_set_up() -> None:
    Company.objects.all().delete()
    assert sweep.nightly(at=NOW) is None
    assert not BackgroundRun.objects.exists()
    CompanyFactory()
    assert sweep.nightly(at=NOW) is not None


def test_changed_pass_ends_as_a_full_one_does() -> None:
    silent(40, 58, 59, 60)
    shoppers = [CustomerFactory(name=f"shopper {n}") for n in range(4)]
    for number, shopper in enumerate(shoppers):
        for days in (180, 170, 160, 91 - number, 88 + number):
            OrderFactory(customer=shopper, occurred_at=ago(days))
    on("no-contact", "spend-halved", "overdue")
    sweep.nightly(at=NOW)

    for days in range(1, 6):
        sweep.nightly(at=NOW + days * DAY)
    whole = sweep.run(as_of=NOW + 5 * DAY, dry_run=True)

    by_rule = {
        code: EarlyWarning.objects.filter(rule__code=code, state="open").count() for code in whole.warnings
    }
    assert by_rule == whole.warnings
    assert sum(by_rule.values()) >= 4


def test_nightly_that_failed_is_tried_again_and_one_that_died_is_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compute, "changed_of", lambda *_a, **_k: (_ for _ in ()).throw(DatabaseError("gone")))
        with pytest.raises(DatabaseError):
            sweep.nightly(at=NOW)
    assert sweep.nightly(at=NOW) is None  # not before five minutes have passed
    BackgroundRun.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.nightly(at=NOW) is not None

    BackgroundRun.objects.update(status="running", lease_until=clock.real_now() + timedelta(minutes=1))
    assert sweep.nightly(at=NOW) is None
    BackgroundRun.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.nightly(at=NOW) is not None
