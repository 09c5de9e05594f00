"""What makes up for a failure: up to a limit by oneself, above it with a second pair of eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, localtime, money
from customers.ground.errors import Refused
from customers.models import Compensation, CompensationLimit, Complaint, FeedbackKind, User
from customers.models.people import Role

LIMITED = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
"""The roles that give compensation; whoever else asks for one waits for approval."""

APPROVERS = (Role.TEAM_LEAD, Role.ADMIN)
DELIVERED: dict[str, int | None] = {Role.ACCOUNT_MANAGER: 200, Role.TEAM_LEAD: 2_000, Role.ADMIN: None}
"""Whole units of the base currency for all that one complaint costs; ``None``: as much as wanted."""

FOR_KINDS = (FeedbackKind.COMPLAINT, FeedbackKind.QUESTION)
MOST_KEY = 64
State = Compensation.State


class NothingGiven(Refused):
    code = "compensation_amount"
    message = _("Write an amount above zero; of goods and points what they are worth.")


class NoReason(Refused):
    code = "compensation_reason"
    message = _("Say in a sentence what the compensation is for.")


class NotForThis(Refused):
    code = "compensation_kind"
    message = _("Compensation is given for complaints and questions.")


class NotYours(Refused):
    code = "compensation_approver"
    message = _(
        "Somebody else decides this: a team lead or admin whose limit covers it, and not who asked for it."
    )


class Decided(Refused):
    code = "compensation_decided"
    message = _("This compensation is decided already.")


class LimitRefused(Refused):
    code = "compensation_limit"
    message = _("A limit is an amount of zero or more, or empty for as much as wanted.")


def give(
    complaint: Complaint,
    *,
    kind: str,
    amount: int,
    currency: str,
    reason: str,
    key: str,
    by: User | None,
    at: datetime,
) -> Compensation:
    """Give compensation, or ask for it where it goes beyond what ``by`` gives alone; return it.

    Args:
        amount: minor units of ``currency``; of goods and points what they are worth.
        key: names this one giving: what is sent twice with the same key is given once.

    All that one complaint got or is asked for counts together against the limit. Raises
    :class:`NothingGiven`, :class:`NoReason`, :class:`NotForThis`, ``UnknownCurrency``, ``MissingRate``.
    Side effects: audit ``compensation.grant`` or ``compensation.ask``.
    """
    if complaint.kind not in FOR_KINDS or complaint.void:
        raise NotForThis()
    if amount <= 0:
        raise NothingGiven()
    if not reason.strip():
        raise NoReason()
    base = _in_base(amount, currency, at=at)
    with transaction.atomic():
        _hold(complaint)
        known = complaint.compensations.filter(key=key[:MOST_KEY]).first()
        if known is not None:
            return known
        limit = limits().get(by.role, 0) if by is not None else 0
        is_granted = limit is None or total(complaint) + base <= limit
        row = Compensation.objects.create(
            complaint=complaint,
            customer_id=complaint.customer_id,
            contact_id=complaint.contact_id,
            kind=Compensation.Kind(kind),
            amount=amount,
            currency=currency,
            amount_base=base,
            reason=reason.strip(),
            state=State.GRANTED if is_granted else State.ASKED,
            key=key[:MOST_KEY],
            by=by,
            at=at,
            decided_at=at if is_granted else None,
        )
        _note("compensation.grant" if is_granted else "compensation.ask", row, by=by, at=at)
    return row


def decide(row: Compensation, *, is_granted: bool, by: User, at: datetime) -> Compensation:
    """Grant or decline compensation that waits; return it.

    Raises :class:`NotYours`, :class:`Decided`. Side effects: audit ``compensation.grant`` or ``….decline``.
    """
    with transaction.atomic():
        _hold(row.complaint)
        row.refresh_from_db()
        if row.state != State.ASKED:
            raise Decided()
        if not may_decide(row, by=by):
            raise NotYours()
        row.state = State.GRANTED if is_granted else State.DECLINED
        row.approved_by, row.decided_at = by, at
        row.save(update_fields=["state", "approved_by", "decided_at"])
        _note("compensation.grant" if is_granted else "compensation.decline", row, by=by, at=at)
    return row


def may_decide(row: Compensation, *, by: User) -> bool:
    """Say whether ``by`` may decide: a lead or admin, not who asked, whose limit covers the whole."""
    return row.pk in decidable([row], by=by)


def decidable(rows: Sequence[Compensation], *, by: User) -> set[int]:
    """Return which of one complaint's compensations wait and may be decided by ``by``; reads limits once."""
    waiting = {row.pk for row in rows if row.state == State.ASKED and row.by_id != by.pk}
    if not waiting or by.role not in APPROVERS:
        return set()
    limit = limits()[by.role]
    return waiting if limit is None or total(rows[0].complaint) <= limit else set()


def total(complaint: Complaint) -> int:
    """Return what a complaint got, and is asked for, in minor units of the base currency."""
    standing = complaint.compensations.exclude(state=State.DECLINED)
    return standing.aggregate(sum=Sum("amount_base"))["sum"] or 0


def limits() -> dict[str, int | None]:
    """Return up to how much each role gives alone, in minor units of the base currency."""
    exponent = money.exponent_of(company.current().base_currency)
    found = {str(role): None if most is None else most * 10**exponent for role, most in DELIVERED.items()}
    return found | dict(CompensationLimit.objects.values_list("role", "most"))


def set_limits(wanted: Mapping[str, int | None], *, by: User | None, at: datetime) -> list[str]:
    """Say up to how much each role gives alone; return the roles that changed.

    Raises :class:`LimitRefused`. Side effects: audit ``compensation.limits``. What waits goes on waiting.
    """
    if set(wanted) - {str(role) for role in LIMITED}:
        raise ValueError(f"roles that give nothing: {sorted(set(wanted))}")
    if any(most is not None and not 0 <= most <= money.GREATEST_MINOR for most in wanted.values()):
        raise LimitRefused()
    with transaction.atomic():
        now = limits()
        changed = {role: most for role, most in sorted(wanted.items()) if now[role] != most}
        for role, most in changed.items():
            CompensationLimit.objects.update_or_create(role=role, defaults={"most": most})
        if changed:
            codes: dict[str, object] = dict(changed)
            audit.record("compensation.limits", obj=None, by=by, at=at, codes=codes)
    return list(changed)


def _in_base(amount: int, currency: str, *, at: datetime) -> int:
    firm = company.current()
    money.exponent_of(currency)
    day = localtime.day_of(company.today(at, firm).number)
    rate = company.rate_of(currency, day=day, company=firm)
    return money.convert(amount, rate=rate, from_currency=currency, to_currency=firm.base_currency)


def _hold(complaint: Complaint) -> None:
    """Let one at a time give: two who press at once would each see room below the limit."""
    list(Complaint.objects.select_for_update(no_key=True).filter(pk=complaint.pk).values_list("pk"))


def _note(act: str, row: Compensation, *, by: User | None, at: datetime) -> None:
    audit.record(
        act,
        obj=row,
        by=by,
        at=at,
        customer_id=row.customer_id,
        codes={"kind": row.kind, "amount": row.amount, "currency": row.currency},
    )
