"""What the floor of retention tells surveys: segments to ask, closed cases and losses to ask after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground import clock
from customers.models import Cause, Contact, Customer
from retention import cases, losses, segments, sweep
from retention.models import Loss, Segment
from retention.models.rules import CaseKind
from surveys.distributions import audiences, making, planning
from surveys.distributions.preview import preview
from surveys.models import Distribution, PlannedAsk, SurveyDispatch
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ComplaintFactory, CustomerFactory
from tests.retention.makers import make_case
from tests.surveys.distributing import distribution, drained, live, running, told

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)
SENDING = ("sending", "")


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def person(customer: Customer) -> Contact:
    """The main contact of ``customer``, who agreed to be asked."""
    customer.contacts.update(is_main=False)
    return agreeing(customer=customer, name="she")


def listed(*customers: Customer) -> Segment:
    made = segments.make_list("watched", name_en="Watched", name_zh="关注", by=None, at=NOW)
    segments.put(made, customers, is_member=True, by=None, at=NOW)
    return made


def of(segment: Segment) -> dict[str, Any]:
    return {"audience": "segment", "audience_id": segment.pk}


# --- Segments ---------------------------------------------------------------------------------
def test_members_of_a_segment_are_asked_and_nobody_else(person):
    other = agreeing(name="other")
    segment = listed(person.customer)
    one = running(kind="segment", **of(segment))
    drained()
    assert told(one) == {"she": SENDING}
    assert other.pk not in PlannedAsk.objects.values_list("contact", flat=True)
    assert audiences.names_of([one]) == {one.pk: "Watched"}


def test_segment_by_a_condition_is_read_as_it_stands(person):
    condition: Any = {"measure": "orders_90d", "op": "=", "value": 0}
    segment = segments.save("none", name_en="None", name_zh="无", condition=condition, by=None, at=NOW)
    one = distribution(kind="segment", **of(segment))
    assert preview(one, user=person.customer.owner, at=NOW).people == 0  # nothing is measured yet
    sweep.run(as_of=NOW)
    found = preview(one, user=person.customer.owner, at=NOW)
    assert (found.people, [each.contact.name for each in found.first]) == (1, ["she"])


def test_segment_that_is_asked_is_neither_retired_nor_removed(person):
    segment = listed(person.customer)
    one = distribution(kind="segment", name="Spring", **of(segment))
    for act in (segments.retire, segments.remove):
        with pytest.raises(segments.SegmentInUse, match="Spring"):
            act(segment, by=None, at=NOW)
    making.remove(one, by=None, at=NOW)
    assert segments.retire(segment, by=None, at=NOW)
    with pytest.raises(making.SettingRefused):  # one that is retired is not offered
        distribution(kind="segment", **of(segment))


# --- A case is closed -------------------------------------------------------------------------
def after_case(**said: Any) -> Distribution:
    return running(live("case", occasion="call"), kind="event", trigger="case_closed", **said)


@pytest.mark.parametrize("outcome", ["saved", "regained"])
def test_case_in_which_the_customer_is_kept_is_asked_about(person, manager, outcome):
    one = after_case()
    kind = CaseKind.WIN_BACK if outcome == "regained" else CaseKind.SAVE
    case = make_case(person.customer, kind=kind)
    cases.close_case(case, outcome=outcome, reason="Stays.", by=manager, at=LATER)
    drained(LATER)
    assert told(one) == {"she": SENDING}
    assert SurveyDispatch.objects.get().occasion_id == case.pk


@pytest.mark.parametrize("outcome", ["unreachable", "not_pursued", "recovered", "lost"])
def test_near_misses_of_a_closed_case_are_not_asked_about(person, manager, outcome):
    after_case()
    case = make_case(person.customer)
    cause = Cause.objects.get(code="competitor")
    cases.diagnose(case, churn_type="competitive", causes=[cause], by=manager, at=NOW)
    cases.close_case(case, outcome=outcome, reason="So.", by=manager, at=LATER)
    drained(LATER)
    assert not PlannedAsk.objects.exists()


def test_other_steps_of_a_case_are_not_asked_about(person, manager):
    after_case()
    case = make_case(person.customer)
    cases.assign(case, to=manager, by=manager, at=LATER)
    drained(LATER)
    assert not PlannedAsk.objects.exists()


def test_case_of_a_complaint_is_asked_of_whom_the_complaint_concerned(person, manager):
    one = after_case()
    other = agreeing(customer=person.customer, name="complainer", is_main=False)
    complaint = ComplaintFactory(customer=person.customer, contact=other, state="resolved")
    case = make_case(person.customer, kind=CaseKind.RECOVERY, complaint=complaint)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=LATER)
    drained(LATER)
    assert told(one) == {"complainer": SENDING}


# --- A customer is lost -----------------------------------------------------------------------
def after_loss(**said: Any) -> Distribution:
    return running(live("exit", occasion="exit"), kind="event", trigger="customer_lost", **said)


def lose(customer: Customer, by: Any, *, churn_type: str = "competitive") -> Loss:
    case = make_case(customer)
    cause = Cause.objects.get(code="competitor")
    cases.diagnose(case, churn_type=churn_type, causes=[cause], by=by, at=NOW)
    cases.close_case(case, outcome="lost", reason="Gone.", by=by, at=LATER)
    return Loss.objects.get(customer=customer)


def test_lost_customer_is_asked_why_once(person, manager):
    one = after_loss()
    loss = lose(person.customer, manager)
    drained(LATER)
    planning.run(at=LATER)
    drained(LATER + timedelta(hours=1))
    assert told(one) == {"she": SENDING}
    dispatch = SurveyDispatch.objects.get()
    assert (dispatch.occasion_type, dispatch.occasion_id) == ("retention.loss", loss.pk)


@pytest.mark.parametrize(("days", "asked"), [(30, 1), (31, 0)])
def test_customer_who_left_long_before_it_was_found_is_not_asked_why(person, manager, days, asked):
    """The first night after an import finds losses of many years at once."""
    one = after_loss()
    loss = lose(person.customer, manager)
    Loss.objects.update(occurred_at=loss.recorded_at - timedelta(days=days))
    assert preview(one, user=manager, at=LATER).people == asked
    drained(LATER)
    assert PlannedAsk.objects.count() == asked


def test_customer_who_buys_less_is_not_lost(person, manager):
    after_loss()
    lose(person.customer, manager, churn_type="hidden")
    drained(LATER)
    assert not PlannedAsk.objects.exists()


def test_customer_who_returns_before_the_ask_is_due_is_not_asked_why_she_left(person, manager):
    one = after_loss(delay_days=3)
    lose(person.customer, manager)
    drained(LATER)
    losses.end_loss(person.customer, by=manager, at=LATER + timedelta(days=1))
    drained(LATER + timedelta(days=3))
    assert told(one) == {"she": ("skipped", "undone")}


# --- The forecast -----------------------------------------------------------------------------
def test_forecast_counts_the_events_of_the_last_thirty_days(person, manager):
    lose(person.customer, manager)
    make_case(other := CustomerFactory(owner=manager))
    case = other.cases.get()
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=LATER)
    for trigger, count in (("customer_lost", 1), ("case_closed", 1), ("complaint_resolved", 0)):
        one = distribution(live(trigger.replace("_", "-")), kind="event", trigger=trigger)
        assert preview(one, user=manager, at=LATER).people == count
        assert preview(one, user=manager, at=LATER + timedelta(days=31)).people == 0
