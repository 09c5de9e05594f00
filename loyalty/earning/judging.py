"""What orders should bring before goods come back in other records: rules, caps, who has the first one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from django.db.models import Sum

from customers.ground.rows import update_rows
from loyalty.earning import baskets, evaluate
from loyalty.earning.baskets import Head, Tiers
from loyalty.earning.evaluate import Basket, Goods, Outcome
from loyalty.earning.holding import AT_ONCE, Holding
from loyalty.models import OrderEarning

_PERIODS = ("day", "month", "year")
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


class Judging(Holding):
    """Orders that are held, judged by the rules."""

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
        changed = [row for pk, row in rows.items() if pk not in new and self.before.get(pk) != state_of(row)]
        update_rows(changed, _JUDGED)
        OrderEarning.objects.bulk_create([rows[one.pk] for one in fresh])

    # --- What falls away makes room ---------------------------------------------------------------
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


def _before_caps(row: OrderEarning) -> int:
    whole = sum((Fraction(line[3]) for line in row.lines.values()), Fraction(row.fixed))
    return evaluate.rounded(whole, row.context["rounding"])


def state_of(row: OrderEarning) -> dict[str, Any]:
    names = [OrderEarning._meta.get_field(name).attname for name in _JUDGED]
    return {name: getattr(row, name) for name in names}
