"""The one company: its currency, zone, calendar and rates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.facts import TWINS
from customers.ground import audit, holidays, localtime, money
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from customers.ground.models import CalendarException, Company, ExchangeRate
from customers.ground.working_time import Week, Window, WorkingCalendar
from customers.models import User, UserActivity

WORKDAY: list[list[int]] = [[9 * 60, 12 * 60], [13 * 60 + 30, 18 * 60]]
STANDARD_WEEK: list[list[list[int]]] = [WORKDAY] * 5 + [[], []]


class NoCompany(Refused):
    code = "no_company"
    message = _(
        "The company is not set up yet. An admin does it under Settings → Company, or on the server: "
        "python manage.py company --currency CNY --time-zone Asia/Shanghai --margin 0.3 "
        "--admin you@example.com"
    )


class CompanyFixed(Refused):
    code = "company_fixed"
    message = _(
        "The %(what)s cannot change any more, because facts were recorded with it. "
        "Start a new database instead."
    )


class UnknownZone(Refused):
    code = "unknown_zone"
    message = _("“%(zone)s” is not a time zone. Use a name like Asia/Shanghai or Europe/London.")


class MarginRefused(Refused):
    code = "margin_share"
    message = _("The margin rate must lie between 0 and 1, for example 0.3 for 30 %%.")


class MissingRate(Refused):
    code = "missing_rate"
    message = _(
        "There is no exchange rate for %(currency)s on or before %(day)s. Enter one first under Settings → "
        "Exchange rates, or import a file of them: python manage.py import_data rates FILE"
    )


_read: ContextVar[list[Company | None] | None] = ContextVar("liuke_company", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Let everything inside (a request) read the company's row once."""
    token = _read.set([])
    try:
        yield
    finally:
        _read.reset(token)


def find() -> Company | None:
    """Return the company, or nothing when it was never set up."""
    read = _read.get()
    if read is None:
        return Company.objects.first()
    if not read:
        read.append(Company.objects.first())
    return read[0]


def current() -> Company:
    """Return the company; raise :class:`NoCompany` when it was never set up."""
    company = find()
    if company is None:
        raise NoCompany()
    return company


def set_up(
    *,
    currency: str,
    time_zone: str,
    margin: Decimal,
    by: Actor | None,
    at: datetime,
    name: str = "",
    language: str = "en",
    country: str = "",
    is_demo: bool | None = None,
) -> Company:
    """Create or change the company's row.

    Args:
        currency: ISO code of the base currency; ``time_zone``: IANA name. Neither changes once a
            fact exists (:class:`CompanyFixed`).
        margin: default share of net amount that is margin, 0..1.
        country: two letters; whose public holidays and make-up days fill the calendar.
        is_demo: ``None`` leaves it as it is; a new company is none.

    Side effects: calendar exceptions of the country; who was let in before the company had days of its own
    is dated; one audit event.
    """
    money.exponent_of(currency)  # refuses an unknown code
    if time_zone not in available_timezones():
        raise UnknownZone(zone=time_zone)
    if not Decimal(0) <= margin <= Decimal(1):
        raise MarginRefused(margin=margin)
    with transaction.atomic():
        company = Company.objects.select_for_update().first()
        if company is not None and has_facts():
            for what, old, new in (
                (_("base currency"), company.base_currency, currency),
                (_("time zone"), company.time_zone, time_zone),
            ):
                if old != new:
                    raise CompanyFixed(what=what)
        is_new = company is None
        company = company or Company(id=1, week=STANDARD_WEEK)
        company.base_currency, company.time_zone = currency, time_zone
        company.default_margin_bp = int(margin * 10000)
        company.name, company.language = name or company.name, language
        company.calendar_country = country or company.calendar_country
        company.is_demo = company.is_demo if is_demo is None else is_demo
        company.save()
        if (read := _read.get()) is not None:
            read.clear()
        if is_new:
            _date_those_before(company, at=at)
        if company.calendar_country:
            deliver_holidays(company, years=range(at.year - 2, at.year + 2))
        audit.record(
            "company.set_up",
            obj=company,
            by=by,
            at=at,
            codes={"currency": currency, "time_zone": time_zone, "margin_bp": company.default_margin_bp},
        )
    return company


def has_facts() -> bool:
    """Say whether any fact was ever recorded."""
    return any(model._default_manager.exists() for model in TWINS)


def _date_those_before(company: Company, *, at: datetime) -> None:
    """Write since when those are here who were let in before the company had days of its own."""
    day = today(at, company).number
    UserActivity.objects.bulk_create(
        UserActivity(user=user, is_active=user.is_active, occurred_at=at, occurred_day=day, recorded_at=at)
        for user in User.objects.filter(activity=None).order_by("pk")
    )


def deliver_holidays(company: Company, *, years: range) -> int:
    """Write the country's holidays and make-up working days that the company has not set itself."""
    own = set(CalendarException.objects.filter(is_own=True).values_list("day", flat=True))
    rows = [
        CalendarException(day=day, windows=_minutes(windows))
        for day, windows in holidays.national_exceptions(
            company.calendar_country, years, week=week_of(company)
        ).items()
        if day not in own
    ]
    CalendarException.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["day"], update_fields=["windows"], batch_size=500
    )
    return len(rows)


def working_calendar(company: Company | None = None) -> WorkingCalendar:
    """Return the company's working time: week, holidays, make-up days, zone."""
    company = company or current()
    exceptions = {
        row.day: tuple(_window(pair) for pair in row.windows) for row in CalendarException.objects.all()
    }
    return WorkingCalendar(zone=company.time_zone, week=week_of(company), exceptions=exceptions)


@dataclass(frozen=True)
class Today:
    """The company's local day at a moment."""

    number: int
    zone: str


def today(at: datetime, company: Company | None = None) -> Today:
    """Return the local day number of ``at`` in the company's zone."""
    zone = (company or current()).time_zone
    return Today(localtime.day_number(at, zone), zone)


def rate_of(currency: str, *, day: date, company: Company | None = None) -> Decimal:
    """Return what one unit of ``currency`` is worth in the base currency on ``day``.

    The newest rate on or before the day counts; raises :class:`MissingRate` when there is none.
    """
    company = company or current()
    if currency == company.base_currency:
        return Decimal(1)
    row = ExchangeRate.objects.filter(currency=currency, day__lte=day).order_by("-day").first()
    if row is None:
        raise MissingRate(currency=currency, day=day.isoformat())
    return row.rate


def local_moment(day: date, clock_time: time, *, company: Company | None = None) -> datetime:
    """Return the aware moment of a local day and time in the company's zone."""
    return datetime.combine(day, clock_time, ZoneInfo((company or current()).time_zone))


def week_of(company: Company) -> Week:
    """Return the windows of the company's week, Monday first."""
    return tuple(tuple(_window(pair) for pair in day) for day in company.week)


def _window(pair: list[int]) -> Window:
    return Window(pair[0], pair[1])


def _minutes(windows: tuple[Window, ...]) -> list[list[int]]:
    return [[window.start, window.end] for window in windows]
