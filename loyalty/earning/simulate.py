"""What would have been earned: by one basket, and by the orders of the last year under other rules.

Nothing is written. A year is read in pieces, so that its memory does not grow with the orders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Min

from customers import company
from customers.ground import money
from customers.models import Order, Product
from loyalty import programmes
from loyalty.earning import baskets, documents, evaluate
from loyalty.earning.baskets import Head
from loyalty.earning.evaluate import WHOLE_BP, Basket, Line, Outcome, Rule, Rules
from loyalty.earning.explaining import Explainer
from loyalty.earning.rules import current_rules, ready
from loyalty.models import PointsAccount, Programme

DAYS = 365
AT_ONCE = 2_000
_NOTHING = Fraction(0)


@dataclass(frozen=True)
class Wanted:
    """A line of a basket to try: a product's code or nothing, quantity, price in whole units."""

    product: str
    quantity: Decimal
    unit_price: Decimal
    label: str | None = None  # unset: the product's category


@dataclass(frozen=True)
class Tried:
    """What a basket would have earned, and why in one line."""

    outcome: Outcome
    why: str


@dataclass
class Simulation:
    """What a year's orders would have earned.

    ``points`` are after returns; ``worth`` in minor units is what they would be owed for if nobody used any;
    ``by_rule``: rule id (of rules tried out: their number, negative) → points before rounding and caps.
    """

    first_day: int
    last_day: int
    orders: int = 0
    earning: int = 0  # orders that earn anything
    customers: int = 0
    earned: int = 0
    returned: int = 0
    worth: int = 0
    by_rule: dict[int, int] = field(default_factory=dict)
    cut: int = 0  # by caps

    @property
    def points(self) -> int:
        """Return the points after returns."""
        return self.earned - self.returned


def rules_of(programme: Programme, tried: Sequence[Mapping[str, Any]] | None = None) -> Rules:
    """Return the rules to simulate by: those that are on, or ``tried`` documents instead, numbered −1, −2 …

    Raises ``DocumentRefused``.
    """
    if tried is None:
        return ready(current_rules(programme), programme)
    found = [Rule(-n, 0, documents.check(one)) for n, one in enumerate(tried, start=1)]
    return ready(found, programme)


def simulate_basket(
    programme: Programme,
    wanted: Sequence[Wanted],
    *,
    day: int,
    tier: str = "",
    is_first: bool = False,
    birthday: Collection[str] = (),
    rules: Rules | None = None,
) -> Tried:
    """Return what a basket would earn on a day, and why.

    Args:
        tier: code of the customer's tier; ``birthday``: of "day" and "month" those that hold.
        rules: unset: those that are on.

    Caps of days, months and years are taken as unused. Reads only.
    """
    codes = {one.product for one in wanted if one.product}
    labels = dict(Product.objects.filter(code__in=codes).values_list("code", "category"))
    lines = [
        Line(
            number,
            one.product,
            labels.get(one.product, "") if one.label is None else one.label,
            one.quantity,
            money.to_minor(one.quantity * one.unit_price, programme.currency),
        )
        for number, one in enumerate(wanted, start=1)
    ]
    shares = dict(programme.tiers.values_list("code", "multiplier_bp"))
    basket = Basket(
        evaluate.net_goods(lines).goods,
        day,
        is_first=is_first,
        tier=tier,
        tier_bp=shares.get(tier, WHOLE_BP),
        birthday=frozenset(birthday),
    )
    outcome = evaluate.evaluate(basket, rules or rules_of(programme))
    return Tried(outcome, Explainer(programme).summary(outcome.detail()))


def simulate_year(
    programme: Programme, *, rules: Rules | None = None, at: datetime, days: int = DAYS
) -> Simulation:
    """Return what the orders of the last ``days`` local days would have earned.

    ``rules``: unset: those that are on. Tiers are those of now. What came back in records of its own counts
    off by what the same goods earn by amount and item, without tier, minimum, first order and caps. Asks
    the database twice for each :data:`AT_ONCE` orders. Reads only.
    """
    rules = rules or rules_of(programme)
    last = company.today(at).number
    found = Simulation(last - days + 1, last)
    year = Order.objects.filter(occurred_day__range=(found.first_day, last), void=False)
    year = year.exclude(status=Order.Status.CANCELLED)
    context = _Context(programme, rules, year)
    customers: set[int] = set()
    by_rule: dict[int, Fraction] = {}
    back = _Returned(rules)
    for heads, lines in _pieces(year, programme.currency):
        birthdays = baskets.birthdays_of({one.customer_id for one in heads}) if rules.asks_birthday else {}
        for one in heads:
            if not one.is_purchase:
                back.add(lines[one.pk], one)
                continue
            found.orders += 1
            birthday = (
                baskets.birthday_on(birthdays, one.customer_id, one.occurred_day)
                if birthdays
                else frozenset()
            )
            outcome = context.judge(one, lines[one.pk], birthday)
            for part in outcome.parts:
                if "got" in part:
                    by_rule[part["rule"]] = by_rule.get(part["rule"], _NOTHING) + Fraction(part["got"])
                found.cut += part.get("cut", 0)
            if outcome.points:
                found.earning += 1
                found.earned += outcome.points
                customers.add(one.customer_id)
    found.returned = min(found.earned, evaluate.rounded(back.points, rules.rounding))
    found.customers = len(customers)
    found.worth = programmes.worth(programme, found.points)
    found.by_rule = {rule: evaluate.rounded(points, rules.rounding) for rule, points in by_rule.items()}
    return found


class _Context:
    """Tiers, first orders and what was earned before in each period, for a year."""

    def __init__(self, programme: Programme, rules: Rules, year: Any) -> None:
        self.rules = rules
        accounts = PointsAccount.objects.filter(programme=programme, tier__isnull=False)
        self.tiers = {
            customer: (code, share)
            for customer, code, share in accounts.values_list(
                "customer_id", "tier__code", "tier__multiplier_bp"
            )
        }
        self.first: dict[int, tuple[datetime, int]] = {}
        if rules.asks_first:
            self.first = _first_moments(year)
        self.periods = sorted(rules.periods())
        self.earned: dict[tuple[int, str, int], int] = {}

    def judge(self, one: Head, lines: Iterable[Line], birthday: frozenset[str]) -> Outcome:
        tier, share = self.tiers.get(one.customer_id, ("", WHOLE_BP))
        is_first = self.first.get(one.customer_id) == (one.occurred_at, one.pk)
        basket = Basket(evaluate.net_goods(lines).goods, one.occurred_day, is_first, tier, share, birthday)
        keys = {
            period: (one.customer_id, period, evaluate.start_of(period, one.occurred_day))
            for period in self.periods
        }
        earned = {period: self.earned.get(key, 0) for period, key in keys.items()}
        outcome = evaluate.evaluate(basket, self.rules, earned=earned)
        for key in keys.values():
            self.earned[key] = self.earned.get(key, 0) + outcome.points
        return outcome


class _Returned:
    """What goods that came back in records of their own had earned, about."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules.without({documents.MINIMUM, documents.FIRST_ORDER, documents.CAP})
        self.points = _NOTHING

    def add(self, lines: Iterable[Line], one: Head) -> None:
        turned = [Line(x.line_no, x.product, x.label, -x.quantity, -x.amount) for x in lines]
        basket = Basket(evaluate.net_goods(turned).goods, one.occurred_day)
        self.points += evaluate.evaluate(basket, self.rules).exact


def _pieces(year: Any, currency: str) -> Iterator[tuple[list[Head], dict[int, list[Line]]]]:
    last = 0
    while True:
        heads = sorted(
            baskets.heads(year.filter(pk__gt=last).order_by("pk")[:AT_ONCE]), key=lambda one: one.pk
        )
        if not heads:
            return
        last = heads[-1].pk
        heads.sort(key=lambda one: (one.occurred_at, one.pk))
        yield heads, baskets.lines_of(heads, currency=currency)


def _first_moments(year: Any) -> dict[int, tuple[datetime, int]]:
    """Return the first order of each customer whose first order lies in the year."""
    purchases = year.filter(is_purchase=True)
    earliest = purchases.values("customer_id").annotate(first=Min("occurred_at"))
    moments = dict(earliest.order_by().values_list("customer_id", "first"))
    before = Order.objects.filter(void=False, is_purchase=True).exclude(status=Order.Status.CANCELLED)
    day = year.aggregate(day=Min("occurred_day"))["day"]
    if day is None:
        return {}
    for customer_id in before.filter(occurred_day__lt=day).values_list("customer_id", flat=True).distinct():
        moments.pop(customer_id, None)
    found: dict[int, tuple[datetime, int]] = {}
    rows = purchases.values_list("customer_id", "occurred_at", "pk").order_by("pk")
    for customer_id, moment, pk in rows.iterator(chunk_size=AT_ONCE):
        if moments.get(customer_id) == moment:
            found.setdefault(customer_id, (moment, pk))
    return found
