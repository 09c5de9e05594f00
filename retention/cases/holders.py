"""Who holds a case: given by the rule of assignment or by hand, taken back when somebody leaves.

*May* this user is a question of its own (``may_work``, ``may_assign``); what the state allows is the
verb's. Whoever holds an open case has an ``Access`` row to its customer, which ends with the holding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.ground.rows import update_rows
from customers.models import Access, Customer, User
from customers.models.people import Role
from retention.cases import moves
from retention.cases.assignment import Ask, Assignment, Candidate, assignment_sentence, choose_many
from retention.models import EarlyWarning, FollowUpCall, MoveKind, RetentionCase
from retention.models.rules import WorkTo

WORKING_ROLES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD)
BY_HAND = "by_hand"
PUT_BACK = "put_back"
LEFT = "left"
TOOK = "took"
CHUNK = 500

Status = RetentionCase.Status


class MayNotHold(Refused):
    code = "may_not_hold_case"
    message = _("%(name)s cannot hold cases. Choose an account manager or a team lead who still works here.")


class HeldAlready(Refused):
    code = "case_held_already"
    message = _("%(name)s holds this case. Ask a team lead to give it to you.")


def may_work(user: User, case: RetentionCase) -> bool:
    """Say whether ``user`` may log calls, diagnose and close ``case`` (not whether its state allows it)."""
    if not user.is_active or user.role not in {*WORKING_ROLES, Role.ADMIN}:
        return False
    return case.assignee_id == user.pk or RetentionCase.objects.filter(pk=case.pk).visible_to(user).exists()  # type: ignore[attr-defined]


def may_assign(user: User) -> bool:
    """Say whether ``user`` may give cases to others: leads and admins."""
    return user.is_active and user.role in {Role.TEAM_LEAD, Role.ADMIN}


def assign(case: RetentionCase, *, to: User, by: User | None, at: datetime) -> RetentionCase:
    """Give a case to ``to`` by hand; a case that somebody works on starts again as assigned.

    Nothing changes when ``to`` holds it already. Raises :class:`MayNotHold`, ``CaseClosed`` and
    ``MovedMeanwhile``. Side effects: access given and ended, the planned call goes along, one move,
    audit and event.
    """
    _refuse_unless_may_hold(to)
    if not case.is_open:
        raise moves.CaseClosed()
    old = case.assignee_id
    if old == to.pk:
        return case
    code = TOOK if by is not None and by.pk == to.pk else BY_HAND
    fields = _holding(to.pk, code, {"user": to.pk}, at=at)
    codes = {"assignee": to.pk, "before": old, "reason": code}
    kind = MoveKind.ASSIGNED if old is None else MoveKind.REASSIGNED
    with transaction.atomic():
        if case.status == Status.ASSIGNED:
            moves.note(case, kind=kind, codes=codes, by=by, at=at, **fields)
        else:
            moves.move_to(case, Status.ASSIGNED, kind=kind, codes=codes, by=by, at=at, **fields)
        follow([case], at=at)
    return case


def take(case: RetentionCase, *, by: User, at: datetime) -> RetentionCase:
    """Take a case that nobody holds; who wants somebody else's asks a lead.

    Raises :class:`HeldAlready`, and as :func:`assign`, whose side effects it has.
    """
    if case.assignee_id not in (None, by.pk):
        raise HeldAlready(name=str(case.assignee))
    return assign(case, to=by, by=by, at=at)


def assign_many(cases: Iterable[RetentionCase], *, to: User, by: User | None, at: datetime) -> int:
    """Give many cases to ``to`` by hand in one transaction; return how many changed hands.

    Those that are closed by now, or his already, are left alone. Raises :class:`MayNotHold`.
    """
    _refuse_unless_may_hold(to)
    with transaction.atomic():
        standing = [case for case in moves.lock(c.pk for c in cases) if case.is_open]
        changing = [case for case in standing if case.assignee_id != to.pk]
        code = TOOK if by is not None and by.pk == to.pk else BY_HAND
        before = {case.pk: (case.status, case.assignee_id) for case in changing}
        fields = _holding(to.pk, code, {"user": to.pk}, at=at)

        def codes_of(case: RetentionCase) -> dict[str, Any]:
            return {"assignee": to.pk, "before": before[case.pk][1], "reason": code}

        for kind, chosen in (
            (MoveKind.ASSIGNED, [c for c in changing if c.status == Status.UNASSIGNED]),
            (MoveKind.REASSIGNED, [c for c in changing if c.status == Status.WORKING]),
        ):
            moves.move_many(
                chosen,
                Status.ASSIGNED,
                kind=kind,
                codes_of=codes_of,
                by=by,
                at=at,
                fields_of=lambda c: fields,
            )
        waiting = [case for case in changing if before[case.pk][0] == Status.ASSIGNED]
        RetentionCase.objects.filter(pk__in=[c.pk for c in waiting]).update(**fields)
        for case in waiting:
            case.assignee_id = to.pk
        moves.record_many(waiting, kind=MoveKind.REASSIGNED, codes_of=codes_of, by=by, at=at)
        follow(changing, at=at)
    return len(changing)


def unassign(case: RetentionCase, *, by: User | None, at: datetime) -> RetentionCase:
    """Put a case back, so that it is given anew by the rule of assignment.

    Raises ``CaseClosed``, ``NotAllowed`` and ``MovedMeanwhile``. Side effects as :func:`assign`.
    """
    codes = {"before": case.assignee_id, "reason": PUT_BACK}
    with transaction.atomic():
        fields = _holding(None, PUT_BACK, {}, at=at)
        moves.move_to(case, Status.UNASSIGNED, kind=MoveKind.UNASSIGNED, codes=codes, by=by, at=at, **fields)
        follow([case], at=at)
    return case


def hold_desk() -> None:
    """Wait until nobody else gives out cases, to the end of the transaction; taken before any case.

    There is one desk, the company's row: loads are counted by one at a time, so that nobody gets more
    than the agreed number, and because it comes first, no two can wait for each other's cases.
    """
    list(Company.objects.select_for_update(no_key=True).values_list("pk", flat=True))


def give(cases: Sequence[RetentionCase], *, at: datetime) -> list[RetentionCase]:
    """Give unassigned, locked cases to those who can take them; return those that were given.

    The caller holds the desk. The others keep standing unassigned with their reason. Side effects as
    :func:`assign`; ``by`` is the system.
    """
    if not cases:
        return []
    asks = _asks(cases)
    decisions = dict(zip((case.pk for case in cases), _decide(asks), strict=True))
    taken = [case for case in cases if decisions[case.pk].user_id is not None]
    moves.move_many(
        taken,
        Status.ASSIGNED,
        kind=MoveKind.ASSIGNED,
        codes_of=lambda case: {
            "assignee": decisions[case.pk].user_id,
            "reason": decisions[case.pk].reason_code,
        },
        by=None,
        at=at,
        fields_of=lambda case: _chosen(decisions[case.pk], at=at),
    )
    _explain([case for case in cases if decisions[case.pk].user_id is None], decisions)
    follow(taken, at=at)
    return taken


def take_back_from_leavers(*, at: datetime) -> int:
    """Put back the open cases of people who no longer work here; return how many.

    They are then given anew. Side effects as :func:`unassign`; at most ``CHUNK`` at a time.
    """
    gone = ~Q(assignee__is_active=True, assignee__role__in=WORKING_ROLES)
    with transaction.atomic():
        ids = RetentionCase.objects.filter(gone, assignee__isnull=False).open().values_list("pk", flat=True)  # type: ignore[attr-defined]
        cases = [case for case in moves.lock(ids[:CHUNK]) if case.status in (Status.ASSIGNED, Status.WORKING)]
        before = {case.pk: case.assignee_id for case in cases}
        moves.move_many(
            cases,
            Status.UNASSIGNED,
            kind=MoveKind.UNASSIGNED,
            codes_of=lambda case: {"before": before[case.pk], "reason": LEFT},
            by=None,
            at=at,
            fields_of=lambda case: _holding(None, LEFT, {}, at=at),
        )
        follow(cases, at=at)
    return len(cases)


def why_assigned(case: RetentionCase) -> str:
    """Return in words who holds the case and why, or why nobody does; ``""`` before any decision."""
    name = str(case.assignee) if case.assignee else ""
    own = {
        BY_HAND: gettext("Given to %(name)s by hand."),
        TOOK: gettext("%(name)s took the case."),
        PUT_BACK: gettext("The case was put back and waits for somebody who can take it."),
        LEFT: gettext("The person who held the case no longer works here; it waits for somebody else."),
    }
    if case.assign_reason in own:
        return own[case.assign_reason] % {"name": name or gettext("a colleague")}
    if not case.assign_reason:
        return ""
    return assignment_sentence(case.assign_reason, case.assign_data, name=name)


def follow(cases: Iterable[RetentionCase], *, at: datetime) -> None:
    """Let access and planned calls follow who holds ``cases`` now; inside the caller's transaction."""
    held = {case.pk: case for case in cases}
    if not held:
        return
    holding = {(case.customer_id, case.assignee_id) for case in held.values() if case.is_open}
    open_rows = Access.objects.filter(
        customer_id__in=[case.customer_id for case in held.values()],
        reason=Access.Reason.CASE,
        ends_at__isnull=True,
    )
    ended = [
        pk
        for pk, customer_id, user_id in open_rows.values_list("pk", "customer_id", "user_id")
        if (customer_id, user_id) not in holding
    ]
    Access.objects.filter(pk__in=ended).update(ends_at=at)
    Access.objects.bulk_create(
        [
            Access(
                customer_id=case.customer_id,
                user_id=case.assignee_id,
                reason=Access.Reason.CASE,
                starts_at=at,
            )
            for case in held.values()
            if case.is_open and case.assignee_id
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    planned = FollowUpCall.objects.filter(case__in=held, status=FollowUpCall.Status.PLANNED)
    moving = list(planned.only("pk", "case_id", "assignee_id"))
    for call in moving:
        call.assignee_id = held[call.case_id].assignee_id
    update_rows(moving, ["assignee"])
    from retention.loop import owners  # which stands on cases

    owners.follow_holders([case.pk for case in held.values() if case.is_open], at=at)


def _refuse_unless_may_hold(user: User) -> None:
    if not (user.is_active and user.role in WORKING_ROLES):
        raise MayNotHold(name=str(user))


def _holding(user_id: int | None, code: str, data: dict[str, Any], *, at: datetime) -> dict[str, Any]:
    return {
        "assignee_id": user_id,
        "assigned_at": at if user_id else None,
        "assign_reason": code,
        "assign_data": data,
    }


def _chosen(decision: Assignment, *, at: datetime) -> dict[str, Any]:
    return _holding(decision.user_id, decision.reason_code, decision.reason_data, at=at)


def _asks(cases: Sequence[RetentionCase]) -> list[Ask]:
    ids = [case.customer_id for case in cases]
    wishes = _wishes(ids)
    found = Customer.objects.filter(pk__in=ids).values_list("pk", "owner_id", "team_id")
    by_id = {pk: Ask(owner_id, team_id, *wishes.get(pk, (None, None))) for pk, owner_id, team_id in found}
    return [by_id[case.customer_id] for case in cases]


def _wishes(customer_ids: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
    """Return the person and the team that rules name, by customer; the gravest rule decides."""
    calling = EarlyWarning.objects.calling().filter(customer__in=customer_ids)  # type: ignore[attr-defined]
    naming = calling.exclude(rule__work_to=WorkTo.OWNER).order_by("severity", "-rule__position", "-pk")
    rows = naming.values_list("customer_id", "rule__work_person_id", "rule__work_team_id")
    return {customer: (person, team) for customer, person, team in rows}


def _decide(asks: Sequence[Ask]) -> list[Assignment]:
    """Ask the rule of assignment with everybody concerned, their loads and their last turns."""
    owners = {one for ask in asks for one in (ask.owner_id, ask.person_id) if one}
    teams = {one for ask in asks for one in (ask.team_id, ask.rule_team_id) if one}
    concerned = Q(pk__in=owners) | Q(team_id__in=teams, role__in=WORKING_ROLES)
    people = list(User.objects.filter(concerned).order_by("pk"))
    held = RetentionCase.objects.filter(assignee__in=[person.pk for person in people]).values("assignee")
    loads = {
        row["assignee"]: row
        for row in held.annotate(last=Max("assigned_at"), open=Count("pk", filter=~Q(status=Status.CLOSED)))
    }
    candidates = [
        Candidate(
            user_id=person.pk,
            open_cases=loads.get(person.pk, {"open": 0})["open"],
            capacity=person.capacity,
            is_active=person.is_active and person.role in WORKING_ROLES,
            team_id=person.team_id,
        )
        for person in people
    ]
    turns = {pk: row["last"] for pk, row in loads.items() if row["last"] is not None}
    return choose_many(asks, candidates, last_assigned=turns)


def _explain(cases: Sequence[RetentionCase], decisions: dict[int, Assignment]) -> None:
    """Store why nobody got the case, where that differs from what stands there."""
    differing = []
    for case in cases:
        decision = decisions[case.pk]
        if (case.assign_reason, case.assign_data) != (decision.reason_code, decision.reason_data):
            case.assign_reason, case.assign_data = decision.reason_code, decision.reason_data
            differing.append(case)
    update_rows(differing, ["assign_reason", "assign_data"])
