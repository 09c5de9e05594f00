"""Each promise of the ledger with its guard taken out: it must be seen to fail, else it proves nothing.

A promise is a function that returns whether it holds. Each is asked twice, with its guard and without:
constraints are taken out of the database, statements of the verbs by another one in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from customers.ground import guards
from loyalty.ledger import expiring, lots, redeeming
from loyalty.ledger.errors import NotEnoughPoints
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot
from tests.factories import NOW, CompanyFactory, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem, sums

Promise = Callable[[PointsAccount], bool]


@contextmanager
def constraint(name: str) -> Iterator[None]:
    """Take a constraint of the accounts or entries out of the database for a while."""
    model, one = next(
        (model, one)
        for model in (PointsAccount, PointsEntry)
        for one in model._meta.constraints
        if one.name == name
    )
    kept = model._meta.constraints
    guards.remove(connection)
    model._meta.constraints = [other for other in kept if other is not one]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, one)
    guards.install(connection)
    try:
        yield
    finally:
        guards.remove(connection)
        for rows in (LotAllocation, PointsLot, PointsEntry, PointsAccount):  # what broke the promise
            rows._default_manager.all().delete()
        model._meta.constraints = kept
        with connection.schema_editor() as editor:
            editor.add_constraint(model, one)
        guards.install(connection)


# --- The promises ------------------------------------------------------------------------------------
def nobody_has_less_than_nothing(account: PointsAccount) -> bool:
    """Whoever writes the balance past the verbs cannot bring it below zero."""
    earn(account, 5)
    try:
        with transaction.atomic():
            PointsAccount.objects.filter(pk=account.pk).update(balance=F("balance") - 10)
    except IntegrityError:
        pass
    return sums(account)[0] >= 0


def too_much_is_refused_in_words(account: PointsAccount) -> bool:
    """Who asks for more than there is is refused, and no error of the database comes out."""
    earn(account, 5)
    try:
        with transaction.atomic():
            redeem(account, 10)
    except NotEnoughPoints:
        return sums(account)[0] == 5
    except IntegrityError:
        return False
    return False


def the_same_key_counts_once(account: PointsAccount) -> bool:
    earn(account, 100)
    redeem(account, 10, key="k")
    redeem(account, 10, key="k")
    return sums(account)[0] == 90


def one_order_earns_once(account: PointsAccount) -> bool:
    for _twice in range(2):
        earn(account, 100, source=("order", account.pk))
    return sums(account)[0] == 100


def what_is_used_is_gone_from_its_lot(account: PointsAccount) -> bool:
    """Points that were used before their lot expired do not expire once more."""
    earn(account, 100, expires_day=day(NOW))
    earn(account, 100, expires_day=None)
    redeem(account, 100)
    expiring.expire_due(account, at=NOW + timedelta(days=1))
    left = sum(PointsLot.objects.filter(account=account).values_list("left", flat=True))
    return sums(account)[0] == 100 == left


def the_first_second_of_the_next_day_finds_none(account: PointsAccount) -> bool:
    """At 00:00:01 in Shanghai on the day after the last one nothing can be used."""
    earn(account, 100, expires_day=day(NOW))
    midnight = datetime.fromordinal(day(NOW)).replace(tzinfo=UTC) + timedelta(hours=16)
    redeem(account, 1, at=midnight - timedelta(seconds=1))
    try:
        with transaction.atomic():
            redeem(account, 1, at=midnight + timedelta(seconds=1))
    except NotEnoughPoints:
        return True
    return False


# --- Their guards ------------------------------------------------------------------------------------
def take_without_asking(account: PointsAccount, points: int, today: int) -> int:
    """Lower the balance without asking whether it has as much."""
    return PointsAccount.objects.filter(pk=account.pk).update(balance=F("balance") - points)


def leave_the_lots_alone(account: PointsAccount, entry: PointsEntry, points: int) -> list[LotAllocation]:
    """Use points that no lot lost."""
    return []


def expire_nothing(account: PointsAccount, **given: object) -> None:
    """Let what is due be used."""


@contextmanager
def instead(module: ModuleType, name: str, other: Callable[..., Any]) -> Iterator[None]:
    """Put another function in the place of one that guards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, other)
        yield


GUARDS: dict[str, tuple[Promise, Callable[[], AbstractContextManager[None]]]] = {
    "check": (nobody_has_less_than_nothing, lambda: constraint("points_balance_not_negative")),
    "conditional update": (
        too_much_is_refused_in_words,
        lambda: instead(redeeming, "_take", take_without_asking),
    ),
    "idempotency key": (the_same_key_counts_once, lambda: constraint("points_key_once")),
    "unique source": (one_order_earns_once, lambda: constraint("points_source_once")),
    "lot allocation": (
        what_is_used_is_gone_from_its_lot,
        lambda: instead(lots, "take", leave_the_lots_alone),
    ),
    "due lots first": (
        the_first_second_of_the_next_day_finds_none,
        lambda: instead(expiring, "settle_due", expire_nothing),
    ),
}


@pytest.mark.parametrize("name", GUARDS)
def test_the_promise_holds(name: str, account: PointsAccount) -> None:
    promise, _guard = GUARDS[name]
    assert promise(account)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", GUARDS)
def test_the_promise_is_seen_to_fail_without_its_guard(name: str) -> None:
    CompanyFactory()
    ProgrammeFactory()
    account = make_account()
    promise, without = GUARDS[name]
    with without():
        assert promise(account) is False
    assert promise(make_account()) is True
