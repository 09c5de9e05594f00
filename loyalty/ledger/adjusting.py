"""Points by hand: up to a limit by oneself, above it with a second pair of eyes; and entries reversed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Func, IntegerField, Sum
from django.utils.translation import gettext_lazy as _

from customers import company, objections
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from customers.models import Contact, User
from customers.models.people import Role
from loyalty.ledger import accounts, earning, redeeming, statement
from loyalty.ledger.errors import MoreThanMoved, NoPoints, NotEnoughPoints, NotOfThisKind
from loyalty.ledger.recovery import NoReason
from loyalty.models import PointsAccount, PointsAdjustment, PointsEntry, Redemption

DECIDING = (Role.TEAM_LEAD, Role.ADMIN)
State = PointsAdjustment.State
Kind = PointsEntry.Kind
MOST_KEY = 64


class NotYours(Refused):
    code = "points_adjustment_approver"
    message = _("Somebody else decides this: a team lead or admin, and not who asked for it.")


class Decided(Refused):
    code = "points_adjustment_decided"
    message = _("This adjustment is decided already.")


class WithdrawNotYours(Refused):
    code = "points_adjustment_asker"
    message = _("Only who asked for an adjustment withdraws it. A team lead or admin declines it.")


class ReverseNotYours(Refused):
    code = "points_reverse_role"
    message = _("A team lead or admin reverses entries by hand. Ask one.")


class HasRedemption(Refused):
    code = "points_reverse_redemption"
    message = _("These points bought a reward. Cancel that redemption: the points come back with it.")


def adjust(
    account: PointsAccount,
    *,
    points: int,
    reason: str,
    key: str,
    by: User | None,
    at: datetime,
    contact: Contact | None = None,
) -> PointsAdjustment:
    """Add points by hand, or take them when below zero; return the adjustment.

    A team lead or admin does it alone within the programme's limit, which what she adjusted alone in this
    account, and in those that were merged into it, on the same local day counts against; else it waits for a
    second person, unless it would take more than there is: that is refused at once. The same key again
    changes nothing; one of more than :data:`MOST_KEY` characters is a ``ValueError``. Raises ``NoPoints``,
    :class:`NoReason`, ``NotEnoughPoints``, ``Erased``. Side effects: audit ``points.adjust_grant`` or
    ``….adjust_ask``; when granted those of the entry.
    """
    if len(key) > MOST_KEY:
        raise ValueError(f"an adjustment has a key of at most {MOST_KEY} characters")
    if not points:
        raise NoPoints()
    if not reason.strip():
        raise NoReason()
    with transaction.atomic():
        held = accounts.hold(account)
        asked = PointsAdjustment.objects.filter(account__in=accounts.with_merged(held), key=key)
        known = asked.order_by("pk").first()
        if known is not None:
            return known
        objections.refuse_erased(held.customer)
        row = PointsAdjustment(
            account=held,
            customer_id=held.customer_id,
            contact=contact,
            points=points,
            reason=reason.strip(),
            state=State.ASKED,
            key=key,
            by=by,
            at=at,
        )
        is_granted = _may_alone(row, by=by, at=at)
        if is_granted:
            row.state, row.decided_at = State.GRANTED, at
        else:
            _refuse_impossible(held, points, at=at)
        row.save()
        if is_granted:
            _grant(row, by=by, at=at)
        _note("adjust_grant" if is_granted else "adjust_ask", row, by=by, at=at)
    return row


def decide_adjustment(row: PointsAdjustment, *, is_granted: bool, by: User, at: datetime) -> PointsAdjustment:
    """Grant or decline an adjustment that waits; return it.

    Raises :class:`NotYours`, :class:`Decided`, ``NotEnoughPoints``, when granted ``Erased``. Side
    effects: audit ``points.adjust_grant`` or ``points.adjust_decline``; when granted those of the entry.
    """
    with transaction.atomic():
        held = accounts.hold(row.account)
        row.refresh_from_db()
        if row.state != State.ASKED:
            raise Decided()
        if not may_decide(row, by=by):
            raise NotYours()
        if is_granted:
            objections.refuse_erased(held.customer)
        row.state = State.GRANTED if is_granted else State.DECLINED
        row.decided_by, row.decided_at = by, at
        row.save(update_fields=["state", "decided_by", "decided_at"])
        if is_granted:
            _grant(row, by=by, at=at)
        _note("adjust_grant" if is_granted else "adjust_decline", row, by=by, at=at)
    return row


def withdraw_adjustment(row: PointsAdjustment, *, by: User, at: datetime) -> PointsAdjustment:
    """Withdraw an adjustment that one asked for oneself and that still waits; return it.

    Raises :class:`WithdrawNotYours`, :class:`Decided`. Side effects: audit ``points.adjust_withdraw``.
    """
    with transaction.atomic():
        accounts.hold(row.account)
        row.refresh_from_db()
        if row.by_id != by.pk:
            raise WithdrawNotYours()
        if row.state != State.ASKED:
            raise Decided()
        row.state, row.decided_at = State.WITHDRAWN, at
        row.save(update_fields=["state", "decided_at"])
        _note("adjust_withdraw", row, by=by, at=at)
    return row


def may_decide(row: PointsAdjustment, *, by: User) -> bool:
    """Say whether ``by`` may decide it: it waits, and she is a lead or admin and not who asked."""
    return row.state == State.ASKED and by.role in DECIDING and row.by_id != by.pk


def reverse_entry(entry: PointsEntry, *, reason: str, key: str, by: User | None, at: datetime) -> PointsEntry:
    """Undo an entry by another one: what came in is taken back, what was used is given back.

    All that is not back yet; return the new entry. Raises :class:`ReverseNotYours`, :class:`NoReason`,
    :class:`HasRedemption`, ``NotOfThisKind`` for entries that follow from others, ``PointsSpent`` where the
    programme does not let spent points become a debt, ``MoreThanMoved`` when it is reversed already,
    ``KeyOfAnother`` when the key reversed another entry. Side effects: those of ``take_back`` or
    ``give_back``; the reason as the new entry's words.
    """
    if by is not None and by.role not in DECIDING:
        raise ReverseNotYours()
    if not reason.strip():
        raise NoReason()
    with transaction.atomic():
        if (known := PointsEntry.objects.filter(reverses=entry, key=key, key__gt="").first()) is not None:
            return known
        if entry.kind in (Kind.REDEEM, Kind.ADJUST) and entry.points < 0:
            if Redemption.objects.filter(entry=entry).exists():
                raise HasRedemption()
            return redeeming.give_back(entry, source=None, key=key, by=by, at=at, note=reason)
        if entry.kind not in (Kind.EARN, Kind.OPENING, Kind.RECOVERY, Kind.GIFT, Kind.ADJUST):
            raise NotOfThisKind()
        accounts.hold(entry.account)
        made = earning.take_back(
            entry,
            points=earning.not_taken_back(entry),
            source=None,
            key=key,
            occurred_at=at,
            detail={},
            by=by,
            at=at,
            note=reason,
        )
        if made is None:  # all of it has expired
            raise MoreThanMoved(most=0)
        return made


def _may_alone(row: PointsAdjustment, *, by: User | None, at: datetime) -> bool:
    if by is None:
        return True
    if by.role not in DECIDING:
        return False
    today = company.today(at)
    since = localtime.start_of_day(today.number, today.zone)
    alone = PointsAdjustment.objects.filter(
        account__in=accounts.with_merged(row.account),
        by=by,
        state=State.GRANTED,
        decided_by=None,
        at__gte=since,
    )
    size = Func(F("points"), function="ABS", output_field=IntegerField())
    so_far = alone.aggregate(sum=Sum(size))["sum"] or 0
    return so_far + abs(row.points) <= row.account.programme.adjust_limit


def _refuse_impossible(account: PointsAccount, points: int, *, at: datetime) -> None:
    have = statement.standing(account, at=at).points
    if -points > have:
        raise NotEnoughPoints(have=have, wanted=-points)


def _grant(row: PointsAdjustment, *, by: User | None, at: datetime) -> None:
    source = ("adjustment", row.pk)
    if row.points > 0:
        row.entry = earning.earn(
            row.account,
            points=row.points,
            source=source,
            occurred_at=at,
            detail={},
            by=by,
            at=at,
            kind=Kind.ADJUST,
            note=row.reason,
        )
    else:
        row.entry = redeeming.redeem(
            row.account,
            points=-row.points,
            source=source,
            key="",
            detail={},
            by=by,
            at=at,
            kind=Kind.ADJUST,
            note=row.reason,
        )
    row.save(update_fields=["entry"])


def _note(act: str, row: PointsAdjustment, *, by: User | None, at: datetime) -> None:
    codes = {"account": row.account_id, "points": row.points}
    audit.record(f"points.{act}", obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes)
