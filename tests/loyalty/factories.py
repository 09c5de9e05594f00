"""Factories of loyalty: the smallest true record of each kind, as those of ``tests.factories``.

Points come and go only through the verbs of the ledger, so that its sums are true in every test.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from customers.models import Customer
from loyalty.ledger import accounts, earning, redeeming
from loyalty.models import PointsAccount, PointsEntry, Programme
from tests.factories import NOW, CustomerFactory, day


class ProgrammeFactory(DjangoModelFactory[Programme]):
    """A live programme: points are usable at once and expire after twelve months."""

    class Meta:
        model = Programme

    code = factory.Sequence(lambda n: f"programme-{n}")
    name = factory.Sequence(lambda n: f"Programme {n}")
    state = "live"
    starts_day = factory.LazyFunction(lambda: day(NOW) - 3650)
    currency = "CNY"
    worth_of_100 = 100
    expiry = "months"
    expiry_months = 12
    remind_days = [30, 15, 7, 1]


def make_account(customer: Customer | None = None, *, at: datetime = NOW) -> PointsAccount:
    """Return the account of a customer, by default of a new one, in the programme that runs."""
    if customer is None:
        customer = CustomerFactory()
    return accounts.account_for(customer.pk, at=at)


def earn(account: PointsAccount, points: int, *, at: datetime = NOW, **given: Any) -> PointsEntry:
    """Let an account earn points at a moment."""
    values: dict[str, Any] = {"source": None, "occurred_at": at, "detail": {}, "by": None, "at": at}
    return earning.earn(account, points=points, **(values | given))


def redeem(account: PointsAccount, points: int, *, at: datetime = NOW, **given: Any) -> PointsEntry:
    """Let an account use points at a moment."""
    values: dict[str, Any] = {"source": None, "key": "", "detail": {}, "by": None, "at": at}
    return redeeming.redeem(account, points=points, **(values | given))


def sums(account: PointsAccount) -> tuple[int, int, int]:
    """Return balance, pending and debt as they stand in the database."""
    found = PointsAccount.objects.values_list("balance", "pending", "debt").get(pk=account.pk)
    return found[0], found[1], found[2]
