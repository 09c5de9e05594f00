"""Closing a case: with an outcome and its reason, and everything that ends with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.models import Complaint, FeedbackKind, User
from retention import losses, warnings
from retention.calls.planning import cancel_planned
from retention.cases import holders, moves
from retention.models import CaseMove, EarlyWarning, LoopClosure, MoveKind, RetentionCase

Outcome = RetentionCase.Outcome
Status = RetentionCase.Status
KEPT = (Outcome.SAVED, Outcome.REGAINED)
CLOSED_BY_HAND = [
    choice for choice in Outcome.choices if choice[0] not in (Outcome.RECOVERED, Outcome.MERGED)
]
"""The outcomes that a person may choose; the others follow from what happened."""
_NAMED = 5  # open loops named in a refusal
_NO_WORK = (MoveKind.ASSIGNED, MoveKind.REASSIGNED, MoveKind.UNASSIGNED, MoveKind.DISMISSED)


class OutcomeReasonMissing(Refused):
    code = "outcome_without_reason"
    message = _("Say in a sentence why the case ends like this; the next one who reads it will thank you.")


class ComplaintOpen(Refused):
    code = "complaint_still_open"
    message = _(
        "The customer is not won back while the complaint is open. Resolve the complaint first, or choose "
        "another outcome."
    )


class LoopsOpen(Refused):
    code = "case_with_open_loops"
    message = _(
        "The customer is still to be told, or asked whether it is solved: %(loops)s. Bring each to its end "
        "first; the case closes when all are."
    )


def close_case(
    case: RetentionCase, *, outcome: str, reason: str = "", by: User | None, at: datetime
) -> RetentionCase:
    """Close a case for good; nothing opens it again.

    Args:
        outcome: saved, regained, lost, unreachable, not_pursued or recovered; only a merge of customers
            (``cases.merging``) joins cases.
        reason: in words; needed for all outcomes but ``recovered``.

    Raises :class:`OutcomeReasonMissing`, :class:`LoopsOpen`, :class:`ComplaintOpen`, ``DiagnosisMissing``,
    ``CaseClosed``, ``MovedMeanwhile``. Side effects: a planned call is cancelled, the warnings close with
    the case, access ends; a loss is recorded when lost, and ended when regained; one move with audit and
    event.
    """
    outcome, reason = Outcome(outcome), reason.strip()
    if outcome == Outcome.MERGED:
        raise ValueError("a case is joined with another by merging their customers")
    if outcome != Outcome.RECOVERED and not reason:
        raise OutcomeReasonMissing()
    with transaction.atomic():
        moves.lock_one(case)
        if outcome in KEPT and _complaints_open(case):
            raise ComplaintOpen()
        _refuse_open_loops(case)
        if outcome == Outcome.LOST:
            losses.record_loss(case, by=by, at=at)
        if outcome == Outcome.REGAINED:
            losses.end_loss(case.customer, by=by, at=at)
        moves.move_to(
            case,
            Status.CLOSED,
            kind=MoveKind.CLOSED,
            codes={"outcome": outcome.value},
            by=by,
            at=at,
            outcome=outcome,
            outcome_reason=reason,
            closed_at=at,
            closed_by=by,
            due_at=None,
        )
        cancel_planned([case])
        warnings.close_of_case(case, because=EarlyWarning.Closed.CASE_CLOSED, at=at)
        holders.follow([case], at=at)
    return case


def recovered_by_itself(case_ids: Iterable[int], *, at: datetime) -> int:
    """Close the cases whose signs are all gone before anybody worked on them; see :func:`close_untouched`."""
    return close_untouched(case_ids, outcome=Outcome.RECOVERED, kind=MoveKind.RECOVERED, at=at)


def objected(customer_id: int, at: datetime) -> None:
    """Close a customer's warnings, and the case that nobody worked on, because profiling was objected to.

    What somebody works on, what a complaint opened and what was promised goes on. A hook of
    ``customers.objections``, so it runs in the transaction of the objection.
    """
    standing = EarlyWarning.objects.filter(customer=customer_id).exclude(state=EarlyWarning.State.CLOSED)
    concerned = [pk for pk in standing.values_list("case", flat=True) if pk is not None]
    warnings.close(standing, because=EarlyWarning.Closed.OBJECTED, at=at)
    close_untouched(set(concerned), outcome=Outcome.NOT_PURSUED, kind=MoveKind.OBJECTED, at=at)


def close_untouched(
    case_ids: Iterable[int],
    *,
    outcome: Outcome,
    kind: MoveKind,
    reason: str = "",
    by: User | None = None,
    at: datetime,
) -> int:
    """Close the cases without an open warning that nobody worked on; return how many.

    A case stays open that somebody works on or has called about, that a person opened or gave a reason
    for, that a complaint opened that is one still, or that still has an open warning. Giving it to somebody
    and saying that a warning is no sign are no work on it. Side effects as :func:`close_case`; a bounded
    number of statements.
    """
    ids = list(case_ids)
    still_on = EarlyWarning.objects.filter(case=OuterRef("pk"), state=EarlyWarning.State.OPEN)
    worked = CaseMove.objects.filter(case=OuterRef("pk"), by__isnull=False).exclude(kind__in=_NO_WORK)
    with transaction.atomic():
        locked = [case.pk for case in moves.lock(ids)]
        untouched = RetentionCase.objects.filter(
            ~Exists(still_on),
            ~Exists(LoopClosure.objects.open().filter(case=OuterRef("pk"))),  # type: ignore[attr-defined]
            ~Exists(worked),
            Q(complaint=None) | ~Q(complaint__kind=FeedbackKind.COMPLAINT),
            pk__in=locked,
            status__in=[Status.UNASSIGNED, Status.ASSIGNED],
            reason="",
        )
        cases = list(untouched.order_by("customer_id", "pk"))
        closing = {
            "outcome": outcome,
            "outcome_reason": reason,
            "closed_at": at,
            "closed_by": by,
            "due_at": None,
        }
        moves.move_many(
            cases,
            Status.CLOSED,
            kind=kind,
            codes_of=lambda case: {"outcome": outcome.value},
            by=by,
            at=at,
            fields_of=lambda case: closing,
        )
        cancel_planned(cases)
        holders.follow(cases, at=at)
    return len(cases)


def _refuse_open_loops(case: RetentionCase) -> None:
    """Raise :class:`LoopsOpen` while feedback of the case waits for somebody, or for the customer's word."""
    found = LoopClosure.objects.open().filter(case=case).order_by("pk")  # type: ignore[attr-defined]
    if loops := list(found[:_NAMED]):
        named = [
            _("no. %(number)s, %(source)s (%(state)s)")
            % {
                "number": loop.pk,
                "source": loop.get_source_display(),
                "state": loop.get_state_display(),
            }
            for loop in loops
        ]
        raise LoopsOpen(loops="; ".join(named))


def _complaints_open(case: RetentionCase) -> bool:
    """Say whether the customer still complains; what an import calls a question by now is no complaint."""
    standing = complaints_of(case).filter(state=Complaint.State.OPEN, void=False)
    return standing.filter(kind=FeedbackKind.COMPLAINT).exists()


def complaints_of(case: RetentionCase) -> QuerySet[Complaint]:
    """Return the complaints that opened or joined a case."""
    steps = CaseMove.objects.filter(case=case, kind__in=[MoveKind.OPENED, MoveKind.JOINED])
    ids = {codes["complaint"] for codes in steps.values_list("codes", flat=True) if codes.get("complaint")}
    return Complaint.objects.filter(pk__in=ids | ({case.complaint_id} - {None}))
