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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, Sum, Window
from django.db.models.functions import RowNumber

from customers import company
from customers.ground.again import tried_again
from customers.ground.rows import update_rows
from customers.models import Customer, Order, OrderLine
from loyalty import programmes, referrals
from loyalty.earning import baskets, documents, evaluate, occasions
from loyalty.earning.baskets import Head, Tiers
from loyalty.earning.evaluate import Basket, Goods, Line, Outcome
from loyalty.earning.returning import Back, Bought, Purchase, assign, assign_from
from loyalty.earning.rules import History
from loyalty.ledger import accounts, earning
from loyalty.ledger.earning import State
from loyalty.ledger.earning_many import Earning, earn_many
from loyalty.models import OrderEarning, PointsAccount, PointsEntry, Programme, Referral

log = logging.getLogger(__name__)
AT_ONCE = 500
ONE_BY_ONE = 20  # more than these at once earn in sets
SOURCE = "order"
_MOST_NAMED = 10
_READ_AT_ONCE = 50
_TRIES = 5
_IS_BACK = Q(is_return=True) | Q(beyond__gt=0)
_PERIODS = ("day", "month", "year")


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


class _Moved(Exception):
    """An order went to another customer while the customers were waited for."""


class _Chunk:
    """Some orders, applied in one transaction, which the caller opens."""

    def __init__(self, programme: Programme, *, at: datetime) -> None:
        self.programme = programme
        self.at = at
        self.applied = Applied()
        self.outcomes: dict[int, Outcome] = {}
        self.before: dict[int, dict[str, Any]] = {}
        self.history = History(programme)
        self._histories = {self.history.upto: self.history}
        self.paused = programmes.paused_spans(programme)

    def apply(self, ids: Sequence[int]) -> Applied:
        self._hold(ids)
        rows = {row.order_id: row for row in self._rows().filter(order__in=ids)}
        self.before = {pk: _judged(row) for pk, row in rows.items()}
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

    # --- What is read ---------------------------------------------------------------------------
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

    def _read(self, found: Sequence[Head], rows: dict[int, OrderEarning]) -> None:
        """Read what judging needs, for all of them at once."""
        self.lines = baskets.lines_of(found, currency=self.programme.currency)
        customers = {one.customer_id for one in found if one.is_purchase and one.counts}
        judged = [rows[one.pk] for one in found if one.pk in rows and rows[one.pk].context]
        is_judged = {row.order_id for row in judged}
        rules = [self.history.at(one.recorded_at) for one in found if one.pk not in is_judged]
        rules += [self._rules(row) for row in judged]
        self.first: set[int] = set()
        self.had_first: dict[int, set[int]] = {}
        if any(one.asks_first for one in rules):
            self.first = baskets.first_orders([one.pk for one in found])
            self._read_rewarded({one.customer_id for one in found})
        asks_birthday = any(one.asks_birthday for one in rules)
        self.birthdays = baskets.birthdays_of(customers) if asks_birthday else {}
        self.tiers = Tiers(list(self.accounts.values()))
        self.earned: dict[tuple[int, str, int], int] = {}
        if any(one.periods() for one in rules):
            self._read_earned(found, judged)

    def _read_rewarded(self, customers: Collection[int]) -> None:
        """Read which orders of customers are rewarded as their first; several where they were merged."""
        rows = self._rows().filter(customer__in=customers, is_first=True)
        for customer_id, order_id in rows.values_list("customer_id", "order_id"):
            self.had_first.setdefault(customer_id, set()).add(order_id)

    def _read_earned(self, found: Sequence[Head], judged: Sequence[OrderEarning]) -> None:
        """Read what orders brought before returns in the years of these, by customer and day, for caps.

        By customer: one that others were merged into has what all of them earned.
        """
        days = {one.occurred_day for one in found} | {row.occurred_day for row in judged}
        customers = {one.customer_id for one in found} | {row.customer_id for row in judged}
        first = date.fromordinal(min(days)).replace(month=1, day=1).toordinal()
        last = date.fromordinal(max(days)).replace(month=12, day=31).toordinal()
        sums = (
            self._rows()
            .filter(customer__in=customers)
            .filter(occurred_day__gte=first, occurred_day__lte=last, brought__gt=0)
            .values_list("customer_id", "occurred_day")
            .annotate(sum=Sum("brought"))
        )
        for customer_id, day, points in sums.order_by():
            self._count(customer_id, day, points)

    def _count(self, customer_id: int, day: int, points: int) -> None:
        for period in _PERIODS:
            key = (customer_id, period, evaluate.start_of(period, day))
            self.earned[key] = self.earned.get(key, 0) + points

    # --- What an order should bring -------------------------------------------------------------
    def _enter(self, row: OrderEarning, one: Head) -> None:
        """Write into a row, once for each customer, whose it is and what its order is judged by.

        The rules stay those of the first time.
        """
        if row.pk and row.customer_id != one.customer_id:
            row.account = None
            row.context = {name: row.context[name] for name in _TERMS if name in row.context}
        account = self.accounts.get(one.customer_id)
        if row.account_id is not None or account is None:
            return
        if not self._stands(one) or not self._may_earn(one):
            return
        row.account = account
        tier, share = self.tiers.on(account, one.occurred_day)
        birthday = baskets.birthday_on(self.birthdays, one.customer_id, one.occurred_day)
        row.context = {
            "tier": tier,
            "tier_bp": share,
            "birthday": sorted(birthday),
            "as_of": one.recorded_at.isoformat(),
            "upto": self.history.upto,
            "rounding": self.programme.rounding,
            **row.context,
        }

    def _judge(self, row: OrderEarning, one: Head) -> None:
        """Write into a row what its order is and brings, without what came back in other records."""
        self._enter(row, one)
        if row.pk and row.brought:
            self._count(row.customer_id, row.occurred_day, -row.brought)
        row.customer_id, row.occurred_at, row.occurred_day = (
            one.customer_id,
            one.occurred_at,
            one.occurred_day,
        )
        row.is_void, row.is_return = one.void, not one.is_purchase
        if self._may_earn(one) or not self._stands(one):  # else it waits, unseen
            row.seen_at = one.recorded_at
        netted = evaluate.net_goods(self.lines[one.pk] if one.is_purchase and one.counts else ())
        row.beyond = netted.beyond
        outcome = self._outcome(row, one, netted.goods)
        row.net = row.net_left = outcome.net
        row.exact, row.fixed = str(outcome.exact), str(outcome.fixed)
        row.lines = {
            str(goods.line_no): [
                goods.product,
                str(goods.quantity),
                goods.amount,
                str(outcome.shares.get(goods.line_no, 0)),
            ]
            for goods in (netted.goods if outcome.net else ())
        }
        self.outcomes[row.order_id] = outcome
        row.brought = outcome.points
        if not row.pk:
            row.points = outcome.points
        if row.account_id is not None:
            self._count(row.customer_id, row.occurred_day, outcome.points)

    def _outcome(self, row: OrderEarning, one: Head, goods: Sequence[Goods]) -> Outcome:
        """Return what an order brings, and say whether it is rewarded as the first of its customer."""
        rewarded = self.had_first.setdefault(one.customer_id, set())
        rewarded.discard(one.pk)
        was = self.before.get(one.pk)
        was_first = row.is_first and was is not None and was["customer_id"] == one.customer_id
        is_first = was_first or (one.pk in self.first and not rewarded)
        row.is_first = False
        if row.account_id is None or not self._stands(one):
            return Outcome(0, Fraction(0), 0)
        rules = self._rules(row)
        basket = Basket(
            goods,
            one.occurred_day,
            is_first=is_first and rules.asks_first,
            tier=row.context["tier"],
            tier_bp=row.context["tier_bp"],
            birthday=frozenset(row.context["birthday"]),
        )
        outcome = evaluate.evaluate(basket, rules, earned=self._used(row), at_least=self._kept(row))
        row.is_first = outcome.fixed > 0  # below the minimum it is the first, too, and gets nothing for that
        if row.is_first:
            rewarded.add(one.pk)
        return outcome

    def _rules(self, row: OrderEarning) -> evaluate.Rules:
        upto = row.context["upto"]
        if upto not in self._histories:
            self._histories[upto] = self.history.until(upto)
        rules = self._histories[upto].at(datetime.fromisoformat(row.context["as_of"]))
        return rules.rounded_by(row.context["rounding"])

    def _used(self, row: OrderEarning) -> dict[str, int]:
        """Return what other orders of its customer brought in the periods of an order."""
        keys = {p: (row.customer_id, p, evaluate.start_of(p, row.occurred_day)) for p in _PERIODS}
        return {period: max(0, self.earned.get(key, 0)) for period, key in keys.items()}

    def _kept(self, row: OrderEarning) -> dict[str, int]:
        """Return what an order brought before, by the periods in which it still is its customer's."""
        was = self.before.get(row.order_id)
        if was is None or was["customer_id"] != row.customer_id:
            return {}
        day, before = row.occurred_day, was["occurred_day"]
        same = (p for p in _PERIODS if evaluate.start_of(p, day) == evaluate.start_of(p, before))
        return dict.fromkeys(same, was["brought"])

    def _save(self, rows: dict[int, OrderEarning], fresh: Sequence[Head]) -> None:
        new = {one.pk for one in fresh}
        changed = [row for pk, row in rows.items() if pk not in new and self.before.get(pk) != _judged(row)]
        update_rows(changed, _JUDGED)
        OrderEarning.objects.bulk_create([rows[one.pk] for one in fresh])

    # --- What falls away makes room ---------------------------------------------------------------
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

    def _cut(self, rows: dict[int, OrderEarning]) -> set[tuple[datetime, int]]:
        """Return moment and id of the orders that caps of a period cut, where others make room for them."""
        room = self._room(rows)
        if not room:
            return set()
        days = [start for _customer, _period, start in room]
        last = date.fromordinal(max(days)).replace(month=12, day=31).toordinal()
        found = (
            self._rows()
            .filter(customer__in={customer_id for customer_id, _period, _start in room})
            .filter(occurred_day__gte=min(days), occurred_day__lte=last, account__isnull=False, net__gt=0)
            .only(*_OF_CUT)
        )
        cut: set[tuple[datetime, int]] = set()
        for row in found.iterator(chunk_size=AT_ONCE):
            rules = self._rules(row)
            keys = {(row.customer_id, p, evaluate.start_of(p, row.occurred_day)) for p in rules.periods()}
            if keys & room and row.brought < rules.most_of_one(_before_caps(row)):
                cut.add((row.occurred_at, row.order_id))
        return cut

    def _room(self, rows: dict[int, OrderEarning]) -> set[tuple[int, str, int]]:
        """Return in which periods there is room now: customer, period, its first day."""
        room: set[tuple[int, str, int]] = set()
        periods = self.history.cap_periods()
        for row in rows.values():
            was = self.before.get(row.order_id)
            if was is None or not was["brought"]:
                continue
            for period in periods:
                before = (was["customer_id"], period, evaluate.start_of(period, was["occurred_day"]))
                now = (row.customer_id, period, evaluate.start_of(period, row.occurred_day))
                if row.brought < was["brought"] or now != before:
                    room.add(before)
        return room

    def _next_first(self, rows: dict[int, OrderEarning]) -> set[tuple[datetime, int]]:
        """Return moment and id of the orders that are the first now that another of their customer is not."""
        customers: set[int] = set()
        for one in self.found:
            was = self.before.get(one.pk)
            if was is not None and any(was[name] != getattr(rows[one.pk], name) for name in _OF_FIRST):
                customers |= {was["customer_id"], one.customer_id}
            elif one.is_purchase and not one.counts:
                customers.add(one.customer_id)
        if not customers:
            return set()
        rewarded = self._rows().filter(customer__in=customers, is_first=True)
        customers -= set(rewarded.values_list("customer_id", flat=True))
        first = self._rows().filter(order__in=baskets.first_of(customers), is_first=False)
        return set(first.filter(account__isnull=False).values_list("occurred_at", "order_id"))

    # --- What moves -----------------------------------------------------------------------------
    def _went(self, row: OrderEarning) -> bool:
        """Say whether an order is of another customer now than when it was judged last."""
        was = self.before.get(row.order_id)
        return was is not None and was["customer_id"] != row.customer_id

    def _leave(self, rows: Sequence[OrderEarning]) -> None:
        """Take from the customers that had orders before all that these brought.

        What could not be taken stays with that customer, in a row of its own that says which earnings it is
        about, and is taken up again where the order comes back.
        """
        if not rows:
            return
        past = self._past(rows)
        earnings = self._entries(rows, past)
        self._take_all_back([(row, 0, None) for row in rows], earnings)
        left = [self._left(row, earnings[row.order_id]) for row in rows if earnings[row.order_id]]
        back = [(row, one) for row in rows for one in past.get(row.order_id, ()) if _is_of(row, one)]
        for row in rows:
            row.points = row.short = row.settled = row.adjusted = row.gone = 0
            row.settled_by_id = row.settled_at = None
            row.settled_note = ""
        for row, one in back:
            row.short, row.settled = row.short + one.short, row.settled + one.settled
            row.adjusted, row.gone = row.adjusted + one.adjusted, row.gone + one.gone
            row.settled_by_id, row.settled_at = one.settled_by_id, one.settled_at
            row.settled_note = f"{row.settled_note}\n{one.settled_note}".strip()
        OrderEarning.objects.filter(pk__in=[one.pk for _row, one in back]).delete()
        update_rows(list(rows), [*_MOVED, *_SETTLED])
        OrderEarning.objects.bulk_create(left)

    def _left(self, row: OrderEarning, earnings: Sequence[PointsEntry]) -> OrderEarning:
        """Return what stays of an order with the customer that had it before."""
        was = self.before[row.order_id]
        kept = {name: getattr(row, name) for name in _LEFT}
        of_order = {name: was[name] for name in ("occurred_at", "occurred_day", "seen_at", "is_void")}
        return OrderEarning(
            programme=self.programme,
            account_id=was["account_id"],
            customer_id=was["customer_id"],
            order_id=row.order_id,
            entry_id=row.entry_id,
            is_past=True,
            context={"entries": [entry.pk for entry in earnings]},
            **kept,
            **of_order,
        )

    def _past(self, rows: Sequence[OrderEarning]) -> dict[int, list[OrderEarning]]:
        """Return what stayed of orders with customers that had them before, by order."""
        found: dict[int, list[OrderEarning]] = {}
        past = OrderEarning.objects.filter(programme=self.programme, is_past=True)
        for row in past.filter(order__in=[row.order_id for row in rows]).order_by("pk"):
            found.setdefault(row.order_id, []).append(row)
        return found

    def _earn(self, rows: Sequence[OrderEarning]) -> None:
        if len(rows) > ONE_BY_ONE:
            self._earn_many(rows)
        else:
            for row in rows:
                row.entry = self._give(row, row.points, source=SOURCE, detail=self._explained(row))
        update_rows(rows, ["entry"])

    def _earn_many(self, rows: Sequence[OrderEarning]) -> None:
        """Earn in sets: no event tells of each, as when a file brings history."""
        given = [
            Earning(
                account=_account_of(row),
                points=row.points,
                occurred_at=row.occurred_at,
                source=(SOURCE, row.order_id),
                detail=self._explained(row),
            )
            for row in rows
        ]
        self.applied.earned += sum(row.points for row in rows)
        for row, entry in zip(rows, earn_many(given, by=None, at=self.at), strict=True):
            row.entry = entry or self._entries([row], {})[row.order_id][0]

    def _give(self, row: OrderEarning, points: int, *, source: str, detail: dict[str, Any]) -> PointsEntry:
        self.applied.earned += points
        return earning.earn(
            _account_of(row),
            points=points,
            source=(source, row.order_id),
            occurred_at=row.occurred_at,
            detail=detail,
            by=None,
            at=self.at,
        )

    def _explained(self, row: OrderEarning) -> dict[str, Any]:
        return {"order": row.order_id, **self.outcomes[row.order_id].detail()}

    def _settle(self, rows: dict[int, OrderEarning], fresh: Sequence[Head]) -> None:
        """Move the difference between what orders bring and should bring now.

        Where something came back later than what is new or changed, all orders of the customer are counted
        again. Else a return is counted off from how things stand, and what was changed stands for itself.
        """
        new = {one.pk for one in fresh}
        changed, first, whole = self._since(rows)
        if not first:
            return
        later = self._rows().filter(_IS_BACK, customer__in=first, occurred_at__gte=min(first.values()))
        later = later.exclude(order__in=new).values_list("customer").annotate(last=Max("occurred_at"))
        whole |= {customer_id for customer_id, last in later.order_by() if last >= first[customer_id]}
        naming = Order.objects.filter(returns_of__in=new | changed).exclude(pk__in=new)
        whole |= {rows[pk].customer_id for pk in naming.values_list("returns_of", flat=True) if pk in rows}
        owners = self._owners(one for one in self.found if one.pk in rows)
        whole |= {owner for pk, owner in owners.items() if owner != rows[pk].customer_id}
        backs = [rows[pk] for pk in new if _is_back(rows[pk])]
        whole |= {rows[pk].customer_id for pk in changed} & {row.customer_id for row in backs}
        found = self._counted_again(whole) if whole else []
        alone = self._rows().filter(order__in=changed).exclude(customer__in=whole).select_related("account")
        found += [(row, _purchase(row)) for row in alone]
        found += self._counted_off(
            [row for row in backs if owners.get(row.order_id, row.customer_id) not in whole]
        )
        self._move(found)

    def _since(self, rows: dict[int, OrderEarning]) -> tuple[set[int], dict[int, datetime], set[int]]:
        """Return which orders were changed, since when any are new or changed, and whose returns were.

        The latter two by customer, also the one whose an order was before.
        """
        changed: set[int] = set()
        first: dict[int, datetime] = {}
        whole: set[int] = set()
        for row in rows.values():
            was, now = self.before.get(row.order_id), _judged(row)
            if was == now and not _is_back(row):
                continue
            if was is not None:
                changed.add(row.order_id)
            for state in (was or now, now):
                customer_id, moment = state["customer_id"], state["occurred_at"]
                first[customer_id] = min(first.get(customer_id, moment), moment)
                if was is not None and (state["is_return"] or state["beyond"]):
                    whole.add(customer_id)
        return changed, first, whole

    def _counted_again(self, customers: set[int]) -> list[tuple[OrderEarning, Purchase]]:
        """Return all orders of customers with what came back of them, counted from the beginning."""
        theirs = self._rows().filter(customer__in=customers)
        mine = list(theirs.select_related("account"))
        naming = self._rows().filter(is_return=True, order__returns_of__in=theirs.values("order"))
        backs = self._backs(
            [*(row for row in mine if _is_back(row)), *naming.exclude(customer__in=customers)]
        )
        found: dict[int, list[tuple[OrderEarning, Purchase]]] = {}
        for row in mine:
            if not row.is_return or row.points:  # it may have been a purchase before
                found.setdefault(row.customer_id, []).append((row, _purchase(row)))
        for customer_id, pairs in found.items():
            assign([purchase for _row, purchase in pairs], backs.get(customer_id, []))
        return [pair for pairs in found.values() for pair in pairs]

    def _counted_off(self, rows: Sequence[OrderEarning]) -> list[tuple[OrderEarning, Purchase]]:
        """Return the orders from which new returns took, which are later than all others of the customer."""
        found: list[tuple[OrderEarning, Purchase]] = []
        backs = self._backs(rows)
        bought = self._rows().filter(customer__in=backs, is_return=False).select_related("account")
        named = _named(bought, backs)
        newest = _newest(bought, backs)
        for customer_id, mine in backs.items():
            rows_of = bought.filter(customer=customer_id)
            shelf = _Shelf(rows_of, named, newest.get(customer_id, []), customer_id=customer_id)
            assign_from(shelf, mine)
            found += shelf.read.values()
        return found

    def _move(self, found: Sequence[tuple[OrderEarning, Purchase]]) -> None:
        """Take back and give anew what orders bring less or more; what is given may let lots expire."""
        moved, more = [], []
        less: list[tuple[OrderEarning, int, Purchase | None]] = []
        for row, purchase in sorted(found, key=lambda pair: pair[0].order_id):
            left, came_back = int(purchase.left), purchase.came_back
            should = self._should(row, purchase)
            if (should, left, came_back) == (row.points, row.net_left, row.came_back):
                continue
            row.net_left, row.came_back = left, came_back
            if should < row.points:
                less.append((row, should, purchase))
            elif should > row.points:
                more.append((row, should))
            moved.append(row)
        rows = [row for row, _should, _purchase in less]
        past = self._past(rows) if any(row.raised for row in rows) else {}
        self._take_all_back(less, self._entries(rows, past))
        for row, should in more:
            self._give_anew(row, should)
        update_rows(moved, _MOVED)

    def _take_all_back(
        self,
        less: Sequence[tuple[OrderEarning, int, Purchase | None]],
        earnings: Mapping[int, Sequence[PointsEntry]],
    ) -> None:
        """Take back what each of some orders brings less now, from the accounts that hold their earnings."""
        entries = [entry for found in earnings.values() for entry in found]
        held = accounts.hold_all({entry.account_id for entry in entries}) if entries else {}
        states = earning.states(entries) if entries else {}
        owing: dict[int, PointsEntry] = {}
        for row, should, purchase in less:
            of_row = [(one, held[one.account_id], states[one.pk]) for one in earnings[row.order_id]]
            for made in self._take_back(row, should, purchase, of_row):
                owing[made.account_id] = made
        for account in {one.pk: one for one in held.values()}.values():
            if account.pk in owing:
                earning.pay_what_was_made(account, at=self.at, because=owing[account.pk])

    def _backs(self, rows: Sequence[OrderEarning]) -> dict[int, list[Back]]:
        """Return what came back: records of returns, and what went beyond what was sold.

        By customer: a return that names an order is one of whom that order belongs to.
        """
        rows = [row for row in rows if not row.is_void]
        whose = {row.order_id: row.customer_id for row in rows}
        ids = [row.order_id for row in rows if row.is_return]
        heads = [one for one in baskets.heads(Order.objects.filter(pk__in=ids)) if one.counts]
        whose |= self._owners(heads)
        lines = baskets.lines_of(heads, currency=self.programme.currency)
        backs = [
            Back(
                one.pk,
                one.occurred_at,
                one.returns_of_id,
                [_goods(line) for line in lines[one.pk] if line.product and line.quantity < 0],
                amount=-sum(line.amount for line in lines[one.pk] if not line.product),
            )
            for one in heads
        ]
        backs += [
            Back(row.order_id, row.occurred_at, None, (), amount=row.beyond) for row in rows if row.beyond
        ]
        found: dict[int, list[Back]] = {}
        for back in backs:
            found.setdefault(whose[back.order_id], []).append(back)
        return found

    def _owners(self, heads: Iterable[Head]) -> dict[int, int]:
        """Return by return whose customer's the order is that it names, where that is one of ours."""
        named = {one.pk: one.returns_of_id for one in heads if one.returns_of_id is not None}
        if not named:
            return {}
        rows = self._rows().filter(order__in=set(named.values()))
        owners = dict(rows.values_list("order_id", "customer_id"))
        return {pk: owners[order_id] for pk, order_id in named.items() if order_id in owners}

    def _should(self, row: OrderEarning, purchase: Purchase) -> int:
        shares = {int(no): Fraction(line[3]) for no, line in row.lines.items()}
        return evaluate.kept(
            Fraction(row.exact),
            shares,
            Fraction(row.fixed),
            {no: line.back for no, line in purchase.lines.items()},
            lines=[no for no, line in purchase.lines.items() if line.amount],
            rounding=row.context.get("rounding", self.programme.rounding),
        )

    def _take_back(
        self,
        row: OrderEarning,
        should: int,
        purchase: Purchase | None,
        earnings: Sequence[tuple[PointsEntry, PointsAccount, State]],
    ) -> list[PointsEntry]:
        """Take back what an order brings less than before, from its newest earning first; return new debts.

        Without ``purchase`` it is of another customer now.
        What is spent becomes a debt, or comes ``short`` where the programme refuses that; what had expired or
        was taken back by hand is ``gone``. No entry says of these that they came back, so the row does: none
        of them counts twice.
        """
        wanted = row.points - should
        owing: list[PointsEntry] = []
        if not wanted:
            return owing
        detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
        when = self.at
        if purchase is None:
            detail["moved"] = True
        else:
            when = min(when, max(purchase.returned_at or when, row.occurred_at))
        if purchase is not None and purchase.returns:
            detail["returns"] = purchase.returns[:_MOST_NAMED]
        row.moves += 1
        self.applied.taken_back += wanted
        short, gone = row.short, row.gone
        for entry, held, state in earnings:
            spent_before, expired_before = min(short, state.spent), min(gone, state.expired)
            short, gone = short - spent_before, gone - expired_before
            part = min(wanted, state.standing - spent_before - expired_before)
            if part <= 0:
                continue
            wanted -= part
            left = min(part, state.left)
            spent = min(part - left, state.spent - spent_before)
            row.gone += part - left - spent
            if left + spent == 0:
                continue
            made = earning.take_back_held(
                held,
                entry,
                state,
                points=left + spent,
                source=None,
                key=f"order:{row.order_id}:{row.moves}:{entry.pk}",
                occurred_at=when,
                detail=detail,
                by=None,
                at=self.at,
                is_partial=True,
            )
            came_short = spent
            if made is not None and made.debt:
                came_short -= made.debt
                owing.append(made)
            row.short += came_short
            self.applied.short += came_short
        row.gone += wanted  # a person took it back by hand
        row.points = should
        return owing

    def _entries(
        self, rows: Sequence[OrderEarning], past: Mapping[int, Sequence[OrderEarning]]
    ) -> dict[int, list[PointsEntry]]:
        """Return the earnings of orders, the newest first, by order; without those of customers of before."""
        theirs = {pk for found in past.values() for one in found for pk in one.context["entries"]}
        earnings: dict[int, list[PointsEntry]] = {row.order_id: [] for row in rows}
        if rows:
            most = max(row.raised for row in rows)
            found = PointsEntry.objects.filter(
                programme=self.programme,
                source_type__in=[SOURCE, *(f"{SOURCE}.{n}" for n in range(2, most + 2))],
                source_id__in=earnings,
                kind=PointsEntry.Kind.EARN,
            )
            for entry in found.order_by("-pk"):
                if entry.pk not in theirs:
                    earnings[entry.source_id or 0].append(entry)
        return earnings

    def _give_anew(self, row: OrderEarning, should: int) -> None:
        """Give what an order brings more than before.

        First what no entry took counts as taken no more: what was gone already, then what was spent and not
        taken by an adjustment.
        """
        more = should - row.points
        gone = min(row.gone, more)
        row.gone -= gone
        kept = min(row.short - row.adjusted, more - gone)
        row.short -= kept
        given = more - gone - kept
        returned = min(row.adjusted, given)
        row.short, row.adjusted = row.short - returned, row.adjusted - returned
        row.settled = min(row.settled - returned, row.short)
        if given:
            detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
            if row.order_id in self.outcomes:
                detail = {**self._explained(row), **detail}
            if row.entry_id is None:
                row.entry = self._give(row, given, source=SOURCE, detail=detail)
                OrderEarning.objects.filter(pk=row.pk).update(entry=row.entry)
            else:
                row.raised += 1
                row.moves += 1
                self._give(row, given, source=f"{SOURCE}.{row.raised + 1}", detail=detail)
        row.points = should


_JUDGED = [
    "account",
    "context",
    "customer",
    "occurred_at",
    "occurred_day",
    "seen_at",
    "is_void",
    "is_return",
    "is_first",
    "net",
    "beyond",
    "brought",
    "exact",
    "fixed",
    "lines",
]
_TERMS = ("as_of", "upto", "rounding")  # of a context: the rules, whoever's the order is
_OF_CUT = ("customer", "order", "occurred_at", "occurred_day", "brought", "fixed", "lines", "context")
_OF_FIRST = ("customer_id", "occurred_at", "is_void", "is_return", "is_first")
_MOVED = ["net_left", "came_back", "points", "short", "settled", "adjusted", "gone", "moves", "raised"]
_LEFT = ("short", "settled", "adjusted", "gone", "settled_by_id", "settled_at", "settled_note")
_SETTLED = ["settled_by", "settled_at", "settled_note"]


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


def _judged(row: OrderEarning) -> dict[str, Any]:
    names = [OrderEarning._meta.get_field(name).attname for name in _JUDGED]
    return {name: getattr(row, name) for name in names}


def _before_caps(row: OrderEarning) -> int:
    whole = sum((Fraction(line[3]) for line in row.lines.values()), Fraction(row.fixed))
    return evaluate.rounded(whole, row.context["rounding"])


def _account_of(row: OrderEarning) -> PointsAccount:
    if row.account is None:
        raise ValueError(f"order {row.order_id} has no account to earn for")
    return row.account


def _is_of(row: OrderEarning, past: OrderEarning) -> bool:
    return row.customer_id == past.customer_id


def _is_back(row: OrderEarning) -> bool:
    return row.is_return or row.beyond > 0


def _purchase(row: OrderEarning, came_back: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Purchase:
    lines = {
        int(no): Bought(product, Fraction(quantity), amount, *map(Fraction, came_back.get(no, ())))
        for no, (product, quantity, amount, _share) in row.lines.items()
    }
    return Purchase(row.order_id, row.occurred_at, lines)


def _named(bought: Any, backs: Mapping[int, Sequence[Back]]) -> dict[int, OrderEarning]:
    """Return, of what was ``bought``, the orders that returns name, by order."""
    ids = {back.returns_of for mine in backs.values() for back in mine if back.returns_of is not None}
    return {row.order_id: row for row in bought.filter(order__in=ids)} if ids else {}


def _newest(bought: Any, backs: Mapping[int, Sequence[Back]]) -> dict[int, list[OrderEarning]]:
    """Return, of what was ``bought``, the newest orders of customers whose returns name none."""
    asking = [pk for pk, mine in backs.items() if any(back.returns_of is None for back in mine)]
    latest = ("-occurred_at", "-order_id")
    found: dict[int, list[OrderEarning]] = {}
    if len(asking) == 1:  # reads no further
        found[asking[0]] = list(bought.filter(customer=asking[0]).order_by(*latest)[:_READ_AT_ONCE])
    elif asking:
        place = Window(RowNumber(), partition_by=F("customer"), order_by=latest)
        mine = bought.select_related(None).filter(customer__in=asking).annotate(place=place)
        rows = bought.filter(pk__in=mine.filter(place__lte=_READ_AT_ONCE).values("pk"))
        for row in rows.order_by(*latest):
            found.setdefault(row.customer_id, []).append(row)
    return found


class _Shelf:
    """The orders of a customer as they stand, read as far as they are asked for."""

    def __init__(
        self,
        rows: Any,
        named: Mapping[int, OrderEarning],
        newest: Sequence[OrderEarning],
        *,
        customer_id: int,
    ) -> None:
        """``named`` and ``newest`` are read already: orders that returns name, and the first page."""
        self._rows = rows.order_by("-occurred_at", "-order_id")
        self._named = named
        self._newest = newest
        self._customer_id = customer_id
        self.read: dict[int, tuple[OrderEarning, Purchase]] = {}

    def named(self, order_id: int) -> Purchase | None:
        row = self._named.get(order_id)
        return self._take(row) if row is not None and row.customer_id == self._customer_id else None

    def before(self, back: Back, product: str = "") -> Iterator[Purchase]:
        until = (back.occurred_at, back.order_id)
        for row in self._newest:
            if (row.occurred_at, row.order_id) >= until:
                continue
            until = (row.occurred_at, row.order_id)
            if not product or any(line[0] == product for line in row.lines.values()):
                yield self._take(row)
        if len(self._newest) == _READ_AT_ONCE:
            yield from self._older(until, product)

    def _older(self, until: tuple[datetime, int], product: str) -> Iterator[Purchase]:
        rows = self._rows
        if product:
            lines = OrderLine.objects.filter(order=OuterRef("order"), product__code=product)
            rows = rows.filter(Exists(lines))
        while True:
            moment, order_id = until
            earlier = Q(occurred_at__lt=moment) | Q(order__lt=order_id)
            found = list(rows.filter(earlier, occurred_at__lte=moment)[:_READ_AT_ONCE])
            for row in found:
                until = (row.occurred_at, row.order_id)
                yield self._take(row)
            if len(found) < _READ_AT_ONCE:
                return

    def _take(self, row: OrderEarning) -> Purchase:
        if row.order_id not in self.read:
            self.read[row.order_id] = (row, _purchase(row, row.came_back))
        return self.read[row.order_id][1]


def _goods(line: Line) -> tuple[str, Fraction, int]:
    return line.product, Fraction(-line.quantity), -line.amount
