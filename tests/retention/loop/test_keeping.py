"""Words in feedback that has ended go when they were kept long enough; what is open keeps its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import keeping
from customers.models import Customer, User
from retention import loop as looping
from retention.models import LoopClosure, LoopStep
from tests.retention.loop.world import SOON, asked, filed

pytestmark = pytest.mark.django_db
LONG_AFTER = SOON + timedelta(days=740)


@pytest.mark.parametrize(("days", "is_kept"), [(725, True), (740, False)])
def test_words_go_two_years_after_the_end(
    customer: Customer, manager: User, days: int, is_kept: bool
) -> None:
    ended, running = (asked(filed(customer), by=manager) for _n in range(2))
    looping.confirm(ended, by=None, at=SOON)
    keeping.clear_old(at=SOON + timedelta(days=days))
    for loop, has_words in ((ended, is_kept), (running, True)):
        loop.refresh_from_db()
        said = LoopStep.objects.filter(loop=loop).exclude(text="")
        assert [bool(loop.action_text), bool(loop.message_text), said.exists()] == [has_words] * 3
    assert LoopClosure.objects.get(pk=ended.pk).state == "confirmed" and ended.steps.count() > 4


def test_words_are_cleared_in_steps_until_nothing_is_left(
    customer: Customer, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "STEP", 1)
    for _n in range(2):
        looping.confirm(asked(filed(customer), by=manager), by=None, at=SOON)
    keeping.clear_old(at=LONG_AFTER)
    assert not LoopStep.objects.exclude(text="").exists()
    assert not LoopClosure.objects.exclude(message_text="").exists()
