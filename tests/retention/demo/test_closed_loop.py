"""The demo company shows the closed loop: every state, an inbox, improvements, changes; nothing leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from customers.feedback.matching import proposals
from customers.ground import clock, outbox
from customers.models import (
    Complaint,
    ContactReservation,
    Mention,
    Message,
    UnknownFeedback,
    User,
)
from retention import loop as looping
from retention.loop.figures import figures
from retention.models import (
    BusinessChange,
    ConcernedCustomer,
    ImprovementAction,
    LoopClosure,
    LoopStep,
)
from tests.retention.demo.running import run_demo

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
States, Kinds = LoopClosure.State, Complaint._meta.get_field("kind").choices


@pytest.fixture(scope="module")
def built(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Build the company once for all tests here; what one of them does is taken back after it."""
    place = {"VAR_DIR": tmp_path_factory.mktemp("demo"), "DEMO_PASSWORD": ""}
    with django_db_blocker.unblock(), override_settings(**place), transaction.atomic():
        yield run_demo(customers=60)
        transaction.set_rollback(True)
    clock.forget()


def drained() -> None:
    """Let the worker do what the demo left it."""
    while outbox.drain(at=clock.now() + timedelta(seconds=1)):
        pass


def test_loops_stand_in_every_state_and_are_of_every_kind(built: dict[str, Any]) -> None:
    rows = LoopClosure.objects.all()
    assert set(rows.values_list("state", flat=True)) == set(States.values)
    assert set(rows.values_list("kind", flat=True)) == {value for value, _label in Kinds}
    assert set(rows.values_list("source", flat=True)) == {"complaint", "mention", "unknown"}
    assert set(rows.values_list("reopened", flat=True)) == {0, 1}
    assert rows.filter(confirmed_by_us=True).exists()
    for loop in rows.exclude(state="received"):
        assert loop.owner_id is not None


def test_steps_lie_in_order_between_the_word_and_now(built: dict[str, Any]) -> None:
    now = clock.now()
    for loop in LoopClosure.objects.prefetch_related("steps"):
        steps = sorted(loop.steps.all(), key=lambda step: step.pk)
        moments = [step.at for step in steps]
        assert moments == sorted(moments) and loop.received_at <= moments[0] and moments[-1] <= now
        asked = [step.at for step in steps if step.kind == LoopStep.Kind.ASKED]
        assert (asked[-1] if asked else None) == loop.asked_at
        if loop.state in (States.ASKED, States.CONFIRMED, States.UNCONFIRMED):
            assert looping.missing(loop, message=loop.message_text) == []


def test_feedback_is_resolved_exactly_when_its_loop_says_so(built: dict[str, Any]) -> None:
    for loop in LoopClosure.objects.filter(complaint__isnull=False).select_related("complaint"):
        assert loop.complaint is not None
        is_open = loop.state in (States.RECEIVED, States.ASSIGNED, States.WORKING)
        assert (loop.complaint.state == Complaint.State.OPEN) is is_open
        if loop.kind == "complaint" and loop.is_open and is_open:
            assert loop.case is not None and loop.case.is_open


def test_figures_are_full(built: dict[str, Any]) -> None:
    now = clock.now() + timedelta(minutes=1)
    found = figures(LoopClosure.objects.all(), since=now - timedelta(days=30), until=now, by="kind")
    whole = found.whole
    assert (
        whole.received == LoopClosure.objects.filter(received_at__gte=now - timedelta(days=30)).count() > 25
    )
    assert whole.contact_median is not None and whole.resolution_median is not None
    assert 0.4 < (whole.contact_share or 0) < 1
    counted = (whole.confirmed, whole.unconfirmed, whole.reopened, whole.answered, whole.withdrawn)
    assert all(counted)


def test_inbox_holds_what_is_open_linked_and_answered(built: dict[str, Any]) -> None:
    rows = UnknownFeedback.objects.all()
    by_state = Counter(rows.values_list("state", flat=True))
    assert by_state == {"open": 7, "linked": 2, "handled": 3}
    assert set(rows.filter(state="handled").values_list("answered", flat=True)) == {
        "direct",
        "general",
        "none",
    }
    linked = rows.filter(state="linked").values_list("ended_by", flat=True)
    assert {pk is None for pk in linked} == {True, False}
    lead = User.objects.get(username="lead")
    waiting = list(UnknownFeedback.objects.open().visible_to(User.objects.get(username="admin")))  # type: ignore[attr-defined]
    found = proposals(waiting, user=User.objects.get(username="admin"))
    assert sum(bool(one) for one in found.values()) == 4
    assert UnknownFeedback.objects.visible_to(lead).exists()  # type: ignore[attr-defined]


def test_bad_posts_have_loops_and_good_ones_none(built: dict[str, Any]) -> None:
    told = LoopClosure.objects.filter(mention__isnull=False)
    assert set(told.values_list("mention__sentiment", flat=True)) == {"negative"}
    new = Mention.objects.filter(external_id__contains="-new-")
    assert Counter(new.values_list("sentiment", flat=True)) == {"negative": 3, "positive": 2}


def test_one_improvement_is_done_one_runs_and_one_is_planned(built: dict[str, Any]) -> None:
    rows = ImprovementAction.objects.order_by("made_at")
    assert [row.state for row in rows] == ["done", "running", "planned"]
    done = rows[0]
    assert done.told_en and done.told_zh and done.telling_at is None
    assert done.feedback.exists() and done.product is not None


def test_one_change_is_followed_and_one_is_a_draft(built: dict[str, Any]) -> None:
    followed = BusinessChange.objects.get(state="followed")
    assert BusinessChange.objects.get(state="draft").kind == "price"
    concerned = ConcernedCustomer.objects.filter(change=followed)
    assert concerned.exists() and not concerned.filter(handled_at=None).exists()
    assert followed.about.get().product.withdrawn_day == followed.effect_day
    for row in concerned:
        steps = list(row.steps.order_by("pk").values_list("state", flat=True))
        assert (steps[-1] if steps else "to_inform") == row.state
    assert concerned.filter(case__isnull=False).exists()


def test_nothing_is_sent_not_even_by_the_worker(built: dict[str, Any]) -> None:
    drained()
    assert not Message.objects.exists()
    assert not ContactReservation.objects.exists()


def test_worker_finds_the_loops_there_and_leaves_them(built: dict[str, Any]) -> None:
    before = dict(LoopClosure.objects.exclude(state="received").values_list("pk", "state"))
    drained()
    after = dict(LoopClosure.objects.filter(pk__in=before).values_list("pk", "state"))
    assert after == before
    new = LoopClosure.objects.exclude(pk__in=before).exclude(unknown__owner=None, source="unknown")
    assert [loop.complaint for loop in new] == [Complaint.objects.latest("recorded_at")]  # just now
