"""Announcing and following: a row, a notice in her language, a call for the valuable, to the last one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from customers.channels import sending
from customers.ground import clock, drain, outbox
from customers.ground.models import Event
from customers.models import Contact, Customer, Message, Product, TouchedCustomer
from retention import calls, changes
from retention.changes import announcing, closing, informing
from retention.changes.nightly import add_new, note_left
from retention.models import (
    BusinessChange,
    ConcernedCustomer,
    ConcernedStep,
    FollowUpCall,
    Loss,
    RetentionCase,
)
from tests.customers import providers
from tests.customers.test_channels import smtp_sender
from tests.factories import NOW, ContactFactory, CustomerFactory, ProductFactory, UserFactory, day
from tests.retention.changes.makers import (
    TODAY,
    announced,
    bought,
    enrolled,
    give_value,
    planned,
    row_of,
)
from tests.retention.makers import make_case, planned_call

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _world(company, settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    clock.fix(NOW)


@pytest.fixture
def pump():
    return ProductFactory(name="Blue pump")


@pytest.fixture
def buyer(customer, pump):
    bought(customer, pump)
    return customer


def states():
    return sorted(ConcernedCustomer.objects.values_list("customer__name", "state"))


# --- Announcing -------------------------------------------------------------------------------
def test_announcing_writes_a_row_for_each_and_tells_that_the_product_goes(buyer, pump, admin):
    give_value(buyer, tier="B", margin=700)
    CustomerFactory()
    change = changes.announce(planned(products=[pump]), by=admin, at=NOW)
    assert not ConcernedCustomer.objects.exists()  # the worker does it
    enrolled(change)
    row = ConcernedCustomer.objects.get()
    assert (row.customer, row.state, row.tier, row.margin_365d, row.is_late) == (
        buyer,
        "to_inform",
        "B",
        700,
        False,
    )
    pump.refresh_from_db()
    assert (pump.is_withdrawn, pump.withdrawn_day) == (True, change.effect_day)
    assert Event.objects.filter(kind="change.announced", customer_id=None).count() == 1


def test_many_are_written_down_some_at_a_time_and_told_when_all_are(pump, monkeypatch):
    monkeypatch.setattr(announcing, "AT_ONCE", 2)
    everybody = CustomerFactory.create_batch(4)
    for one in everybody:
        bought(one, pump)
    change, there = changes.announce(planned(products=[pump]), by=None, at=NOW), []
    while change.enrolled_at is None:
        assert (informing.inform_due(NOW), add_new(at=NOW)) == (0, 0)
        outbox.drain(at=NOW, limit=1)
        there.append(change.concerned.count())
        change.refresh_from_db()
    assert there[-3:] == [2, 4, 4]
    assert set(change.concerned.values_list("customer", "is_late")) == {(one.pk, False) for one in everybody}
    informing.inform_due(NOW)
    assert Message.objects.count() == 4


def test_what_is_closed_before_all_are_written_down_goes_no_further(buyer, pump):
    change = changes.announce(planned(products=[pump]), by=None, at=NOW)
    with pytest.raises(changes.StillEnrolling):
        changes.close_change(change, by=None, at=NOW)
    changes.close_change(change, reason="Called off.", by=None, at=NOW)
    enrolled(change)
    assert (change.enrolled_at, change.concerned.count()) == (None, 0)


def test_only_a_withdrawal_withdraws_and_an_earlier_day_stays(buyer, pump):
    announced(products=[pump], kind="price")
    pump.refresh_from_db()
    assert not pump.is_withdrawn
    Product.objects.filter(pk=pump.pk).update(is_withdrawn=True, withdrawn_day=5, withdrawn_known_at=NOW)
    announced(products=[pump])
    pump.refresh_from_db()
    assert pump.withdrawn_day == 5


def test_announcing_to_nobody_is_refused_and_leaves_a_draft(pump):
    change = planned(products=[pump])
    with pytest.raises(changes.NobodyConcerned):
        changes.announce(change, by=None, at=NOW)
    change.refresh_from_db()
    assert change.state == "draft"


@pytest.mark.parametrize(("kind", "is_refused"), [("price", True), ("incident", False)])
def test_what_was_planned_is_not_told_after_it_took_effect(buyer, pump, kind, is_refused):
    change = planned(products=[pump], kind=kind, effect_on=TODAY)
    late = NOW + DAY
    if is_refused:
        with pytest.raises(changes.ToldTooLate):
            changes.announce(change, by=None, at=late)
        return
    assert changes.announce(change, by=None, at=late).state == "announced"


# --- Telling ----------------------------------------------------------------------------------
def test_nobody_is_told_before_the_notice_day(buyer, pump):
    change = announced(products=[pump], notice_on=TODAY + DAY)
    drain.until_empty(at=NOW)
    assert (Message.objects.count(), row_of(change, buyer).handled_at) == (0, None)
    informing.inform_due(NOW + DAY)
    assert Message.objects.count() == 1


def test_each_is_told_once_in_her_language_and_counts_as_told_when_it_left(pump):
    english = CustomerFactory(name="Alpha", contact__language="en", contact__email="a@example.org")
    chinese = CustomerFactory(name="Beta", language="zh-hans", contact__email="b@example.org")
    for one in (english, chinese):
        bought(one, pump)
    green = ProductFactory(name="Green pump", name_alt="绿泵")
    change = announced(products=[pump], substitute=green)
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=NOW)
        drain.until_empty(at=NOW + DAY)
    said = {m.to: (m.subject, m.text, m.purpose) for m in Message.objects.all()}
    assert set(said) == {"a@example.org", "b@example.org"}
    subject, text, purpose = said["a@example.org"]
    assert (subject, purpose) == ("The blue pump goes", "service")
    for part in ("The maker gives it up.", "Ten percent off", "Green pump", "spare parts", "10 Jun 2026"):
        assert part in text
    assert "厂家" not in text
    subject, text, _purpose = said["b@example.org"]
    assert subject == "蓝泵停售"
    assert "厂家停产。" in text and "绿泵" in text and "还有备件吗" in text and "maker" not in text
    assert states() == [("Alpha", "informed"), ("Beta", "informed")]
    change.refresh_from_db()
    assert (change.state, ConcernedStep.objects.filter(state="informed", by=None).count()) == ("followed", 2)


def test_a_notice_that_reaches_nobody_stays_to_be_told_with_its_reason(pump):
    nobody = CustomerFactory(name="Alpha", contact__email="", contact__phone="")
    bounced = CustomerFactory(name="Beta", contact__email="beta@example.org", contact__phone="")
    for one in (nobody, bounced):
        bought(one, pump)
    change = announced(products=[pump])
    informing.inform_due(NOW)
    message = row_of(change, bounced).message
    Contact.objects.filter(customer=bounced).update(email="")  # gone before it left
    drain.until_empty(at=NOW)
    message.refresh_from_db()
    assert message.state == "dropped"
    assert states() == [("Alpha", "to_inform"), ("Beta", "to_inform")]
    assert row_of(change, nobody).unsent == row_of(change, bounced).unsent == "no_address"


@pytest.mark.parametrize(
    ("state", "reason", "becomes"),
    [
        ("bounced", "dead_address", ("to_inform", "dead_address", ["informed", "to_inform"])),
        ("failed", "refused", ("to_inform", "refused", ["informed", "to_inform"])),
        ("delivered", "", ("informed", "", ["informed"])),
    ],
)
def test_a_notice_that_comes_back_told_nobody(buyer, pump, state, reason, becomes):
    other = CustomerFactory()
    bought(other, pump)
    change = announced(products=[pump])
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=NOW)
    sending._end(row_of(change, buyer).message, state, reason=reason, at=NOW + DAY)
    drain.until_empty(at=NOW + DAY)
    row = row_of(change, buyer)
    steps = list(row.steps.order_by("pk").values_list("state", flat=True))
    assert (row.state, row.unsent, steps) == becomes
    assert row_of(change, other).state == "informed"
    is_back = row.state == "to_inform"
    assert change.concerned.waiting().count() == is_back
    if is_back:
        with pytest.raises(changes.StillWaiting):
            changes.close_change(BusinessChange.objects.get(), by=None, at=NOW + DAY)


@pytest.mark.parametrize("state", ["informed", "reached"])
def test_who_was_told_by_a_person_stays_told_when_the_notice_comes_back(buyer, pump, manager, state):
    change = announced(products=[pump])
    informing.inform_due(NOW)
    row = changes.set_state(row_of(change, buyer), state=state, note="By phone.", by=manager, at=NOW)
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=NOW)
        assert len(told.got) == 1
    changes.set_state(row_of(change, buyer), state=state, note="Is fine.", by=manager, at=NOW)
    sending._end(row.message, "bounced", reason="dead_address", at=NOW + DAY)
    drain.until_empty(at=NOW + DAY)
    assert (row_of(change, buyer).state, ConcernedStep.objects.count()) == (state, 2)


@pytest.mark.parametrize("is_again", [False, True])
def test_a_note_on_who_was_told_by_her_notice_tells_her_nothing(buyer, pump, manager, is_again):
    change = announced(products=[pump])
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=NOW)
    if is_again:  # told by a person once, taken back, and told by a notice after all
        row = row_of(change, buyer)
        ConcernedStep.objects.all().delete()
        for state, by in (("informed", manager), ("to_inform", None), ("informed", None)):
            said = {"customer": buyer, "state": state, "by": by, "at": NOW}
            ConcernedStep.objects.create(row=row, **said)
    changes.set_state(row_of(change, buyer), state="informed", note="On holiday.", by=manager, at=NOW)
    row = row_of(change, buyer)
    sending._end(row.message, "bounced", reason="dead_address", at=NOW + DAY)
    drain.until_empty(at=NOW + DAY)
    row.refresh_from_db()
    assert (row.state, row.unsent) == ("to_inform", "dead_address")


def test_another_contact_is_written_to_when_the_main_one_cannot_be(pump):
    customer = CustomerFactory(contact__email="", contact__phone="")
    second = ContactFactory(customer=customer, is_main=False, email="second@example.org")
    gone = ContactFactory(customer=customer, is_main=False, email="x@example.org", left_on=TODAY)
    bought(customer, pump)
    change = announced(products=[pump])
    informing.inform_due(NOW)
    assert row_of(change, customer).message.contact == second != gone


def test_a_worker_that_dies_in_the_middle_leaves_nothing_half_done(pump, monkeypatch):
    for name in ("Alpha", "Beta", "Gamma"):
        bought(CustomerFactory(name=name), pump)
    change = announced(products=[pump])
    real, sent = informing.send_message, []

    def dying(*args, **values):
        if len(sent) == 1:
            raise KeyboardInterrupt
        sent.append(1)
        return real(*args, **values)

    monkeypatch.setattr(informing, "send_message", dying)
    with pytest.raises(KeyboardInterrupt):
        informing.inform_due(NOW)
    assert (Message.objects.count(), change.concerned.filter(handled_at=None).count()) == (0, 3)
    monkeypatch.setattr(informing, "send_message", real)
    drain.until_empty(at=NOW)
    assert (Message.objects.count(), change.concerned.filter(handled_at=None).count()) == (3, 0)


def test_one_that_fails_is_left_to_people_and_keeps_nobody(pump, monkeypatch):
    bad, good = CustomerFactory(name="Alpha"), CustomerFactory(name="Beta")
    for one in (bad, good):
        bought(one, pump)
    change = announced(products=[pump])
    real = informing.letters.write

    def failing(change, *, contact, channel):
        if contact.customer_id == bad.pk:
            raise RuntimeError("no")
        return real(change, contact=contact, channel=channel)

    monkeypatch.setattr(informing.letters, "write", failing)
    moment, moments = NOW, []
    drain.until_empty(at=moment)
    assert row_of(change, good).message is not None
    change.refresh_from_db()
    assert change.state == "announced"  # somebody is still to be told
    while (row := row_of(change, bad)).handled_at is None:
        assert (row.unsent, row.tries) == ("", len(moments) + 1)
        moments.append(row.due_at - moment)
        drain.until_empty(at=row.due_at - timedelta(seconds=1))
        assert row_of(change, bad).tries == row.tries
        moment = row.due_at
        drain.until_empty(at=moment)
    assert moments == [timedelta(minutes=2**n) for n in range(7)]
    assert (row.unsent, row_of(change, good).unsent) == ("given_up", "")
    change.refresh_from_db()
    assert change.state == "followed"


def test_one_that_failed_once_is_told_later(buyer, pump, monkeypatch):
    change = announced(products=[pump])
    with monkeypatch.context() as broken:
        broken.setattr(informing, "send_message", lambda *_args, **_said: 1 / 0)
        drain.until_empty(at=NOW)
    drain.until_empty(at=NOW)
    assert not Message.objects.exists()
    drain.until_empty(at=NOW + timedelta(minutes=1))
    assert (row_of(change, buyer).tries, Message.objects.count()) == (1, 1)


@pytest.mark.parametrize("fails_on", ["both", "one alone"])
def test_a_fault_of_the_database_counts_for_nobody(buyer, pump, monkeypatch, fails_on):
    change = announced(products=[pump])
    errors = [OperationalError("locked")] * 2
    if fails_on == "one alone":
        errors[0] = RuntimeError("no")

    def failing(*_args, **_said):
        raise errors.pop(0)

    with monkeypatch.context() as broken:
        broken.setattr(informing, "send_message", failing)
        while errors:
            assert informing.inform_due(NOW) == 0
    assert (row_of(change, buyer).tries, row_of(change, buyer).due_at) == (0, None)
    informing.inform_due(NOW)
    assert Message.objects.count() == 1


def test_a_closed_change_tells_nobody_any_more(buyer, pump):
    change = announced(products=[pump])
    changes.close_change(change, reason="Called off.", by=None, at=NOW)
    drain.until_empty(at=NOW)
    assert not Message.objects.exists()


def test_a_notice_that_waits_does_not_leave_after_the_closing(buyer, pump):
    other, green = CustomerFactory(), ProductFactory()
    bought(other, green)
    change, stays = announced(products=[pump]), announced(products=[green])
    drain.until_empty(at=NOW)  # there is no sender yet
    change.refresh_from_db()
    changes.close_change(change, reason="Called off.", by=None, at=NOW)
    later = NOW + timedelta(hours=1)
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=later)
        assert len(told.got) == 1
    row = row_of(change, buyer)
    assert (row.message.state, row.message.reason) == ("dropped", "taken_back")
    assert (row.state, row.unsent) == ("to_inform", "taken_back")
    assert row_of(stays, other).state == "informed"


@pytest.mark.parametrize("customers", [1, 5])
def test_closing_drops_the_waiting_notices_some_at_a_time_in_the_worker(pump, monkeypatch, customers):
    monkeypatch.setattr(closing, "AT_ONCE", 2)
    for one in CustomerFactory.create_batch(customers):
        bought(one, pump)
    change = announced(products=[pump])
    informing.inform_due(NOW)
    with CaptureQueriesContext(connection) as queries:
        changes.close_change(change, reason="Called off.", by=None, at=NOW)
    assert not [one for one in queries if one["sql"].startswith('SELECT "customers_message"')]
    assert set(Message.objects.values_list("state", flat=True)) == {"waiting"}
    with providers.smtp() as told:  # whoever sends before they are dropped sends none, not even this moment
        smtp_sender(told)
        sending.send_due(NOW)
        assert not told.got
        Message.objects.update(state="waiting", reason="taken_back", ended_at=None)
        seen = []
        while outbox.drain(at=NOW, limit=1):
            seen.append(Message.objects.filter(state="dropped", reason="taken_back").count())
        assert not told.got
    assert sorted(set(seen) - {0}) == ([1] if customers == 1 else [2, 4, 5])
    assert set(ConcernedCustomer.objects.values_list("state", "unsent")) == {("to_inform", "taken_back")}


def test_a_notice_that_is_on_its_way_at_the_closing_is_not_tried_again(buyer, pump):
    change = announced(products=[pump])
    informing.inform_due(NOW)
    message = row_of(change, buyer).message
    lease = clock.real_now() - DAY
    Message.objects.filter(pk=message.pk).update(state="sending", tries=1, lease_until=lease)
    changes.close_change(change, reason="Called off.", by=None, at=NOW)
    later = NOW + timedelta(hours=1)
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=later)
        drain.until_empty(at=later + timedelta(hours=1))
        assert not told.got
    message.refresh_from_db()
    assert (message.state, message.reason) == ("dropped", "too_late")


# --- Taken back -------------------------------------------------------------------------------
def withdrawn(product):
    product.refresh_from_db()
    return product.is_withdrawn, product.withdrawn_day, product.withdrawn_known_at


NOT_WITHDRAWN = (False, None, None)
EFFECT = TODAY + timedelta(days=30)


@pytest.mark.parametrize(("days", "is_taken_back"), [(0, True), (29, True), (30, False), (40, False)])
def test_what_is_closed_before_its_day_of_effect_withdraws_nothing(buyer, pump, days, is_taken_back):
    change = announced(products=[pump])
    told = withdrawn(pump)
    marked = TouchedCustomer.objects.count()
    TouchedCustomer.objects.all().delete()
    changes.close_change(change, reason="Called off.", by=None, at=NOW + days * DAY)
    assert withdrawn(pump) == (NOT_WITHDRAWN if is_taken_back else told)
    assert (marked, TouchedCustomer.objects.count()) == (1, int(is_taken_back))


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_day_that_the_product_had_before_comes_back(buyer, pump, days):
    own = (True, (EFFECT + days * DAY).toordinal(), NOW - DAY)
    Product.objects.filter(pk=pump.pk).update(
        **dict(zip(("is_withdrawn", "withdrawn_day", "withdrawn_known_at"), own, strict=True))
    )
    changes.close_change(announced(products=[pump]), reason="Called off.", by=None, at=NOW + DAY)
    assert withdrawn(pump) == own


def test_a_day_that_was_set_since_stays(buyer, pump):
    change = announced(products=[pump])
    Product.objects.filter(pk=pump.pk).update(withdrawn_day=(TODAY + DAY).toordinal())
    changes.close_change(change, reason="Called off.", by=None, at=NOW)
    assert withdrawn(pump)[:2] == (True, (TODAY + DAY).toordinal())


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("days", [20, 30, 40])
def test_of_two_withdrawals_the_one_that_stands_says_the_day(buyer, pump, first, days):
    """In whichever order they were announced and are closed."""
    both = [announced(products=[pump]), announced(products=[pump], effect_on=TODAY + days * DAY)]
    changes.close_change(both[first], reason="Called off.", by=None, at=NOW)
    assert withdrawn(pump)[:2] == (True, both[1 - first].effect_day)
    changes.close_change(both[1 - first], reason="Called off.", by=None, at=NOW)
    assert withdrawn(pump) == NOT_WITHDRAWN


def test_closing_takes_no_withdrawal_back_that_the_change_did_not_make(buyer, pump):
    stays = announced(products=[pump])
    for values in ({"kind": "price"}, {"effect_on": TODAY + 40 * DAY}):
        changes.close_change(announced(products=[pump], **values), reason="Off.", by=None, at=NOW)
        assert withdrawn(pump)[:2] == (True, stays.effect_day)


# --- Calls ------------------------------------------------------------------------------------
def test_calls_are_planned_for_the_valuable_ones_alone(pump, manager):
    top, rich, plain, unknown = (CustomerFactory(name=name, owner=manager) for name in "ABCD")
    for one, tier, margin in ((top, "A", 0), (rich, "C", 500), (plain, "B", 499)):
        give_value(one, tier=tier, margin=margin)
    for one in (top, rich, plain, unknown):
        bought(one, pump)
    announced(products=[pump], calls_margin=500)
    drain.until_empty(at=NOW)
    planned_for = FollowUpCall.objects.filter(status="planned").values_list("customer", flat=True)
    assert set(planned_for) == {top.pk, rich.pk}
    case = RetentionCase.objects.get(customer=top)
    assert (case.kind, case.assignee, "The blue pump goes" in case.reason) == ("save", manager, True)
    assert set(ConcernedCustomer.objects.filter(case=None).values_list("customer", flat=True)) == {
        plain.pk,
        unknown.pk,
    }


def test_nobody_is_called_when_neither_limit_is_set(buyer, pump):
    give_value(buyer, tier="A", margin=10**6)
    announced(products=[pump], calls_top_tier=False)
    drain.until_empty(at=NOW)
    assert not FollowUpCall.objects.exists()


def test_who_wants_no_calls_gets_her_notice_alone(buyer, pump, manager):
    give_value(buyer, tier="A")
    call = planned_call(make_case(buyer))
    calls.log_call(call, outcome="do_not_call", by=manager, at=NOW)
    change = announced(products=[pump])
    informing.inform_due(NOW)
    row = row_of(change, buyer)
    assert (row.case, row.message is not None) == (None, True)
    assert not FollowUpCall.objects.filter(status="planned").exists()


def test_a_call_that_reached_her_counts_as_spoken_with(buyer, pump, manager):
    give_value(buyer, tier="A")
    change = announced(products=[pump])
    drain.until_empty(at=NOW)
    row = row_of(change, buyer)
    call = calls.log_call(planned_call(row.case), outcome="no_answer", by=manager, at=NOW).next_call
    drain.until_empty(at=NOW)
    assert row_of(change, buyer).state == "to_inform"
    calls.log_call(call, outcome="reached", by=manager, at=NOW)
    drain.until_empty(at=NOW)
    assert row_of(change, buyer).state == "reached"


# --- Later ------------------------------------------------------------------------------------
def test_who_orders_later_is_added_by_the_night_and_told(buyer, pump):
    change = announced(products=[pump])
    drain.until_empty(at=NOW)
    late, other = CustomerFactory(), CustomerFactory()
    bought(late, pump, days=-0.1)
    bought(other, ProductFactory(), days=-0.1)
    assert changes.nightly(at=NOW + DAY) == {"added": 1, "left": 0}
    assert changes.nightly(at=NOW + DAY) is None
    drain.until_empty(at=NOW + DAY)
    row = row_of(change, late)
    assert (row.is_late, row.message is not None) == (True, True)
    assert {one.customer_id for one in change.concerned.all()} == {buyer.pk, late.pk}


def test_a_closed_change_takes_nobody_in(buyer, pump):
    changes.close_change(announced(products=[pump]), reason="Called off.", by=None, at=NOW)
    bought(CustomerFactory(), pump, days=-0.1)
    assert add_new(at=NOW + DAY) == 0


def test_who_was_lost_since_is_noted_as_left(buyer, pump):
    before, back = CustomerFactory(), CustomerFactory()
    for one in (before, back):
        bought(one, pump)
    change = announced(products=[pump])
    for one, when, ended in ((buyer, DAY, None), (before, -DAY, None), (back, DAY, NOW + DAY)):
        Loss.objects.create(
            customer=one, occurred_at=NOW + when, recorded_at=NOW + DAY, definition="window", ended_at=ended
        )
    assert note_left(at=NOW + 2 * DAY) == 1
    assert note_left(at=NOW + 2 * DAY) == 0
    assert row_of(change, buyer).state == "left"


# --- Following --------------------------------------------------------------------------------
def test_a_step_is_kept_with_who_when_and_the_note(buyer, pump, manager):
    change = announced(products=[pump])
    row = changes.set_state(row_of(change, buyer), state="accepts", note="Fine.", by=manager, at=NOW)
    assert row.state == "accepts"
    step = ConcernedStep.objects.get()
    assert (step.state, step.by, step.note, step.at) == ("accepts", manager, "Fine.", NOW)


@pytest.mark.parametrize(
    ("before", "after", "is_allowed"),
    [
        ("to_inform", "accepts", True),
        ("accepts", "objects", True),
        ("objects", "accepts", True),
        ("accepts", "informed", False),
        ("informed", "to_inform", False),
        ("left", "reached", False),
    ],
)
def test_the_table_says_from_where_to_where(buyer, pump, before, after, is_allowed):
    change = announced(products=[pump])
    ConcernedCustomer.objects.update(state=before)
    row = row_of(change, buyer)
    if not is_allowed:
        with pytest.raises(changes.NotFromThere):
            changes.set_state(row, state=after, note="n", by=None, at=NOW)
        return
    assert changes.set_state(row, state=after, note="n", by=None, at=NOW).state == after


def test_an_objection_needs_words_and_a_race_is_told(buyer, pump):
    change = announced(products=[pump])
    row = row_of(change, buyer)
    with pytest.raises(changes.following.SayAgainstWhat):
        changes.set_state(row, state="objects", by=None, at=NOW)
    ConcernedCustomer.objects.update(state="left")
    with pytest.raises(changes.ChangeMoved):
        changes.set_state(row, state="accepts", by=None, at=NOW)
    assert not ConcernedStep.objects.exists()


def test_closing_is_refused_while_somebody_waits(pump, manager):
    told, called = CustomerFactory(name="Told"), CustomerFactory(name="Called", owner=manager)
    for one in (told, called):
        bought(one, pump)
    give_value(called, tier="A")
    change = announced(products=[pump])
    informing.inform_due(NOW)
    with pytest.raises(changes.StillWaiting, match="2 customers"):
        changes.close_change(change, by=None, at=NOW)
    changes.set_state(row_of(change, told), state="informed", by=None, at=NOW)  # who is told need say nothing
    changes.set_state(row_of(change, called), state="reached", by=None, at=NOW)
    with pytest.raises(changes.StillWaiting, match="1 customers"):  # who is called shall say something
        changes.close_change(change, by=None, at=NOW)
    changes.set_state(row_of(change, called), state="accepts", by=None, at=NOW)
    assert changes.close_change(change, by=manager, at=NOW).state == "closed"
    with pytest.raises(changes.NotAllowed):
        changes.set_state(row_of(change, told), state="accepts", by=None, at=NOW)


@pytest.mark.parametrize("column", ["gone_at", "erased_at"])
def test_nobody_waits_for_who_was_merged_or_erased(buyer, pump, column):
    change = announced(products=[pump])
    assert change.concerned.waiting().exists()
    Customer.objects.filter(pk=buyer.pk).update(**{column: NOW})
    assert not change.concerned.waiting().exists()
    assert changes.close_change(change, by=None, at=NOW).state == "closed"


@pytest.mark.slow
def test_five_hundred_customers_are_followed_to_the_last_one(pump, manager):
    """Product withdrawn, 500 customers concerned, twenty of them called, followed to the last one."""
    seller = UserFactory(team=manager.team)
    everybody = [CustomerFactory(name=f"C{n:03}", owner=(manager, seller)[n % 2]) for n in range(500)]
    for number, one in enumerate(everybody):
        bought(one, pump)
        give_value(one, tier="A" if number < 20 else "C", margin=number)
    change = announced(products=[pump])
    with providers.smtp() as told:
        smtp_sender(told)
        drain.until_empty(at=NOW, most_rounds=2000)
    change.refresh_from_db()
    assert change.state == "followed"
    assert Message.objects.filter(state="sent").values("contact").distinct().count() == 500
    assert Message.objects.count() == len(told.got) == 500
    assert FollowUpCall.objects.filter(status="planned").count() == 20
    assert changes.counts(change.concerned.all()) == {
        "to_inform": 0,
        "informed": 500,
        "reached": 0,
        "accepts": 0,
        "objects": 0,
        "left": 0,
    }
    with pytest.raises(changes.StillWaiting, match="20 customers"):
        changes.close_change(change, by=manager, at=NOW)
    for number, row in enumerate(change.concerned.filter(case__isnull=False).order_by("customer_id")):
        calls.log_call(planned_call(row.case), outcome="reached", by=manager, at=NOW)
        drain.until_empty(at=NOW, most_rounds=2000)
        row.refresh_from_db()
        assert row.state == "reached"
        state = ("accepts", "objects")[number % 2]
        changes.set_state(row, state=state, note="Said on the phone.", by=manager, at=NOW)
    assert not change.concerned.waiting().exists()
    assert changes.close_change(change, by=manager, at=NOW).state == "closed"
    assert changes.counts(change.concerned.all())["informed"] == 480
    assert day(change.closed_at) == day(NOW)
