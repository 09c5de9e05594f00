"""A sweep killed anywhere and run again ends as if nothing had happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import Event
from customers.models import Customer
from retention import cases, sweep, warnings
from retention.measures import compute
from retention.models import RetentionCase, SweepRun
from retention.sweep import ending, judging
from tests.factories import NOW, CompanyFactory, InteractionFactory, ago
from tests.retention.sweep.stories import names_of, on, silent

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


PLACES: dict[str, tuple[Any, str]] = {
    "before the measures": (compute, "refresh"),
    "after the measures": (judging, "matching"),
    "before the warnings": (warnings, "raise_matches"),
    "after the warnings were raised": (warnings, "close_gone"),
    "before the cases": (cases, "open_for_warnings"),
    "before the recovered": (cases, "recovered_by_itself"),
    "before the end": (compute, "note_full_pass"),
    "at the audit": (ending, "_codes"),
}


class Killed(BaseException):
    """As hard as a kill: no ``except Exception`` stops it."""


def story() -> None:
    """Let three customers fall silent, one of whom speaks again after the first sweep."""
    silent(61, 62, 63, 5)
    on("no-contact")
    sweep.run(as_of=NOW - DAY)
    InteractionFactory(customer=Customer.objects.get(name="silent 62"), occurred_at=ago(0.5))
    silent(80, 81)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hits", [1, 2])
def test_killed_anywhere_and_run_again_ends_as_if_nothing_had_happened(
    place: str, hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story()
    module, name = PLACES[place]
    true, calls = getattr(module, name), iter(range(100))

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == hits - 1:
            raise Killed
        return true(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, deadly)
        try:
            sweep.run(as_of=NOW, shards=3)
        except Killed:
            assert SweepRun.objects.filter(status="failed").count() == 1

    sweep.run(as_of=NOW, shards=3)

    assert names_of() == ["silent 61", "silent 63", "silent 80", "silent 81"]
    assert names_of("closed") == ["silent 62"]
    opened = sorted(RetentionCase.objects.values_list("customer__name", "outcome"))
    assert opened == [
        ("silent 61", ""),
        ("silent 62", "recovered"),
        ("silent 63", ""),
        ("silent 80", ""),
        ("silent 81", ""),
    ]
    assert Event.objects.filter(kind=warnings.RAISED).count() == 5
    assert Event.objects.filter(kind=warnings.CLOSED).count() == 1
