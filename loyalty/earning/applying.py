"""Orders in the ledger: what they earn, what is taken back when they change or goods come back.

:func:`apply_orders` may be told of the same order as often as one likes: it compares what the order should
bring now with what it brings, and moves the difference. An order is always judged by the rules, tier and
birthday of the first time. Nothing is earned before the programme's first day, nor for orders of a time in
which it is paused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from django.db import OperationalError
from django.db.models import Exists, Max, OuterRef, Q, Sum

from customers import company
from customers.ground.again import tried_again
from customers.ground.rows import update_rows
from customers.models import Customer, Order, OrderLine
from loyalty import programmes, referrals
from loyalty.earning import baskets, evaluate, occasions
from loyalty.earning.baskets import Head, Tiers
from loyalty.earning.evaluate import Basket, Goods, Line, Outcome
from loyalty.earning.returning import Back, Bought, Purchase, assign, assign_from
from loyalty.earning.rules import History
from loyalty.ledger import accounts, earning
from loyalty.ledger.earning_many import Earning, earn_many
from loyalty.ledger.errors import MoreThanMoved, PointsSpent
from loyalty.models import OrderEarning, PointsAccount, PointsEntry, Programme, Referral

log = logging.getLogger(__name__)
AT_ONCE = 500
ONE_BY_ONE = 20  # more than these at once earn in sets
SOURCE = "order"
_MOST_NAMED = 10
_READ_AT_ONCE = 50
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
        programme=programme, order=OuterRef("pk"), seen_at=OuterRef("recorded_at"), is_void=OuterRef("void")
    )
    return Order.objects.filter(~Exists(seen), occurred_day__gte=programme.starts_day).order_by("pk")


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
        self._earn([rows[one.pk] for one in fresh if rows[one.pk].points])
        self._settle(rows, fresh)
        occasions.accounts_opened(self.programme, at=self.at, among=list(self.accounts.values()))
        self.applied.orders = len(found)
        self.applied.customers = {one.customer_id for one in found}
        return self.applied

    # --- What is read ---------------------------------------------------------------------------
    def _hold(self, ids: Sequence[int]) -> None:
        """Read the orders, hold their customers against merging and their accounts against others.

        Customers first and both in order, as whoever merges does. Held with them are the accounts that may
        be rewarded after, where all is within the transaction of somebody else.
        """
        customers = _held(Order.objects.filter(pk__in=ids).values_list("customer_id", flat=True))
        self.found = baskets.heads(Order.objects.filter(pk__in=ids))
        buyers = {one.customer_id for one in self.found if self._stands(one) and self._may_enter(one)}
        self.accounts = accounts.accounts_for(buyers, at=self.at, programme=self.programme)
        others = PointsAccount.objects.filter(programme=self.programme, customer__in=customers - buyers)
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

    def _may_enter(self, one: Head) -> bool:
        """Say whether an order that we did not see yet is looked at; while paused none that would earn."""
        if one.occurred_day < (self.programme.starts_day or 0):
            return False
        is_live = self.programme.state == Programme.State.LIVE
        return is_live or not one.is_purchase or not one.counts or self._was_paused(one.occurred_at)

    def _stands(self, one: Head) -> bool:
        """Say whether an order is a purchase that counts, of a day and a moment at which orders earn."""
        is_after = one.occurred_day >= (self.programme.starts_day or 0)
        return one.counts and one.is_purchase and is_after and not self._was_paused(one.occurred_at)

    def _was_paused(self, moment: datetime) -> bool:
        return any(since <= moment and (until is None or moment < until) for since, until in self.paused)

    def _rows(self) -> Any:
        return OrderEarning.objects.filter(programme=self.programme)

    def _read(self, found: Sequence[Head], rows: dict[int, OrderEarning]) -> None:
        """Read what judging needs, for all of them at once."""
        self.lines = baskets.lines_of(found, currency=self.programme.currency)
        customers = {one.customer_id for one in found if one.is_purchase and one.counts}
        judged = [rows[one.pk] for one in found if one.pk in rows and rows[one.pk].context]
        is_judged = {row.order_id for row in judged}
        rules = [self.history.at(one.recorded_at) for one in found if one.pk not in is_judged]
        rules += [self._rules(row) for row in judged]
        self.first = baskets.first_orders([one.pk for one in found])
        rewarded = self._rows().filter(customer__in={one.customer_id for one in found}, is_first=True)
        self.had_first = dict(rewarded.values_list("customer_id", "order_id"))
        asks_birthday = any(one.asks_birthday for one in rules)
        self.birthdays = baskets.birthdays_of(customers) if asks_birthday else {}
        self.tiers = Tiers(list(self.accounts.values()))
        self.earned: dict[tuple[int, str, int], int] = {}
        if any(one.periods() for one in rules):
            self._read_earned(found, judged)

    def _read_earned(self, found: Sequence[Head], judged: Sequence[OrderEarning]) -> None:
        """Read what orders brought in the years of these, by customer and day, for caps.

        By customer: one that others were merged into has what all of them earned.
        """
        days = {one.occurred_day for one in found} | {row.occurred_day for row in judged}
        customers = {one.customer_id for one in found} | {row.customer_id for row in judged}
        first = date.fromordinal(min(days)).replace(month=1, day=1).toordinal()
        last = date.fromordinal(max(days)).replace(month=12, day=31).toordinal()
        sums = (
            self._rows()
            .filter(customer__in=customers)
            .filter(occurred_day__gte=first, occurred_day__lte=last, points__gt=0)
            .values_list("customer_id", "occurred_day")
            .annotate(sum=Sum("points"))
        )
        for customer_id, day, points in sums.order_by():
            self._count(customer_id, day, points)

    def _count(self, customer_id: int, day: int, points: int) -> None:
        for period in _PERIODS:
            key = (customer_id, period, evaluate.start_of(period, day))
            self.earned[key] = self.earned.get(key, 0) + points

    # --- What an order should bring -------------------------------------------------------------
    def _enter(self, row: OrderEarning, one: Head) -> None:
        """Write into a row, once, whose it is and what its order is judged by."""
        account = self.accounts.get(one.customer_id)
        if row.account_id is not None or account is None or not self._stands(one):
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
        }

    def _judge(self, row: OrderEarning, one: Head) -> None:
        """Write into a row what its order is and brings, without what came back in other records."""
        self._enter(row, one)
        if row.pk and row.account_id is not None:
            self._count(row.customer_id, row.occurred_day, -row.points)
        row.customer_id, row.occurred_at, row.occurred_day = (
            one.customer_id,
            one.occurred_at,
            one.occurred_day,
        )
        row.seen_at, row.is_void, row.is_return = one.recorded_at, one.void, not one.is_purchase
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
        if not row.pk:
            row.points = outcome.points
        if row.account_id is not None:
            self._count(row.customer_id, row.occurred_day, outcome.points)

    def _outcome(self, row: OrderEarning, one: Head, goods: Sequence[Goods]) -> Outcome:
        """Return what an order brings, and say whether it is rewarded as the first of its customer."""
        if row.is_first:
            self.had_first.pop(one.customer_id, None)
        is_first = (row.is_first or one.pk in self.first) and one.customer_id not in self.had_first
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
        outcome = evaluate.evaluate(basket, rules, earned=self._room(row))
        row.is_first = outcome.fixed > 0  # not below the minimum: then a later order may be it
        if row.is_first:
            self.had_first[one.customer_id] = one.pk
        return outcome

    def _rules(self, row: OrderEarning) -> evaluate.Rules:
        upto = row.context["upto"]
        if upto not in self._histories:
            self._histories[upto] = self.history.until(upto)
        rules = self._histories[upto].at(datetime.fromisoformat(row.context["as_of"]))
        return rules.rounded_by(row.context["rounding"])

    def _room(self, row: OrderEarning) -> dict[str, int]:
        keys = {p: (row.customer_id, p, evaluate.start_of(p, row.occurred_day)) for p in _PERIODS}
        return {period: max(0, self.earned.get(key, 0)) for period, key in keys.items()}

    def _save(self, rows: dict[int, OrderEarning], fresh: Sequence[Head]) -> None:
        new = {one.pk for one in fresh}
        changed = [row for pk, row in rows.items() if pk not in new and self.before.get(pk) != _judged(row)]
        update_rows([row for row in changed if not row.is_first], _JUDGED)  # makes room for the next
        update_rows([row for row in changed if row.is_first], _JUDGED)
        OrderEarning.objects.bulk_create([rows[one.pk] for one in fresh])

    # --- What moves -----------------------------------------------------------------------------
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
                account=self.accounts[row.customer_id],
                points=row.points,
                occurred_at=row.occurred_at,
                source=(SOURCE, row.order_id),
                detail=self._explained(row),
            )
            for row in rows
        ]
        self.applied.earned += sum(row.points for row in rows)
        for row, entry in zip(rows, earn_many(given, by=None, at=self.at), strict=True):
            row.entry = entry or self._entries(row)[0]

    def _give(self, row: OrderEarning, points: int, *, source: str, detail: dict[str, Any]) -> PointsEntry:
        self.applied.earned += points
        assert row.account is not None  # noqa: S101 — only rows with one earn
        return earning.earn(
            self.accounts.get(row.customer_id) or row.account,
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
        backs = [rows[pk] for pk in new if _is_back(rows[pk])]
        whole |= {rows[pk].customer_id for pk in changed} & {row.customer_id for row in backs}
        found = self._counted_again(whole) if whole else []
        alone = self._rows().filter(order__in=changed).exclude(customer__in=whole).select_related("account")
        found += [(row, _purchase(row)) for row in alone]
        found += self._counted_off([row for row in backs if row.customer_id not in whole])
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
        mine = list(self._rows().filter(customer__in=customers).select_related("account"))
        backs = self._backs([row for row in mine if _is_back(row)])
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
        for customer_id, backs in self._backs(rows).items():
            shelf = _Shelf(self._rows().filter(customer=customer_id, is_return=False))
            assign_from(shelf, backs)
            found += shelf.read.values()
        return found

    def _move(self, found: Sequence[tuple[OrderEarning, Purchase]]) -> None:
        moved = []
        for row, purchase in sorted(found, key=lambda pair: pair[0].order_id):
            left, came_back = int(purchase.left), purchase.came_back
            should = self._should(row, purchase)
            if (should, left, came_back) == (row.points, row.net_left, row.came_back):
                continue
            row.net_left, row.came_back = left, came_back
            if should < row.points:
                self._take_back(row, should, purchase)
            elif should > row.points:
                self._give_anew(row, should)
            moved.append(row)
        update_rows(moved, ["net_left", "came_back", "points", "short", "settled", "moves", "raised"])

    def _backs(self, rows: Sequence[OrderEarning]) -> dict[int, list[Back]]:
        """Return what came back, by customer: records of returns, and what went beyond what was sold."""
        rows = [row for row in rows if not row.is_void]
        whose = {row.order_id: row.customer_id for row in rows}
        ids = [row.order_id for row in rows if row.is_return]
        heads = [one for one in baskets.heads(Order.objects.filter(pk__in=ids)) if one.counts]
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

    def _should(self, row: OrderEarning, purchase: Purchase) -> int:
        shares = {int(no): Fraction(line[3]) for no, line in row.lines.items()}
        return evaluate.kept(
            Fraction(row.exact),
            shares,
            Fraction(row.fixed),
            {no: line.back for no, line in purchase.lines.items()},
            lines=purchase.lines,
            rounding=row.context.get("rounding", self.programme.rounding),
        )

    def _take_back(self, row: OrderEarning, should: int, purchase: Purchase) -> None:
        wanted = row.points - should
        detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
        if purchase.returns:
            detail["returns"] = purchase.returns[:_MOST_NAMED]
        row.moves += 1
        self.applied.taken_back += wanted
        when = min(self.at, max(purchase.returned_at or self.at, row.occurred_at))
        for entry in self._entries(row):
            part = min(wanted, entry.points + entry.pending - entry.debt)
            if part > 0:
                taken = self._take(entry, part, row, detail, occurred_at=when)
                wanted -= taken.points
                row.short += taken.short
                self.applied.short += taken.short
        row.points = should

    def _take(
        self,
        entry: PointsEntry,
        points: int,
        row: OrderEarning,
        detail: dict[str, Any],
        *,
        occurred_at: datetime,
    ) -> _Taken:
        """Take back points of one earning; what is left of them where the programme refuses the rest."""
        given: dict[str, Any] = {
            "source": None,
            "key": f"order:{row.order_id}:{row.moves}:{entry.pk}",
            "occurred_at": occurred_at,
            "detail": detail,
            "by": None,
            "at": self.at,
        }
        try:
            earning.take_back(entry, points=points, **given)
        except MoreThanMoved as refusal:  # a person took some of it back by hand
            most = int(str(refusal.values["most"]))
            return self._take(entry, most, row, detail, occurred_at=occurred_at) if most > 0 else _Taken()
        except PointsSpent as refusal:
            if refusal.left:
                earning.take_back(entry, points=points, is_partial=True, **given)
            return _Taken(points, refusal.short)
        return _Taken(points)

    def _entries(self, row: OrderEarning) -> list[PointsEntry]:
        """Return the earnings of an order, the newest first."""
        sources = [SOURCE, *(f"{SOURCE}.{n}" for n in range(2, row.raised + 2))]
        found = PointsEntry.objects.filter(
            programme=self.programme,
            source_type__in=sources,
            source_id=row.order_id,
            kind=PointsEntry.Kind.EARN,
        )
        return list(found.select_related("account__programme").order_by("-pk"))

    def _give_anew(self, row: OrderEarning, should: int) -> None:
        """Give what an order brings more than before; first what was spent counts as taken no more."""
        more = should - row.points
        kept = min(row.short, more)
        row.short -= kept
        row.settled = min(row.settled, row.short)
        if more > kept:
            detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
            if row.order_id in self.outcomes:
                detail = {**self._explained(row), **detail}
            if row.entry_id is None:
                row.entry = self._give(row, more - kept, source=SOURCE, detail=detail)
                OrderEarning.objects.filter(pk=row.pk).update(entry=row.entry)
            else:
                row.raised += 1
                row.moves += 1
                self._give(row, more - kept, source=f"{SOURCE}.{row.raised + 1}", detail=detail)
        row.points = should


@dataclass(frozen=True)
class _Taken:
    """How many points were dealt with, and how many of these were spent and stay."""

    points: int = 0
    short: int = 0


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
    "exact",
    "fixed",
    "lines",
]


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


def _is_back(row: OrderEarning) -> bool:
    return row.is_return or row.beyond > 0


def _purchase(row: OrderEarning, came_back: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Purchase:
    lines = {
        int(no): Bought(product, Fraction(quantity), amount, *map(Fraction, came_back.get(no, ())))
        for no, (product, quantity, amount, _share) in row.lines.items()
    }
    return Purchase(row.order_id, row.occurred_at, lines)


class _Shelf:
    """The orders of a customer as they stand, read as far as they are asked for."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows.select_related("account").order_by("-occurred_at", "-order_id")
        self.read: dict[int, tuple[OrderEarning, Purchase]] = {}

    def named(self, order_id: int) -> Purchase | None:
        if order_id not in self.read:
            self._take(self._rows.filter(order=order_id))
        return self.read[order_id][1] if order_id in self.read else None

    def before(self, back: Back, product: str = "") -> Iterator[Purchase]:
        rows = self._rows
        if product:
            lines = OrderLine.objects.filter(order=OuterRef("order"), product__code=product)
            rows = rows.filter(Exists(lines))
        moment, order_id = back.occurred_at, back.order_id
        while True:
            until = Q(occurred_at__lt=moment) | Q(order__lt=order_id)
            found = self._take(rows.filter(until, occurred_at__lte=moment)[:_READ_AT_ONCE])
            for row, purchase in found:
                yield purchase
                moment, order_id = row.occurred_at, row.order_id
            if len(found) < _READ_AT_ONCE:
                return

    def _take(self, rows: Any) -> list[tuple[OrderEarning, Purchase]]:
        return [self.read.setdefault(row.order_id, (row, _purchase(row, row.came_back))) for row in rows]


def _goods(line: Line) -> tuple[str, Fraction, int]:
    return line.product, Fraction(-line.quantity), -line.amount
