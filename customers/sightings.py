"""What competitors were seen to offer, recorded by hand or by program; files go through ``batch``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, competitors, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.models import Competitor, CompetitorSighting, Customer, Product, User

LearntFrom = CompetitorSighting.LearntFrom


class SightingPrice(Refused):
    code = "sighting_price"
    message = _("A price must be above 0. Leave it empty when it is not known.")


class OursWithoutTheirs(Refused):
    code = "ours_without_theirs"
    message = _("Our price alone compares with nothing. Enter the price that was seen, too.")


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a sighting in minor units of ``currency``, and in the base currency."""

    currency: str = ""
    price_seen: int | None = None
    price_ours: int | None = None
    price_seen_base: int | None = None
    price_ours_base: int | None = None

    def values(self) -> dict[str, str | int | None]:
        """Return the columns of a sighting."""
        return {name: getattr(self, name) for name in self.__slots__}


def prices_of(
    seen: int | None, ours: int | None, *, currency: str, rate: Decimal, base_currency: str
) -> Prices:
    """Return the prices of a sighting, with their base amounts at ``rate``.

    Raises :class:`SightingPrice`, :class:`OursWithoutTheirs`, ``AmountTooLarge``.
    """
    if seen is None:
        if ours is not None:
            raise OursWithoutTheirs()
        return Prices()
    if seen <= 0 or (ours is not None and ours <= 0):
        raise SightingPrice()

    def based(minor: int | None) -> int | None:
        if minor is None:
            return None
        return money.convert(minor, rate=rate, from_currency=currency, to_currency=base_currency)

    return Prices(currency, seen, ours, based(seen), based(ours))


def record_sighting(
    customer: Customer,
    *,
    competitor: Competitor | str,
    offered: str = "",
    product: Product | None = None,
    price_seen: int | None = None,
    price_ours: int | None = None,
    currency: str = "",
    learnt_from: str = LearntFrom.CUSTOMER,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> CompetitorSighting:
    """Record that a competitor was seen at a customer.

    Args:
        competitor: one of the catalogue, or a name; a name that nobody knows is entered "to be checked".
        price_seen, price_ours: minor units of ``currency`` (the company's when empty).

    Raises :class:`SightingPrice`, :class:`OursWithoutTheirs`, ``CompetitorNameRefused``, ``InTheFuture``,
    ``MissingRate``. Side effects: touches the customer, event ``sighting.recorded``, audit
    ``sighting.record``.
    """
    firm = company.current()
    currency = currency or firm.base_currency
    when = writing.moments(at=at, occurred_at=occurred_at)
    day = localtime.day_of(localtime.day_number(when.occurred_at, firm.time_zone))
    has_price = price_seen is not None or price_ours is not None
    rate = company.rate_of(currency, day=day, company=firm) if has_price else Decimal(1)
    prices = prices_of(price_seen, price_ours, currency=currency, rate=rate, base_currency=firm.base_currency)
    with transaction.atomic():
        if isinstance(competitor, str):
            competitor = competitors.named(competitor, by=by, at=at)
        sighting = writing.write(
            CompetitorSighting,
            customer_id=customer.pk,
            when=when,
            competitor=competitor,
            product=product,
            offered=offered.strip(),
            learnt_from=LearntFrom(learnt_from),
            **prices.values(),
        )
        events.record(
            "sighting.recorded",
            customer_id=customer.pk,
            subject=sighting,
            occurred_at=sighting.occurred_at,
            data={"competitor": sighting.competitor_id},
        )
        audit.record("sighting.record", obj=sighting, by=by, at=at, customer_id=customer.pk)
    return sighting


def remove_sighting(sighting: CompetitorSighting, *, by: User | None, at: datetime) -> CompetitorSighting:
    """Remove a sighting that was entered wrongly: from ``at`` on it counts no more."""
    with transaction.atomic():
        before = sighting.recorded_at
        sighting = writing.void(sighting, at=at)
        if sighting.recorded_at != before:
            audit.record("sighting.remove", obj=sighting, by=by, at=at, customer_id=sighting.customer_id)
    return sighting
