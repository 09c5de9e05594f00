"""Planning calls: by when the first one is due, and who is called no more.

A case has at most one planned call (the database sees to that); ``case.due_at`` copies its deadline for
the order of the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Min, OuterRef
from django.utils.translation import gettext_lazy as _

from customers import company, consents
from customers.ground.errors import Refused
from customers.ground.rows import update_rows
from customers.ground.working_time import WorkingCalendar, add_working_time, next_open
from customers.models import Channel, Consent, Contact, User
from retention.cases import moves
from retention.models import EarlyWarning, FollowUpCall, MoveKind, RetentionCase
from retention.models.rules import CaseKind

RECOVERY_WITHIN = timedelta(hours=8)
OTHERS_WITHIN = timedelta(hours=16)
LONGEST_AHEAD = timedelta(days=366)

Outcome = FollowUpCall.Outcome
Status = FollowUpCall.Status


class DueInThePast(Refused):
    code = "call_due_in_the_past"
    message = _("That moment has passed. Choose when the call is to be made, later than now.")


class DueTooFar(Refused):
    code = "call_due_too_far"
    message = _("That moment is more than a year away. Choose one within the next twelve months.")


class CustomerWantsNoCalls(Refused):
    code = "customer_wants_no_calls"
    message = _(
        "The customer asked not to be called, so no call can be planned. Write or visit instead and log "
        "that on the customer's page."
    )


def plan_call(
    case: RetentionCase,
    *,
    due_at: datetime | None = None,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> FollowUpCall:
    """Plan the next call of an open case, or move the one that is planned.

    Args:
        due_at: by when, moved to the next working time; without it a planned call stays as it is, and
            a new one gets the deadline of the strictest warning, else that of the kind of case.
        reason: what to talk about; empty leaves what stands there.

    Raises ``CaseClosed``, :class:`DueInThePast`, :class:`DueTooFar`, :class:`CustomerWantsNoCalls`. Side
    effects: one move ``planned`` with audit and event; ``case.due_at``.
    """
    refuse_unless_near(due_at, at=at)
    with transaction.atomic():
        locked = moves.lock_one(case)
        planned = FollowUpCall.objects.filter(case=locked, status=Status.PLANNED).first()
        if planned is not None and due_at is None:
            return planned
        if stopped([locked]).get(locked.pk) == Outcome.DO_NOT_CALL:
            raise CustomerWantsNoCalls()
        calendar = company.working_calendar()
        if due_at is None:
            due_at = add_working_time(at, first_call_within([locked])[locked.pk], calendar=calendar)
        else:
            due_at = next_open(due_at, calendar=calendar)
        call = _move(planned, due_at, at=at) if planned else make_call(locked, due_at=due_at, by=by, at=at)
        if reason.strip():
            call.reason = reason.strip()
            call.save(update_fields=["reason"])
        codes = {"call": call.pk, "attempt": call.attempt}
        moves.note(locked, kind=MoveKind.PLANNED, codes=codes, by=by, at=at, due_at=due_at)
        case.due_at = due_at
    return call


def promise_call(
    case: RetentionCase, *, due_at: datetime, reason: str, by: User | None, at: datetime
) -> FollowUpCall:
    """Plan the call that a customer asked for, by exactly the moment that she was promised.

    A call that was planned before ``at`` and is due sooner keeps its deadline. She who asks to be called
    is, whatever was noted of her before.

    Side effects: one move ``planned`` with audit and event; ``case.due_at``.
    """
    with transaction.atomic():
        locked = moves.lock_one(case)
        planned = FollowUpCall.objects.filter(case=locked, status=Status.PLANNED).first()
        if planned is None:
            call = make_call(locked, due_at=due_at, by=by, at=at)
        elif planned.planned_at < at and planned.due_at <= due_at:
            call = planned
        else:
            call = _move(planned, due_at, at=at)
        call.reason = reason[:500]
        call.save(update_fields=["reason"])
        codes = {"call": call.pk, "attempt": call.attempt}
        moves.note(locked, kind=MoveKind.PLANNED, codes=codes, by=by, at=at, due_at=call.due_at)
        case.due_at = call.due_at
    return call


def plan_first_calls(
    cases: Sequence[RetentionCase],
    *,
    within: Mapping[int, timedelta],
    calendar: WorkingCalendar,
    at: datetime,
) -> int:
    """Give each locked case a call due within its span of working time; return how many are new.

    A planned call that is due later moves forward. Customers that want no calls get none, nor do cases
    whose number turned out to be wrong. Side effects: ``case.due_at``; a bounded number of statements.
    """
    if not cases:
        return 0
    deadlines = {span: add_working_time(at, span, calendar=calendar) for span in set(within.values())}
    due = {case.pk: deadlines[within[case.pk]] for case in cases}
    planned = {
        call.case_id: call for call in FollowUpCall.objects.filter(case__in=cases, status=Status.PLANNED)
    }
    blocked = stopped(cases)
    new = [case for case in cases if case.pk not in planned and case.pk not in blocked]
    sooner = [call for pk, call in planned.items() if due[pk] < call.due_at]
    for call in sooner:
        call.due_at = due[call.case_id]
    update_rows(sooner, ["due_at"])
    FollowUpCall.objects.bulk_create(
        [_call(case, due_at=due[case.pk], at=at) for case in new], batch_size=500
    )
    changed = new + [case for case in cases if case.pk in {call.case_id for call in sooner}]
    for case in changed:
        case.due_at = due[case.pk]
    update_rows(changed, ["due_at"])
    return len(new)


def refuse_unless_near(due_at: datetime | None, *, at: datetime) -> None:
    """Raise :class:`DueInThePast` or :class:`DueTooFar` unless a given moment lies in the next year."""
    if due_at is None:
        return
    if due_at <= at:
        raise DueInThePast()
    if due_at > at + LONGEST_AHEAD:
        raise DueTooFar()


def first_call_within(cases: Iterable[RetentionCase]) -> dict[int, timedelta]:
    """Return, by case, the working time that may pass until the first call.

    That of the strictest rule among its open warnings; for a recovery at most 8 hours, and 16 hours
    for other cases without a warning.
    """
    cases = list(cases)
    strictest = dict(
        EarlyWarning.objects.filter(case__in=cases, state=EarlyWarning.State.OPEN)
        .order_by()
        .values_list("case")
        .annotate(least=Min("rule__call_within_minutes"))
    )
    return {case.pk: span_of(case.kind, strictest.get(case.pk)) for case in cases}


def span_of(kind: str, minutes: int | None) -> timedelta:
    """Return the working time until the first call of a case whose strictest rule allows ``minutes``."""
    spans = [timedelta(minutes=minutes)] if minutes is not None else []
    if kind == CaseKind.RECOVERY:
        spans.append(RECOVERY_WITHIN)
    return min(spans, default=OTHERS_WITHIN)


def stopped(cases: Iterable[RetentionCase]) -> dict[int, str]:
    """Return the cases for which no call is planned by itself, with the outcome that stopped it.

    ``do_not_call`` holds for the customer, in later cases too, until a call reaches them again or a
    contact agrees to calls again (``customers.consents``); ``wrong_number`` for its case, until a person
    plans a call.
    """
    cases = list(cases)
    last: dict[int, tuple[int, str]] = {}
    done = (
        FollowUpCall.objects.filter(customer__in=[case.customer_id for case in cases], status=Status.DONE)
        .annotate(is_lifted=_agreed_again())
        .order_by("-done_at", "-id")
    )
    rows = done.values_list("customer_id", "case_id", "outcome", "is_lifted")
    for customer_id, case_id, outcome, is_lifted in rows:
        lifted = is_lifted and outcome == Outcome.DO_NOT_CALL
        last.setdefault(customer_id, (case_id, "" if lifted else outcome))
    found = {}
    for case in cases:
        case_id, outcome = last.get(case.customer_id, (0, ""))
        if outcome == Outcome.DO_NOT_CALL or (outcome == Outcome.WRONG_NUMBER and case_id == case.pk):
            found[case.pk] = outcome
    return found


def wanting_no_calls(customer_ids: Iterable[int]) -> set[int]:
    """Return those of some customers whom no call is planned for by itself: see :func:`stopped`."""
    unborn = [RetentionCase(pk=-pk, customer_id=pk) for pk in customer_ids]
    return {-pk for pk in stopped(unborn)}


def _agreed_again() -> Exists:
    """Return the condition, on logged calls, that a contact agreed to calls later and now wants them."""
    later = Consent.objects.filter(
        contact=OuterRef("pk"),
        purpose__in=consents.CALLING,
        channel=Channel.PHONE,
        is_given=True,
        occurred_at__gt=OuterRef(OuterRef("done_at")),
    )
    contacts = Contact.objects.filter(Exists(later), customer=OuterRef("customer"), left_on__isnull=True)
    return Exists(contacts.filter(~consents.asked_not_to_be_called()))


def make_call(
    case: RetentionCase, *, due_at: datetime, attempt: int = 1, by: User | None, at: datetime
) -> FollowUpCall:
    """Write one planned call of a locked case that has none; the caller notes the move."""
    call = _call(case, due_at=due_at, at=at)
    call.attempt, call.by = attempt, by
    call.save(force_insert=True)
    return call


def cancel_planned(cases: Iterable[RetentionCase]) -> int:
    """Cancel the planned calls of cases that close; return how many."""
    planned = FollowUpCall.objects.filter(case__in=[case.pk for case in cases], status=Status.PLANNED)
    return planned.update(status=Status.CANCELLED)


def _call(case: RetentionCase, *, due_at: datetime, at: datetime) -> FollowUpCall:
    return FollowUpCall(
        case_id=case.pk,
        customer_id=case.customer_id,
        assignee_id=case.assignee_id,
        due_at=due_at,
        planned_at=at,
    )


def _move(call: FollowUpCall, due_at: datetime, *, at: datetime) -> FollowUpCall:
    """Give a planned call another moment; it may become overdue, and be escalated, anew."""
    call.due_at, call.planned_at, call.overdue_at, call.escalated_to = due_at, at, None, None
    call.save(update_fields=["due_at", "planned_at", "overdue_at", "escalated_to"])
    return call
