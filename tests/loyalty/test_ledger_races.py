"""Many at once on one account, in real threads: what there is is used once, and nobody errs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from customers import merges
from customers.ground.errors import Refused
from customers.models import Customer
from loyalty import programmes
from loyalty.ledger import accounts, earning, earning_many, expiring, recovery, redeeming, sealing
from loyalty.ledger.earning_many import Earning
from loyalty.ledger.errors import NotEnoughPoints, PointsSpent
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme, Redemption
from loyalty.rewards import catalogue, codes
from tests.factories import NOW, CompanyFactory, CustomerFactory, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem, sums
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
WORKERS = 20


@pytest.fixture
def account(transactional_db: None) -> PointsAccount:
    """An account without points, committed."""
    CompanyFactory()
    ProgrammeFactory()
    return make_account()


def at_once(acts: list[Callable[[], Any]], *, workers: int = WORKERS) -> list[Any]:
    """Do the acts in threads that start together, each with its connection; return results or errors."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(workers)

    def work(number: int) -> None:
        start.wait(30)
        try:
            for position in range(number, len(acts), workers):
                try:
                    results[position] = acts[position]()
                except Exception as error:
                    results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not any(thread.is_alive() for thread in threads)
    return results


def is_whole() -> bool:
    return sealing.verify(at=NOW).findings == []


def test_two_hundred_redemptions_of_ten_use_a_thousand_points_once(account: PointsAccount) -> None:
    for _number in range(4):
        earn(account, 250)

    results = at_once([lambda n=n: redeem(account, 10, key=f"r{n}") for n in range(200)])

    done = [result for result in results if isinstance(result, PointsEntry)]
    refused = [result for result in results if isinstance(result, NotEnoughPoints)]
    assert (len(done), len(refused)) == (100, 100), results
    assert sums(account) == (0, 0, 0)
    assert sum(PointsEntry.objects.values_list("points", flat=True)) == 0
    assert sum(LotAllocation.objects.values_list("points", flat=True)) == -1000
    assert set(PointsLot.objects.values_list("left", flat=True)) == {0}
    assert is_whole()


def test_one_key_and_one_source_at_once_count_once(account: PointsAccount) -> None:
    earn(account, 100)
    acts: list[Callable[[], Any]] = [lambda: redeem(account, 30, key="k")] * 10
    acts += [lambda: earn(account, 7, source=("order", 1))] * 10

    results = at_once(acts)

    assert not [result for result in results if isinstance(result, Exception)]
    assert len({result.pk for result in results[:10]}) == 1
    assert len({result.pk for result in results[10:]}) == 1
    assert sums(account) == (77, 0, 0)
    assert is_whole()


def test_earning_using_returning_expiring_and_sealing_at_once_leave_whole_books(
    account: PointsAccount,
) -> None:
    orders = [
        earn(account, 20, source=("order", n), expires_day=day(NOW) + n % 2, key=f"o{n}") for n in range(20)
    ]
    late = NOW.replace(day=12)
    acts: list[Callable[[], Any]] = []
    for n in range(20):
        acts += [
            lambda n=n: earn(account, 5, source=("order", 100 + n), expires_day=None),
            lambda n=n: redeem(account, 15, key=f"r{n}", at=late),
            lambda n=n: earning.take_back(
                orders[n], points=20, source=("return", n), occurred_at=NOW, detail={}, by=None, at=late,
                is_partial=True,
            ),
            lambda: expiring.expire_all(late),
            lambda: sealing.seal(late),
        ]  # fmt: skip

    results = at_once(acts)

    odd = [
        result
        for result in results
        if isinstance(result, Exception) and not isinstance(result, (NotEnoughPoints, PointsSpent))
    ]
    assert not odd
    sealing.seal(late)
    assert is_whole()


def test_an_account_is_made_once_by_many(transactional_db: None) -> None:
    CompanyFactory()
    programme: Programme = ProgrammeFactory()
    customer = CustomerFactory()
    results = at_once([lambda: accounts.account_for(customer.pk, at=NOW, programme=programme)] * 8, workers=8)
    assert len({result.pk for result in results}) == 1
    assert PointsAccount.objects.count() == 1


# --- Beside a merge ----------------------------------------------------------------------------------
postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer, and no locks of rows"
)


@pytest.fixture
def merged(account: PointsAccount) -> tuple[PointsAccount, PointsAccount]:
    """An account that survives, and a later one whose customer was merged into the other."""
    other = make_account()
    earn(other, 100)
    merges.merge_customers(
        Customer.objects.get(pk=account.customer_id), other.customer, reason="The same.", by=None, at=NOW
    )
    return account, other


def in_thread(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Begin an act in a thread with its own connection; its result or error comes into the list."""
    result: list[Any] = []

    def work() -> None:
        try:
            result.append(act())
        except Exception as error:
            result.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, result


def wait_until_somebody_waits() -> None:
    activity = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _number in range(100):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(f"SELECT 1 {activity}")
            if cursor.fetchone():
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits for a lock")


@postgres
@pytest.mark.parametrize(
    "act",
    [
        lambda other: earn(other, 5),
        lambda other: earning_many.earn_many([Earning(other, 5, NOW)], by=None, at=NOW),
    ],
)
def test_a_stub_and_its_survivor_are_locked_in_the_order_of_their_numbers(
    merged: tuple[PointsAccount, PointsAccount], act: Callable[[PointsAccount], Any]
) -> None:
    own, other = merged
    with transaction.atomic():
        accounts.lock(own)
        thread, result = in_thread(lambda: act(other))
        wait_until_somebody_waits()
        accounts.lock(other)  # whoever holds it by now waits for ours
    thread.join(30)
    assert not [one for one in result if isinstance(one, Exception)] and len(result) == 1
    assert sums(own) == (105, 0, 0)
    assert is_whole()


@postgres
@pytest.mark.parametrize("survives", [0, 1])
def test_points_that_waited_for_a_merge_come_to_the_survivor(account: PointsAccount, survives: int) -> None:
    pair = [account, make_account()]
    own, other = pair[survives], pair[1 - survives]
    kept, gone = (Customer.objects.get(pk=one.customer_id) for one in (own, other))
    with transaction.atomic():
        merges.merge_customers(kept, gone, reason="The same.", by=None, at=NOW)
        thread, result = in_thread(lambda: earn(other, 5))
        wait_until_somebody_waits()
    thread.join(30)
    assert isinstance(result[0], PointsEntry)
    assert (sums(own), sums(other)) == ((5, 0, 0), (0, 0, 0))
    assert is_whole()


def test_cancelling_earning_and_using_beside_merges_leave_whole_books(account: PointsAccount) -> None:
    pair = [account, make_account()]
    for one in pair:
        earn(one, 300)
    used = [redeem(one, 10, key=f"u{n}") for n in range(10) for one in pair]

    def merge_and_part() -> None:
        kept, gone = (Customer.objects.get(pk=one.customer_id) for one in pair)
        merges.undo_merge(
            merges.merge_customers(kept, gone, reason="The same.", by=None, at=NOW), by=None, at=NOW
        )

    acts: list[Callable[[], Any]] = [merge_and_part] * 4
    for n, entry in enumerate(used):
        acts += [
            lambda entry=entry: redeeming.give_back(entry, source=None, by=None, at=NOW),
            lambda n=n: earn(pair[n % 2], 3, key=f"e{n}"),
            lambda n=n: earning_many.earn_many(
                [Earning(one, 1, NOW, key=f"m{n}-{one.pk}") for one in reversed(pair)], by=None, at=NOW
            ),
        ]

    results = at_once(acts)

    assert not [one for one in results[:4] if one is not None and not isinstance(one, Refused)]
    assert not [one for one in results[4:] if isinstance(one, Exception)]
    assert sum(sums(one)[0] for one in pair) == 600 + 20 * 3 + 20 * 2
    assert is_whole()


@postgres
def test_a_programme_is_resumed_while_somebody_grants_recovery_points(account: PointsAccount) -> None:
    programme = account.programme
    Programme.objects.update(state="paused", recovery_limit=100)
    made = {"starts_day": 1, "state": "paused"}
    programme.versions.create(number=1, document=made, at=NOW - timedelta(days=3))
    Programme.objects.update(version=1)
    programme.refresh_from_db()
    tier = make_tier("gold", 100)
    PointsAccount.objects.update(tier=tier, grace_until_day=day(NOW) + 5)
    with transaction.atomic():
        accounts.lock(account)
        thread, result = in_thread(lambda: programmes.resume_programme(programme, by=None, at=NOW))
        wait_until_somebody_waits()
        recovery.grant_recovery(
            account, points=5, source=("case_points", 1), reason="Late.", key="k", by=None, at=NOW
        )
    thread.join(30)
    assert isinstance(result[0], Programme), result
    account.refresh_from_db()
    assert (account.balance, account.grace_until_day) == (5, day(NOW) + 8)


# --- Rewards -----------------------------------------------------------------------------------------
@postgres
@pytest.mark.parametrize("verb", ["change", "add", "stop", "codes"])
def test_who_changes_a_reward_lets_others_write_what_names_it(account: PointsAccount, verb: str) -> None:
    reward = make_reward(kind="code" if verb == "codes" else "goods")
    acts: dict[str, Callable[[], Any]] = {
        "change": lambda: catalogue.change_reward(reward, points=7, by=None, at=NOW),
        "add": lambda: catalogue.add_stock(reward, 7, by=None, at=NOW),
        "stop": lambda: catalogue.stop_counting(reward, by=None, at=NOW),
        "codes": lambda: codes.add_codes(reward, "A1", by=None, at=NOW),
    }

    def name_it() -> Redemption:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        return Redemption.objects.create(
            account=account, customer_id=account.customer_id, reward=reward, points=1, state="asked", key="k",
            at=NOW, changed_at=NOW,
        )  # fmt: skip

    with transaction.atomic():
        acts[verb]()
        thread, result = in_thread(name_it)
        thread.join(30)
    assert isinstance(result[0], Redemption), result
