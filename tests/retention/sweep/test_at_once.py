"""Several sweeps, schedulers and workers at once, in real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from customers import touched as touching
from customers.models import TouchedCustomer
from retention import rules, sweep, warnings
from retention.models import EarlyWarning, FollowUpCall, RetentionCase, SweepRun
from tests.factories import NOW, CompanyFactory
from tests.retention.sweep.stories import names_of, on, silent


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts in threads that start together, each with its own connection; return results or errors."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def do(number: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait(30)
            results[number] = act()
        except BaseException as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_three_schedulers_make_one_nightly_run() -> None:
    silent(60)
    on("no-contact")

    done = at_once(*[lambda: sweep.nightly(at=NOW)] * 3)

    assert [type(one) for one in done if one is not None] == [SweepRun]
    assert (SweepRun.objects.count(), EarlyWarning.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_sweeps_at_once_leave_one_open_warning_and_case_a_customer() -> None:
    silent(*range(60, 90))
    on("no-contact")

    done = at_once(
        lambda: sweep.run(as_of=NOW, shards=4), lambda: sweep.run(as_of=NOW + timedelta(seconds=1), shards=4)
    )

    assert [type(one) for one in done] == [SweepRun, SweepRun]
    assert names_of() == [f"silent {days}" for days in range(60, 90)]
    assert sum(one.warnings["no-contact"] for one in done) == 30
    assert sum(one.cases_opened for one in done) == RetentionCase.objects.count() == 30
    assert not EarlyWarning.objects.filter(case=None).exists()
    assert FollowUpCall.objects.count() == sum(one.calls_created for one in done)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_marks_claimed_at_once_are_each_swept_and_none_is_lost() -> None:
    customers = silent(*range(60, 90))
    on("no-contact")
    for customer in customers:
        touching.mark([customer.pk], at=NOW)

    def drained() -> int:
        done = 0
        while swept := sweep.touched(NOW):
            done += swept
        return done

    done = at_once(drained, drained, drained)

    assert all(isinstance(one, int) for one in done), done
    assert sum(done) == 30
    assert names_of() == [f"silent {days}" for days in range(60, 90)]
    assert not TouchedCustomer.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_rule_switched_off_during_a_sweep_leaves_no_open_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    (rule,) = on("no-contact")
    raising, true = threading.Event(), warnings.raise_matches

    def slow(*args: Any, **kwargs: Any) -> Any:
        raised = true(*args, **kwargs)
        raising.set()
        return raised

    monkeypatch.setattr(warnings, "raise_matches", slow)

    def switch_off() -> bool:
        raising.wait(30)
        return rules.disable(rule, by=None, at=NOW + timedelta(seconds=1))

    done = at_once(lambda: sweep.run(as_of=NOW), switch_off)

    assert [type(one) for one in done] == [SweepRun, bool]
    assert (names_of(), names_of("closed")) == ([], ["silent 60"])
