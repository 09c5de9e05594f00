"""Many at once on one account, in real threads: what there is is used once, and nobody errs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from loyalty.ledger import accounts, earning, expiring, sealing
from loyalty.ledger.errors import NotEnoughPoints, PointsSpent
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme
from tests.factories import NOW, CompanyFactory, CustomerFactory, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem, sums

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
