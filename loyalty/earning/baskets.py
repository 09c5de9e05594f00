"""Orders read from the database as what the rules judge: their lines, first orders, tiers, birthdays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from customers import birthdays
from customers.birthdays import Birthday
from customers.models import Contact, Order, OrderLine
from loyalty.earning.evaluate import WHOLE_BP, Line
from loyalty.models import PointsAccount, Tier, TierMove

_COLUMNS = (
    "pk",
    "customer_id",
    "occurred_at",
    "occurred_day",
    "recorded_at",
    "void",
    "status",
    "is_purchase",
    "currency",
    "sold",
    "returned",
    "sold_base",
    "returned_base",
    "returns_of_id",
)


@dataclass(frozen=True, slots=True)
class Head:
    """An order without its lines."""

    pk: int
    customer_id: int
    occurred_at: datetime
    occurred_day: int
    recorded_at: datetime
    void: bool
    status: str
    is_purchase: bool
    currency: str
    sold: int
    returned: int
    sold_base: int
    returned_base: int
    returns_of_id: int | None

    @property
    def counts(self) -> bool:
        """Say whether it stands: it was not removed and is not cancelled."""
        return not self.void and self.status != Order.Status.CANCELLED

    def based(self, amount: int, currency: str) -> int:
        """Return an amount of the order in the base currency, by the order's own frozen rate."""
        if self.currency == currency:
            return amount
        there, here = (self.sold, self.sold_base) if self.sold else (self.returned, self.returned_base)
        if not there:
            return 0
        whole = (2 * abs(amount) * here + there) // (2 * there)
        return whole if amount >= 0 else -whole


def heads(orders: Any) -> list[Head]:
    """Return the orders of a queryset, the earliest first."""
    return sorted(
        (Head(*row) for row in orders.values_list(*_COLUMNS)), key=lambda one: (one.occurred_at, one.pk)
    )


def lines_of(found: Iterable[Head], *, currency: str) -> dict[int, list[Line]]:
    """Return the lines of orders, amounts in the base currency ``currency``."""
    by_order = {one.pk: one for one in found}
    lines: dict[int, list[Line]] = {pk: [] for pk in by_order}
    rows = OrderLine.objects.filter(order__in=by_order, void=False).order_by("order_id", "line_no")
    columns = ("order_id", "line_no", "product__code", "product__category", "quantity", "amount")
    for order_id, line_no, code, category, quantity, amount in rows.values_list(*columns):
        based = by_order[order_id].based(amount, currency)
        lines[order_id].append(Line(line_no, code or "", category or "", quantity, based))
    return lines


def first_orders(order_ids: Collection[int]) -> set[int]:
    """Return those of the orders before which their customer had none that stands."""
    return set(_firsts().filter(pk__in=order_ids).values_list("pk", flat=True))


def first_of(customer_ids: Collection[int]) -> set[int]:
    """Return the first order of each customer that stands."""
    return set(_firsts().filter(customer__in=customer_ids).values_list("pk", flat=True))


def _firsts() -> Any:
    standing = Order.objects.filter(void=False, is_purchase=True).exclude(status=Order.Status.CANCELLED)
    before = Q(occurred_at__lt=OuterRef("occurred_at")) | Q(
        occurred_at=OuterRef("occurred_at"), pk__lt=OuterRef("pk")
    )
    earlier = standing.filter(before, customer=OuterRef("customer"))
    return standing.filter(~Exists(earlier))


class Tiers:
    """In which tier accounts stood on a day."""

    def __init__(self, accounts: Collection[PointsAccount]) -> None:
        self._tiers = {tier.pk: tier for tier in Tier.objects.filter(accounts__in=[a.pk for a in accounts])}
        self._moves: dict[int, list[tuple[int, int | None]]] = {}
        moves = TierMove.objects.filter(account__in=[a.pk for a in accounts]).exclude(from_tier=F("to_tier"))
        for account_id, day, tier_id in moves.order_by("occurred_day", "pk").values_list(
            "account_id", "occurred_day", "to_tier_id"
        ):
            self._moves.setdefault(account_id, []).append((day, tier_id))
        missing = {tier for found in self._moves.values() for _day, tier in found if tier} - set(self._tiers)
        self._tiers |= {tier.pk: tier for tier in Tier.objects.filter(pk__in=missing)}

    def on(self, account: PointsAccount, day: int) -> tuple[str, int]:
        """Return code and share of points, in basis points, of the tier on a day; without one the whole."""
        now = account.tier_id
        if account.tier_since_day is None or account.tier_since_day > day:
            now = None
            for since, tier_id in self._moves.get(account.pk, []):
                if since <= day:
                    now = tier_id
        tier = self._tiers.get(now) if now is not None else None
        return (tier.code, tier.multiplier_bp) if tier is not None else ("", WHOLE_BP)


def birthdays_of(customer_ids: Collection[int]) -> dict[int, list[Birthday]]:
    """Return the birthdays of the contacts that are still there, by customer."""
    rows = Contact.objects.filter(
        customer__in=customer_ids, birth_month__isnull=False, left_on__isnull=True, erased_at__isnull=True
    )
    found: dict[int, list[Birthday]] = {}
    for contact in rows:
        if (birthday := birthdays.of(contact)) is not None:
            found.setdefault(contact.customer_id, []).append(birthday)
    return found


def birthday_on(known: Mapping[int, list[Birthday]], customer_id: int, day: int) -> frozenset[str]:
    """Return "day" and "month" where a contact of the customer has its birthday then."""
    here = date.fromordinal(day)
    found = set()
    for birthday in known.get(customer_id, []):
        if birthdays.is_birthday(birthday, here):
            found |= {"day", "month"}
        else:
            there = birthdays.next_on(birthday, here.replace(day=1))
            if (there.year, there.month) == (here.year, here.month):
                found.add("month")
    return frozenset(found)
