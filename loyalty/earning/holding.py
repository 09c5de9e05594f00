"""Which orders are told of, and whose customers and accounts are held while they earn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from customers.models import Customer, Order
from loyalty import programmes
from loyalty.earning import baskets
from loyalty.earning.baskets import Head
from loyalty.earning.evaluate import Outcome
from loyalty.earning.rules import History
from loyalty.ledger import accounts
from loyalty.models import OrderEarning, PointsAccount, Programme, Referral

AT_ONCE = 500
_TRIES = 5


@dataclass
class Applied:
    """What became of orders: how many were looked at and failed; points given, taken back, left."""

    orders: int = 0
    earned: int = 0
    taken_back: int = 0
    short: int = 0
    failed: int = 0
    customers: set[int] = field(default_factory=set)

    def add(self, other: Applied) -> None:
        """Count in what became of others."""
        self.orders += other.orders
        self.earned += other.earned
        self.taken_back += other.taken_back
        self.short += other.short
        self.failed += other.failed
        self.customers |= other.customers


class _Moved(Exception):
    """An order went to another customer while the customers were waited for."""


class Holding:
    """Some orders of one programme, read and held in one transaction, which the caller opens."""

    def __init__(self, programme: Programme, *, at: datetime) -> None:
        self.programme = programme
        self.at = at
        self.applied = Applied()
        self.outcomes: dict[int, Outcome] = {}
        self.before: dict[int, dict[str, Any]] = {}
        self.history = History(programme)
        self._histories = {self.history.upto: self.history}
        self.paused = programmes.paused_spans(programme)

    def _hold(self, ids: Sequence[int]) -> None:
        """Read the orders, hold their customers against merging and their accounts against others.

        Customers first and both in order, as whoever merges does; with them those whose the orders were when
        they were judged last, and whose those are that returns name. Held are also the accounts that may be
        rewarded after, where all is within the transaction of somebody else.
        """
        judged = self._judged(ids)
        customers = self._hold_customers(ids)
        entered = judged.filter(order__in=ids, account__isnull=False)
        self.entered = set(entered.values_list("order_id", flat=True))
        buyers = {one.customer_id for one in self.found if self._stands(one) and self._may_earn(one)}
        self.accounts = accounts.accounts_for(buyers, at=self.at, programme=self.programme)
        others = PointsAccount.objects.filter(
            Q(customer__in=customers - buyers) | Q(pk__in=judged.values("account")), programme=self.programme
        )
        waiting = Referral.objects.filter(
            programme=self.programme, state=Referral.State.WAITING, customer__in=customers
        )
        pks = {account.pk for account in self.accounts.values()}
        pks |= set(others.values_list("pk", flat=True)) | set(waiting.values_list("referrer_id", flat=True))
        held = PointsAccount.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk")
        now = {account.pk: account for account in held}
        for customer_id, account in self.accounts.items():
            self.accounts[customer_id] = now[account.pk]
            self.accounts[customer_id].programme = self.programme

    def _judged(self, ids: Sequence[int]) -> Any:
        named = Order.objects.filter(pk__in=ids).values("returns_of")
        return self._rows().filter(Q(order__in=ids) | Q(order__in=named)).order_by()

    def _hold_customers(self, ids: Sequence[int]) -> set[int]:
        """Read the orders and hold the customers; return these.

        Where an order went to another customer while others were waited for, they are let go first: all are
        held in one order.
        """
        wanted = self._customers_of(ids)
        for _try in range(_TRIES):
            try:
                with transaction.atomic():
                    held = _held(wanted)
                    self.found = baskets.heads(Order.objects.filter(pk__in=ids))
                    now = {one.customer_id for one in self.found}
                    now |= set(self._judged(ids).values_list("customer_id", flat=True))
                    if not now <= held:
                        raise _Moved
            except _Moved:
                wanted |= now
                continue
            return held
        raise RuntimeError(f"orders of the customers {sorted(wanted)} move again and again")

    def _customers_of(self, ids: Sequence[int]) -> set[int]:
        """Return whose the orders are, were when they were judged, and whose those are that they name."""
        now_of = Order.objects.filter(pk__in=ids).order_by().values_list("customer_id", flat=True)
        return set(now_of.union(self._judged(ids).values_list("customer_id", flat=True)))

    def _may_enter(self, one: Head) -> bool:
        """Say whether an order that we did not see yet is looked at; while paused none that would earn."""
        if one.occurred_day < (self.programme.starts_day or 0):
            return False
        is_live = self.programme.state == Programme.State.LIVE
        return is_live or not one.is_purchase or not one.counts or self._was_paused(one.occurred_at)

    def _may_earn(self, one: Head) -> bool:
        """Say whether an order brings what it should now: one that entered before does also while paused."""
        return one.pk in self.entered or self._may_enter(one)

    def _stands(self, one: Head) -> bool:
        """Say whether an order is a purchase that counts, of a day and a moment at which orders earn."""
        is_after = one.occurred_day >= (self.programme.starts_day or 0)
        return one.counts and one.is_purchase and is_after and not self._was_paused(one.occurred_at)

    def _was_paused(self, moment: datetime) -> bool:
        return any(since <= moment and (until is None or moment < until) for since, until in self.paused)

    def _rows(self) -> Any:
        return OrderEarning.objects.filter(programme=self.programme, is_past=False)


def _held(customer_ids: Iterable[int]) -> set[int]:
    """Hold customers in order, and those that they were merged into; return all of them."""
    held: set[int] = set()
    wanted = set(customer_ids)
    while wanted:
        rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
        into = set(rows.values_list("merged_into_id", flat=True)) - {None}
        held |= wanted
        wanted = into - held
    return held
