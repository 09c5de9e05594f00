"""What merging two customers does to their cases, warnings and losses, of which each may stand but once.

Two open cases become one with both histories: the older case stays, with the higher severity, the earlier
deadline and all calls, steps, warnings and causes of the other, which is closed as joined and points to
it. Of two standing warnings of one rule the older stays open. All of it is kept for the undo.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils.translation import gettext

from customers import movers
from customers.ground.rows import update_rows
from customers.merges import keeping
from customers.models import Access, Merge
from retention import warnings
from retention.cases import holders, moves
from retention.cases.opening import stronger
from retention.models import (
    CaseCause,
    CaseMove,
    ConcernedCustomer,
    ConcernedStep,
    EarlyWarning,
    FollowUpCall,
    LoopClosure,
    Loss,
    LossKind,
    MoveKind,
    RetentionCase,
    StatedCause,
)

Status = RetentionCase.Status
_WEIGHT = {Status.UNASSIGNED: 0, Status.ASSIGNED: 1, Status.WORKING: 2}
_GROWING = ("kind", "severity", "margin_365d", "churn_type")
_HOLDING = ("assignee_id", "assigned_at", "assign_reason", "assign_data")
_OF_STAYING = (*_GROWING, "complaint_id", "due_at", "status", *_HOLDING)
_OF_JOINED = ("status", "outcome", "closed_at", "closed_by_id", "due_at", "joined_into_id")
_OF_WARNING = ("case_id", "state", "closed_at", "closed_because")
_OF_CONCERNED = ("case_id", "state", "changed_at", "handled_at", "message_id", "unsent")
_STEPS_LOOKED_AT = 100
_FAR: dict[str, int] = {
    str(state): far for far, state in enumerate(ConcernedCustomer.State) if state != "left"
}
"""How far one came with a change; that she left, the night finds for the customer that both are now."""
_OF_CALL = ("case_id", "status", "assignee_id")


def register() -> None:
    """Enter what is done here beside the moving of rows."""
    movers.register_joining("retention.cases", movers.Joining(lock, join, settle, blockers, part))


def lock(first: int, second: int) -> None:
    """Take the desk and the cases of two customers, in order."""
    holders.hold_desk()
    rows = RetentionCase.objects.select_for_update(no_key=True, of=("self",))
    cases = rows.filter(customer_id__in=[first, second]).order_by("customer_id", "pk")
    list(cases.values_list("pk", flat=True))


def join(merge: Merge) -> None:
    """Make one of two open cases, of two standing warnings of a rule, and of two losses that last."""
    both = (merge.survivor_id, merge.merged_id)
    open_access = Access.objects.filter(customer_id__in=both, ends_at__isnull=True)
    keeping.keep(merge, open_access.filter(reason=Access.Reason.CASE), "ends_at")
    standing = list(RetentionCase.objects.filter(customer_id__in=both).open().order_by("opened_at", "pk"))  # type: ignore[attr-defined]
    if len(standing) == 2:
        _join_cases(merge, *standing)
    _join_concerned(merge)
    _close_double_warnings(merge)
    _join_losses(merge)


def settle(merge: Merge) -> None:
    """Let accesses follow who holds the case that is open now."""
    holders.follow(RetentionCase.objects.filter(customer_id=merge.survivor_id).open(), at=merge.at)  # type: ignore[attr-defined]


def blockers(merge: Merge) -> list[str]:
    """Say who went on with a case that was made of two: what was done in it cannot be told apart."""
    if "case" not in merge.made:
        return []
    case = RetentionCase.objects.get(pk=merge.made["case"])
    since = CaseMove.objects.filter(case=case, pk__gt=merge.made["step"], by__isnull=False)
    undone = set(Merge.objects.filter(undone_at__isnull=False).values_list("pk", flat=True))
    by_people = since.select_related("by").order_by("-pk")[:_STEPS_LOOKED_AT]
    last = next((step for step in by_people if step.codes.get("merge") not in undone), None)
    if last is not None:
        return [
            gettext("Somebody went on with case %(case)s, which was made of two: %(name)s %(what)s.")
            % {"case": case.pk, "name": last.by, "what": MoveKind(last.kind).label}
        ]
    if not case.is_open:
        return [gettext("Case %(case)s, which was made of two, is closed by now.") % {"case": case.pk}]
    return []


def part(merge: Merge) -> None:
    """Make two cases of one again, when their rows went back; accesses follow."""
    both, at = (merge.survivor_id, merge.merged_id), merge.undone_at
    if at is None:
        raise ValueError("the merge stands")
    if "case" in merge.made:
        case, joined = (RetentionCase.objects.get(pk=merge.made[name]) for name in ("case", "joined"))
        own_reason = _without(case.reason, joined.reason)
        for one, other, fields in ((case, joined, {"reason": own_reason}), (joined, case, {})):
            codes = {"case": other.pk, "merge": merge.pk}
            moves.note(one, kind=MoveKind.PARTED, codes=codes, by=merge.undone_by, at=at, **fields)
    holders.follow(RetentionCase.objects.filter(customer_id__in=both).open(), at=at)  # type: ignore[attr-defined]


def _join_losses(merge: Merge) -> None:
    """Let one of two lasting losses last: the total one, else the first; the other lasts no time."""
    both = (merge.survivor_id, merge.merged_id)
    lasting = sorted(
        Loss.objects.filter(customer_id__in=both, ended_at__isnull=True),
        key=lambda loss: (loss.definition == LossKind.PARTIAL, loss.occurred_at),
    )
    keeping.keep(merge, lasting[1:], "ended_at", "end_recorded_at", "ended_because")
    Loss.objects.filter(pk__in=[loss.pk for loss in lasting[1:]]).update(
        ended_at=F("occurred_at"), end_recorded_at=merge.at, ended_because=Loss.Ended.TOTAL
    )


# --- Cases -------------------------------------------------------------------------------------
def _join_cases(merge: Merge, case: RetentionCase, joined: RetentionCase) -> None:
    keeping.keep(merge, [case], *_OF_STAYING)
    keeping.keep(merge, [joined], *_OF_JOINED)
    cancelled = _join_calls(merge, case, joined)
    _join_history(merge, case, joined)
    _join_causes(merge, case, joined)
    case.kind = stronger(case.kind, joined.kind)
    case.severity = max(case.severity, joined.severity)
    case.margin_365d += joined.margin_365d
    case.complaint_id = case.complaint_id or joined.complaint_id
    case.churn_type = case.churn_type or joined.churn_type
    case.reason = "\n".join(filter(None, [case.reason, joined.reason]))
    case.due_at = _due_at(case)
    case.save(update_fields=[*_GROWING, "complaint_id", "reason", "due_at"])
    step = _note_join(case, joined, merge, cancelled)
    moves.move_to(
        joined,
        Status.CLOSED,
        kind=MoveKind.MERGED,
        codes={"case": case.pk, "merge": merge.pk},
        by=merge.by,
        at=merge.at,
        outcome=RetentionCase.Outcome.MERGED,
        closed_at=merge.at,
        closed_by=merge.by,
        due_at=None,
        joined_into=case,
    )
    merge.made |= {"case": case.pk, "joined": joined.pk, "step": step.pk}


def _note_join(case: RetentionCase, joined: RetentionCase, merge: Merge, cancelled: int | None) -> CaseMove:
    """Write the step of the staying case, which goes to whoever got further with either."""
    codes = {"case": joined.pk, "merge": merge.pk, "cancelled_call": cancelled}
    status, holding = _held(case, joined)
    said: dict[str, Any] = {
        "kind": MoveKind.MERGED,
        "codes": codes,
        "by": merge.by,
        "at": merge.at,
        **holding,
    }
    return moves.note(case, **said) if status == case.status else moves.move_to(case, status, **said)


def _join_calls(merge: Merge, case: RetentionCase, joined: RetentionCase) -> int | None:
    """Move the calls; of two planned ones the sooner stays. Return the one that was cancelled, if any."""
    calls = list(FollowUpCall.objects.filter(case__in=[case, joined]).order_by("due_at", "pk"))
    planned = [call for call in calls if call.status == FollowUpCall.Status.PLANNED]
    keeping.keep(merge, [call for call in calls if call.case_id == joined.pk or call in planned], *_OF_CALL)
    later = planned[1] if len(planned) == 2 else None
    if later is not None:
        FollowUpCall.objects.filter(pk=later.pk).update(status=FollowUpCall.Status.CANCELLED)
    FollowUpCall.objects.filter(case=joined).update(case=case)
    return later.pk if later else None


def _due_at(case: RetentionCase) -> Any:
    planned = FollowUpCall.objects.filter(case=case, status=FollowUpCall.Status.PLANNED)
    return planned.values_list("due_at", flat=True).first()


def _join_history(merge: Merge, case: RetentionCase, joined: RetentionCase) -> None:
    """Move the steps, the warnings, the feedback and the changes that wait for what is said in a call."""
    steps = CaseMove.objects.filter(case=joined)
    keeping.keep(merge, steps, "case_id")
    steps.update(case=case)
    raised = EarlyWarning.objects.filter(case=joined)
    keeping.keep(merge, raised, *_OF_WARNING)
    raised.update(case=case)
    told = LoopClosure.objects.filter(case=joined)
    keeping.keep(merge, told, "case_id")
    told.update(case=case)
    concerned = ConcernedCustomer.objects.filter(case=joined)
    keeping.keep(merge, concerned, *_OF_CONCERNED)
    concerned.update(case=case)


def _join_causes(merge: Merge, case: RetentionCase, joined: RetentionCase) -> None:
    """Move the causes that the diagnosis of the staying case does not name yet; its main cause stays."""
    own = list(CaseCause.objects.filter(case=case))
    named = {cause.cause_id for cause in own}
    new = [cause for cause in CaseCause.objects.filter(case=joined) if cause.cause_id not in named]
    keeping.keep(merge, new, "case_id", "is_main")
    moving = CaseCause.objects.filter(pk__in=[cause.pk for cause in new])
    moving.update(case=case)
    if any(cause.is_main for cause in own):
        moving.update(is_main=False)
    stated = set(StatedCause.objects.filter(case=case).values_list("cause_id", flat=True))
    said = [cause for cause in StatedCause.objects.filter(case=joined) if cause.cause_id not in stated]
    keeping.keep(merge, said, "case_id")
    StatedCause.objects.filter(pk__in=[cause.pk for cause in said]).update(case=case)


def _held(case: RetentionCase, joined: RetentionCase) -> tuple[Status, dict[str, Any]]:
    """Return who holds the case that is left: whoever got further with it, else who holds it already."""
    status = Status(case.status)
    if _WEIGHT[Status(joined.status)] <= _WEIGHT[status]:
        return status, {}
    further = Status.ASSIGNED if status == Status.UNASSIGNED else Status(joined.status)
    return further, {name: getattr(joined, name) for name in _HOLDING}


def _without(reason: str, joined: str) -> str:
    """Return the reason of a case without that of the case that had joined it."""
    return reason.removesuffix(joined).removesuffix("\n") if joined else reason


# --- Changes of the business -------------------------------------------------------------------
def _join_concerned(merge: Merge) -> None:
    """Let the row of who stays say how far either came, in each change that concerns both.

    The row of the other stays with her, where nobody waits for it; the steps go along.
    """
    others = {row.change_id: row for row in ConcernedCustomer.objects.filter(customer=merge.merged_id)}
    rows = list(ConcernedCustomer.objects.filter(customer=merge.survivor_id, change__in=others))
    keeping.keep(merge, rows, *_OF_CONCERNED)
    for row in rows:
        other = others[row.change_id]
        row.case_id = row.case_id or other.case_id
        if _FAR.get(row.state, len(_FAR)) < _FAR.get(other.state, 0):
            row.state, row.changed_at = other.state, other.changed_at
        if row.message_id is None and other.message_id is not None:  # one of the two was written to
            row.handled_at, row.message_id, row.unsent = other.handled_at, other.message_id, other.unsent
    update_rows(rows, _OF_CONCERNED)
    stays = {others[row.change_id].pk: row for row in rows}
    steps = list(ConcernedStep.objects.filter(row__in=stays))
    keeping.keep(merge, steps, "row_id")
    for step in steps:
        step.row_id = stays[step.row_id].pk
    update_rows(steps, ["row_id"])


# --- Warnings ----------------------------------------------------------------------------------
def _close_double_warnings(merge: Merge) -> None:
    """Close the younger of two standing warnings of one rule; one that asks for a case comes first."""
    both = (merge.survivor_id, merge.merged_id)
    standing = EarlyWarning.objects.filter(customer_id__in=both).open().order_by("raised_at", "pk")  # type: ignore[attr-defined]
    by_rule: dict[int, list[EarlyWarning]] = {}
    for warning in standing:
        by_rule.setdefault(warning.rule_id, []).append(warning)
    double = []
    for of_rule in by_rule.values():
        of_rule.sort(key=lambda warning: (warning.is_baseline, warning.state != EarlyWarning.State.OPEN))
        double += of_rule[1:]
    keeping.keep(merge, double, *_OF_WARNING)
    chosen = EarlyWarning.objects.filter(pk__in=[warning.pk for warning in double])
    warnings.close(chosen, because=EarlyWarning.Closed.MERGED, at=merge.at)
