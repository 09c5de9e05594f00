"""Recovery points: given from a case for what went wrong, up to a limit a case and a budget a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from customers import objections, stubs
from customers.models import User
from loyalty.ledger import accounts, recovery
from loyalty.ledger.errors import NoPoints
from loyalty.models import PointsEntry, Programme
from retention.cases import moves
from retention.models import CaseMove, MoveKind, RetentionCase

SOURCE = "case_points"
"""Points of a case name the step of the case by which they were given."""
MOST_KEY = 64
MOST_POINTS = 1_000_000_000


@dataclass(frozen=True)
class Room:
    """How many points can still be granted: for the case, and in this month (``None``: as many as wanted)."""

    limit: int
    given: int  # and not taken back
    month: int | None

    @property
    def left(self) -> int:
        """Return how many the case can still get, whatever the month has left."""
        return max(0, self.limit - self.given)

    @property
    def is_none(self) -> bool:
        """Say whether not a single point can be granted today."""
        return self.left == 0 or self.month == 0


def room_for(case: RetentionCase, *, at: datetime) -> Room | None:
    """Return how many recovery points a case can still get; nothing where no programme runs."""
    programme = Programme.objects.exclude(state=Programme.State.DRAFT).first()
    if programme is None:
        return None
    month = recovery.budget_left(programme, at=at)
    return Room(programme.recovery_limit, _given(case, programme), None if month is None else max(0, month))


def grant_points(
    case: RetentionCase, *, points: int, reason: str, key: str, by: User | None, at: datetime
) -> PointsEntry:
    """Grant recovery points for an open case; return the entry of the ledger.

    The account of the customer is opened when there is none.

    Args:
        points: how many, above zero.
        key: names this one grant: what is sent twice with the same key is granted once.

    All or nothing in one transaction: the step in the case's history and the points. Raises the ledger's
    ``NoProgramme``, ``NoPoints``, ``NoReason``, ``RecoveryLimit`` and ``RecoveryBudget``; ``CaseClosed``,
    ``MovedMeanwhile``, ``Erased``. Side effects: a case that was only assigned is worked on from now; a
    move ``points`` with audit and event ``case.points``; those of ``ledger.recovery.grant_recovery``.
    """
    if not 0 < points <= MOST_POINTS:
        raise NoPoints()
    if not 0 < len(key) <= MOST_KEY:
        raise ValueError(f"a grant needs a key of 1 to {MOST_KEY} characters")
    with transaction.atomic():
        stubs.held(case.customer_id)  # locks in order: customer, case, account
        locked = moves.lock([case.pk])[0]
        account = accounts.hold(accounts.account_for(locked.customer_id, at=at))
        name = f"case:{case.pk}:{key}"
        mine = accounts.with_merged(account)
        if (known := PointsEntry.objects.filter(account__in=mine, key=name).first()) is not None:
            return known
        if not locked.is_open:
            raise moves.CaseClosed()
        objections.refuse_erased(locked.customer)
        already = _given(locked, account.programme)
        if locked.status == RetentionCase.Status.ASSIGNED:
            moves.move_to(locked, RetentionCase.Status.WORKING, kind=MoveKind.WORKING, by=by, at=at)
        step = moves.note(locked, kind=MoveKind.POINTS, codes={"points": points}, by=by, at=at)
        entry = recovery.grant_recovery(
            account,
            points=points,
            source=(SOURCE, step.pk),
            reason=reason,
            key=name,
            by=by,
            at=at,
            already=already,
        )
    case.status = locked.status
    return entry


def _given(case: RetentionCase, programme: Programme) -> int:
    """Return what a case got and kept, also what was given for one that was joined with it."""
    steps = CaseMove.objects.filter(case=case, kind=MoveKind.POINTS).order_by()
    given = dict(steps.values_list("pk", "codes"))
    taken = recovery.taken_back(programme, [(SOURCE, pk) for pk in given]) if given else 0
    return sum(codes["points"] for codes in given.values()) - taken
