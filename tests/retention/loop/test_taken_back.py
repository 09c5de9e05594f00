"""Imports taken back: untouched loops go too, a person's work stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from customers import handles, undo
from customers.models import Customer, Mention, User
from retention import loop as looping
from retention.loop import moves
from retention.models import FollowUpCall, LoopClosure, LoopStep, RetentionCase
from tests.customers.undoing import bring, take_back
from tests.factories import ago
from tests.retention.loop.world import SOON, asked, drained, filed, kinds

pytestmark = pytest.mark.django_db
MENTIONS = "编号,平台,昵称,内容,时间\n1,微博,tea,太差了,2026-05-01\n2,微博,x,太差了,2026-05-02\n"
COMPLAINTS = "id,customer,date,text\nR1,C1,2026-05-01,Broken\n"


@pytest.fixture
def batch(customer: Customer, tmp_path: Path) -> Any:
    handles.add_handle(customer, platform="weibo", handle="tea", by=None, at=ago(9))
    made = bring(tmp_path, "mentions", MENTIONS, history=False)
    drained()
    assert LoopClosure.objects.open().count() == 2  # type: ignore[attr-defined]
    return made


def test_untouched_loops_of_mentions_go_with_their_import_and_the_case_that_they_opened(batch: Any) -> None:
    assert RetentionCase.objects.get().is_open
    take_back(batch)
    assert not Mention.objects.filter(void=False).exists()
    assert {loop.state for loop in LoopClosure.objects.all()} == {"withdrawn"}
    assert "taken back" in LoopStep.objects.filter(kind="withdrawn")[0].text
    assert not RetentionCase.objects.get().is_open


def test_case_with_other_feedback_stays_open(customer: Customer, batch: Any) -> None:
    other = filed(customer)
    take_back(batch)
    assert RetentionCase.objects.get().is_open
    assert LoopClosure.objects.get(pk=other.pk).is_open


@pytest.mark.parametrize("end", ["open", "confirmed", ""])
def test_case_that_a_complaint_of_the_import_opened_stays_with_other_feedback(
    company: Any, manager: User, lead: User, tmp_path: Path, end: str
) -> None:
    bring(tmp_path, "complaints", "id,customer,date,text\nR0,C1,2025-01-01,Old\n", history=True)
    drained()
    made = bring(tmp_path, "complaints", COMPLAINTS.replace("Broken", "Broken."), history=False)
    drained()
    theirs = LoopClosure.objects.get()
    other = filed(Customer.objects.get()) if end else theirs
    assert (other.case, undo.in_the_way(made).count) == (theirs.case, 0)
    if end == "confirmed":
        looping.confirm(asked(other, by=manager), by=None, at=SOON)
    take_back(made)
    case = RetentionCase.objects.get()
    assert LoopClosure.objects.get(pk=theirs.pk).state == "withdrawn"
    assert case.is_open == bool(end)
    assert FollowUpCall.objects.get().status == ("planned" if end else "cancelled")


def test_mention_that_somebody_worked_on_stands_in_the_way(
    batch: Any, manager: User, customer: Customer
) -> None:
    loop = LoopClosure.objects.get(customer=customer)
    looping.assign_loop(loop, to=manager, by=manager, at=SOON)
    assert undo.in_the_way(batch).count == 0  # given is not worked on
    looping.log_contact(loop, text="Talked.", by=manager, at=SOON)
    assert f"feedback no. {loop.pk}" in undo.in_the_way(batch).shown[-1].text
    with pytest.raises(undo.UndoBlocked):
        take_back(batch)
    assert LoopClosure.objects.get(pk=loop.pk).state == "working"


def test_her_word_on_a_complaint_stands_in_the_way_even_when_it_has_ended(
    company: Any, manager: User, tmp_path: Path
) -> None:
    made = bring(tmp_path, "complaints", COMPLAINTS, history=False)
    drained()
    loop = LoopClosure.objects.get()
    assert undo.in_the_way(made).count == 0
    LoopStep.objects.create(loop=loop, kind="confirmed", at=SOON)
    assert [one.customer_id for one in undo.in_the_way(made).shown] == [loop.customer_id]


def test_import_that_made_the_customer_too_is_taken_back_with_its_loop(company: Any, tmp_path: Path) -> None:
    made = bring(tmp_path, "complaints", COMPLAINTS, history=False)
    drained()
    take_back(made)
    loop = LoopClosure.objects.get()
    assert (loop.state, kinds(loop)[-1]) == ("withdrawn", "withdrawn")


def test_loop_that_moved_on_meanwhile_does_not_abort_the_undo(
    batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = LoopClosure.objects.earliest("customer_id", "pk")
    true_move = moves.move_to

    def move(loop: LoopClosure, *args: Any, **said: Any) -> Any:
        if loop.pk == first.pk:
            raise moves.LoopMoved(state="x")
        return true_move(loop, *args, **said)

    monkeypatch.setattr(moves, "move_to", move)
    take_back(batch)
    assert not Mention.objects.filter(void=False).exists()
    assert LoopClosure.objects.filter(state="withdrawn").count() == 1
