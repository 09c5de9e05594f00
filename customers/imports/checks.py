"""What does not go together in one line, kind by kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from customers import birthdays
from customers.communities import LeftBeforeJoined
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.imports import errors
from customers.imports.kinds import CellRefused, Context
from customers.mentions import AddressRefused, NothingSaid, StarsRefused, stars
from customers.mentions.recording import is_address
from customers.models import Purpose

MOST_AMOUNT = Decimal(10) ** 13  # of one line, in major units
MOST_CASES, MOST_OF_NAME = 32_767, 150
RATE_DIGITS = Decimal("0.00000001")
_ONE = Decimal(1)


def check_order_line(values: dict[str, Any], context: Context) -> None:
    """Refuse what no order line can be."""
    _not_in_future(values, context, "occurred_at", "recorded_at")
    quantity = values.get("quantity")
    if quantity is not None and quantity != "" and quantity < 0 and not context.returns:
        raise CellRefused("quantity", errors.ReturnRefused())
    if "unit_price" in values and values["unit_price"] == "":
        raise CellRefused("unit_price", errors.Missing())
    if "unit_price" not in values and values.get("amount", "") == "":
        raise CellRefused("amount", errors.Missing())
    if "quantity" in values and quantity == "":
        raise CellRefused("quantity", errors.Missing())
    _delivered_in_time(values, context)
    if abs((quantity or _ONE) * (values.get("unit_price") or 0)) >= MOST_AMOUNT:
        raise CellRefused("unit_price", errors.NumberTooLarge())


def doubtful_order_lines(columns: dict[str, list[Any]], context: Context) -> set[int]:
    """Return the lines that :func:`check_order_line` may refuse, of many."""
    found: set[int] = set()
    for name in ("occurred_at", "recorded_at"):
        moments = columns.get(name, ())
        if max(filter(None, moments), default=context.at) > context.at:
            found.update(at for at, moment in enumerate(moments) if moment and moment > context.at)
    if "delivered_on" in columns:  # few lines have one; each is looked at
        found.update(at for at, day in enumerate(columns["delivered_on"]) if day)
    quantities, prices = columns.get("quantity"), columns.get("unit_price")
    for numbers in (quantities, columns.get("amount") if prices is None else prices):
        if numbers is not None and "" in numbers:
            found.update(at for at, number in enumerate(numbers) if number == "")
    if found:
        quantities = quantities and [_ONE if at in found else n for at, n in enumerate(quantities)]
        prices = prices and [_ONE if at in found else n for at, n in enumerate(prices)]
    quantities = quantities or [_ONE]
    least = min(quantities)
    if least < 0 and not context.returns:
        found.update(at for at, number in enumerate(quantities) if number < 0)
    if prices and max(max(quantities), -least) * max(prices) >= MOST_AMOUNT:
        many = quantities if len(quantities) == len(prices) else quantities * len(prices)
        found.update(
            at
            for at, (n, price) in enumerate(zip(many, prices, strict=True))
            if abs(n * price) >= MOST_AMOUNT
        )
    return found


def check_contact(values: dict[str, Any], context: Context) -> None:
    """Refuse a birthday that cannot be read or be one."""
    try:
        birthday_columns(values, context)
    except Refused as refusal:
        raise CellRefused("birthday", refusal) from refusal


def birthday_columns(values: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the columns of a contact that a line's birthday makes; none when no column holds one."""
    if "birthday" not in values:
        return {}
    if not values["birthday"]:
        return dict(birthdays.NOTHING)
    said = birthdays.read(
        values["birthday"],
        calendar=values.get("birth_calendar") or "",
        is_leap=bool(values.get("birth_is_leap")),
    )
    return birthdays.columns(birthdays.checked(said, at=context.at))


def check_contract(values: dict[str, Any], context: Context) -> None:
    """Refuse a contract that ends before it starts or was signed in the future."""
    _not_in_future(values, context, "occurred_at", "recorded_at")
    if values["ends_on"] < values["starts_on"]:
        raise CellRefused("ends_on", errors.EndsBeforeStart())


def check_complaint(values: dict[str, Any], context: Context) -> None:
    """Refuse steps of a complaint that lie in the future or out of order."""
    steps = ("acknowledged_at", "resolved_at", "reopened_at")
    _not_in_future(values, context, "occurred_at", "recorded_at", *steps)
    for name in steps:
        if values.get(name) and values[name] < values["occurred_at"]:
            raise CellRefused(name, errors.BeforeOpened())
    reopened, resolved = values.get("reopened_at"), values.get("resolved_at")
    if reopened and (not resolved or resolved > reopened):
        raise CellRefused("reopened_at", errors.NoReopening())


def check_consent(values: dict[str, Any], context: Context) -> None:
    """Refuse a consent of the future, and one that names no channel, but for profiling."""
    _not_in_future(values, context, "occurred_at", "recorded_at")
    if values["purpose"] != Purpose.PROFILING and not values.get("channel"):
        raise CellRefused("channel", errors.Missing())


def check_payment(values: dict[str, Any], context: Context) -> None:
    """Refuse an invoice over nothing, and payments in the future or before it was issued."""
    _not_in_future(values, context, "occurred_at", "recorded_at", "paid_at")
    if values["total"] <= 0:
        raise CellRefused("total", errors.Zero())
    if values.get("paid_at") and values["paid_at"] < values["occurred_at"]:
        raise CellRefused("paid_at", errors.PaidBefore())
    if values.get("amount") is not None and values["amount"] <= 0:
        raise CellRefused("amount", errors.Zero())


def check_moments(values: dict[str, Any], context: Context) -> None:
    """Refuse what lies in the future."""
    _not_in_future(values, context, "occurred_at", "recorded_at")


def check_sighting(values: dict[str, Any], context: Context) -> None:
    """Refuse a sighting in the future, prices of nothing, and our price without the one that was seen."""
    _not_in_future(values, context, "occurred_at", "recorded_at")
    for name in ("price_seen", "price_ours"):
        if values.get(name) is not None and values[name] <= 0:
            raise CellRefused(name, errors.Zero())
    if values.get("price_ours") is not None and values.get("price_seen") is None:
        raise CellRefused("price_seen", errors.Missing())


def check_mention(values: dict[str, Any], context: Context) -> None:
    """Refuse a mention in the future, one that says nothing, no address, and stars that are none."""
    _not_in_future(values, context, "occurred_at", "recorded_at")
    try:
        rating = stars.read(values.get("rating") or "")
    except stars.NoStars as error:
        raise CellRefused("rating", StarsRefused()) from error
    said = [name for name in ("text", "title", "rating") if name in values]
    if said and rating is None and not values.get("text") and not values.get("title"):
        raise CellRefused(said[0], NothingSaid())
    if (url := values.get("url")) and not is_address(url):
        raise CellRefused("url", AddressRefused())


def check_membership(values: dict[str, Any], context: Context) -> None:
    """Refuse a membership of the future, and one that was left before it began."""
    _not_in_future(values, context, "occurred_at", "recorded_at", "left_at")
    if values.get("left_at") and values["left_at"] < values["occurred_at"]:
        raise CellRefused("left_at", LeftBeforeJoined())


def check_rate(values: dict[str, Any], context: Context) -> None:
    """Refuse a rate that is not above zero."""
    rate = values["rate"].quantize(RATE_DIGITS)
    if rate <= 0:
        raise CellRefused("rate", errors.Zero() if rate == 0 else errors.Negative())
    if rate >= 10**9:
        raise CellRefused("rate", errors.NumberTooLarge())


def _delivered_in_time(values: dict[str, Any], context: Context) -> None:
    """Refuse a delivery before the order, or on a day that has not begun."""
    if values.get("delivered_on"):
        zone = context.zone or context.firm.time_zone
        if values["delivered_on"].toordinal() < localtime.day_number(values["occurred_at"], zone):
            raise CellRefused("delivered_on", errors.DeliveredBefore())
        if values["delivered_on"].toordinal() > localtime.day_number(context.at, zone):
            raise CellRefused("delivered_on", errors.Future())


def check_colleague(values: dict[str, Any], context: Context) -> None:
    """Refuse a number of open cases that nobody can carry, and an address that is too long for a name."""
    capacity = values.get("capacity")
    if capacity is not None and not 0 <= capacity <= MOST_CASES:
        raise CellRefused("capacity", errors.NotNumber() if capacity < 0 else errors.NumberTooLarge())
    if capacity is not None and capacity != int(capacity):
        raise CellRefused("capacity", errors.NotNumber())
    if len(values["email"]) > MOST_OF_NAME and not values.get("username"):
        raise CellRefused("email", errors.TooLong(most=MOST_OF_NAME))


def _not_in_future(values: dict[str, Any], context: Context, *names: str) -> None:
    for name in names:
        if values.get(name) and values[name] > context.at:
            raise CellRefused(name, errors.Future())
