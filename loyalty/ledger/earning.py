"""Points that come in, and those of an earning that are taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from django.db import transaction
from django.db.models import Sum

from customers import company
from customers.models import ImportBatch, User
from loyalty.ledger import accounts, entries, expiring, lots
from loyalty.ledger.entries import Source
from loyalty.ledger.errors import MoreThanMoved, NoPoints, PointsSpent
from loyalty.models import PointsAccount, PointsEntry, PointsLot, Programme

Kind = PointsEntry.Kind


class Unset(Enum):
    """Stands for a value that nobody gave, where ``None`` is one."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
Day = int | None | Literal[Unset.UNSET]


def earn(
    account: PointsAccount,
    *,
    points: int,
    source: Source | None,
    occurred_at: datetime,
    detail: Mapping[str, Any],
    key: str = "",
    by: User | None,
    at: datetime,
    usable_day: int | None = None,
    expires_day: Day = UNSET,
    kind: str = Kind.EARN,
    recorded_at: datetime | None = None,
    recorded_assumed: bool = False,
    batch: ImportBatch | None = None,
    note: str = "",
) -> PointsEntry:
    """Let points come into an account and return the entry.

    Args:
        source: what it was earned by, as ("order", 12); it earns once of each kind.
        usable_day: the first local day on which they can be used; unset: the programme's return window
            after the day of ``occurred_at`` for what is earned, that day for every other kind. Until then
            they are pending.
        expires_day: the last day, ``None`` for never; unset: what the programme says. It is never before
            ``usable_day``.
        detail: ids, codes and numbers that explain it; ``note``: a person's words.

    What is usable at once pays a debt first; what is past its last day already pays none. What stood idle
    too long by the day of ``occurred_at`` expires first, by an entry of its own. A gift is no activity of the
    customer: it does not put off that points expire by inactivity, unless all of them have by now. The same
    key or source again returns the first entry and changes nothing. Raises :class:`NoPoints`,
    ``KeyOfAnother``. Side effects: lot; audit and event ``points.earn`` (or that of the kind); the customer
    is touched.
    """
    if points <= 0:
        raise NoPoints()
    firm = company.current()
    day, today = company.today(occurred_at, firm).number, company.today(at, firm).number
    with transaction.atomic():
        held = accounts.hold(account)
        is_gift = kind == Kind.GIFT
        is_idle = stood_idle(held, today if is_gift else day)
        if is_idle and (held.balance or held.pending):  # what stood too long goes before it moves again
            expiring.settle_due(held, at=at if is_gift else occurred_at, recorded_at=at)
            held = accounts.lock(held)
            is_idle = stood_idle(held, today if is_gift else day)
        usable, expires = days_of(held.programme, kind, day, usable_day, expires_day)
        is_pending = usable > today
        paid = min(points, held.debt) if is_usable(usable, expires, today) else 0
        entry = entries.make(
            held,
            kind=kind,
            occurred_at=occurred_at,
            occurred_day=day,
            at=at,
            points=0 if is_pending else points - paid,
            pending=points if is_pending else 0,
            debt=-paid,
            source=source,
            key=key,
            detail=detail,
            by=by,
            recorded_at=recorded_at,
            recorded_assumed=recorded_assumed,
            batch=batch,
        )
        if (first := entries.write(entry)) is not None:
            return first
        lot = PointsLot.objects.create(
            account=held,
            customer_id=held.customer_id,
            entry=entry,
            points=points,
            left=points,
            is_pending=is_pending,
            earned_day=day,
            usable_day=usable,
            expires_day=expires,
        )
        if paid:
            lots.move(entry, [(lot, -paid)])
        moved = day if not is_gift or is_idle else None
        accounts.change(held, points=entry.points, pending=entry.pending, debt=entry.debt, day=moved)
        entries.told(entry, str(kind), by=by, at=at, note=note)
    return entry


def take_back(
    entry: PointsEntry,
    *,
    points: int,
    source: Source | None,
    key: str = "",
    occurred_at: datetime,
    detail: Mapping[str, Any],
    by: User | None,
    at: datetime,
    is_partial: bool = False,
    note: str = "",
) -> PointsEntry | None:
    """Take back points of an earning, as after a return; return the entry, ``None`` when nothing moves.

    They come from the earning's own lot: what is pending or left first. Of what is spent the programme
    says whether it becomes a debt, which is paid at once from what the account can use, or is refused
    (:class:`PointsSpent`; with ``is_partial`` what is left
    is taken and ``detail["short"]`` says how much is not). What expired is gone already and owes nothing.
    The same key or source again returns the first entry. Raises :class:`NoPoints`, ``KeyOfAnother``,
    :class:`MoreThanMoved` when more would be taken back than was earned. Side effects: audit and event
    ``points.take_back``.
    """
    with transaction.atomic():
        held = accounts.hold(entry.account)
        made = take_back_held(
            held,
            entry,
            None,
            points=points,
            source=source,
            key=key,
            occurred_at=occurred_at,
            detail=detail,
            by=by,
            at=at,
            is_partial=is_partial,
            note=note,
        )
        if made is not None:
            pay_what_was_made(held, at=at, because=made)
    return made


def take_back_held(
    held: PointsAccount,
    entry: PointsEntry,
    state: State | None,
    *,
    points: int,
    source: Source | None,
    key: str = "",
    occurred_at: datetime,
    detail: Mapping[str, Any],
    by: User | None,
    at: datetime,
    is_partial: bool = False,
    note: str = "",
) -> PointsEntry | None:
    """Do what :func:`take_back` does in an account that is held; the caller opens the transaction.

    A debt is left, as paying it takes from other earnings: :func:`pay_what_was_made` does, when the caller
    has taken back all that it wants to.

    ``state``: how the earning stands, where the caller read it since the account is held.
    """
    if points <= 0:
        raise NoPoints()
    made = entries.make(
        held,
        kind=Kind.TAKE_BACK,
        occurred_at=occurred_at,
        occurred_day=company.today(occurred_at).number,
        at=at,
        source=source,
        key=key,
        detail=detail,
        by=by,
        reverses=entry,
    )
    if state is None:
        if (first := entries.known(made)) is not None:
            return first
        state = states([entry])[entry.pk]
    left, spent = state.left, state.spent
    if points > state.standing:
        raise MoreThanMoved(most=state.standing)
    short = min(max(0, points - left), spent)
    if short and held.programme.on_spent_return == Programme.OnSpentReturn.DEBT:
        made.debt = short
    elif short and not is_partial:
        raise PointsSpent(short=short, left=left)
    elif short:
        made.detail["short"] = short
    parts = _parts(state.lots, min(points, left))
    made.pending = sum(part for lot, part in parts if lot.is_pending)
    made.points = sum(part for lot, part in parts if not lot.is_pending)
    if not (made.points or made.pending or made.debt):
        return None
    if (first := entries.write(made)) is not None:
        return first
    lots.move(made, parts)
    accounts.change(held, points=made.points, pending=made.pending, debt=made.debt)
    entries.told(made, "take_back", by=by, at=at, note=note)
    return made


@dataclass(frozen=True)
class State:
    """How an earning stands: what of it is not taken back, is left in its lots, is spent, and expired."""

    lots: list[PointsLot]
    standing: int
    left: int
    spent: int
    expired: int


def states(given: Sequence[PointsEntry]) -> dict[int, State]:
    """Return by id how earnings stand, whose accounts are held."""
    families = lots.families([entry.pk for entry in given])
    gone = lots.gone(lot for own in families.values() for lot in own)
    debts = PointsEntry.objects.filter(reverses__in=families, kind=Kind.TAKE_BACK).values_list("reverses")
    owed = dict(debts.annotate(sum=Sum("debt")).order_by())
    found = {}
    for pk, own in families.items():
        earned = sum(lot.points for lot in own if lot.entry_id == pk)
        left = sum(lot.left for lot in own)
        expired = sum(gone[lot.pk][0] for lot in own if lot.pk in gone)
        standing = earned - sum(gone[lot.pk][1] for lot in own if lot.pk in gone) - owed.get(pk, 0)
        found[pk] = State(own, standing, left, max(0, standing - left - expired), expired)
    return found


def not_taken_back(entry: PointsEntry) -> int:
    """Return how many points of an earning were not taken back yet, also of those that are used or expired.

    Raises :class:`MoreThanMoved` when none is left.
    """
    standing = states([entry])[entry.pk].standing
    if standing <= 0:
        raise MoreThanMoved(most=0)
    return standing


def pay_what_was_made(held: PointsAccount, *, at: datetime, because: PointsEntry) -> PointsEntry | None:
    """Pay the debt that a taking back made, in an account that is held, after what is due expired.

    Side effects: as :func:`pay_debt`.
    """
    if not because.debt or not held.balance:
        return None
    expiring.settle_due(held, at=at)
    return pay_debt(accounts.lock(held), at=at, because=because)


def pay_debt(account: PointsAccount, *, at: datetime, because: PointsEntry) -> PointsEntry | None:
    """Pay what an account that is held owes from what it can use, now.

    Side effects: an entry that takes them from the lots, oldest expiry first.
    """
    paid = min(account.debt, account.balance)
    if paid <= 0:
        return None
    entry = entries.make(
        account,
        kind=Kind.TAKE_BACK,
        occurred_at=at,
        occurred_day=company.today(at).number,
        at=at,
        points=-paid,
        debt=-paid,
        source=("entry", because.pk),
        detail={"debt_paid": paid},
    )
    if (first := entries.write(entry)) is not None:
        return first
    lots.take(account, entry, paid)
    accounts.change(account, points=-paid, debt=-paid)
    return entry


def days_of(
    programme: Programme, kind: str, day: int, usable_day: int | None, expires_day: Day
) -> tuple[int, int | None]:
    """Return the first and the last day on which points can be used."""
    if usable_day is None:
        usable_day = day + programme.pending_days if kind == Kind.EARN else day
    expires = expiring.expiry_day_of(programme, day) if isinstance(expires_day, Unset) else expires_day
    return usable_day, None if expires is None else max(expires, usable_day)


def is_usable(usable: int, expires: int | None, today: int) -> bool:
    """Say whether points can be used on a day, by their first and their last one."""
    return usable <= today and (expires is None or today <= expires)


def stood_idle(account: PointsAccount, day: int) -> bool:
    """Say whether an account stood idle so long by a day that its points have expired."""
    idle = expiring.idle_until(account.programme, account.moved_day)
    return idle is not None and idle < day


def _parts(own: list[PointsLot], points: int) -> list[tuple[PointsLot, int]]:
    """Share what is taken back among the lots of an earning: what is pending first."""
    parts = []
    for lot in sorted(own, key=lambda lot: (not lot.is_pending, lot.pk)):
        part = min(points, lot.left)
        if part:
            parts.append((lot, -part))
            points -= part
    return parts
