"""Exchange rates: what one unit of another currency is worth in the base currency, from a day on."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, money
from customers.ground.errors import Refused
from customers.ground.models import ExchangeRate
from customers.models import User

DIGITS = Decimal("0.00000001")
MOST = Decimal(10) ** 9


class RateOutOfRange(Refused):
    code = "rate_out_of_range"
    message = _("The rate must be greater than zero and less than a thousand million, for example 9.1234.")


class RateOfBase(Refused):
    code = "rate_of_base"
    message = _("%(currency)s is the base currency: it is always worth 1.")


def set_rate(
    *, currency: str, day: date, rate: Decimal, by: User | None, at: datetime
) -> tuple[ExchangeRate, bool]:
    """Enter a rate, or mend that of the day; return it and whether it is new.

    It counts for facts that come from now on, from ``day`` to the day of the next rate; facts that stand
    keep the rate that they were counted with. Raises ``UnknownCurrency``, :class:`RateOfBase`,
    :class:`RateOutOfRange`. Side effects: audit ``rate.set``.
    """
    money.exponent_of(currency)
    if currency == company.current().base_currency:
        raise RateOfBase(currency=currency)
    kept = rate.quantize(DIGITS) if rate < MOST else rate
    if not 0 < kept < MOST:
        raise RateOutOfRange()
    with transaction.atomic():
        row, is_new = ExchangeRate.objects.update_or_create(
            currency=currency, day=day, defaults={"rate": kept}
        )
        codes = {"currency": currency, "day": day.isoformat(), "rate": str(kept)}
        audit.record("rate.set", obj=row, by=by, at=at, codes=codes)
    return row, is_new
