"""Opening cases: by hand, by a complaint, and for all the warnings of a sweep at once.

A customer has at most one open case (the database sees to that). Whatever comes while it is open joins
it: the severity rises, the deadline moves forward, and recovery wins over the other kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from customers import company, stubs
from customers.ground.errors import Refused
from customers.ground.rows import insert_new, update_rows
from customers.ground.working_time import WorkingCalendar
from customers.models import Complaint, Customer, User
from retention.calls.planning import plan_first_calls, span_of
from retention.cases import holders, moves
from retention.models import CustomerMeasures, EarlyWarning, MoveKind, RetentionCase, SweepRun
from retention.models.rules import CaseKind

CHUNK = 500


class ReasonMissing(Refused):
    code = "case_without_reason"
    message = _("Say why you open this case, so that whoever calls knows what to talk about.")


@dataclass
class Grounds:
    """Why one customer needs a case: what a new case is made of, or what joins the open one."""

    customer_id: int
    kind: str
    severity: int
    within: timedelta  # working time until the first call
    reason: str = ""
    complaint: Complaint | None = None
    codes: moves.Codes = field(default_factory=dict)


def open_case(
    customer: Customer,
    *,
    kind: str,
    severity: int,
    reason: str = "",
    complaint: Complaint | None = None,
    codes: moves.Codes | None = None,
    by: User | None,
    at: datetime,
) -> RetentionCase:
    """Open a case for a customer, or join the open one; return it.

    Args:
        kind: save, recovery or win_back; ``severity``: 1 low, 2 medium, 3 high.
        reason: in words; needed from a person. One that joins is added to what stands there.
        complaint: what brought it, when it was not a person; ``codes``: what else did.

    Raises :class:`ReasonMissing`. Side effects: moves ``opened`` or ``joined`` and ``assigned`` with
    audit and events; assignment; a planned call.
    """
    if by is not None and not reason.strip():
        raise ReasonMissing()
    grounds = Grounds(
        customer_id=customer.pk,
        kind=CaseKind(kind),
        severity=severity,
        within=span_of(kind, None),
        reason=reason.strip(),
        complaint=complaint,
        codes={**({"complaint": complaint.pk} if complaint else {}), **(codes or {})},
    )
    with transaction.atomic():
        holders.hold_desk()
        grounds.customer_id = stubs.resolved_one(customer.pk)  # it may have been merged meanwhile
        opened = _open([grounds], by=by, at=at, calendar=company.working_calendar())
    return opened.cases[0]


def open_for_warnings(
    run: SweepRun, *, among: tuple[int, int] | None = None, at: datetime
) -> tuple[int, int]:
    """Open or join a case for every open warning that ``run`` raised and that has none yet.

    ``among``: the first and the last customer of a shard; others may be working on the rest of the run.

    Returns how many cases were opened and how many calls planned. Safe to repeat: what has its case is
    left alone. Goes by 500 customers, each with a bounded number of statements. Side effects as
    :func:`open_case`; ``EarlyWarning.case``.
    """
    waiting = EarlyWarning.objects.filter(sweep_run=run, case__isnull=True).calling()  # type: ignore[attr-defined]
    if among is not None:
        waiting = waiting.filter(customer__gte=among[0], customer__lte=among[1])
    waiting = waiting.filter(customer__merged_into__isnull=True)
    calendar = company.working_calendar()
    opened = planned = 0
    ids = list(waiting.order_by("customer_id").values_list("customer_id", flat=True).distinct())
    for start in range(0, len(ids), CHUNK):
        chunk = waiting.filter(customer_id__in=ids[start : start + CHUNK])
        with transaction.atomic():
            holders.hold_desk()
            did = _open(_grounds_of(chunk), by=None, at=at, calendar=calendar)
            case = RetentionCase.objects.filter(customer=OuterRef("customer"), status__in=moves.OPEN)
            chunk.update(case=Subquery(case.values("pk")[:1]))
        opened, planned = opened + did.opened, planned + did.planned
    return opened, planned


def open_for(grounds: Sequence[Grounds], *, at: datetime) -> list[RetentionCase]:
    """Open or join a case for each of ``grounds``, in the caller's transaction; return them in that order.

    One for each customer. Side effects as :func:`open_case`.
    """
    if not grounds:
        return []
    holders.hold_desk()
    return _open(grounds, by=None, at=at, calendar=company.working_calendar()).cases


@dataclass(frozen=True)
class _Opened:
    cases: list[RetentionCase]  # in the order of the grounds
    opened: int
    planned: int


def _open(grounds: Sequence[Grounds], *, by: User | None, at: datetime, calendar: WorkingCalendar) -> _Opened:
    """Open or join a case for each of ``grounds``, at most one for each customer, in order of customer."""
    about = {ground.customer_id: ground for ground in sorted(grounds, key=lambda g: g.customer_id)}
    joined = _open_cases(about)
    margins = _margins(about)
    wanted = [_new_case(g, margins.get(pk), by=by, at=at) for pk, g in about.items() if pk not in joined]
    new = insert_new(wanted, known_by="customer")
    missed = about.keys() - joined.keys() - {case.customer_id for case in new}
    joined |= _open_cases(missed) if missed else {}
    moves.record_many(new, kind=MoveKind.OPENED, codes_of=lambda c: about[c.customer_id].codes, by=by, at=at)
    standing = list(joined.values())
    _join(standing, about, margins, by=by, at=at)
    cases = sorted([*new, *standing], key=lambda case: case.customer_id)
    holders.give([case for case in cases if case.status == RetentionCase.Status.UNASSIGNED], at=at)
    within = {case.pk: about[case.customer_id].within for case in cases}
    planned = plan_first_calls(cases, within=within, calendar=calendar, at=at)
    by_customer = {case.customer_id: case for case in cases}
    return _Opened([by_customer[g.customer_id] for g in grounds], len(new), planned)


def _grounds_of(warnings: Iterable[EarlyWarning]) -> list[Grounds]:
    """Return the grounds of each customer: the highest severity, the strictest deadline, recovery first."""
    found: dict[int, Grounds] = {}
    rows = warnings.select_related("rule").order_by("customer_id", "pk")  # type: ignore[attr-defined]
    for warning in rows:
        span = span_of(warning.rule.case_kind, warning.rule.call_within_minutes)
        ground = found.get(warning.customer_id)
        if ground is None:
            found[warning.customer_id] = Grounds(
                customer_id=warning.customer_id,
                kind=warning.rule.case_kind,
                severity=warning.severity,
                within=span,
                codes={
                    "warnings": [warning.pk],
                    "rules": [warning.rule_id],
                    "versions": [warning.rule_version],
                },
            )
            continue
        ground.kind = stronger(ground.kind, warning.rule.case_kind)
        ground.severity = max(ground.severity, warning.severity)
        ground.within = min(ground.within, span)
        ground.codes["warnings"].append(warning.pk)
        ground.codes["rules"].append(warning.rule_id)
        ground.codes["versions"].append(warning.rule_version)
    return list(found.values())


def stronger(standing: str, coming: str) -> str:
    """Return the kind of a case that another joins: recovery wins over the others."""
    return CaseKind.RECOVERY if CaseKind.RECOVERY in (standing, coming) else standing


def _open_cases(customer_ids: Iterable[int]) -> dict[int, RetentionCase]:
    """Lock and return the open cases of customers."""
    rows = RetentionCase.objects.select_for_update(no_key=True, of=("self",))
    found = rows.filter(customer__in=list(customer_ids), status__in=moves.OPEN).order_by("customer_id")
    return {case.customer_id: case for case in found}


def _margins(customer_ids: Iterable[int]) -> dict[int, int]:
    """Return the margin of the last 365 days where it is known, in base minor units."""
    rows = CustomerMeasures.objects.filter(customer__in=list(customer_ids), margin_365d__isnull=False)
    return dict(rows.values_list("customer_id", "margin_365d"))


def _new_case(ground: Grounds, margin: int | None, *, by: User | None, at: datetime) -> RetentionCase:
    return RetentionCase(
        customer_id=ground.customer_id,
        kind=ground.kind,
        severity=ground.severity,
        margin_365d=margin or 0,
        opened_at=at,
        opened_by=by,
        reason=ground.reason,
        complaint=ground.complaint,
    )


def _join(
    cases: Sequence[RetentionCase],
    about: dict[int, Grounds],
    margins: dict[int, int],
    *,
    by: User | None,
    at: datetime,
) -> None:
    """Let new grounds join open, locked cases."""
    for case in cases:
        ground = about[case.customer_id]
        case.kind = stronger(case.kind, ground.kind)
        case.severity = max(case.severity, ground.severity)
        case.margin_365d = margins.get(case.customer_id, case.margin_365d)
        case.reason = "\n".join(filter(None, [case.reason, ground.reason]))
        case.complaint = case.complaint or ground.complaint
    fields = ["kind", "severity", "margin_365d", "reason", "complaint"]
    update_rows(cases, fields)
    moves.record_many(
        cases, kind=MoveKind.JOINED, codes_of=lambda c: about[c.customer_id].codes, by=by, at=at
    )
