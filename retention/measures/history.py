"""The course of a customer's year, month by month, for the small charts of the customer page."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Count, F, Q, Sum

from customers.company import today
from customers.facts import visible
from customers.ground.localtime import day_of
from customers.models import ComplaintEvent, Interaction, Order


def history(customer_id: int, *, at: datetime, months: int = 12) -> dict[str, list[int]]:
    """Return orders, spend, contacts and complaints of one customer by calendar month, oldest first.

    The last of the ``months`` is the running one. What counts is what the measures count: no
    cancelled orders, net spend in minor units of the base currency, contacts that reached somebody,
    complaints by the day they were opened. Three queries, whatever the customer did.
    """
    starts = months_of(at, months)
    recent = visible(Order, as_of=at) & Q(customer_id=customer_id, occurred_day__gte=starts[0])
    orders = (
        Order.objects.filter(recent)
        .exclude(status=Order.Status.CANCELLED)
        .values_list("occurred_day")
        .annotate(n=Count("id", filter=Q(is_purchase=True)), net=Sum(F("sold_base") - F("returned_base")))
    )
    contacts = (
        Interaction.objects.filter(recent, reached=True).values_list("occurred_day").annotate(Count("id"))
    )
    opened = ComplaintEvent.objects.filter(recent, kind=ComplaintEvent.Kind.OPENED)
    complaints = opened.values_list("occurred_day").annotate(Count("id"))
    per_day = list(orders)
    return {
        "orders": _by_month(starts, [(day, n) for day, n, _net in per_day]),
        "spend": _by_month(starts, [(day, net) for day, _n, net in per_day]),
        "contacts": _by_month(starts, list(contacts)),
        "complaints": _by_month(starts, list(complaints)),
    }


def months_of(at: datetime, months: int = 12) -> list[int]:
    """Return the day numbers on which the months of :func:`history` begin, oldest first."""
    return _month_starts(day_of(today(at).number), months)


def _month_starts(last: date, months: int) -> list[int]:
    """Return the day numbers on which the last ``months`` months begin, oldest first."""
    number = last.year * 12 + last.month - 1
    return [date(n // 12, n % 12 + 1, 1).toordinal() for n in range(number - months + 1, number + 1)]


def _by_month(starts: list[int], per_day: list[tuple[int, int]]) -> list[int]:
    sums = [0] * len(starts)
    for day, value in per_day:
        month = sum(1 for start in starts if start <= day) - 1
        sums[month] += value
    return sums
