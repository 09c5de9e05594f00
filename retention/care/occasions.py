"""Who has an occasion of a plan between two days, in sets, and on which day it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from customers import birthdays, company
from customers.birthdays import LUNAR, SOLAR, Birthday
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Order
from retention import segments
from retention.models import CarePlan, CareTouch

THANKS_DAYS = 14
"""So many days after the order the thanks for it are still of use, that of the order included."""
Kind, Festival = CarePlan.Occasion, CarePlan.Festival

FESTIVALS: dict[str, Birthday] = {
    Festival.NEW_YEAR: Birthday(1, 1),
    Festival.SPRING: Birthday(1, 1, calendar=LUNAR),
    Festival.LANTERN: Birthday(1, 15, calendar=LUNAR),
    Festival.DRAGON_BOAT: Birthday(5, 5, calendar=LUNAR),
    Festival.QIXI: Birthday(7, 7, calendar=LUNAR),
    Festival.MID_AUTUMN: Birthday(8, 15, calendar=LUNAR),
    Festival.DOUBLE_NINTH: Birthday(9, 9, calendar=LUNAR),
    Festival.NATIONAL: Birthday(10, 1),
    Festival.CHRISTMAS: Birthday(12, 25),
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occasion of one contact: its name in the plan, its local day number, and which anniversary."""

    key: str
    day: int
    years: int = 0


def window(plan: CarePlan, today: int) -> tuple[int, int]:
    """Return the first and the last day of the occasions that are due and still of use on a day."""
    if plan.occasion == Kind.ORDERS:
        return max(today - THANKS_DAYS + 1, plan.live_from_day or today), today
    return today, today + plan.days_before


def latest_day(plan: CarePlan, day: int) -> int:
    """Return the last day on which a greeting for the occasion of ``day`` is of use."""
    return day + THANKS_DAYS - 1 if plan.occasion == Kind.ORDERS else day


def having(
    plan: CarePlan,
    first: int,
    last: int,
    *,
    at: datetime,
    contacts: Sequence[int] | None = None,
    is_in_segment: bool = False,
) -> QuerySet[Contact]:
    """Return the contacts with an occasion of ``plan`` on the local days ``first`` to ``last``, by scope.

    Birthdays are those of every contact, all else is of the customer and goes to its main contact. Nobody
    who left, was erased, or whose customer is gone. ``occurs`` is what some occasions are counted from.
    ``contacts``: of these only; ``is_in_segment``: the plan's segment was asked about them before.
    Raises ``ConditionRefused`` for a segment that no longer stands.
    """
    today = localtime.day_of(company.today(at).number)
    here = Q(left_on=None) | Q(left_on__gt=today)
    found = Contact.objects.filter(here, erased_at=None, customer__gone_at=None).select_related("customer")
    among: QuerySet[Customer] | None = None
    if contacts is not None:
        found = found.filter(pk__in=contacts)
        among = Customer.objects.filter(contacts__in=contacts)
    if plan.segment is not None and not is_in_segment:
        who = segments.matching(segments.condition_of(plan.segment), among=among, at=at)
        found = found.filter(customer__in=who.order_by().values("pk"))
    if plan.language:
        said = Coalesce(
            NullIf(F("language"), Value("")),
            NullIf(F("customer__language"), Value("")),
            Value(company.current().language),
        )
        is_chinese = Q(written_in__istartswith="zh")
        found = found.alias(written_in=said).filter(
            is_chinese if plan.language.startswith("zh") else ~is_chinese
        )
    if plan.occasion == Kind.BIRTHDAY:
        return found.filter(_born_on(first, last))
    return _of_customers(plan, found.filter(is_main=True), first, last)


def holds(touch: CareTouch, *, at: datetime) -> bool:
    """Say whether the contact of a greeting still has its occasion on that day, and is meant by the plan.

    Not when the plan's segment no longer stands: it says nothing of anybody then. One query.
    """
    day = touch.occasion_day
    try:
        return having(touch.plan, day, day, at=at, contacts=[touch.contact_id]).exists()
    except Refused:
        return False


def occurrence_of(plan: CarePlan, contact: Contact, first: int) -> Occurrence:
    """Return the occasion from the day ``first`` on of a contact that :func:`having` returned."""
    start = localtime.day_of(first)
    if plan.occasion == Kind.ORDERS:
        return Occurrence(f"orders:{plan.orders}", contact.occurs)  # type: ignore[attr-defined]
    if plan.occasion == Kind.BIRTHDAY:
        born = birthdays.of(contact)
        assert born is not None  # noqa: S101 — the query asked for it
        return _yearly(born, start)
    if plan.occasion == Kind.FESTIVAL:
        return _yearly(festival_of(plan), start)
    since = contact.customer.since
    if plan.occasion == Kind.FIRST_ORDER or since is None:
        since = localtime.day_of(contact.occurs)  # type: ignore[attr-defined]
    return _yearly(Birthday(since.month, since.day, since.year), start)


def festival_of(plan: CarePlan) -> Birthday:
    """Return the day of a plan's festival by its calendar."""
    if plan.festival != Festival.OWN:
        return FESTIVALS[plan.festival]
    return Birthday(plan.month or 1, plan.day or 1, calendar=plan.calendar)


def purchases() -> QuerySet[Order]:
    """Return the orders that count: bought, not cancelled, not void."""
    return Order.objects.filter(void=False, is_purchase=True).exclude(status=Order.Status.CANCELLED)


def _yearly(birthday: Birthday, start: date) -> Occurrence:
    day = birthdays.next_on(birthday, start)
    year = birthdays.year_of(birthday.calendar, day)
    return Occurrence(str(year), day.toordinal(), year - (birthday.year or year))


def _born_on(first: int, last: int) -> Q:
    found = Q(pk__in=[])
    for key in sorted(_keys(first, last)):
        calendar, is_leap, month, day = key
        leap = is_leap if calendar == LUNAR else None
        found |= Q(birth_calendar=calendar, birth_month=month, birth_day=day, birth_is_leap=leap)
    return found


def _keys(first: int, last: int) -> set[birthdays.Key]:
    return {key for n in range(first, last + 1) for key in birthdays.keys_on(localtime.day_of(n))}


def _of_customers(plan: CarePlan, found: QuerySet[Contact], first: int, last: int) -> QuerySet[Contact]:
    if plan.occasion == Kind.FESTIVAL:
        key = birthdays.key_of(festival_of(plan))
        return found if key in _keys(first, last) else found.none()
    if plan.occasion == Kind.SINCE:
        return found.filter(_since(first, last))
    hers = purchases().filter(customer=OuterRef("customer"))
    if plan.occasion == Kind.FIRST_ORDER:
        begun = Subquery(hers.order_by("occurred_day").values("occurred_day")[:1])
        return found.filter(customer__in=_first_orders(first, last)).annotate(occurs=begun)
    nth = (plan.orders or 1) - 1
    reached = Subquery(hers.order_by("occurred_at", "pk").values("occurred_day")[nth : nth + 1])
    lately = purchases().filter(occurred_day__gte=first, occurred_day__lte=last).order_by()
    return (
        found.filter(customer__in=lately.values("customer"))
        .annotate(occurs=reached)
        .filter(occurs__gte=first, occurs__lte=last)
    )


def _since(first: int, last: int) -> Q:
    found = Q(pk__in=[])
    for n in range(first, last + 1):
        day = localtime.day_of(n)
        for calendar, _leap, month, number in birthdays.keys_on(day):
            if calendar == SOLAR:
                found |= Q(
                    customer__since__month=month,
                    customer__since__day=number,
                    customer__since__year__lt=day.year,
                )
    return found


def _first_orders(first: int, last: int) -> QuerySet[Order]:
    """Return, as customers, whose first order was on one of these days of an earlier year."""
    oldest = purchases().order_by("occurred_day").values_list("occurred_day", flat=True).first()
    days = []
    for n in range(first, last + 1) if oldest is not None else ():
        day = localtime.day_of(n)
        solar = [key for key in birthdays.keys_on(day) if key[0] == SOLAR]
        for year in range(localtime.day_of(oldest or n).year, day.year):
            for _calendar, _leap, month, number in solar:
                if birthdays.falls_on(Birthday(month, number), year).day == number:
                    days.append(date(year, month, number).toordinal())
    earlier = purchases().filter(customer=OuterRef("customer"), occurred_day__lt=OuterRef("occurred_day"))
    rows = purchases().filter(~Exists(earlier), occurred_day__in=days)
    return rows.order_by().values("customer")  # type: ignore[return-value]


def years_of(touch: CareTouch) -> int:
    """Return which anniversary a greeting is for; 0 for every other occasion."""
    plan, began = touch.plan, None
    if plan.occasion == Kind.SINCE and touch.customer.since is not None:
        began = touch.customer.since.year
    elif plan.occasion == Kind.FIRST_ORDER:
        rows = purchases().filter(customer=touch.customer_id).order_by("occurred_day")
        first = rows.values_list("occurred_day", flat=True).first()
        began = localtime.day_of(first).year if first is not None else None
    return localtime.day_of(touch.occasion_day).year - began if began is not None else 0
