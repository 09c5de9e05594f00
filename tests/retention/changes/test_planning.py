"""Planning: what holds together is kept, everything else is refused in words; the impact is counted first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from customers.consents import record_consent
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Contact, Contract
from retention import calls, changes, segments
from retention.changes import informing
from retention.changes.planning import plan_of
from retention.models import BusinessChange, ConcernedCustomer
from tests.factories import (
    NOW,
    ContractFactory,
    CustomerFactory,
    ProductFactory,
    ago,
    day,
)
from tests.retention.changes.makers import TODAY, announced, bought, enrolled, give_value, plan, planned
from tests.retention.makers import make_case, planned_call

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(company):
    clock.fix(NOW)


@pytest.fixture
def pump():
    return ProductFactory(name="Blue pump")


def test_a_draft_is_kept_with_all_that_was_said(pump, customer, admin):
    green = ProductFactory()
    said = plan(products=[pump], substitute=green, words=[" pump ", "pump", "泵车"], calls_margin=500)
    change = changes.plan_change(said, by=admin, at=NOW)
    kept = plan_of(BusinessChange.objects.get())
    assert (kept.products, kept.substitute, kept.words) == ([pump], green, ["pump", "泵车"])
    assert (kept.notice_on, kept.effect_on) == (said.notice_on, said.effect_on)
    assert (change.state, change.made_by, ConcernedCustomer.objects.count()) == ("draft", admin, 0)
    assert list(AuditEvent.objects.filter(act="change.plan").values_list("actor_id", flat=True)) == [admin.pk]


def test_one_language_is_enough(pump):
    change = planned(products=[pump], title_en="", explanation_en="", offer_en="")
    with translation.override("en"):
        assert str(change) == "蓝泵停售"
    assert (change.said("explanation", "en"), change.said("questions", "en")) == (
        "厂家停产。",
        "Are there spare parts? For ten years.",
    )


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"title_en": " ", "title_zh": ""}, "title"),
        ({"explanation_en": "", "explanation_zh": " "}, "explanation"),
        ({"notice_on": TODAY + timedelta(days=31)}, "before the effect"),
        ({"products": []}, "products"),
        ({"scope": "segment"}, "segment"),
        ({"scope": "listed"}, "customers"),
        ({"bought_days": 0}, "1,095"),
        ({"bought_days": 1096}, "1,095"),
        ({"words": ["x"]}, "letters"),
        ({"words": [f"word {n}" for n in range(31)]}, "30"),
        ({"calls_margin": -1}, "margin"),
    ],
)
def test_what_does_not_hold_together_is_refused_in_words(pump, wrong, word):
    with pytest.raises(changes.ChangeRefused, match=word):
        planned(**{"products": [pump], **wrong})
    assert not BusinessChange.objects.exists()


def test_notice_and_effect_may_be_one_day(pump):
    assert planned(products=[pump], effect_on=TODAY).effect_day == day(NOW)


def test_the_database_refuses_a_notice_after_the_effect(pump):
    change = planned(products=[pump])
    with pytest.raises(IntegrityError), transaction.atomic():
        BusinessChange.objects.filter(pk=change.pk).update(notice_day=change.effect_day + 1)


def test_a_product_is_no_substitute_for_itself(pump):
    with pytest.raises(changes.ChangeRefused, match="substitute"):
        planned(products=[pump], substitute=pump)


def test_a_draft_is_written_anew_and_an_announced_change_is_not(pump, customer):
    other = ProductFactory()
    change = planned(products=[pump])
    changes.revise_change(change, plan(products=[other], title_en="Other"), by=None, at=NOW)
    assert (change.title_en, [one.product for one in change.about.all()]) == ("Other", [other])
    bought(customer, other)
    changes.announce(change, by=None, at=NOW)
    with pytest.raises(changes.NotAllowed):
        changes.revise_change(change, plan(products=[pump]), by=None, at=NOW)


def concerned(change):
    return set(changes.concerned(change, at=NOW).values_list("pk", flat=True))


def test_buyers_of_the_days_are_concerned_and_nobody_else(pump):
    change = planned(products=[pump], bought_days=30)
    last, first, before, other, returned, cancelled, void, gone = CustomerFactory.create_batch(8)
    bought(last, pump, days=0.1)
    bought(first, pump, days=29)
    bought(before, pump, days=30)
    bought(other, ProductFactory())
    bought(returned, pump, quantity=-1, amount=-100)
    line = bought(cancelled, pump)
    type(line.order).objects.filter(pk=line.order_id).update(status="cancelled")
    bought(void, pump, void=True)
    bought(gone, pump)
    type(gone).objects.filter(pk=gone.pk).update(gone_at=NOW)
    assert concerned(change) == {last.pk, first.pk}


def test_contracts_a_segment_and_a_list_say_whom(pump):
    runs, over, ended, listed = CustomerFactory.create_batch(4)
    ContractFactory(customer=runs)
    ContractFactory(customer=over, occurred_at=ago(500))
    stopped = ContractFactory(customer=ended)
    Contract.objects.filter(pk=stopped.pk).update(terminated_day=day(NOW))
    assert concerned(planned(scope="contracts", kind="price")) == {runs.pk}
    segment = segments.make_list("watched", name_en="W", name_zh="W", by=None, at=ago(1))
    segments.put(segment, [over], is_member=True, by=None, at=ago(1))
    assert concerned(planned(scope="segment", segment=segment, kind="price")) == {over.pk}
    assert concerned(planned(scope="listed", customers=[listed, listed], kind="price")) == {listed.pk}


def test_the_impact_counts_what_is_at_stake_before_anybody_is_told(
    pump, manager, outsider, admin, customer, django_assert_max_num_queries
):
    second, hidden = CustomerFactory(owner=manager), CustomerFactory(owner=outsider)
    for one, tier, margin in ((customer, "A", 500), (second, "B", 70), (hidden, "A", 30)):
        bought(one, pump)
        give_value(one, tier=tier, margin=margin)
    CustomerFactory(owner=manager)  # bought nothing
    ContractFactory(customer=customer, value=900)
    ContractFactory(customer=hidden, value=50)
    make_case(second)
    change = planned(products=[pump], calls_margin=70)
    with django_assert_max_num_queries(6):
        found = changes.impact(change, user=admin, at=NOW)
    assert [(one.tier, one.customers, one.margin, one.called) for one in found.lines] == [
        ("A", 2, 530, 2),
        ("B", 1, 70, 1),
    ]
    assert (found.customers, found.margin, found.called) == (3, 600, 3)
    assert (found.contracts, found.contract_value, found.open_cases) == (2, 950, 1)
    mine = changes.impact(change, user=manager, at=NOW)
    assert (mine.customers, mine.contracts, mine.contract_value, mine.open_cases) == (2, 1, 900, 1)
    theirs = changes.impact(change, user=outsider, at=NOW)
    assert (theirs.customers, theirs.margin, theirs.open_cases) == (1, 30, 0)
    assert not ConcernedCustomer.objects.exists()


def test_who_wants_no_calls_is_not_counted_as_called(pump, manager, admin, customer):
    silent, again, poor = CustomerFactory.create_batch(3, owner=manager)
    for one, tier, margin in ((customer, "A", 0), (silent, "A", 0), (again, "B", 100), (poor, "B", 99)):
        bought(one, pump)
        give_value(one, tier=tier, margin=margin)
    for one in (silent, again, poor):
        calls.log_call(planned_call(make_case(one)), outcome="do_not_call", by=manager, at=ago(2))
    record_consent(
        Contact.objects.get(customer=again),
        purposes=["care", "service"],
        channels=["phone"],
        is_given=True,
        source="form",
        by=None,
        at=ago(1),
    )
    change = planned(products=[pump], calls_margin=100)
    found = changes.impact(change, user=admin, at=NOW)
    assert [(one.tier, one.customers, one.called) for one in found.lines] == [("A", 2, 1), ("B", 2, 1)]
    enrolled(changes.announce(change, by=None, at=NOW))
    informing.inform_due(NOW)
    called = change.concerned.exclude(case=None).values_list("customer", flat=True)
    assert set(called) == {customer.pk, again.pk}  # as it was said before


def test_a_broken_guard_of_state_refuses_to_announce_twice(pump, customer):
    bought(customer, pump)
    change = announced(products=[pump])
    with pytest.raises(changes.NotAllowed):
        changes.announce(change, by=None, at=NOW)
    stale = BusinessChange.objects.get()
    stale.state = "draft"
    with pytest.raises(changes.ChangeMoved):
        changes.announce(stale, by=None, at=NOW)


def test_no_state_is_left_out_of_the_table_of_moves():
    assert set(changes.TRANSITIONS) == set(BusinessChange.State)
