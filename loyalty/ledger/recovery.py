"""Points that make up for a failure: within a limit a case and a budget a month."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import User
from loyalty.ledger import accounts, earning
from loyalty.ledger.entries import Source
from loyalty.ledger.errors import Counted, KeyOfAnother
from loyalty.models import PointsAccount, PointsEntry, Programme

Kind = PointsEntry.Kind


class NoReason(Refused):
    code = "points_reason"
    message = _("Say in a sentence what the points are for.")


class RecoveryLimit(Counted):
    code = "recovery_limit"
    message = _("For one case at most %(limit)s points are given, and %(already)s are given already.")


class RecoveryBudget(Counted):
    code = "recovery_budget"
    message = _("The budget of this month has %(left)s recovery points left. An admin raises it.")


def grant_recovery(
    account: PointsAccount,
    *,
    points: int,
    source: Source,
    reason: str,
    key: str,
    by: User | None,
    at: datetime,
    already: int = 0,
) -> PointsEntry:
    """Give recovery points in the caller's transaction; return the entry.

    Args:
        source: what they are given for, as ("case_points", 3): it gives once.
        already: what the same case got before and was not taken back, which counts against the limit, too.

    Raises ``NoPoints``, :class:`NoReason`, :class:`RecoveryLimit`, :class:`RecoveryBudget`,
    ``KeyOfAnother``. Side effects: the programme is held, so that two at once cannot both use the rest of the
    budget; lot; words; audit and event ``points.recovery``.
    """
    if not reason.strip():
        raise NoReason()
    with transaction.atomic():
        account = accounts.hold(account)
        programme = Programme.objects.select_for_update(no_key=True).get(pk=account.programme_id)
        known = PointsEntry.objects.filter(
            Q(programme=programme, source_type=source[0], source_id=source[1], kind=Kind.RECOVERY)
            | Q(account__in=accounts.with_merged(account), key=key, key__gt="")
        ).first()
        if known is not None:
            if known.kind != Kind.RECOVERY:
                raise KeyOfAnother()
            return known
        if already + points > programme.recovery_limit:
            raise RecoveryLimit(limit=programme.recovery_limit, already=already)
        left = budget_left(programme, at=at)
        if left is not None and points > left:
            raise RecoveryBudget(left=max(0, left))
        return earning.earn(
            account,
            points=points,
            source=source,
            occurred_at=at,
            detail={},
            key=key,
            by=by,
            at=at,
            kind=Kind.RECOVERY,
            note=reason,
        )


def taken_back(programme: Programme, sources: Collection[Source]) -> int:
    """Return how many of the recovery points that were given for ``sources`` were taken back; one query."""
    given: dict[str, list[int]] = {}
    for kind, pk in sources:
        given.setdefault(kind, []).append(pk)
    those = Q(pk__in=())
    for kind, pks in given.items():
        those |= Q(source_type=kind, source_id__in=pks)
    entries = PointsEntry.objects.filter(those, programme=programme, kind=Kind.RECOVERY).values("pk")
    back = PointsEntry.objects.filter(kind=Kind.TAKE_BACK, reverses__in=entries)
    return -(back.aggregate(sum=Sum(F("points") + F("pending") - F("debt")))["sum"] or 0)


def budget_left(programme: Programme, *, at: datetime) -> int | None:
    """Return how many recovery points the local month of ``at`` has left; ``None``: as many as wanted."""
    if programme.recovery_budget is None:
        return None
    today = company.today(at).number
    first = localtime.day_of(today).replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    mine = PointsEntry.objects.filter(
        Q(kind=Kind.RECOVERY) | Q(kind=Kind.TAKE_BACK, reverses__kind=Kind.RECOVERY),
        programme=programme,
        occurred_day__gte=first.toordinal(),
        occurred_day__lt=following.toordinal(),
    )
    given = mine.aggregate(sum=Sum(F("points") + F("pending") - F("debt")))["sum"] or 0
    return programme.recovery_budget - given
