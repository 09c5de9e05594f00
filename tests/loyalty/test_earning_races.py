"""Orders that earn while others merge, earn or refer, in real threads: nobody waits for each other."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from customers import merges
from customers.ground import again
from customers.models import Customer
from loyalty import programmes, referrals
from loyalty.earning import applying, baskets, rules
from loyalty.ledger import accounts
from loyalty.models import EarningRule, OrderEarning, PointsAccount, PointsEntry, Programme
from tests.factories import NOW, CompanyFactory, CustomerFactory, ago
from tests.loyalty.earning import SPEND, apply, make_rule, record, sums_of
from tests.loyalty.factories import ProgrammeFactory, make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def programme(transactional_db: None) -> Programme:
    CompanyFactory()
    programme = ProgrammeFactory(referral_referrer=200)
    make_rule(programme, SPEND, at=ago(30))
    return programme


def beside(act: Any) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, errors


@pytest.mark.services
def test_orders_earn_while_their_customer_is_merged_and_none_gives_way(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "TRIES", 1)
    customer, other = CustomerFactory(), CustomerFactory()
    for one in (customer, other):
        make_account(one)
    order = record(customer, ("tea", 1, 50))
    accounts_for, merging = accounts.accounts_for, []

    def slowly(*given: Any, **named: Any) -> Any:
        if not merging:  # it holds the customer and not yet the account
            merging.append(
                beside(lambda: merges.merge_customers(other, customer, reason="S.", by=None, at=NOW))
            )
            merging[0][0].join(1)
        return accounts_for(*given, **named)

    monkeypatch.setattr(accounts, "accounts_for", slowly)
    apply(order)
    thread, errors = merging[0]
    thread.join(30)
    assert errors == []
    assert Customer.objects.get(pk=customer.pk).merged_into_id == other.pk
    assert sums_of(other)[0] == 50


@pytest.mark.services
def test_of_orders_that_are_told_of_at_once_one_is_the_first(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule(programme, {"kind": "first_order", "points": 100}, at=ago(30))
    customer = CustomerFactory()
    make_account(customer)
    order, other = (record(customer, ("tea", 1, price)) for price in (10, 20))
    telling: list[tuple[threading.Thread, list[BaseException]]] = []

    read_rewarded = applying._Chunk._read_rewarded

    def slowly(self: Any, customers: Any) -> None:
        read_rewarded(self, customers)
        if not telling:  # none is rewarded yet
            telling.append(beside(lambda: apply(other)))
            telling[0][0].join(1)

    monkeypatch.setattr(baskets, "first_orders", set)  # each was the earliest one that was known
    monkeypatch.setattr(applying._Chunk, "_read_rewarded", slowly)
    apply(order)
    thread, errors = telling[0]
    thread.join(30)
    assert errors == []
    rows = OrderEarning.objects.order_by("order").values_list("is_first", "points")
    assert list(rows) == [(True, 110), (False, 20)]
    assert sums_of(customer)[0] == 130


@pytest.mark.services
def test_the_account_of_who_referred_is_held_in_order(programme: Programme) -> None:
    referrer = make_account()
    customer = CustomerFactory()
    account = make_account(customer)
    assert referrer.pk < account.pk
    referrals.refer(referrer.referral_code, customer, by=None, at=NOW)
    order = record(customer, ("tea", 1, 50))
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        apply(order)
    table = PointsAccount._meta.db_table
    locks = [q["sql"] for q in asked if "FOR NO KEY UPDATE" in q["sql"]]
    of_accounts = [sql for sql in locks if f'FROM "{table}"' in sql]
    assert str(referrer.pk) in of_accounts[0] and str(account.pk) in of_accounts[0]
    assert Customer._meta.db_table in locks[0]
    assert sums_of(Customer.objects.get(pk=referrer.customer_id))[0] == 200


def test_a_chunk_that_gave_way_is_tried_again(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    order = record(CustomerFactory(), ("tea", 1, 50))
    settle, tries = applying._Chunk._settle, []

    class GaveWay(Exception):
        sqlstate = "40P01"

    def giving_way(self: Any, *given: Any) -> None:
        settle(self, *given)
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("deadlock") from GaveWay()

    monkeypatch.setattr(applying._Chunk, "_settle", giving_way)
    assert apply(order, at=NOW + timedelta(hours=1)).earned == 50
    assert (len(tries), PointsEntry.objects.count()) == (2, 1)


def test_referrals_are_rewarded_when_the_orders_are_done(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    referrer, customer = make_account(), CustomerFactory()
    referrals.refer(referrer.referral_code, customer, by=None, at=NOW)
    order = record(customer, ("tea", 1, 50))
    reward_due, within = referrals.reward_due, []

    def rewarding(**given: Any) -> int:
        within.append(connection.in_atomic_block)
        return reward_due(**given)

    monkeypatch.setattr(referrals, "reward_due", rewarding)
    apply(order)
    assert within == [False]
    assert sums_of(Customer.objects.get(pk=referrer.customer_id))[0] == 200


@pytest.mark.services
def test_who_changes_the_programme_keeps_nobody_from_writing_accounts(programme: Programme) -> None:
    with CaptureQueriesContext(connection) as asked:
        programmes.change_programme(programme, values={"worth_of_100": 7}, by=None, at=NOW)
        rule = make_rule(programme, {"kind": "minimum", "amount": "5"})
        rules.order_rules(programme, [rule.pk, *_others(programme, rule)], by=None, at=NOW)
    locks = [row["sql"] for row in asked if " UPDATE" in row["sql"] and row["sql"].startswith("SELECT")]
    of_programme = [sql for sql in locks if f'FROM "{Programme._meta.db_table}"' in sql]
    assert len(of_programme) == 3
    assert all("FOR NO KEY UPDATE" in sql for sql in of_programme)


def _others(programme: Programme, rule: EarningRule) -> list[int]:
    return list(programme.rules.exclude(pk=rule.pk).values_list("pk", flat=True))
