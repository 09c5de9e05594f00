"""Whom distributions plan to ask: groups and periods by chunks, events with near misses, each once."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import complaints, consents, orders
from customers.ground import clock, events
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import Customer
from surveys.distributions import audiences, making, planning
from surveys.models import Distribution, PlannedAsk, SurveyDispatch
from tests.customers.test_contact import EVERY_PURPOSE
from tests.factories import ContactFactory, CustomerFactory, OrderFactory, TeamFactory, day
from tests.surveys.distributing import DAY, NOW, drained, live, people, person, reasons, running, told
from tests.surveys.makers import WHO

pytestmark = pytest.mark.django_db
PLANNED, SENDING = ("planned", ""), ("sending", "")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now(company: Any, monkeypatch: Any) -> None:
    clock.fix(NOW)
    monkeypatch.setattr(complaints, "_guards", [])  # whether the customer was told is not what is shown here


@pytest.fixture
def group(monkeypatch: Any) -> set[int]:
    """A group of customers, number 1, whose members are the ids in the set."""
    members: set[int] = set()

    @contextmanager
    def read(number: int, at: Any) -> Any:
        if -1 in members:
            raise Refused()
        yield Customer.objects.filter(pk__in=members)

    one = audiences.Audience(
        code="group",
        label="Group",
        groups=lambda: [(1, "The group")],
        names=lambda numbers: {n: "The group" for n in numbers if n == 1 and -2 not in members},
        members=read,
    )
    monkeypatch.setitem(audiences._audiences, "group", one)
    return members


OF_GROUP = {"audience": "group", "audience_id": 1}


def planned(one: Distribution) -> set[int]:
    return set(PlannedAsk.objects.filter(distribution=one).values_list("contact_id", flat=True))


# --- Groups -----------------------------------------------------------------------------------
def test_everybody_of_a_group_is_planned_once_by_chunks(group, monkeypatch):
    monkeypatch.setattr(planning, "CHUNK", 2)
    contacts = people(5)
    outside = person()
    group |= {contact.customer_id for contact in contacts}
    one = running(kind="segment", **OF_GROUP)
    planning.run(at=NOW)
    planning.run(at=NOW + HOUR)
    assert planned(one) == {contact.pk for contact in contacts}
    assert outside.pk not in planned(one)
    one.refresh_from_db()
    assert one.is_planned
    group |= {person().customer_id}  # who joins later is not asked: it is sent once
    planning.run(at=NOW + DAY)
    assert len(planned(one)) == 5


def test_whoever_dies_between_two_chunks_goes_on_from_there(group, monkeypatch):
    monkeypatch.setattr(planning, "CHUNK", 2)
    contacts = people(6)
    group |= {contact.customer_id for contact in contacts}
    one = running(kind="segment", **OF_GROUP)
    write, calls = planning.asks.write, []

    def dying(asks: Any) -> None:
        calls.append(1)
        write(asks)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(planning.asks, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        planning.run(at=NOW)
    assert len(planned(one)) == 2  # the chunk in which it died left nothing
    planning.run(at=NOW)
    assert planned(one) == {contact.pk for contact in contacts}
    assert PlannedAsk.objects.count() == 6


def test_main_contacts_or_all_and_nobody_who_has_left(group):
    customer = CustomerFactory()
    main = customer.contacts.get()
    other = ContactFactory(customer=customer, is_main=False)
    ContactFactory(customer=customer, is_main=False, left_on=(NOW - DAY).date())
    leaving = ContactFactory(customer=customer, is_main=False, left_on=(NOW + DAY).date())
    ContactFactory(customer=customer, is_main=False, erased_at=NOW)
    group |= {customer.pk}
    assert _planned_of(kind="segment", **OF_GROUP) == {main.pk}
    assert _planned_of(kind="segment", whom="all", **OF_GROUP) == {main.pk, other.pk, leaving.pk}


def _planned_of(**said: Any) -> set[int]:
    one = running(**said)
    planning.run(at=NOW)
    return planned(one)


def test_team_narrows_whom_it_asks(group):
    north, south = TeamFactory(), TeamFactory()
    mine, other = CustomerFactory(team=north), CustomerFactory(team=south)
    group |= {mine.pk, other.pk}
    assert _planned_of(kind="segment", team_id=north.pk, **OF_GROUP) == {mine.contacts.get().pk}


def test_group_that_cannot_be_read_stops_the_distribution_which_says_so_until_it_can(group):
    contact = person()
    group |= {contact.customer_id}
    one = running(kind="segment", **OF_GROUP)
    group |= {-1}
    planning.run(at=NOW)
    one.refresh_from_db()
    assert (one.fault, one.status, planned(one)) == ("audience", "live", set())
    group -= {-1}
    planning.run(at=NOW + HOUR)
    one.refresh_from_db()
    assert (one.fault, planned(one)) == ("", {contact.pk})
    group |= {-2}
    with pytest.raises(audiences.AudienceGone):
        making.start(
            making.create(
                one.survey, making.Settings(name="x", kind="segment", channel="email", **OF_GROUP), **WHO
            ),
            **WHO,
        )


def test_only_the_sample_of_a_group_is_planned(group):
    contacts = people(60)
    group |= {contact.customer_id for contact in contacts}
    chosen = _planned_of(kind="segment", share=25, **OF_GROUP)
    assert 5 <= len(chosen) <= 28


def test_planning_costs_as_many_queries_for_three_as_for_one(group):
    group |= {person().customer_id}
    counts = []
    for code in ("one", "three"):
        running(live(code), kind="segment", **OF_GROUP)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            planning.run(at=NOW)
        counts.append(len(asked))
        group |= {contact.customer_id for contact in people(2)}
    assert counts[0] == counts[1]


# --- Periods ----------------------------------------------------------------------------------
def _asked_by_day(days: int) -> list[int]:
    seen, counts = 0, []
    for number in range(days):
        planning.run(at=NOW + number * DAY)
        now = PlannedAsk.objects.count()
        counts.append(now - seen)
        seen = now
    return counts


def test_over_a_period_everybody_is_asked_once_and_no_day_is_heavy():
    contacts = people(120)
    one = running(kind="periodic", period_days=30)
    counts = _asked_by_day(30)
    assert sum(counts) == 120
    assert planned(one) == {contact.pk for contact in contacts}
    assert max(counts) <= 1.5 * 120 / 30
    assert counts[0] <= 1.5 * 120 / 30  # no burst when it starts
    assert sum(_asked_by_day(60)[30:]) == 120  # and once again in the next one


def test_days_on_which_nobody_planned_are_made_up_for_once():
    people(60)
    one = running(kind="periodic", period_days=30)
    planning.run(at=NOW)
    first = len(planned(one))
    planning.run(at=NOW + 10 * DAY)
    assert len(planned(one)) > first
    planning.run(at=NOW + 200 * DAY)  # a long standstill: everybody once, nobody twice
    assert PlannedAsk.objects.filter(planned_at=NOW + 200 * DAY).count() == 60


def test_pass_that_was_begun_yesterday_ends_before_today_is_planned(monkeypatch):
    monkeypatch.setattr(planning, "CHUNK", 10)
    contacts = people(35)
    one = running(kind="periodic", period_days=7)
    assert planning._plan_chunk(one.pk, at=NOW)
    for number in range(1, 8):
        planning.run(at=NOW + number * DAY)
    turns = PlannedAsk.objects.filter(distribution=one).values_list("contact", "key")
    assert {contact for contact, _key in turns} == {contact.pk for contact in contacts}
    assert len({key for _contact, key in turns}) == len(turns)


def test_whose_turn_falls_into_a_pause_waits_for_the_next():
    people(60)
    one = running(kind="periodic", period_days=30)
    planning.run(at=NOW)
    before = len(planned(one))
    making.pause(one, by=None, at=NOW)
    planning.run(at=NOW + 5 * DAY)
    assert len(planned(one)) == before
    making.resume(one, by=None, at=NOW + 10 * DAY)
    planning.run(at=NOW + 10 * DAY)
    assert len(planned(one)) - before <= 4


def test_who_is_not_asked_in_time_is_closed_as_too_late():
    people(3)
    one = running(kind="periodic", period_days=7, per_day=1, useful_days=2)
    making.pause(one, by=None, at=NOW)
    making.resume(one, by=None, at=NOW)
    Distribution.objects.update(planned_through=day(NOW) - 7)
    planning.run(at=NOW)
    making.revise(one, making.Settings(**_settings(one)), **WHO)
    drained()
    assert reasons(one) == [PLANNED, PLANNED, SENDING]
    planning.run(at=NOW + 2 * DAY)  # still of use
    assert ("skipped", "too_late") not in reasons(one)
    planning.close_late(at=NOW + 2 * DAY + HOUR)
    assert reasons(one) == [SENDING, ("skipped", "too_late"), ("skipped", "too_late")]


def _settings(one: Distribution) -> dict[str, Any]:
    return {name: getattr(one, name) for name in making.Settings.__dataclass_fields__}


# --- A complaint is resolved ------------------------------------------------------------------
def _complaint(contact: Any, **more: Any) -> Any:
    return complaints.file_complaint(
        contact.customer, text="late", contact=contact, by=None, at=more.pop("at", NOW), **more
    )


def after_complaint(**said: Any) -> Distribution:
    said = {"kind": "event", "trigger": "complaint_resolved"} | said
    return running(live("after", occasion="complaint"), **said)


def test_resolved_complaint_is_asked_about_once_of_whom_it_concerned():
    one = after_complaint()
    main = person(name="main")
    other = ContactFactory(customer=main.customer, is_main=False, name="she")
    consents.record_consent(
        other, purposes=EVERY_PURPOSE, channels=["email"], is_given=True, source="form", by=None, at=NOW - DAY
    )
    complaint = _complaint(other)
    complaints.resolve(complaint, by=None, at=NOW)
    drained()
    assert told(one) == {"she": SENDING}
    dispatch = SurveyDispatch.objects.get()
    assert (dispatch.occasion_type, dispatch.occasion_id) == ("customers.complaint", complaint.pk)
    complaints.reopen(complaint, by=None, at=NOW + HOUR)
    complaints.resolve(complaint, by=None, at=NOW + 2 * HOUR)
    drained(NOW + 3 * HOUR)
    assert PlannedAsk.objects.count() == SurveyDispatch.objects.count() == 1


def test_complaint_without_a_contact_or_of_one_who_left_is_asked_of_the_main_contact():
    one = after_complaint()
    main = person(name="main")
    gone = ContactFactory(customer=main.customer, is_main=False, left_on=(NOW - DAY).date())
    for contact in (None, gone):
        complaint = complaints.file_complaint(main.customer, text="late", contact=contact, by=None, at=NOW)
        complaints.resolve(complaint, by=None, at=NOW)
    drained()
    assert planned(one) == {main.pk}
    assert PlannedAsk.objects.count() == 2


def test_other_events_of_a_complaint_are_not_asked_about():
    after_complaint()
    complaint = _complaint(person())
    complaints.acknowledge(complaint, by=None, at=NOW)
    complaints.set_due(complaint, due_day=day(NOW + 9 * DAY), by=None, at=NOW)
    drained()
    assert not PlannedAsk.objects.exists()


def test_what_happened_before_the_start_is_not_asked_about_though_it_is_told_later():
    complaint = _complaint(person(), at=NOW - 3 * DAY)
    complaints.resolve(complaint, by=None, at=NOW - 2 * DAY)
    after_complaint()
    _tell(complaint, history=False)
    drained()
    assert not PlannedAsk.objects.exists()


@pytest.mark.parametrize(("history", "asked"), [(True, 0), (False, 1)])
def test_what_was_brought_in_as_history_is_not_asked_about(history, asked):
    after_complaint()
    complaint = _complaint(person())
    complaints.resolve(complaint, by=None, at=NOW)
    OutboxRow.objects.all().delete()
    _tell(complaint, history=history)
    drained()
    assert PlannedAsk.objects.count() == asked


def _tell(complaint: Any, *, history: bool) -> None:
    said = {"customer_id": complaint.customer_id, "subject": complaint, "occurred_at": NOW}
    events.record("complaint.resolved", **said, data={"history": history})


def test_complaint_that_is_reopened_before_its_ask_is_due_is_not_asked_about():
    one = after_complaint(delay_days=3)
    contact = person(name="she")
    complaint = _complaint(contact)
    complaints.resolve(complaint, by=None, at=NOW)
    drained(NOW + 2 * DAY)
    assert told(one) == {"she": PLANNED}
    complaints.reopen(complaint, by=None, at=NOW + 2 * DAY)
    drained(NOW + 3 * DAY + HOUR)
    assert told(one) == {"she": ("skipped", "undone")}
    assert not SurveyDispatch.objects.exists()


def test_complaint_that_is_resolved_once_more_is_asked_about_then_and_once():
    one = after_complaint(delay_days=3)
    complaint = _complaint(person(name="she"))
    complaints.resolve(complaint, by=None, at=NOW)
    drained(NOW)
    complaints.reopen(complaint, by=None, at=NOW + DAY)
    drained(NOW + 3 * DAY)
    assert told(one) == {"she": ("skipped", "undone")}
    complaints.resolve(complaint, by=None, at=NOW + 4 * DAY)
    drained(NOW + 4 * DAY)
    assert told(one) == {"she": PLANNED}
    drained(NOW + 7 * DAY)
    assert told(one) == {"she": SENDING}
    complaints.reopen(complaint, by=None, at=NOW + 8 * DAY)
    complaints.resolve(complaint, by=None, at=NOW + 9 * DAY)
    drained(NOW + 13 * DAY)
    assert (PlannedAsk.objects.count(), SurveyDispatch.objects.count()) == (1, 1)


def test_complaint_that_is_resolved_once_more_before_the_ask_waits_from_then_on():
    one = after_complaint(delay_days=3)
    complaint = _complaint(person(name="she"))
    complaints.resolve(complaint, by=None, at=NOW)
    drained(NOW)
    complaints.reopen(complaint, by=None, at=NOW + DAY)
    complaints.resolve(complaint, by=None, at=NOW + 2 * DAY)
    drained(NOW + 2 * DAY)
    drained(NOW + 3 * DAY)
    assert told(one) == {"she": PLANNED}
    drained(NOW + 5 * DAY)
    assert told(one) == {"she": SENDING}


def test_event_while_it_pauses_is_asked_about_afterwards_unless_it_is_too_late():
    one = after_complaint(useful_days=3)
    making.pause(one, by=None, at=NOW)
    for name in ("early", "late"):
        complaint = _complaint(person(name=name), at=NOW)
        complaints.resolve(complaint, by=None, at=NOW + (2 * DAY if name == "late" else timedelta(0)))
        drained(NOW + 2 * DAY)
    making.resume(one, by=None, at=NOW + 4 * DAY)
    planning.run(at=NOW + 4 * DAY)
    drained(NOW + 4 * DAY)
    assert told(one) == {"early": ("skipped", "too_late"), "late": SENDING}


def test_two_distributions_of_one_survey_ask_once_about_one_thing():
    after_complaint()
    running(kind="event", trigger="complaint_resolved")
    complaints.resolve(_complaint(person()), by=None, at=NOW)
    drained()
    assert PlannedAsk.objects.count() == SurveyDispatch.objects.count() == 1


def test_group_and_team_narrow_events_and_the_sample_stands_in_the_log(group):
    inside, outside = person(name="in"), person(name="out")
    group |= {inside.customer_id}
    one = after_complaint(**OF_GROUP)
    for contact in (inside, outside):
        complaints.resolve(_complaint(contact), by=None, at=NOW)
    drained()
    assert told(one) == {"in": SENDING}
    making.end(one, by=None, at=NOW)
    sampled = running(live("sample"), kind="event", trigger="complaint_resolved", share=1)
    complaints.resolve(_complaint(outside), by=None, at=NOW)
    drained()
    assert told(sampled) == {"out": ("skipped", "not_sampled")}


# --- An order is delivered --------------------------------------------------------------------
def after_delivery(**said: Any) -> Distribution:
    said = {"kind": "event", "trigger": "order_delivered", "delay_days": 3} | said
    return running(live("delivered", occasion="other"), **said)


def _order(contact: Any, *, delivered: int | None = 0, **more: Any) -> Any:
    said = {
        "occurred_at": NOW - DAY,
        "delivered_day": day(NOW) + delivered if delivered is not None else None,
    }
    return OrderFactory(customer=contact.customer, **said | more)


def test_delivery_is_asked_about_days_later_however_it_came():
    one = after_delivery()
    by_file = person(name="file")
    by_hand = person(name="hand")
    _order(by_file)
    order = _order(by_hand, delivered=None)
    orders.set_delivery(order, promised_on=None, delivered_on=NOW.date(), by=None, at=NOW)
    planning.run(at=NOW + DAY)
    planning.run(at=NOW + 2 * DAY)
    drained(NOW + 2 * DAY)
    assert told(one) == {"file": PLANNED, "hand": PLANNED}
    drained(NOW + 3 * DAY)
    assert told(one) == {"file": SENDING, "hand": SENDING}
    assert {d.occasion_type for d in SurveyDispatch.objects.all()} == {"customers.order"}


@pytest.mark.parametrize(
    "order",
    [
        {"delivered": None},
        {"delivered": -1},  # before the start
        {"void": True},
        {"status": "cancelled"},
        {"sold": 0, "returned": 500},
    ],
)
def test_near_misses_of_a_delivery_are_not_asked_about(order):
    one = after_delivery()
    _order(person(), **order)
    planning.run(at=NOW + DAY)
    assert not planned(one)


def test_delivery_that_is_known_too_late_is_not_planned_and_one_taken_back_not_asked():
    one = after_delivery(useful_days=2)
    late, taken = person(name="late"), person(name="taken")
    order = _order(taken)
    planning.run(at=NOW + DAY)
    order.void = True
    type(order).objects.filter(pk=order.pk).update(void=True)
    _order(late, delivered=1)
    planning.run(at=NOW + 7 * DAY)
    drained(NOW + 3 * DAY + HOUR)
    assert told(one)["taken"][0] == "skipped"
    assert "late" not in told(one)


def test_search_for_deliveries_costs_as_many_queries_for_three_as_for_one():
    after_delivery()
    counts = []
    for number in (1, 3):
        for contact in people(number):
            _order(contact)
        with CaptureQueriesContext(connection) as asked:
            planning.run(at=NOW)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    with CaptureQueriesContext(connection) as asked:
        planning.run(at=NOW)
    assert len(asked) < counts[0]  # nothing is looked at twice
