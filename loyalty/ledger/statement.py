"""What an account has, had at any past moment, and what all of it together is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, F, Q, QuerySet, Sum, Window

from customers import company
from loyalty.ledger import expiring
from loyalty.models import PointsAccount, PointsEntry, PointsLot, Programme

Kind = PointsEntry.Kind
MEASURED_DAYS = 365


@dataclass(frozen=True)
class Balance:
    """The three sums of an account."""

    points: int = 0
    pending: int = 0
    debt: int = 0


@dataclass(frozen=True)
class Standing(Balance):
    """What can be used now, what waits, what is owed; and how much goes after which local day, if any."""

    expires_day: int | None = None
    expiring: int = 0


@dataclass(frozen=True)
class Liability:
    """What a programme owes in points that nobody used yet.

    ``worth`` and ``expected`` are minor units of the programme's currency: of all points, and of those that
    will be used when the share ``breakage_bp`` (in 1/10,000; ``is_measured``: of the last year) never is.
    """

    points: int
    pending: int
    worth: int
    breakage_bp: int
    is_measured: bool
    expected: int


def entries_of(account: PointsAccount, as_of: datetime | None = None) -> QuerySet[PointsEntry]:
    """Return the entries of an account, newest first; each has ``running``, the usable points after it.

    ``as_of``: as it was known at that moment. Slice it: the sums are those of the whole account.
    """
    rows = PointsEntry.objects.filter(account=account)
    if as_of is not None:
        rows = rows.filter(recorded_at__lte=as_of)
    running = Window(
        Sum("points"),
        order_by=[F("occurred_at").asc(), F("pk").asc()],
        output_field=BigIntegerField(),
    )
    return rows.annotate(running=running).select_related("note", "by").order_by("-occurred_at", "-pk")


def balance_as_of(account: PointsAccount, as_of: datetime) -> Balance:
    """Return what an account had as it was known at a moment."""
    sums = PointsEntry.objects.filter(account=account, recorded_at__lte=as_of).aggregate(
        **{f"sum_{name}": Sum(name) for name in ("points", "pending", "debt")}
    )
    return Balance(*(sums[f"sum_{name}"] or 0 for name in ("points", "pending", "debt")))


def standing(account: PointsAccount, *, at: datetime) -> Standing:
    """Return what an account has at ``at``: what is due by then and not yet written is counted as if it were.

    Writes nothing; one query beside that of the account, which is taken as it stands.
    """
    today = company.today(at).number
    lots = PointsLot.objects.filter(account=account, left__gt=0)
    points, pending, debt = account.balance, account.pending, account.debt
    days: dict[int, int] = {}
    rows = lots.filter(Q(expires_day__isnull=False) | Q(is_pending=True)).order_by("usable_day", "pk")
    for is_pending, usable, last, left in rows.values_list("is_pending", "usable_day", "expires_day", "left"):
        if is_pending and usable <= today:
            paid = min(debt, left)
            pending, debt = pending - left, debt - paid
            points, left = points + left - paid, left - paid
        elif is_pending:
            continue
        if last is not None and last < today:
            points -= left
        elif last is not None and left:
            days[last] = days.get(last, 0) + left
    idle = expiring.idle_until(account.programme, account.moved_day)
    if idle is not None and idle < today:
        return Standing(0, pending, debt)
    if idle is not None and points:
        days[idle] = points
    first = min(days, default=None)
    return Standing(points, pending, debt, first, days[first] if first is not None else 0)


def usable_of(accounts: Iterable[PointsAccount], *, at: datetime) -> dict[int, int]:
    """Return by account how many points can be used at ``at``, as :func:`standing` counts; one query."""
    today = company.today(at).number
    found = list(accounts)
    alive = Q(expires_day__isnull=True) | Q(expires_day__gte=today)
    lots = PointsLot.objects.filter(account__in=[account.pk for account in found], left__gt=0)
    sums = lots.values_list("account").annotate(
        over=Sum("left", filter=Q(is_pending=False, expires_day__lt=today), default=0),
        came=Sum("left", filter=Q(alive, is_pending=True, usable_day__lte=today), default=0),
    )
    due = {pk: (over, came) for pk, over, came in sums.order_by()}
    usable = {}
    for account in found:
        over, came = due.get(account.pk, (0, 0))
        idle = expiring.idle_until(account.programme, account.moved_day)
        is_idle = idle is not None and idle < today
        usable[account.pk] = 0 if is_idle else account.balance - over + max(0, came - account.debt)
    return usable


def liability(programme: Programme, at: datetime) -> Liability:
    """Return what the programme owes at ``at``, as the accounts stand; what is past its day is not owed.

    Breakage is what the programme says, else the share of the points gone in the last year that expired.
    """
    today = company.today(at).number
    mine = PointsAccount.objects.filter(programme=programme)
    sums = mine.aggregate(points=Sum("balance"), waiting=Sum("pending"))
    due = PointsLot.objects.filter(
        account__programme=programme, left__gt=0, is_pending=False, expires_day__lt=today
    )
    points = (sums["points"] or 0) - (due.aggregate(sum=Sum("left"))["sum"] or 0)
    pending = sums["waiting"] or 0
    share = programme.breakage_bp
    measured = share is None
    if share is None:
        share = breakage(programme, at)
    worth = (points + pending) * programme.worth_of_100 // 100
    return Liability(points, pending, worth, share, measured, worth * (10_000 - share) // 10_000)


def breakage(programme: Programme, at: datetime) -> int:
    """Return the share, in 1/10,000, of the points that went in the year before ``at`` by expiring."""
    today = company.today(at).number
    gone = PointsEntry.objects.filter(
        programme=programme,
        kind__in=[Kind.EXPIRE, Kind.REDEEM, Kind.GIVE_BACK],
        occurred_day__gt=today - MEASURED_DAYS,
        occurred_day__lte=today,
        recorded_at__lte=at,
    )
    sums = gone.aggregate(
        expired=Sum("points", filter=Q(kind=Kind.EXPIRE)), used=Sum("points", filter=~Q(kind=Kind.EXPIRE))
    )
    expired, used = -(sums["expired"] or 0), -(sums["used"] or 0)
    return round(expired * 10_000 / (expired + used)) if expired + used > 0 else 0
