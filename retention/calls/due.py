"""What the schedule does every minute: give cases that can be given, plan what lacks a plan, escalate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from customers import company
from customers.ground.rows import update_rows
from customers.models import User
from customers.models.people import Role
from retention.calls.planning import first_call_within, plan_first_calls
from retention.cases import holders, moves
from retention.models import FollowUpCall, MoveKind, RetentionCase

CHUNK = 500
Status = FollowUpCall.Status


@dataclass(frozen=True)
class Due:
    """What one round of :func:`assign_due` did."""

    taken_back: int
    assigned: int
    planned: int


def assign_due(*, at: datetime) -> Due:
    """Give the unassigned cases that somebody can take now, and plan the calls that are missing.

    Cases of people who left are taken back first. A case needs a call when none was ever planned or
    made, except where the customer wants none. Safe to run twice and at once. Side effects as
    ``holders.give`` and ``plan_first_calls``, in transactions of at most 500 cases.
    """
    taken_back = 0
    while count := holders.take_back_from_leavers(at=at):
        taken_back += count
    unassigned = RetentionCase.objects.filter(status=RetentionCase.Status.UNASSIGNED)
    assigned = sum(_give(ids, at=at) for ids in _chunks(unassigned))
    planned = sum(_plan(ids, at=at) for ids in _chunks(_without_call()))
    return Due(taken_back, assigned, planned)


def escalate_overdue(*, at: datetime) -> int:
    """Mark planned calls whose deadline lies before ``at`` as overdue and tell the lead; return how many.

    The lead is that of the assignee's team, for a call that nobody holds that of the customer's; without
    another active lead it is an admin. Each call once, however often and by whomever this runs. Side
    effects: ``overdue_at``, ``escalated_to``, one move ``escalated`` each with audit and event.
    """
    total = 0
    while count := _escalate_some(at=at):
        total += count
    return total


def _escalate_some(*, at: datetime) -> int:
    late = FollowUpCall.objects.filter(status=Status.PLANNED, due_at__lt=at, overdue_at__isnull=True)
    rows = late.select_for_update(no_key=True, of=("self",)).select_related("case", "customer", "assignee")
    with transaction.atomic():
        calls = list(rows.order_by("customer_id", "pk")[:CHUNK])
        if not calls:
            return 0
        tell = _whom_to_tell(calls)
        for call in calls:
            call.overdue_at, call.escalated_to_id = at, tell[call.pk]
        update_rows(calls, ["overdue_at", "escalated_to"], only=("status", [Status.PLANNED]))
        by_case = {call.case_id: call for call in calls}
        moves.record_many(
            [call.case for call in calls],
            kind=MoveKind.ESCALATED,
            codes_of=lambda case: {"call": by_case[case.pk].pk, "to": by_case[case.pk].escalated_to_id},
            by=None,
            at=at,
        )
    return len(calls)


def _whom_to_tell(calls: list[FollowUpCall]) -> dict[int, int | None]:
    """Return, by call, the lead of who should have called; an admin where there is no other lead."""
    leads: dict[int | None, list[int]] = {}
    working = User.objects.filter(is_active=True).order_by("pk")
    for pk, team_id in working.filter(role=Role.TEAM_LEAD, team__isnull=False).values_list("pk", "team_id"):
        leads.setdefault(team_id, []).append(pk)
    admin = working.filter(role=Role.ADMIN).values_list("pk", flat=True).first()
    found: dict[int, int | None] = {}
    for call in calls:
        team_id = call.assignee.team_id if call.assignee else call.customer.team_id
        others = [pk for pk in leads.get(team_id, []) if pk != call.assignee_id]
        found[call.pk] = others[0] if others else admin
    return found


def _give(ids: list[int], *, at: datetime) -> int:
    with transaction.atomic():
        holders.hold_desk()
        cases = [case for case in moves.lock(ids) if case.status == RetentionCase.Status.UNASSIGNED]
        return len(holders.give(cases, at=at))


def _plan(ids: list[int], *, at: datetime) -> int:
    with transaction.atomic():
        locked = {case.pk for case in moves.lock(ids)}
        cases = list(_without_call().filter(pk__in=locked).order_by("customer_id"))
        return plan_first_calls(
            cases, within=first_call_within(cases), calendar=company.working_calendar(), at=at
        )


def _without_call() -> QuerySet[RetentionCase]:
    calls = FollowUpCall.objects.filter(case=OuterRef("pk"), status__in=[Status.PLANNED, Status.DONE])
    return RetentionCase.objects.filter(~Exists(calls), status__in=moves.OPEN)


def _chunks(cases: QuerySet[RetentionCase]) -> Iterator[list[int]]:
    """Yield the ids of ``cases`` in pieces, in order of customer."""
    ids = list(cases.order_by("customer_id").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
