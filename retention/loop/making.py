"""What a new loop is made of: its deadlines, its contact, its link, its first steps."""

from __future__ import annotations

from datetime import datetime

from customers import company, tracking
from customers.complaints import end_of_day
from customers.feedback import deadlines
from customers.ground import audit
from customers.ground.working_time import add_working_time
from customers.models import Contact, Customer, FeedbackKind, User
from retention.calls.planning import RECOVERY_WITHIN
from retention.loop import moves
from retention.loop.told import Told
from retention.models import LoopClosure, LoopStep, RetentionCase

RESPOND_WITHIN = RECOVERY_WITHIN
"""Working time until the first contact, where nothing was promised."""
State = LoopClosure.State


def respond_by(received_at: datetime) -> datetime:
    """Return by when somebody hears from us to whom nothing was promised."""
    return add_working_time(received_at, RESPOND_WITHIN, calendar=company.working_calendar())


def new_loop(
    told: Told, customer: Customer | None, case: RetentionCase | None, owner: User | None, *, at: datetime
) -> LoopClosure:
    """Return the loop of a piece of feedback, not saved yet."""
    salt = told.salt or tracking.new_salt()
    first = told.respond_by or respond_by(told.received_at)
    due_at = told.due_at
    if due_at is None:
        due_at = end_of_day(deadlines.read().due_day(told.kind, at=told.received_at))
    return LoopClosure(
        **{str(told.source): told.subject},
        source=told.source,
        kind=FeedbackKind(told.kind),
        customer=customer,
        contact=contact_of(told, customer),
        case=case,
        severity=told.severity,
        state=State.ASSIGNED if owner is not None else State.RECEIVED,
        owner=owner,
        team_id=(owner.team_id if owner is not None else None)
        or (customer.team_id if customer is not None else None),
        received_at=told.received_at,
        respond_by=first,
        due_at=max(due_at, first),
        salt=salt,
        token_hash=told.token_hash or tracking.hash_of(tracking.token_of(salt)),
    )


def contact_of(told: Told, customer: Customer | None) -> Contact | None:
    """Return who told us, else the main contact of the customer."""
    if told.contact is not None or customer is None:
        return told.contact
    return Contact.objects.filter(customer=customer, is_main=True, erased_at=None).first()


def is_hers(told: Told, customer: Customer | None) -> bool:
    """Say whether the loop's contact is who told us: a company's main contact may know nothing of it."""
    return told.contact is not None or (customer is not None and customer.kind == Customer.Kind.PERSON)


def first_steps(loop: LoopClosure, *, at: datetime) -> None:
    """Write what happens to a loop when it opens: steps, audit, event."""
    kinds = [LoopStep.Kind.RECEIVED, *([LoopStep.Kind.ASSIGNED] if loop.owner_id else [])]
    LoopStep.objects.bulk_create(
        LoopStep(loop=loop, kind=kind, at=at, owner_id=loop.owner_id) for kind in kinds
    )
    codes = {"source": str(loop.source), "owner": loop.owner_id, "case": loop.case_id}
    audit.record("loop.open", obj=loop, by=None, at=at, customer_id=loop.customer_id, codes=codes)
    moves.tell("loop.opened", loop, at=at, severity=loop.severity)
