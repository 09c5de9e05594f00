"""A call that a person asks for: with what it is about, and with a case when there is none."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from customers.models import Customer, User
from retention.calls.planning import plan_call, refuse_unless_near
from retention.cases.opening import ReasonMissing, open_case
from retention.models import FollowUpCall, RetentionCase
from retention.models.rules import CaseKind, Severity


def plan_call_with(
    customer: Customer, *, due_at: datetime, reason: str, by: User | None, at: datetime
) -> FollowUpCall:
    """Plan a call with a customer: on the open case, else on a new one that bears the reason.

    Args:
        due_at: by when, moved to the next working time; ``reason``: what to talk about.

    Raises ``ReasonMissing`` and what ``plan_call`` does. Side effects: those of ``plan_call``, and of
    ``open_case`` where no case was open.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing()
    refuse_unless_near(due_at, at=at)
    with transaction.atomic():
        case = RetentionCase.objects.open().filter(customer=customer).first()  # type: ignore[attr-defined]
        if case is None:
            case = open_case(customer, kind=CaseKind.SAVE, severity=Severity.LOW, reason=reason, by=by, at=at)
        return plan_call(case, due_at=due_at, reason=reason, by=by, at=at)
