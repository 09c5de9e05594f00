"""Orders in the ledger: what they earn, what is taken back when they change or goods come back.

:func:`apply_orders` may be told of the same order as often as one likes: it compares what the order should
bring now with what it brings, and moves the difference. An order is always judged by the rules, tier and
birthday of the first time, and no cap takes from it what it brings already. In another day, month or year
it counts like any other order there: below the caps, and as the first one only where none is rewarded yet.
One that goes to another customer is taken back from who had it and brings the other what it would there: by
the same rules, with tier and birthday of that one. An order that falls away or moves makes room for others
of its customer, below a cap and to be the first one; goods that come back make none. Nothing is earned
before the programme's first day, nor for orders of a time in which it is paused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django.db.models import Exists, OuterRef, Q

from customers import company
from customers.ground.again import tried_again
from customers.models import Order, OrderLine
from loyalty import programmes, referrals
from loyalty.earning import documents, occasions
from loyalty.earning.holding import AT_ONCE, Applied
from loyalty.earning.judging import state_of
from loyalty.earning.moving import Moving
from loyalty.models import OrderEarning, Programme

log = logging.getLogger(__name__)


def apply_orders(order_ids: Iterable[int], *, at: datetime) -> Applied:
    """Let orders earn what they should, and take back what they should not have any more.

    Each :data:`AT_ONCE` of them in a transaction of their own. Without a programme nothing happens. Side
    effects: accounts of the customers, entries (audited by the ledger), ``OrderEarning`` rows; points for
    opened accounts; referrals whose first order this is.
    """
    applied = Applied()
    ids = sorted(set(order_ids))
    programme = programmes.current()
    if programme is None or programme.starts_day is None:
        return applied
    with company.reading_once():
        for start in range(0, len(ids), AT_ONCE):
            some = _apply(programme, ids[start : start + AT_ONCE], at=at)
            # In a transaction of its own: accounts of others are held, whatever their place in the order.
            referrals.reward_due(at=at, customer_ids=some.customers)
            applied.add(some)
    return applied


def earn_missed(at: datetime) -> Applied:
    """Let every order earn that no event told of, or that changed since; a step of the night.

    Also gives points for accounts opened, for birthdays and for referrals. A rerun changes nothing. An order
    that fails is logged and counted in ``failed``, and keeps no other one from earning.
    """
    applied = Applied()
    programme = programmes.current()
    if programme is None or programme.starts_day is None:
        return applied
    last = 0
    with company.reading_once():
        while ids := list(_unseen(programme).filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
            applied.add(_apply_what_can_be(programme, ids, at=at))
            last = ids[-1]
        occasions.accounts_opened(programme, at=at)
        occasions.birthdays(programme, at=at)
        referrals.reward_due(at=at)
    return applied


def follow_undo(model: type[Any], ids: list[int], at: datetime) -> None:
    """Take back what orders earned whose import is taken back; in the transaction of the undo."""
    if model is Order:
        apply_orders(ids, at=at)
    elif model is OrderLine:
        apply_orders(OrderLine.objects.filter(pk__in=ids).values_list("order_id", flat=True), at=at)


def _apply(programme: Programme, ids: Sequence[int], *, at: datetime) -> Applied:
    """Apply some orders in a transaction, again when the database gave way to another one."""
    return tried_again(lambda: _Chunk(programme, at=at).apply(ids))


def _apply_what_can_be(programme: Programme, ids: Sequence[int], *, at: datetime) -> Applied:
    """Apply orders; where that fails each half of them, down to the one that fails, which is logged."""
    try:
        return _apply(programme, ids, at=at)
    except OperationalError:  # it is the database, not an order
        raise
    except Exception:
        if len(ids) == 1:
            log.exception("an order could not earn", extra={"order": ids[0]})
            return Applied(failed=1)
    applied = Applied()
    half = len(ids) // 2
    for some in (ids[:half], ids[half:]):
        applied.add(_apply_what_can_be(programme, some, at=at))
    return applied


def _unseen(programme: Programme) -> Any:
    seen = OrderEarning.objects.filter(
        programme=programme,
        order=OuterRef("pk"),
        is_past=False,
        seen_at=OuterRef("recorded_at"),
        is_void=OuterRef("void"),
    )
    judged = OrderEarning.objects.filter(programme=programme, order=OuterRef("pk"), is_past=False)
    here = Q(occurred_day__gte=programme.starts_day) | Exists(judged)  # also what lies before it only now
    return Order.objects.filter(here, ~Exists(seen)).order_by("pk")


class _Chunk(Moving):
    """Some orders, applied in one transaction, which the caller opens."""

    def apply(self, ids: Sequence[int]) -> Applied:
        self._hold(ids)
        rows = {row.order_id: row for row in self._rows().filter(order__in=ids)}
        self.before = {pk: state_of(row) for pk, row in rows.items()}
        found = [one for one in self.found if one.pk in rows or self._may_enter(one)]
        fresh = [one for one in found if one.pk not in rows]
        self._read(found, rows)
        for one in sorted(found, key=lambda one: one.counts):  # what fell away makes room first
            row = rows.setdefault(one.pk, OrderEarning(programme=self.programme, order_id=one.pk))
            self._judge(row, one)
        self._save(rows, fresh)
        self._leave([row for row in rows.values() if self._went(row)])
        self._earn([rows[one.pk] for one in fresh if rows[one.pk].points])
        self._settle(rows, fresh)
        self._fill_room(rows)
        occasions.accounts_opened(self.programme, at=self.at, among=list(self.accounts.values()))
        self.applied.orders = len(found)
        self.applied.customers = {one.customer_id for one in found}
        return self.applied

    def _fill_room(self, rows: dict[int, OrderEarning]) -> None:
        """Judge again what may bring more since something told of here brings less or is the first no more.

        Orders that a cap cut, in the periods of those that bring less or moved; and the first order of who
        has no other one that is rewarded as such. They only gain, so this ends. All in this transaction, the
        earliest first, :data:`AT_ONCE` of them at a time: their customers and accounts are held already.
        """
        found = self._cut(rows)
        if self.history.has(documents.FIRST_ORDER):
            found |= self._next_first(rows)
        ids = [order_id for _moment, order_id in sorted(found)]
        for start in range(0, len(ids), AT_ONCE):
            more = _Chunk(self.programme, at=self.at).apply(ids[start : start + AT_ONCE])
            more.orders = 0
            self.applied.add(more)
