"""Recording values of indicators by hand or by program, and the catalogue of indicators."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import in_use, writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Customer, Indicator, IndicatorValue, User, Worse
from customers.models.indicators import THOUSANDTHS

MOST = Decimal(10) ** 12
"""Within this on either side of 0 a value must lie."""


class IndicatorValueRefused(Refused):
    code = "indicator_value"
    message = _("A value is a number between -1,000,000,000,000 and 1,000,000,000,000.")


class IndicatorExists(Refused):
    code = "indicator_exists"
    message = _("There is an indicator with the code “%(indicator)s” already. Choose another code.")


class IndicatorRetired(Refused):
    code = "indicator_retired"
    message = _("The indicator “%(indicator)s” is retired. Take it up again first, or choose another one.")


def milli_of(value: Decimal) -> int:
    """Return a value in thousandths; raise :class:`IndicatorValueRefused` for what is no value."""
    if not value.is_finite() or abs(value) >= MOST:
        raise IndicatorValueRefused()
    return int((value * THOUSANDTHS).to_integral_value(ROUND_HALF_UP))


def record_value(
    customer: Customer,
    *,
    indicator: Indicator,
    value: Decimal,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> IndicatorValue:
    """Record what an indicator stood at from ``occurred_at`` on (``at`` when unknown).

    Raises :class:`IndicatorValueRefused`, :class:`IndicatorRetired`, ``InTheFuture``. Side effects:
    touches the customer, event ``indicator.recorded``, audit ``indicator.record``.
    """
    if indicator.is_retired:
        raise IndicatorRetired(indicator=str(indicator))
    milli = milli_of(value)
    with transaction.atomic():
        made = writing.write(
            IndicatorValue,
            customer_id=customer.pk,
            when=writing.moments(at=at, occurred_at=occurred_at),
            indicator=indicator,
            worse=indicator.worse,
            milli=milli,
        )
        events.record(
            "indicator.recorded", customer_id=customer.pk, subject=made, occurred_at=made.occurred_at
        )
        audit.record("indicator.record", obj=made, by=by, at=at, customer_id=customer.pk)
    return made


def remove_value(value: IndicatorValue, *, by: User | None, at: datetime) -> IndicatorValue:
    """Remove a value that was entered wrongly: from ``at`` on it counts no more."""
    with transaction.atomic():
        before = value.recorded_at
        value = writing.void(value, at=at)
        if value.recorded_at != before:
            audit.record("indicator.remove", obj=value, by=by, at=at, customer_id=value.customer_id)
    return value


# --- The catalogue -----------------------------------------------------------------------------
def indicators() -> Any:
    """Return the indicators that new values may name, in order."""
    return Indicator.objects.filter(is_retired=False)


def define_indicator(
    *,
    code: str,
    name_en: str,
    name_zh: str,
    worse: str,
    unit: str = "",
    by: User | None,
    at: datetime,
) -> Indicator:
    """Define an indicator; which way is worse never changes. Audit ``indicator.define``.

    Raises :class:`IndicatorExists`.
    """
    with transaction.atomic():
        indicator, is_new = Indicator.objects.get_or_create(
            code=code,
            defaults={"name_en": name_en, "name_zh": name_zh, "unit": unit, "worse": Worse(worse)},
        )
        if not is_new:
            raise IndicatorExists(indicator=code)
        audit.record("indicator.define", obj=indicator, by=by, at=at, codes={"indicator": code})
    return indicator


def change_indicator(
    indicator: Indicator,
    *,
    name_en: str,
    name_zh: str,
    unit: str,
    is_retired: bool,
    by: User | None,
    at: datetime,
) -> Indicator:
    """Rename an indicator, retire it (old values stay readable) or take it up again.

    Raises ``StillRead`` when one that measures of the company's own read shall be retired. Audit
    ``indicator.change``.
    """
    wanted = {"name_en": name_en, "name_zh": name_zh, "unit": unit, "is_retired": is_retired}
    with transaction.atomic():
        indicator = Indicator.objects.select_for_update().get(pk=indicator.pk)
        changed = sorted(name for name, value in wanted.items() if getattr(indicator, name) != value)
        if is_retired and "is_retired" in changed:
            in_use.refuse_if_read(indicator)
        if changed:
            for name in changed:
                setattr(indicator, name, wanted[name])
            indicator.save(update_fields=changed)
            audit.record("indicator.change", obj=indicator, by=by, at=at, codes={"changed": changed})
    return indicator
