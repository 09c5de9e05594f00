"""Who has to bring feedback to its end: the holder of the case, the account manager, else a lead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils.translation import gettext_lazy as _

from customers.feedback.unknown import assign_feedback
from customers.ground.errors import Refused
from customers.models import Customer, UnknownFeedback, User
from customers.models.people import Role
from retention.loop import moves
from retention.models import LoopClosure, LoopStep, RetentionCase

OWNING_ROLES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
AT_ONCE = 200
State = LoopClosure.State


class MayNotOwn(Refused):
    code = "may_not_own_loop"
    message = _(
        "%(name)s cannot take this. Choose an account manager, a team lead or an admin who works here."
    )


class HasOwner(Refused):
    code = "loop_has_owner"
    message = _("%(name)s looks after this. A team lead or an admin can give it to you.")


def owner_for(customer: Customer | None, case: RetentionCase | None) -> User | None:
    """Return who gets a new piece of feedback; nobody where nobody works here who could."""
    holder = case.assignee if case is not None else None
    if holder is not None and may_own(holder):
        return holder
    owner = customer.owner if customer is not None else None
    if owner is not None and may_own(owner):
        return owner
    return lead_for(customer.team_id if customer is not None else None)


def lead_for(team_id: int | None) -> User | None:
    """Return the lead with the fewest open loops, the team's own first; an admin where there is no lead."""
    leads = User.objects.filter(is_active=True, role__in=[Role.TEAM_LEAD, Role.ADMIN])
    is_open = Q(loops__state__in=LoopClosure.OPEN_STATES)
    counted = leads.annotate(load=Count("loops", filter=is_open))
    ranked = sorted(
        counted, key=lambda u: (u.role != Role.TEAM_LEAD, not team_id or u.team_id != team_id, u.load, u.pk)
    )
    return ranked[0] if ranked else None


def may_own(user: User) -> bool:
    """Say whether feedback may be given to ``user``."""
    return user.is_active and user.role in OWNING_ROLES


def may_work(user: User, loop: LoopClosure) -> bool:
    """Say whether ``user`` may work on a loop that she may see (not whether its state allows it)."""
    return user.is_active and user.role in {*OWNING_ROLES, Role.INTEGRATION}


def may_assign(user: User, loop: LoopClosure) -> bool:
    """Say whether ``user`` may give a loop to others; anybody may take one that nobody has."""
    return user.is_active and user.role in {Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION}


def may_take(user: User, loop: LoopClosure) -> bool:
    """Say whether ``user`` may take a loop: one that nobody has, or any for who gives them out."""
    is_free = loop.owner_id is None or may_assign(user, loop)
    return loop.owner_id != user.pk and is_free and may_own(user)


def take_loop(loop: LoopClosure, *, by: User, at: datetime) -> LoopClosure:
    """Take a loop that nobody has; who gives them out takes any.

    Raises :class:`HasOwner`, and as :func:`assign_loop`, whose side effects it has.
    """
    with transaction.atomic():
        loop.refresh_from_db(from_queryset=LoopClosure.objects.select_for_update())
        if loop.owner is not None and loop.owner != by and not may_assign(by, loop):
            raise HasOwner(name=str(loop.owner))
        return assign_loop(loop, to=by, by=by, at=at)


@transaction.atomic
def assign_loop(loop: LoopClosure, *, to: User, by: User | None, at: datetime) -> LoopClosure:
    """Give a loop to ``to``; nothing changes when she has it already.

    Raises :class:`MayNotOwn`, ``LoopEnded``, ``LoopMoved``. Side effects: step, audit.
    """
    if not may_own(to):
        raise MayNotOwn(name=str(to))
    moves.refuse_ended(loop)
    if loop.owner_id == to.pk:
        return loop
    fields: dict[str, Any] = {"owner_id": to.pk, "team_id": to.team_id or loop.team_id}
    if loop.state == State.RECEIVED:
        moves.move_to(loop, State.ASSIGNED, kind=LoopStep.Kind.ASSIGNED, by=by, at=at, **fields)
    else:
        moves.note(loop, kind=LoopStep.Kind.ASSIGNED, by=by, at=at, **fields)
    if loop.unknown is not None and loop.unknown.state == UnknownFeedback.State.OPEN:
        assign_feedback(loop.unknown, to=to, by=by, at=at)  # one owner, in the inbox too
    return loop


def give_unowned(*, at: datetime) -> int:
    """Give loops of nobody, and of people who no longer work here, to whom they belong; return how many."""
    gone = Q(owner=None) | Q(owner__is_active=False) | ~Q(owner__role__in=OWNING_ROLES)
    found = LoopClosure.objects.open().filter(gone).order_by("due_at", "pk")  # type: ignore[attr-defined]
    given = 0
    # one at a time, because each adds to somebody's load; at most a bounded number
    for loop in found.select_related("customer__owner", "case__assignee")[:AT_ONCE]:
        owner = lead_for(loop.team_id) if loop.level > 1 else owner_for(loop.customer, loop.case)
        if owner is None:
            continue
        try:
            with transaction.atomic():
                assign_loop(loop, to=owner, by=None, at=at)
        except (moves.LoopMoved, moves.LoopEnded):
            continue
        given += 1
    return given


def follow_holders(case_ids: Iterable[int], *, at: datetime) -> int:
    """Let loops of some cases go to who holds these now, but those that went to a lead; return how many."""
    other = ~Q(owner=F("case__assignee")) | Q(owner=None)
    found = LoopClosure.objects.open().filter(  # type: ignore[attr-defined]
        other, case__in=list(case_ids), level=1, case__assignee__isnull=False
    )
    given = 0
    # hardly ever more than a few
    for loop in found.select_related("case__assignee").order_by("customer_id", "pk"):
        holder = loop.case.assignee
        if holder is None or not may_own(holder):
            continue
        try:  # somebody who works on it meanwhile keeps nobody from getting the case
            with transaction.atomic():
                assign_loop(loop, to=holder, by=None, at=at)
        except (moves.LoopMoved, moves.LoopEnded):
            continue
        given += 1
    return given
