"""Opening loops: one for each piece of feedback, with owner, deadlines, case and receipt.

Whatever tells of the same feedback a second time finds the loop that there is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext

from customers import company, stubs
from customers.feedback.deadlines import sooner
from customers.models import Complaint, Customer, FeedbackKind, Mention, UnknownFeedback
from retention.calls.planning import promise_call
from retention.cases import moves as case_moves
from retention.cases.closing import close_untouched
from retention.cases.holders import hold_desk
from retention.cases.opening import open_case
from retention.loop import asking, making, moves, owners, rematching
from retention.loop.missing import ACTIONS
from retention.loop.told import Told
from retention.models import FollowUpCall, LoopClosure, LoopStep, MoveKind, RetentionCase
from retention.models.rules import CaseKind, Severity
from surveys.models import SurveyResponse

Source = LoopClosure.Source
State = LoopClosure.State


def open_for_complaint(complaint: Complaint, *, tells: bool = True, at: datetime) -> LoopClosure:
    """Return the loop of what a customer told us, opened now unless there is one.

    What was feedback of somebody unknown goes on in the loop that it had, what is of another kind now as
    that. Only an open complaint has a case.

    Args:
        tells: whether whoever told us gets a receipt.

    Side effects as :func:`open_loop`.
    """
    with transaction.atomic():
        known = LoopClosure.objects.filter(complaint=complaint).first()
        if known is not None and known.kind == complaint.kind:
            return known
        needs_case = complaint.kind == FeedbackKind.COMPLAINT and complaint.state == Complaint.State.OPEN
        if needs_case or known is not None:
            hold_desk()  # before anything else that is held, as whoever opens or closes a case does
        unknown = UnknownFeedback.objects.select_for_update().filter(complaint=complaint).first()
        told = Told(
            source=Source.COMPLAINT,
            subject=complaint,
            kind=complaint.kind,
            customer=complaint.customer,
            contact=complaint.contact,
            severity=complaint.severity,
            received_at=unknown.recorded_at if unknown else complaint.recorded_at,
            respond_by=sooner(complaint.respond_by, unknown.respond_by) if unknown else complaint.respond_by,
            due_at=sooner(complaint.due_at, unknown.due_at) if unknown else complaint.due_at,
            salt=unknown.salt if unknown else "",
            token_hash=(unknown.token_hash or "") if unknown else "",
            needs_case=needs_case,
        )
        if known is not None:
            return _of_another_kind(known, told, at=at)
        loop = LoopClosure.objects.filter(unknown=unknown).first() if unknown else None
        return _goes_on(loop, told, at=at) if loop is not None else open_loop(told, tells=tells, at=at)


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

    Of whom it is, is what stands there when nobody else can change the loop any more, whatever ``mention``
    said when it was read. Matched to another customer it begins anew with her (:mod:`rematching`). Side
    effects as :func:`open_loop`.
    """
    with transaction.atomic():
        hold_desk()  # before the loop, as whoever opens a case does; it may be known by now whose it is
        loop = LoopClosure.objects.filter(mention=mention).select_for_update().first()
        mention = Mention.objects.select_related("customer__owner", "contact").get(pk=mention.pk)
        told = Told(
            source=Source.MENTION,
            subject=mention,
            kind=FeedbackKind.COMPLAINT,
            customer=mention.customer,
            contact=mention.contact,
            received_at=mention.recorded_at,
            respond_by=making.respond_by(mention.recorded_at),
            needs_case=mention.customer_id is not None,
        )
        return open_loop(told, at=at) if loop is None else _matched(loop, told, at=at)


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


def open_loop(told: Told, *, tells: bool = True, at: datetime) -> LoopClosure:
    """Open the loop of one piece of feedback; return the one that there is, if any.

    Side effects: opens or joins a recovery case where one is needed, whose call is due no later than what
    was promised; steps ``received`` and ``assigned``; audit ``loop.open``; event ``loop.opened``; a receipt
    to whom we can reach, unless nobody ``tells``.
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
            loop = making.new_loop(told, customer, case, owner, at=at)
            loop.save(force_insert=True)
            making.first_steps(loop, at=at)
            if tells and making.is_hers(told, customer):
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
    """Return the case that a piece of feedback belongs to.

    Complaints and answers opened or joined it before; a mention joins it here.
    """
    if customer is None or not told.needs_case:
        return None
    standing = RetentionCase.objects.filter(customer=customer).open()  # type: ignore[attr-defined]
    locked = [case for case in case_moves.lock(standing.values_list("pk", flat=True)) if case.is_open]
    case = locked[0] if locked else None
    if case is None or told.source == Source.MENTION:
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


def _matched(loop: LoopClosure, told: Told, *, at: datetime) -> LoopClosure:
    """Let the loop of a mention be of whoever wrote it, as it is known now."""
    customer = _standing(told.customer)
    before = stubs.resolved_one(loop.customer_id) if loop.customer_id is not None else None
    if before == (customer.pk if customer is not None else None):
        return _of_contact(loop, told, customer, at=at)
    if before is not None:
        rematching.begin_anew(loop, severity=told.severity, at=at)
    if customer is not None:
        return _goes_on(loop, told, at=at)
    owner = owners.owner_for(None, None)
    if owner is not None and loop.is_open:
        owners.assign_loop(loop, to=owner, by=None, at=at)
    return loop


def _of_contact(loop: LoopClosure, told: Told, customer: Customer | None, *, at: datetime) -> LoopClosure:
    """Let the loop of a mention be of the person who wrote it, of the same customer."""
    contact = making.contact_of(told, customer)
    if loop.contact_id == (contact.pk if contact is not None else None):
        return loop
    if not loop.is_open:
        LoopClosure.objects.filter(pk=loop.pk).update(contact=contact)
        loop.contact = contact
        return loop
    moves.note(loop, kind=LoopStep.Kind.LINKED, by=None, at=at, contact=contact)
    if told.contact is not None:
        asking.send_receipt(loop, at=at)
    return loop


def _goes_on(loop: LoopClosure, told: Told, *, at: datetime) -> LoopClosure:
    """Let the loop of somebody unknown go on as that of a customer, with the sooner deadlines."""
    customer = _standing(told.customer)
    fields: dict[str, Any] = {
        "source": told.source,
        "unknown": None,
        str(told.source): told.subject,
        "customer": customer,
        "contact": making.contact_of(told, customer),
    }
    if not loop.is_open:  # it was answered in general before anybody knew who wrote
        LoopClosure.objects.filter(pk=loop.pk).update(kind=FeedbackKind(told.kind), **fields)
        loop.refresh_from_db()
        return loop
    case = _case_of(told, customer, at=at)
    fields |= {
        "case": case,
        **_fitting(loop, told.kind),
        "severity": max(loop.severity, told.severity),
        "respond_by": min(loop.respond_by, told.respond_by or loop.respond_by),
        "due_at": min(loop.due_at, told.due_at or loop.due_at),
    }
    moves.note(loop, kind=LoopStep.Kind.LINKED, by=None, at=at, **fields)
    LoopClosure.objects.filter(pk=loop.pk).update(kind=FeedbackKind(told.kind))
    loop.refresh_from_db()
    owner = owners.owner_for(customer, case)
    if owner is not None and loop.level == 1:  # what was not solved stays with the lead
        owners.assign_loop(loop, to=owner, by=None, at=at)
    if making.is_hers(told, customer):
        asking.send_receipt(loop, at=at)
    return loop


def _of_another_kind(loop: LoopClosure, told: Told, *, at: datetime) -> LoopClosure:
    """Let the loop of what an import says is of another kind need what that kind needs, its case too.

    The case of what is no complaint now closes, unless somebody worked on it or it has another reason.
    """
    before = loop.case_id
    if loop.is_open:
        case = _case_of(told, _standing(told.customer), at=at)
        moves.note(loop, kind=LoopStep.Kind.REVISED, by=None, at=at, case=case, **_fitting(loop, told.kind))
    LoopClosure.objects.filter(pk=loop.pk).update(kind=FeedbackKind(told.kind))
    loop.refresh_from_db()
    if before is not None and loop.case_id is None:
        with translation.override(company.current().language):
            reason = gettext("A file says by now that it is no complaint.")
        outcome, kind = RetentionCase.Outcome.NOT_PURSUED, MoveKind.CLOSED
        close_untouched([before], outcome=outcome, kind=kind, reason=reason, at=at)
    return loop


def _fitting(loop: LoopClosure, kind: str) -> dict[str, Any]:
    """Return what goes of what was done, where it is nothing that is done about this kind."""
    return {} if loop.action in ACTIONS[kind] else {"action": "", "action_text": ""}
