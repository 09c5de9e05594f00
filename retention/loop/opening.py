"""Opening loops: one for each piece of feedback, with owner, deadlines, case and receipt.

Whatever tells of the same feedback a second time finds the loop that there is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from customers import company, stubs, tracking
from customers.complaints import end_of_day
from customers.feedback import deadlines
from customers.ground import audit
from customers.ground.working_time import add_working_time
from customers.models import Complaint, Contact, Customer, FeedbackKind, Mention, UnknownFeedback, User
from retention.calls.planning import RECOVERY_WITHIN, promise_call
from retention.cases import moves as case_moves
from retention.cases.holders import hold_desk
from retention.cases.opening import open_case
from retention.loop import asking, moves, owners
from retention.loop.told import Told
from retention.models import FollowUpCall, LoopClosure, LoopStep, RetentionCase
from retention.models.rules import CaseKind, Severity
from surveys.models import SurveyResponse

Source = LoopClosure.Source
State = LoopClosure.State
RESPOND_WITHIN = RECOVERY_WITHIN
"""Working time until the first contact, where nothing was promised."""


def open_for_complaint(complaint: Complaint, *, at: datetime) -> LoopClosure:
    """Return the loop of what a customer told us, opened now unless there is one.

    What was feedback of somebody unknown goes on in the loop that it had. Only an open complaint has a case.
    Side effects as :func:`open_loop`.
    """
    with transaction.atomic():
        known = LoopClosure.objects.filter(complaint=complaint).first()
        if known is not None:
            return known
        unknown = UnknownFeedback.objects.select_for_update().filter(complaint=complaint).first()
        told = Told(
            source=Source.COMPLAINT,
            subject=complaint,
            kind=complaint.kind,
            customer=complaint.customer,
            contact=complaint.contact,
            severity=complaint.severity,
            received_at=unknown.recorded_at if unknown else complaint.recorded_at,
            respond_by=unknown.respond_by if unknown else complaint.respond_by,
            due_at=unknown.due_at if unknown else complaint.due_at,
            salt=unknown.salt if unknown else "",
            token_hash=(unknown.token_hash or "") if unknown else "",
            needs_case=complaint.kind == FeedbackKind.COMPLAINT and complaint.state == Complaint.State.OPEN,
        )
        loop = LoopClosure.objects.filter(unknown=unknown).first() if unknown else None
        return _goes_on(loop, told, at=at) if loop is not None else open_loop(told, at=at)


def open_for_response(response: SurveyResponse, *, at: datetime) -> LoopClosure:
    """Return the loop of a low answer or a wish to be called, opened now unless there is one."""
    is_low = response.is_low
    return open_loop(
        Told(
            source=Source.RESPONSE,
            subject=response,
            kind=FeedbackKind.COMPLAINT if is_low else FeedbackKind.QUESTION,
            customer=response.customer,
            contact=response.contact,
            severity=Severity.HIGH if response.wants_call else Severity.MEDIUM,
            received_at=response.recorded_at,
            respond_by=response.promised_at,
            needs_case=response.customer_id is not None,
        ),
        at=at,
    )


def open_for_mention(mention: Mention, *, at: datetime) -> LoopClosure:
    """Return the loop of a negative mention, opened unless there is one; matched later, it learns of whom.

    Side effects as :func:`open_loop`.
    """
    told = Told(
        source=Source.MENTION,
        subject=mention,
        kind=FeedbackKind.COMPLAINT,
        customer=mention.customer,
        contact=mention.contact,
        received_at=mention.recorded_at,
        needs_case=mention.customer_id is not None,
    )
    with transaction.atomic():
        loop = LoopClosure.objects.filter(mention=mention).select_for_update().first()
        if loop is not None and loop.is_open and loop.customer_id != mention.customer_id:
            return _goes_on(loop, told, at=at)
        return loop or open_loop(told, at=at)


def open_for_unknown(unknown: UnknownFeedback, *, at: datetime) -> LoopClosure | None:
    """Return the loop of feedback from nobody known; what was linked meanwhile is the complaint's."""
    with transaction.atomic():
        held = UnknownFeedback.objects.select_for_update().get(pk=unknown.pk)
        if held.state == UnknownFeedback.State.LINKED:
            return LoopClosure.objects.filter(complaint=held.complaint_id).first()
        return open_loop(
            Told(
                source=Source.UNKNOWN,
                subject=held,
                kind=held.kind,
                customer=None,
                severity=held.severity,
                received_at=held.recorded_at,
                respond_by=held.respond_by,
                due_at=held.due_at,
                salt=held.salt,
                token_hash=held.token_hash or "",
                owner=held.owner,
            ),
            at=at,
        )


def open_loop(told: Told, *, at: datetime) -> LoopClosure:
    """Open the loop of one piece of feedback; return the one that there is, if any.

    Side effects: opens or joins a recovery case where one is needed, whose call is due no later than what
    was promised; steps ``received`` and ``assigned``; audit ``loop.open``; event ``loop.opened``; a receipt
    to whom we can reach.
    """
    key = {str(told.source): told.subject}
    try:
        with transaction.atomic():
            known = LoopClosure.objects.filter(**key).first()
            if known is not None:
                return known
            if told.needs_case:
                hold_desk()  # before the customer, as whoever opens a case does
            customer = _standing(told.customer)
            case = _case_of(told, customer, at=at)
            has_owner = told.owner is not None and owners.may_own(told.owner)
            owner = told.owner if has_owner else owners.owner_for(customer, case)
            loop = _new(told, customer, case, owner, at=at)
            loop.save(force_insert=True)
            _first_steps(loop, at=at)
            if _is_hers(told, customer):
                asking.send_receipt(loop, at=at)
    except IntegrityError:
        known = LoopClosure.objects.filter(**key).first()
        if known is None:
            raise
        return known
    return loop


def attach_case(loop: LoopClosure, *, severity: int, at: datetime) -> RetentionCase | None:
    """Open or join the recovery case of a loop and keep it there; in the caller's transaction."""
    customer = _standing(loop.customer)
    if customer is None:
        return None
    case = _open_case(customer, loop.complaint, severity, codes={"loop": loop.pk}, at=at)
    LoopClosure.objects.filter(pk=loop.pk).update(case=case)
    loop.case = case
    return case


def move_call_forward(case: RetentionCase, *, to: datetime, at: datetime) -> None:
    """Let the planned call of a case be due no later than ``to``."""
    planned = FollowUpCall.objects.filter(case=case, status=FollowUpCall.Status.PLANNED).first()
    if planned is not None and at < to < planned.due_at:
        promise_call(case, due_at=to, reason=planned.reason, by=None, at=at)


# --- Parts ------------------------------------------------------------------------------------
def _standing(customer: Customer | None) -> Customer | None:
    """Return the customer, held, or the one that it was merged into."""
    if customer is None:
        return None
    pk = stubs.resolved_one(customer.pk)
    return customer if pk == customer.pk else Customer.objects.get(pk=pk)


def _case_of(told: Told, customer: Customer | None, *, at: datetime) -> RetentionCase | None:
    """Return the case that a piece of feedback belongs to; those who open cases were asked before."""
    if customer is None or not told.needs_case:
        return None
    standing = RetentionCase.objects.filter(customer=customer).open()  # type: ignore[attr-defined]
    locked = [case for case in case_moves.lock(standing.values_list("pk", flat=True)) if case.is_open]
    case = locked[0] if locked else None
    if case is None:
        complaint = told.subject if isinstance(told.subject, Complaint) else None
        codes = {str(told.source): told.subject.pk}
        case = _open_case(customer, complaint, told.severity, codes=codes, at=at)
    if told.respond_by is not None:
        move_call_forward(case, to=told.respond_by, at=at)
    return RetentionCase.objects.select_related("assignee").get(pk=case.pk)


def _open_case(
    customer: Customer, complaint: Complaint | None, severity: int, *, codes: dict[str, Any], at: datetime
) -> RetentionCase:
    return open_case(
        customer,
        kind=CaseKind.RECOVERY,
        severity=severity,
        complaint=complaint,
        codes=codes,
        by=None,
        at=at,
    )


def _new(
    told: Told, customer: Customer | None, case: RetentionCase | None, owner: User | None, *, at: datetime
) -> LoopClosure:
    calendar = company.working_calendar()
    salt = told.salt or tracking.new_salt()
    respond_by = told.respond_by or add_working_time(told.received_at, RESPOND_WITHIN, calendar=calendar)
    due_at = told.due_at
    if due_at is None:
        due_at = end_of_day(deadlines.read().due_day(told.kind, at=told.received_at))
    return LoopClosure(
        **{str(told.source): told.subject},
        source=told.source,
        kind=FeedbackKind(told.kind),
        customer=customer,
        contact=_contact(told, customer),
        case=case,
        severity=told.severity,
        state=State.ASSIGNED if owner is not None else State.RECEIVED,
        owner=owner,
        team_id=(owner.team_id if owner is not None else None)
        or (customer.team_id if customer is not None else None),
        received_at=told.received_at,
        respond_by=respond_by,
        due_at=max(due_at, respond_by),
        salt=salt,
        token_hash=told.token_hash or tracking.hash_of(tracking.token_of(salt)),
    )


def _contact(told: Told, customer: Customer | None) -> Contact | None:
    if told.contact is not None or customer is None:
        return told.contact
    return Contact.objects.filter(customer=customer, is_main=True, erased_at=None).first()


def _is_hers(told: Told, customer: Customer | None) -> bool:
    """Say whether the loop's contact is who told us: a company's main contact may know nothing of it."""
    return told.contact is not None or (customer is not None and customer.kind == Customer.Kind.PERSON)


def _first_steps(loop: LoopClosure, *, at: datetime) -> None:
    kinds = [LoopStep.Kind.RECEIVED, *([LoopStep.Kind.ASSIGNED] if loop.owner_id else [])]
    LoopStep.objects.bulk_create(
        LoopStep(loop=loop, kind=kind, at=at, owner_id=loop.owner_id) for kind in kinds
    )
    codes = {"source": str(loop.source), "owner": loop.owner_id, "case": loop.case_id}
    audit.record("loop.open", obj=loop, by=None, at=at, customer_id=loop.customer_id, codes=codes)
    moves.tell("loop.opened", loop, at=at, severity=loop.severity)


def _goes_on(loop: LoopClosure, told: Told, *, at: datetime) -> LoopClosure:
    """Let the loop of somebody unknown go on as that of a customer, with the sooner deadlines."""
    customer = _standing(told.customer)
    fields: dict[str, Any] = {
        "source": told.source,
        "unknown": None,
        str(told.source): told.subject,
        "customer": customer,
        "contact": _contact(told, customer),
    }
    if not loop.is_open:  # it was answered in general before anybody knew who wrote
        LoopClosure.objects.filter(pk=loop.pk).update(**fields)
        loop.refresh_from_db()
        return loop
    case = _case_of(told, customer, at=at)
    fields |= {
        "case": case,
        "severity": max(loop.severity, told.severity),
        "respond_by": min(loop.respond_by, told.respond_by or loop.respond_by),
        "due_at": min(loop.due_at, told.due_at or loop.due_at),
    }
    moves.note(loop, kind=LoopStep.Kind.LINKED, by=None, at=at, **fields)
    loop.refresh_from_db()
    owner = owners.owner_for(customer, case)
    if owner is not None:
        owners.assign_loop(loop, to=owner, by=None, at=at)
    if _is_hers(told, customer):
        asking.send_receipt(loop, at=at)
    return loop
