"""The figures of the overview: what is outstanding, what expires, and what moved month by month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from customers.ground.localtime import day_of
from loyalty.models import PointsAccount, PointsEntry, PointsLot, Programme
from loyalty.models.ledger import gone

MONTHS = 12
SPANS = (30, 60, 90)
Kind = PointsEntry.Kind
CAME = (
    *(Kind.OPENING, Kind.EARN, Kind.RELEASE, Kind.ADJUST),
    *(Kind.RECOVERY, Kind.GIFT, Kind.TRANSFER_IN),
)


@dataclass(frozen=True)
class Outstanding:
    """What all accounts hold together, in points; counted are those of customers that are not gone."""

    accounts: int
    points: int
    pending: int
    debt: int


@dataclass
class Month:
    """One month: what was earned, redeemed and what expired, and what was outstanding at its end."""

    first: date
    earned: int = 0
    redeemed: int = 0
    expired: int = 0
    other: int = 0
    outstanding: int = 0
    worth: int = field(default=0)  # minor units


def outstanding(programme: Programme) -> Outstanding:
    """Return what all accounts of a programme hold; one query."""
    sums = PointsAccount.objects.filter(programme=programme).aggregate(
        n=Count("pk", filter=~Q(customer__in=gone())),
        points=Coalesce(Sum("balance"), 0),
        held=Coalesce(Sum("pending"), 0),
        owed=Coalesce(Sum("debt"), 0),
    )
    return Outstanding(sums["n"], sums["points"], sums["held"], sums["owed"])


def expiring(programme: Programme, *, today: int) -> list[tuple[int, int]]:
    """Return the points that expire within each span of days; one query over the lots due by then."""
    due = PointsLot.objects.filter(
        account__programme=programme, left__gt=0, expires_day__gte=today, expires_day__lt=today + max(SPANS)
    )
    sums = due.aggregate(
        **{f"in_{span}": Sum("left", filter=Q(expires_day__lt=today + span)) for span in SPANS}
    )
    return [(span, sums[f"in_{span}"] or 0) for span in SPANS]


def by_month(programme: Programme, *, today: int, now_outstanding: int) -> list[Month]:
    """Return the last twelve months, the present one last; one query that the database groups by day.

    What was outstanding at the end of a month is what is now, less what moved since.
    """
    firsts = first_days(day_of(today), MONTHS)
    rows = (
        PointsEntry.objects.filter(programme=programme, occurred_day__gte=firsts[0].toordinal())
        .order_by()
        .values("occurred_day", "kind")
        .annotate(moved=Sum("points"))
    )
    months = [Month(first) for first in firsts]
    moved = _add(months, ((row["occurred_day"], row["kind"], row["moved"]) for row in rows))
    left = now_outstanding
    for month, total in zip(reversed(months), reversed(moved), strict=True):
        month.outstanding = max(left, 0)
        month.worth = worth(programme, month.outstanding)
        left -= total
    return months


def worth(programme: Programme, points: int) -> int:
    """Return what points are worth in minor units of the programme's currency, rounded down."""
    return points * programme.worth_of_100 // 100


def first_days(today: date, number: int) -> list[date]:
    """Return the first days of the last ``number`` months, the present one last."""
    months = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(months - number + 1, months + 1)]


def _add(months: list[Month], rows: Iterable[tuple[int, str, int]]) -> list[int]:
    """Add movements to their months; return how far the outstanding points moved in each."""
    edges = [month.first.toordinal() for month in months]
    spans = list(pairwise([*edges, 10**9]))
    moved = [0] * len(months)
    for day, kind, points in rows:
        place = next(n for n, (begin, end) in enumerate(spans) if begin <= day < end)
        month = months[place]
        moved[place] += points
        if kind in CAME and points > 0:
            month.earned += points
        elif kind == Kind.REDEEM or kind == Kind.GIVE_BACK:
            month.redeemed -= points
        elif kind == Kind.EXPIRE:
            month.expired -= points
        else:
            month.other += points
    return moved
