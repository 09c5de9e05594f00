"""What counts for tiers: points earned or money spent, in a calendar year, the last days, or ever.

* Points: what was earned, less what was taken back of it, pending points included; not what was adjusted,
  transferred, given for recovery or as a gift, or an opening balance, nor what took such points back.
* Spend: what was sold less what came back, in minor units of the base currency; orders of the time before
  the programme began count too, void and cancelled ones do not. A return counts on the day of the return.

Whose they are says the customer, so that a merge brings both histories together. Below zero is zero.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet, Sum

from customers import company
from customers.ground import localtime
from customers.models import Order
from loyalty.models import PointsEntry, Programme

Kind = PointsEntry.Kind


@dataclass(frozen=True)
class Counting:
    """What counts for the tiers of a programme at a moment; days are local day numbers."""

    programme: Programme
    at: datetime
    today: int
    zone: str
    first_day: int | None  # ``None``: since ever

    @property
    def is_spend(self) -> bool:
        """Whether money counts, and not points."""
        return self.programme.tier_basis == Programme.Basis.SPEND


def counting(programme: Programme, *, at: datetime) -> Counting:
    """Return what counts for the tiers of ``programme`` at ``at``, by days of the company's zone."""
    today = company.today(at)
    first = first_day(programme, today=today.number)
    return Counting(programme=programme, at=at, today=today.number, zone=today.zone, first_day=first)


def first_day(programme: Programme, *, today: int) -> int | None:
    """Return the first local day that counts on the local day ``today``; ``None`` for every day."""
    if programme.tier_window == Programme.Window.LIFETIME:
        return None
    if programme.tier_window == Programme.Window.CALENDAR:
        return date(localtime.day_of(today).year, 1, 1).toordinal()
    return today - programme.tier_window_days + 1


def basis_sql(which: Counting, bound: dict[str, Any], *, customer: str) -> str:
    """Return a scalar subquery of what counts for the customer in SQL column ``customer``; fill ``bound``."""
    bound |= {
        "at": connection.ops.adapt_datetimefield_value(which.at),
        "first_day": which.first_day,
        "today": which.today,
        "programme": which.programme.pk,
    }
    days = "f.occurred_day <= %(today)s"
    if which.first_day is not None:
        days += " AND f.occurred_day >= %(first_day)s"
    known = f"f.customer_id = {customer} AND {days} AND f.occurred_at <= %(at)s AND f.recorded_at <= %(at)s"
    if which.is_spend:
        what = "f.sold_base - f.returned_base"
        rest = f"{_table(Order)} AS f WHERE {known} AND NOT f.void AND f.status <> %(cancelled)s"
        bound["cancelled"] = str(Order.Status.CANCELLED)
    else:
        what = "f.points + f.pending - f.debt"
        rest = f"{_table(PointsEntry)} AS f WHERE {known} AND f.programme_id = %(programme)s"
        of_earning = f"(SELECT e.kind FROM {_table(PointsEntry)} AS e WHERE e.id = f.reverses_id) = %(earn)s"
        rest += f" AND (f.kind = %(earn)s OR f.kind = %(take_back)s AND {of_earning})"
        bound |= {"earn": str(Kind.EARN), "take_back": str(Kind.TAKE_BACK)}
    return f"(SELECT CAST(COALESCE(SUM({what}), 0) AS bigint) FROM {rest})"


def by_day(which: Counting, *, customer_id: int) -> list[tuple[int, int]]:
    """Return what counts of one customer by local day, the oldest first; one query."""
    rows: QuerySet[Any]
    if which.is_spend:
        rows = Order.objects.filter(void=False).exclude(status=Order.Status.CANCELLED)
        amount = Sum(F("sold_base") - F("returned_base"))
    else:
        earned = Q(kind=Kind.EARN) | Q(kind=Kind.TAKE_BACK, reverses__kind=Kind.EARN)
        rows = PointsEntry.objects.filter(earned, programme=which.programme)
        amount = Sum(F("points") + F("pending") - F("debt"))
    rows = rows.filter(customer=customer_id, occurred_at__lte=which.at, recorded_at__lte=which.at)
    rows = rows.filter(occurred_day__lte=which.today)
    if which.first_day is not None:
        rows = rows.filter(occurred_day__gte=which.first_day)
    days = rows.order_by("occurred_day").values("occurred_day").annotate(amount=amount)
    return list(days.values_list("occurred_day", "amount"))


def _table(model: Any) -> str:
    return str(model._meta.db_table)
