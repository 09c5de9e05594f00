"""What follows from interviews: exactly the causes named, on exactly the loss; the planned call logged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import erasure, merges
from customers.ground import drain
from customers.ground.models import AuditEvent
from customers.models import Cause, Customer, Interaction, User
from retention import calls, cases, interviews
from retention.models import FollowUpCall, InterviewOccasion, Loss, LossCause, LossKind
from surveys.interviews import holding
from surveys.models import Interview
from tests.factories import NOW, CustomerFactory
from tests.retention.makers import give_margin, make_case, planned_call
from tests.surveys.talks import begun, guide, held, said

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def lost(customer: Customer, days: int = 10, *, until: int | None = None, **values: Any) -> Loss:
    """Return a loss that began some days ago, and ended ``until`` days ago."""
    began = NOW - timedelta(days=days)
    ended = None if until is None else NOW - timedelta(days=until)
    given: dict[str, Any] = {"definition": LossKind.WINDOW, "churn_type": "passive", **values}
    loss: Loss = Loss.objects.create(
        customer=customer,
        occurred_at=began,
        recorded_at=began,
        ended_at=ended,
        end_recorded_at=ended,
        **given,
    )
    return loss


def named(loss: Loss) -> list[str]:
    """Return the codes of the causes that stand on a loss."""
    rows = LossCause.objects.filter(loss=loss, withdrawn_at=None)
    return sorted(rows.values_list("cause__code", flat=True))


def close_as_lost(customer: Customer, *, by: User, at: Any) -> Loss:
    give_margin(customer, 100)
    case = make_case(customer, at=at)
    cause = Cause.objects.get(code="unknown")
    cases.diagnose(case, churn_type="active", causes=[cause], by=by, at=at)
    cases.close_case(case, outcome="lost", reason="Gone.", by=by, at=at)
    return Loss.objects.get(customer=customer, ended_at=None)


# --- The loss ---------------------------------------------------------------------------------
def test_an_exit_interview_writes_exactly_its_causes_on_exactly_the_loss_that_stands(
    customer: Customer, manager: User
) -> None:
    earlier = lost(customer, 400, until=200)
    standing = lost(customer, 10)
    stranger = lost(CustomerFactory(), 10)
    held(customer, "price_raised", "competitor", by=manager)
    drain.until_empty(at=LATER)
    assert named(standing) == ["competitor", "price_raised"]
    assert named(earlier) == named(stranger) == []
    told = AuditEvent.objects.get(act="loss.stated")
    assert (told.object_id, told.actor_id, told.customer_id) == (standing.pk, manager.pk, customer.pk)
    drain.until_empty(at=LATER)
    assert LossCause.objects.count() == 2


def test_codes_that_are_no_causes_and_other_purposes_write_nothing(customer: Customer) -> None:
    loss = lost(customer)
    held(customer, "price", guide=guide("win", purpose="win_back"))
    interview = begun(customer)
    holding.finish(interview, said(note="No reason told."), revision=1, by=None, at=NOW)
    drain.until_empty(at=LATER)
    assert named(loss) == [] and not AuditEvent.objects.filter(act="loss.stated").exists()


def test_an_interview_without_a_loss_keeps_its_codes(customer: Customer) -> None:
    interview = held(customer, "price")
    drain.until_empty(at=LATER)
    assert not LossCause.objects.exists()
    assert interview.answers.get().chosen == ["price"]


def test_a_customer_that_had_returned_is_not_lost_unless_the_interview_is_about_that_loss(
    customer: Customer,
) -> None:
    loss = lost(customer, 30, until=5)
    held(customer, "price")
    drain.until_empty(at=LATER)
    assert named(loss) == []
    about = interviews.begin(customer, guide("again"), loss=loss, by=None, at=NOW)
    holding.finish(about, said("price"), revision=1, by=None, at=NOW)
    drain.until_empty(at=LATER)
    assert named(loss) == ["price"]


def test_a_customer_that_returns_after_the_interview_left_for_what_she_said(customer: Customer) -> None:
    loss = lost(customer, 30)
    held(customer, "price", at=NOW - timedelta(days=2))
    Loss.objects.update(ended_at=NOW - timedelta(days=1), end_recorded_at=NOW)
    drain.until_empty(at=LATER)
    assert named(loss) == ["price"]


def test_of_two_spells_the_one_that_stood_when_it_was_held_counts(customer: Customer) -> None:
    first, second = lost(customer, 400, until=200), lost(customer, 10)
    held(customer, "price", held_at=NOW - timedelta(days=300))
    held(customer, "competitor", guide=guide("two"))
    drain.until_empty(at=LATER)
    assert (named(first), named(second)) == (["price"], ["competitor"])


def test_a_total_loss_comes_before_a_partial_one(customer: Customer) -> None:
    total = lost(customer, 20)
    Loss.objects.filter(pk=total.pk).update(ended_at=NOW + timedelta(days=1))
    partial = lost(customer, 10, definition=LossKind.PARTIAL)
    held(customer, "price")
    drain.until_empty(at=LATER)
    assert (named(total), named(partial)) == (["price"], [])


@pytest.mark.parametrize(("days", "found"), [(90, ["price"]), (91, [])])
def test_a_loss_that_is_recorded_later_learns_what_was_said_before(
    customer: Customer, manager: User, days: int, found: list[str]
) -> None:
    held(customer, "price", at=NOW)
    drain.until_empty(at=NOW)
    loss = close_as_lost(customer, by=manager, at=NOW + timedelta(days=days))
    drain.until_empty(at=NOW + timedelta(days=days))
    assert named(loss) == found


def test_losses_that_the_night_finds_are_looked_up_at_once(customer: Customer) -> None:
    held(customer, "price", at=NOW - timedelta(days=3))
    drain.until_empty(at=NOW)
    other = CustomerFactory()
    loss, theirs = lost(customer, 2), lost(other, 2)
    interviews.recording.write_down_many([loss, theirs], at=NOW)
    drain.until_empty(at=NOW)
    assert (named(loss), named(theirs)) == (["price"], [])


def test_a_correction_withdraws_and_adds_and_stays_on_its_loss(customer: Customer) -> None:
    loss = lost(customer)
    interview = held(customer, "price", "competitor")
    drain.until_empty(at=NOW)
    Loss.objects.update(ended_at=NOW, end_recorded_at=NOW)
    lost(customer, 0)
    interview.refresh_from_db()
    corrected = said("competitor", "late_delivery")
    holding.correct(interview, corrected, revision=interview.revision, by=None, at=LATER)
    drain.until_empty(at=LATER)
    assert named(loss) == ["competitor", "late_delivery"]
    gone = LossCause.objects.get(withdrawn_at__isnull=False)
    assert (gone.cause.code, gone.recorded_at, gone.withdrawn_at) == ("price", NOW, LATER)
    assert LossCause.objects.count() == 3


def test_causes_stay_on_the_loss_of_who_was_erased_and_move_with_who_was_merged(
    customer: Customer, lead: User
) -> None:
    gone = CustomerFactory(name="Blue Lake", owner=customer.owner)
    loss = lost(gone)
    held(gone, "price")
    merges.merge_customers(customer, gone, values={}, reason="The same.", by=lead, at=NOW)
    drain.until_empty(at=LATER)
    loss.refresh_from_db()
    assert (loss.customer, named(loss)) == (customer, ["price"])
    erasure.erase_customer(customer, reason="request", by=None, at=LATER)
    drain.until_empty(at=LATER)
    assert named(loss) == ["price"]


def test_anothers_loss_is_refused_and_nothing_begins(customer: Customer) -> None:
    theirs = lost(CustomerFactory())
    with pytest.raises(interviews.NotTheirLoss):
        interviews.begin(customer, guide(), loss=theirs, by=None, at=NOW)
    assert not Interview.objects.exists() and not InterviewOccasion.objects.exists()


# --- The call ---------------------------------------------------------------------------------
def test_the_planned_call_is_logged_as_reached_with_the_one_interaction(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer, by=manager)
    call = planned_call(case)
    interview = interviews.begin(customer, guide(), call=call, by=manager, at=NOW)
    holding.finish(interview, said("price", summary="Talked."), revision=1, by=manager, at=LATER)
    drain.until_empty(at=LATER)
    call.refresh_from_db()
    spoken = Interaction.objects.get()
    assert (call.status, call.outcome, call.by, call.interaction) == ("done", "reached", manager, spoken)
    assert not FollowUpCall.objects.filter(case=case, status="planned").exists()
    drain.until_empty(at=LATER)
    assert Interaction.objects.count() == 1


def test_a_call_that_was_logged_meanwhile_stays_as_it_was_logged(customer: Customer, manager: User) -> None:
    case = make_case(customer, by=manager)
    call = planned_call(case)
    interview = interviews.begin(customer, guide(), call=call, by=manager, at=NOW)
    calls.log_call(call, outcome="no_answer", by=manager, at=NOW)
    loss = lost(customer)
    holding.finish(interview, said("price"), revision=1, by=manager, at=LATER)
    drain.until_empty(at=LATER)
    call.refresh_from_db()
    assert call.outcome == "no_answer"
    assert FollowUpCall.objects.filter(case=case, status="planned").count() == 1
    assert named(loss) == ["price"]  # the refusal takes nothing else along


def test_without_the_tick_the_planned_call_stays_planned(customer: Customer, manager: User) -> None:
    call = planned_call(make_case(customer, by=manager))
    held(customer, "price", by=manager)
    drain.until_empty(at=LATER)
    call.refresh_from_db()
    assert call.status == "planned"
