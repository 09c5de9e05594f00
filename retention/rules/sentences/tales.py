"""How the numbers of single measures are told: one phrase each, the general form for all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from customers.ground.localtime import day_of
from retention.measures import get
from retention.measures.compute import format_value
from retention.measures.expressions import Row
from retention.measures.own import OwnTerm
from retention.rules.compile import AS_OF_DAY


@dataclass(frozen=True)
class Evidence:
    """The frozen numbers of a warning."""

    row: Row
    currency: str
    language: str
    own: Mapping[str, OwnTerm] = field(default_factory=dict)

    @property
    def day(self) -> int:
        return int(self.row[AS_OF_DAY] or 0)

    def value(self, code: str) -> int | Fraction | str | None:
        """Return a measure's value as of the warning's day, ``None`` when unknown or not kept."""
        measure = get(code)
        if not measure.columns() <= self.row.keys():
            return None
        return measure.read(self.row, today=self.day)

    def whole(self, code: str) -> int | None:
        """Return a whole number."""
        value = self.value(code)
        return int(value) if value is not None else None

    def text(self, code: str) -> str:
        """Return the value as people read it."""
        return format_value(get(code), self.value(code), currency=self.currency, language=self.language)

    def date(self, code: str) -> str:
        """Return a day as people read it."""
        day = self.whole(code)
        return date_format(day_of(day), "DATE_FORMAT") if day is not None else "—"


def _days(number: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", number) % {"days": f"{number:,}"}


def _rhythm(told: Evidence) -> str:
    interval, since = told.value("usual_interval"), told.whole("days_since_last_order")
    if not isinstance(interval, Fraction | int) or since is None:
        return ""
    numbers = {"interval": _average_days(Fraction(interval)), "since": _days(since)}
    return gettext("Orders every %(interval)s on average; the last was %(since)s ago.") % numbers


def _average_days(interval: Fraction) -> str:
    """Return an average of days, with one decimal below ten unless it is whole."""
    exact = Decimal(interval.numerator) / Decimal(interval.denominator)
    places = Decimal("0.1") if exact < 10 else Decimal(1)
    number = exact.quantize(places, ROUND_HALF_UP)
    if number == number.to_integral_value():
        return _days(int(number))
    return gettext("%(days)s days") % {"days": number}


def _spend(told: Evidence) -> str:
    amounts = {"now": told.text("spend_90d"), "before": told.text("spend_prev_90d")}
    return gettext("Paid %(now)s in the last 90 days, %(before)s in the 90 days before.") % amounts


def _orders(told: Evidence) -> str:
    number = told.whole("orders_180d") or 0
    text = ngettext(
        "Placed %(orders)s order in these 180 days.", "Placed %(orders)s orders in these 180 days.", number
    )
    return text % {"orders": f"{number:,}"}


def _silence(told: Evidence) -> str:
    since = told.whole("days_since_last_contact") or 0
    return gettext("The last contact was %(since)s ago.") % {"since": _days(since)}


def _overdue(told: Evidence) -> str:
    number = told.whole("complaints_overdue") or 0
    text = ngettext(
        "%(complaints)s complaint is overdue: it should have been resolved by %(day)s.",
        "%(complaints)s complaints are overdue: the first should have been resolved by %(day)s.",
        number,
    )
    return text % {"complaints": f"{number:,}", "day": told.date("complaint_due_day")}


def _reopened(told: Evidence) -> str:
    number = told.whole("complaints_reopened_open") or 0
    text = ngettext(
        "%(complaints)s complaint was opened again after it had been resolved, last on %(day)s.",
        "%(complaints)s complaints were opened again after they had been resolved, last on %(day)s.",
        number,
    )
    return text % {"complaints": f"{number:,}", "day": told.date("last_reopened_day")}


def _complaints(told: Evidence) -> str:
    if told.value("complaints_prev_90d") is None:
        number = told.whole("complaints_90d") or 0
        text = ngettext(
            "%(complaints)s complaint in the last 90 days.",
            "%(complaints)s complaints in the last 90 days.",
            number,
        )
        return text % {"complaints": f"{number:,}"}
    numbers = {"now": told.text("complaints_90d"), "before": told.text("complaints_prev_90d")}
    return gettext("Complaints: %(now)s in the last 90 days, %(before)s in the 90 days before.") % numbers


def _contract(told: Evidence) -> str:
    left = told.whole("days_to_contract_end") or 0
    if left == 0:
        return gettext("The contract ends today.")
    parts = {"left": _days(left), "day": told.date("contract_end_day")}
    return gettext("The contract ends in %(left)s, on %(day)s.") % parts


def _owner_gone(told: Evidence) -> str:
    if told.value("owner_inactive"):
        return gettext("The account manager of this customer is gone.")
    return gettext("The account manager of this customer is there.")


def _owner_changed(told: Evidence) -> str:
    since = told.whole("days_since_owner_change") or 0
    if since == 0:
        return gettext("The account manager changed today.")
    return gettext("The account manager changed %(since)s ago.") % {"since": _days(since)}


def _withdrawn(told: Evidence) -> str:
    since = told.whole("days_since_product_withdrawn") or 0
    if since == 0:
        return gettext("A product that the customer buys is withdrawn from today on.")
    return gettext("A product that the customer buys was withdrawn %(since)s ago.") % {"since": _days(since)}


def worth(told: Evidence) -> str:
    """Return what the customer paid in the past year, nothing when that is nothing or unknown."""
    if not told.value("spend_365d"):
        return ""
    return gettext("Paid %(amount)s in the past year.") % {"amount": told.text("spend_365d")}


TALES: Mapping[str, Callable[[Evidence], str]] = {
    "overdue_ratio": _rhythm,
    "usual_interval": _rhythm,
    "spend_90d_vs_previous": _spend,
    "orders_180d": _orders,
    "days_since_last_contact": _silence,
    "complaints_overdue": _overdue,
    "complaints_reopened_open": _reopened,
    "complaints_90d": _complaints,
    "complaints_prev_90d": _complaints,
    "days_to_contract_end": _contract,
    "owner_inactive": _owner_gone,
    "days_since_owner_change": _owner_changed,
    "days_since_product_withdrawn": _withdrawn,
    "spend_365d": worth,
}
