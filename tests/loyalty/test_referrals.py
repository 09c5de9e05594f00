"""Referrals: who may be referred, and when both are rewarded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import merges
from customers.models import Contact, Customer, Order
from customers.writing import revise
from loyalty import referrals
from loyalty.earning import applying
from loyalty.ledger import accounts
from loyalty.ledger.errors import NoProgramme
from loyalty.models import PointsAccount, PointsEntry, Programme, Referral
from tests.factories import NOW, CustomerFactory, UserFactory, ago, day
from tests.loyalty.earning import SPEND, apply, bought, make_rule, record
from tests.loyalty.factories import make_account

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


@pytest.fixture
def rewarding(programme: Programme) -> Programme:
    Programme.objects.update(referral_referrer=200, referral_referred=100)
    make_rule(programme, SPEND)
    programme.refresh_from_db()
    return programme


@pytest.fixture
def referrer(rewarding: Programme) -> PointsAccount:
    return make_account()


def rewards() -> set[tuple[int, str, int]]:
    rows = PointsEntry.objects.filter(source_type__in=["referral", "referred"])
    return {(row.customer_id, row.source_type, row.points) for row in rows}


def test_both_are_rewarded_after_the_first_order_and_only_then(referrer):
    customer, user = CustomerFactory(), UserFactory()
    code = f" {referrer.referral_code[:5].lower()} {referrer.referral_code[5:]} "
    referral = referrals.refer(code, customer, by=user, at=NOW)
    assert (referral.state, referral.by) == ("waiting", user)
    assert rewards() == set()
    order = bought(customer, ("tea", 1, 50))
    expected = {(referrer.customer_id, "referral", 200), (customer.pk, "referred", 100)}
    assert rewards() == expected
    referral.refresh_from_db()
    assert (referral.state, referral.order_id, referral.ended_at) == ("rewarded", order.pk, NOW)
    bought(customer, ("tea", 1, 50))
    applying.earn_missed(NOW)
    assert rewards() == expected


def test_a_return_window_is_waited_for(referrer):
    Programme.objects.update(pending_days=14)
    customer = CustomerFactory()
    referrals.refer(referrer.referral_code, customer, **WHO)
    bought(customer, ("tea", 1, 50))
    applying.earn_missed(NOW + timedelta(days=13))
    assert rewards() == set()
    applying.earn_missed(NOW + timedelta(days=14))
    assert len(rewards()) == 2


def test_an_order_that_came_back_or_was_cancelled_is_not_the_first(referrer):
    Programme.objects.update(pending_days=5)
    customer = CustomerFactory()
    referral = referrals.refer(referrer.referral_code, customer, **WHO)
    bought(customer, ("tea", 1, 50))
    bought(customer, ("tea", -1, 50), at=NOW + timedelta(days=1))
    cancelled = bought(customer, ("tea", 1, 50), at=NOW + timedelta(days=1))
    apply(revise(cancelled, at=NOW + timedelta(days=2), status=Order.Status.CANCELLED))
    stands = bought(customer, ("tea", 2, 50), at=NOW + timedelta(days=2))
    bought(customer, ("tea", -1, 50), at=NOW + timedelta(days=3))  # a part of it
    applying.earn_missed(NOW + timedelta(days=6, hours=13))
    assert rewards() == set()
    applying.earn_missed(NOW + timedelta(days=7))
    referral.refresh_from_db()
    assert (referral.state, referral.order_id) == ("rewarded", stands.pk)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"phone": "+86 138 1234 5678"}, {"phone": "013812345678"}),
        ({"email": "A@example.com"}, {"email": "a@EXAMPLE.com "}),
    ],
)
def test_who_shares_a_phone_or_address_refers_herself(referrer, mine, theirs):
    other = CustomerFactory()
    Contact.objects.filter(customer=referrer.customer_id).update(**mine)
    Contact.objects.filter(customer=other).update(**theirs)
    with pytest.raises(referrals.SelfReferral):
        referrals.refer(referrer.referral_code, other, **WHO)
    assert not Referral.objects.exists()


def test_who_shares_a_registration_number_refers_herself_and_empty_ones_do_not(referrer):
    same, other = CustomerFactory(registration_number="91-1234"), CustomerFactory()
    Contact.objects.update(phone="", email="")
    referrals.refer(referrer.referral_code, other, **WHO)  # nothing in common but nothing
    Customer.objects.filter(pk=referrer.customer_id).update(registration_number="911234")
    with pytest.raises(referrals.SelfReferral):
        referrals.refer(referrer.referral_code, same, **WHO)


def test_the_own_code_is_refused(referrer):
    with pytest.raises(referrals.SelfReferral):
        referrals.refer(referrer.referral_code, Customer.objects.get(pk=referrer.customer_id), **WHO)


def test_a_code_must_be_known(referrer):
    with pytest.raises(referrals.UnknownReferralCode):
        referrals.refer("NOBODY", CustomerFactory(), **WHO)
    with pytest.raises(referrals.UnknownReferralCode):
        referrals.refer("", CustomerFactory(), **WHO)


def test_once_a_customer_and_only_new_ones(referrer):
    customer, old = CustomerFactory(), CustomerFactory()
    referrals.refer(referrer.referral_code, customer, **WHO)
    with pytest.raises(referrals.ReferredBefore):
        referrals.refer(make_account().referral_code, customer, **WHO)
    record(old, ("tea", 1, 50))
    with pytest.raises(referrals.NotNew):
        referrals.refer(referrer.referral_code, old, **WHO)
    record(third := CustomerFactory(), ("tea", -1, 50))  # a return alone is no order
    referrals.refer(referrer.referral_code, third, **WHO)


def test_a_programme_that_rewards_nobody_takes_no_referrals(programme):
    with pytest.raises(referrals.NoReferrals):
        referrals.refer(make_account().referral_code, CustomerFactory(), **WHO)
    Programme.objects.update(state="draft")
    with pytest.raises(NoProgramme):
        referrals.refer("X", CustomerFactory(), **WHO)


def test_two_that_become_one_are_refused_at_the_reward(referrer):
    admin, customer = UserFactory(role="admin"), CustomerFactory()
    referral = referrals.refer(referrer.referral_code, customer, **WHO)
    mine = Customer.objects.get(pk=referrer.customer_id)
    merges.merge_customers(mine, customer, reason="Same.", by=admin, at=NOW)
    bought(mine, ("tea", 1, 50))
    referral.refresh_from_db()
    assert (referral.state, referral.reason) == ("refused", "self")
    assert rewards() == set()


def test_an_order_that_comes_back_while_it_is_rewarded_rewards_nobody(referrer, monkeypatch):
    customer = CustomerFactory()
    referral = referrals.refer(referrer.referral_code, customer, **WHO)
    Programme.objects.update(pending_days=2)
    order = bought(customer, ("tea", 1, 50))
    lock_all = accounts.lock_all

    def waiting(ids: Any) -> Any:
        monkeypatch.setattr(accounts, "lock_all", lock_all)
        apply(revise(order, at=NOW, status=Order.Status.CANCELLED))
        return lock_all(ids)

    later = NOW + timedelta(days=3)
    monkeypatch.setattr(accounts, "lock_all", waiting)
    assert referrals.reward_due(at=later) == 0
    referral.refresh_from_db()
    assert (referral.state, rewards()) == ("waiting", set())
    bought(customer, ("tea", 1, 50), at=NOW + timedelta(hours=1))
    assert referrals.reward_due(at=later) == 1


def test_one_side_may_be_rewarded_alone(referrer):
    Programme.objects.update(referral_referrer=0)
    customer = CustomerFactory()
    referrals.refer(referrer.referral_code, customer, **WHO)
    bought(customer, ("tea", 1, 50))
    assert rewards() == {(customer.pk, "referred", 100)}


def test_who_turns_out_to_have_ordered_before_is_refused(referrer):
    Programme.objects.update(starts_day=day(NOW) - 100)
    customers = [CustomerFactory() for _n in range(4)]
    made = [referrals.refer(referrer.referral_code, customer, **WHO) for customer in customers]
    old, older, new, cancelled = customers
    bought(old, ("tea", 1, 50), at=NOW, occurred_at=ago(1))
    record(older, ("tea", 1, 50), at=NOW, occurred_at=ago(300))  # before the programme
    revise(record(cancelled, ("tea", 1, 5), occurred_at=ago(5)), at=NOW, status=Order.Status.CANCELLED)
    for customer in (older, new, cancelled):
        bought(customer, ("tea", 1, 50))
    states = [
        (row.state, row.reason) for row in Referral.objects.filter(pk__in=[m.pk for m in made]).order_by("pk")
    ]
    assert states == [("refused", "had_orders")] * 2 + [("rewarded", "")] * 2


def test_an_order_of_the_same_day_without_a_time_is_no_earlier_one(referrer):
    customer = CustomerFactory()
    referrals.refer(referrer.referral_code, customer, **WHO)
    bought(customer, ("tea", 1, 50), occurred_at=NOW - timedelta(hours=6))
    assert len(rewards()) == 2


def test_many_that_wait_are_read_some_at_a_time(referrer, monkeypatch):
    monkeypatch.setattr(referrals, "_AT_ONCE", 2)
    Programme.objects.update(pending_days=5)
    customers = [CustomerFactory() for _n in range(5)]
    for customer in customers:
        referrals.refer(referrer.referral_code, customer, **WHO)
        record(customer, ("tea", 1, 50))
    for _n in range(12):
        referrals.refer(referrer.referral_code, CustomerFactory(), **WHO)  # waits for an order
    applying.earn_missed(NOW)
    assert rewards() == set()
    with CaptureQueriesContext(connection) as asked:
        assert referrals.reward_due(at=NOW + timedelta(days=5)) == 5
    assert {customer for customer, role, _points in rewards() if role == "referred"} == {
        c.pk for c in customers
    }
    table = f'FROM "{Referral._meta.db_table}"'
    waiting = [row["sql"] for row in asked if "net_left" in row["sql"] and table in row["sql"]]
    assert len(waiting) == 4  # of two, two and one, and then none
    assert referrals.reward_due(at=NOW + timedelta(days=5)) == 0


def test_an_order_that_went_to_another_referred_customer_is_rewarded_once(referrer):
    found = [CustomerFactory(), CustomerFactory()]
    for one in found:
        referrals.refer(referrer.referral_code, one, by=None, at=NOW)
    order = bought(found[0], ("tea", 1, 50))
    expected = {(referrer.customer_id, "referral", 200), (found[0].pk, "referred", 100)}
    apply(revise(order, at=NOW, customer_id=found[1].pk), at=NOW)
    referrals.reward_due(at=NOW)
    assert rewards() == expected
    second = Referral.objects.get(customer=found[1])
    assert not referrals._reward(second.pk, order.pk, accounts.running(), at=NOW)
    assert (rewards(), second.state) == (expected, "waiting")
    bought(found[1], ("tea", 1, 50), at=NOW + timedelta(hours=1))
    assert rewards() == expected | {(found[1].pk, "referred", 100)}
    assert PointsEntry.objects.filter(source_type="referral").count() == 2
