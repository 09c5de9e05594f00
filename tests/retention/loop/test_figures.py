"""Figures: what was taken back is late and in no median, and hours are worked out once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.models import Customer, User
from retention import loop as looping
from retention.loop import figures
from retention.models import LoopClosure
from tests.factories import NOW
from tests.retention.loop.world import asked, filed

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def counted() -> figures.Figure:
    return figures.read(LoopClosure.objects.all(), ("source",))["source"].whole


@pytest.mark.parametrize("was_contacted", [False, True])
def test_taken_back_is_in_time_with_nothing_and_in_no_median(
    customer: Customer, manager: User, lead: User, was_contacted: bool
) -> None:
    solved, spam = filed(customer), filed(customer)
    looping.confirm(asked(solved, by=manager, at=NOW + 2 * HOUR), by=None, at=NOW + 2 * HOUR)
    if was_contacted:
        looping.log_contact(spam, text="Talked.", by=manager, at=NOW + HOUR)
    looping.withdraw(spam, reason="Spam.", by=lead, at=NOW + HOUR)
    whole = counted()
    assert (whole.received, whole.withdrawn, whole.contacted_in_time, whole.solved_in_time) == (2, 1, 1, 1)
    assert (whole.contact_share, whole.to_contact, whole.to_resolution) == (0.5, [2.0], [2.0])


def test_hours_are_worked_out_once_whatever_the_groups(
    customer: Customer, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _n in range(2):
        asked(filed(customer), by=manager)
    calls: list[Any] = []
    true_between = figures.working_time_between
    monkeypatch.setattr(
        figures,
        "working_time_between",
        lambda *args, **said: calls.append(args) or true_between(*args, **said),
    )
    assert set(figures.read(LoopClosure.objects.all())) == set(figures.BY)
    assert len(calls) == 4  # two rows: contact and resolution
